"""The Code tab: its layout, and which handler answers to what."""

from typing import Any

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.code.examples import EXAMPLES
from qwen_ui.ui.code.fields import Fields
from qwen_ui.ui.code.handlers import Handlers
from qwen_ui.ui.code.show import sendable
from qwen_ui.ui.sending import Entrance, Exit, Parts, picker
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.wiring import LATEX, QUIET, SAVE, STREAMING

SHOW = """() => {
  if (innerWidth <= 900) document.getElementById("code-main").scrollIntoView({behavior: "smooth"});
}"""
"""Where the result stands below the fields, it comes into sight."""
DOWNLOAD = "(text, name) => (%s)(text)" % (SAVE % ("text/plain", '" + name + "'))


def tab(page: gr.Blocks, host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> Parts:
    """Lays the tab out within the page and wires it."""
    handlers = Handlers(host, prompts, running)
    with gr.Row(elem_id="code"):
        with gr.Column(elem_id="code-side"):
            fields = Fields(prompts)
        with gr.Column(elem_id="code-main"):
            outcome = Outcome()
    fields.wire(page)
    _wire(handlers, fields, outcome)
    return Parts(
        [fields.run],
        [Exit(outcome.send_to, [outcome.job, outcome.result, outcome.explanation], sendable)],
        Entrance(fields.received, fields.receive),
        typed=[fields.instruction, fields.code],
    )


class Outcome:
    """The widgets of the result, made where this is called."""

    def __init__(self) -> None:
        self.job = gr.State(None)
        self.before = gr.State(None)
        self.file = gr.Textbox(visible="hidden", container=False)
        with gr.Column(elem_id="code-empty") as self.empty:
            gr.Markdown(I18N("code_greeting"), elem_id="code-greeting")
            self.examples = gr.Dataset(
                components=["textbox"],
                samples=[[example.label] for example in EXAMPLES],
                type="index",
                show_label=False,
                label=I18N("code_examples"),
                elem_id="code-examples",
            )
        with gr.Column(visible=False, elem_id="code-outcome") as self.full:
            self.result = gr.Code(
                language="python", lines=8, max_lines=28, interactive=True, buttons=["copy"], elem_id="code-result"
            )
            with gr.Row(elem_id="code-found"):
                self.check = gr.HTML(elem_id="code-check", padding=False)
                self.fix = gr.Button(I18N("code_fix_it"), size="sm", visible=False, scale=0, elem_id="code-fix")
            with gr.Row(elem_id="code-tools") as self.tools:
                self.adopt = gr.Button(I18N("code_adopt"), size="sm", elem_id="code-adopt")
                self.download = gr.Button(I18N("code_download"), size="sm", elem_id="code-download")
            self.explanation = gr.Markdown(latex_delimiters=LATEX, elem_id="code-explanation")
            self.send_to = picker("code", elem_id="code-send-to")
        self.status = gr.HTML(elem_id="code-status", padding=False)
        with gr.Row(elem_id="code-foot"):
            self.retry = gr.Button(I18N("code_retry"), size="sm", visible=False, elem_id="code-retry")
            self.back = gr.Button(I18N("code_back"), size="sm", visible=False, elem_id="code-back")

    def view(self, fields: Fields) -> list[Any]:
        """The widgets that `show.page` gives values for."""
        return [
            *[self.job, self.before, self.empty, self.full, self.result, self.tools, self.file],
            *[self.check, self.fix, self.explanation],
            *[self.status, fields.run, fields.stop, self.retry, self.back],
        ]

    @property
    def shown(self) -> list[Any]:
        """The job and its result, as the handlers take them."""
        return [self.job, self.result, self.explanation]


def _wire(handlers: Handlers, fields: Fields, outcome: Outcome) -> None:
    view, asked = outcome.view(fields), [*outcome.shown, *fields.controls]
    gr.on([fields.run.click, fields.instruction.submit], handlers.run, asked, view, **STREAMING)
    fields.run.click(None, None, None, js=SHOW, **QUIET)
    filled = outcome.examples.click(fields.example, outcome.examples, fields.filled, **QUIET)
    filled.then(handlers.run, asked, view, **STREAMING)
    outcome.retry.click(handlers.retry, outcome.shown, view, **STREAMING)
    outcome.fix.click(handlers.fix, outcome.shown, view, **STREAMING)
    fields.stop.click(handlers.stop, None, None, **QUIET)
    outcome.back.click(handlers.back, [*outcome.shown, outcome.before], view, **QUIET)
    outcome.result.input(
        handlers.recheck, outcome.shown[:2], [outcome.check, outcome.fix], trigger_mode="always_last", **QUIET
    )
    adopted = [*outcome.shown[:2], fields.action, fields.template]
    outcome.adopt.click(fields.adopt, adopted, fields.filled, **QUIET)
    outcome.download.click(None, [outcome.result, outcome.file], None, js=DOWNLOAD, **QUIET)
