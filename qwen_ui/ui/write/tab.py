"""The Write tab: its layout, and which handler answers to what."""

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.sending import Entrance, Exit, Parts, picker
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.wiring import QUIET, SAVE, STREAMING
from qwen_ui.ui.write.handlers import Handlers
from qwen_ui.ui.write.versions import MOST

LONGEST = 2000


class Fields:
    """What the user fills in, made where this is called."""

    def __init__(self) -> None:
        with gr.Row(elem_id="write-fields"):
            with gr.Column(elem_id="write-main"):
                self.text = gr.Textbox(
                    label=I18N("write_text"),
                    placeholder=I18N("write_placeholder"),
                    lines=9,
                    max_lines=20,
                    elem_id="write-input",
                )
                with gr.Row(elem_id="write-buttons"):
                    self.send = gr.Button(
                        I18N("write_send"), variant="primary", interactive=False, elem_id="write-send"
                    )
                    self.stop = gr.Button(I18N("stop"), variant="stop", visible=False, elem_id="write-stop")
                    self.undo = gr.Button(I18N("write_undo"), size="sm", visible=False, elem_id="write-undo")
            with gr.Column(elem_id="write-side"):
                self.template = gr.Dropdown([], label=I18N("write_template"), elem_id="write-template")
                self.problems = gr.HTML(elem_id="write-problems", padding=False)
                self.words = gr.Slider(
                    0,
                    LONGEST,
                    0,
                    step=10,
                    label=I18N("write_words"),
                    info=I18N("write_words_info"),
                    elem_id="write-words",
                )
                self.versions = gr.Radio(
                    list(range(1, MOST + 1)), value=1, label=I18N("write_versions"), elem_id="write-versions"
                )
                self.temperature = gr.Slider(
                    0,
                    2,
                    0.8,
                    step=0.05,
                    label=I18N("temperature"),
                    info=I18N("temperature_info"),
                    elem_id="write-temperature",
                )
        self.examples = gr.Dataset(
            label=I18N("write_examples"),
            components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
            samples=[],
            visible=False,
            elem_id="write-examples",
        )


class Version:
    """The widgets of one version, made where this is called."""

    def __init__(self, place: int) -> None:
        number = "" if place == 0 else f"-{place + 1}"
        self.place = gr.State(place)
        with gr.Column(visible=False, min_width=0, elem_classes="write-version") as self.column:
            self.box = gr.Textbox(
                label=I18N(f"write_version_{place + 1}"),
                lines=8,
                max_lines=30,
                buttons=["copy"],
                interactive=True,
                elem_id=f"write-result{number}",
            )
            self.line = gr.HTML(padding=False, elem_classes="write-line")
            with gr.Row(elem_classes="write-version-buttons"):
                self.go_on = gr.Button(I18N("write_go_on"), size="sm", interactive=False)
                self.again = gr.Button(I18N("write_again"), size="sm", interactive=False)
                self.insert = gr.Button(I18N("write_insert"), size="sm")
                self.txt = gr.Button(".txt", size="sm")
                self.md = gr.Button(".md", size="sm")
                self.send_to = picker("write")


def tab(page: gr.Blocks, host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> Parts:
    """Lays the tab out where it is called and wires it."""
    handlers = Handlers(host, prompts, running)
    fields = Fields()
    status = gr.HTML(elem_id="write-status", padding=False)
    with gr.Row(elem_id="write-versions-row"):
        versions = [Version(place) for place in range(MOST)]
    work, before = gr.State(None), gr.State("")

    boxes, lines = [version.box for version in versions], [version.line for version in versions]
    columns = [version.column for version in versions]
    view = [work, *boxes, *lines, *columns, status, fields.send, fields.stop]
    asked = [fields.text, fields.template, fields.words, fields.temperature, fields.versions]
    fields.send.click(handlers.start, asked, view, **STREAMING)
    fields.stop.click(handlers.stop, None, None, **QUIET)
    fields.undo.click(handlers.undo, before, [fields.text, fields.undo], **QUIET)
    for version in versions:
        version.go_on.click(handlers.go_on, [work, version.place, version.box], view, **STREAMING)
        version.again.click(handlers.again, [work, version.place], view, **STREAMING)
        version.insert.click(
            handlers.insert, [work, fields.text, version.box], [fields.text, before, fields.undo], **QUIET
        )
        version.txt.click(None, version.box, None, js=SAVE % ("text/plain", "qwen-ui-text.txt"), **QUIET)
        version.md.click(None, version.box, None, js=SAVE % ("text/markdown", "qwen-ui-text.md"), **QUIET)

    picked = [fields.problems, fields.temperature]
    page.load(handlers.restore, None, [fields.problems, fields.template, fields.temperature, fields.examples], **QUIET)
    fields.template.focus(handlers.refresh, None, [fields.problems, fields.template], **QUIET)
    fields.template.input(handlers.pick, fields.template, picked, **QUIET)
    fields.examples.click(handlers.example, fields.examples, [fields.text, fields.template, *picked], **QUIET)
    return Parts(
        [fields.send, *(button for version in versions for button in (version.go_on, version.again))],
        [Exit(version.send_to, [version.box]) for version in versions],
        Entrance([fields.text]),
        typed=[fields.text],
    )
