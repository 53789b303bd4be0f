"""The Prompts tab: its layout, and which handler answers to what."""

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.prompts import PromptStore
from qwen_ui.prompts.edit import PromptEditor
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.prompt_files.bench import Bench
from qwen_ui.ui.prompt_files.handlers import Handlers
from qwen_ui.ui.sending import Parts
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.wiring import QUIET, STREAMING


class Shelf:
    """The list of files, made where this is called."""

    def __init__(self) -> None:
        with gr.Column(elem_id="prompts-side"):
            self.task = gr.Dropdown([], label=I18N("prompts_task"), elem_id="prompts-task")
            self.refresh = gr.Button(I18N("prompts_refresh"), size="sm", elem_id="prompts-refresh")
            self.problems = gr.HTML(elem_id="prompts-problems", padding=False)
            self.files = gr.Radio([], label=I18N("prompts_list"), elem_id="prompts-list")


class Desk:
    """The open file with what can be done to it, made where this is called."""

    def __init__(self, editable: bool) -> None:
        self.head = gr.HTML(elem_id="prompts-head", padding=False)
        self.text = gr.Code(
            label=I18N("prompts_editor"),
            language="jinja2",
            lines=14,
            max_lines=28,
            wrap_lines=True,
            interactive=editable,
            elem_id="prompts-input",
        )
        self.status = gr.HTML(elem_id="prompts-status", padding=False)
        with gr.Row(elem_id="prompts-buttons", visible=editable):
            self.save = gr.Button(I18N("prompts_save"), variant="primary", size="sm", elem_id="prompts-save")
            self.restore = gr.Button(I18N("prompts_restore"), size="sm", visible=False, elem_id="prompts-restore")
            self.name = gr.Textbox(
                label=I18N("prompts_new_name"),
                placeholder=I18N("prompts_new_name"),
                container=False,
                max_length=100,
                elem_id="prompts-name",
            )
            self.duplicate = gr.Button(I18N("prompts_duplicate"), size="sm", elem_id="prompts-duplicate")
        if not editable:
            gr.Markdown(I18N("prompts_closed"), elem_id="prompts-closed")


class Trial:
    """Preview, run and changes, made where this is called."""

    def __init__(self) -> None:
        with gr.Tabs():
            with gr.Tab(I18N("prompts_try")):
                with gr.Row(elem_id="prompts-try"):
                    with gr.Column(min_width=280):
                        self.values = gr.Code(
                            label=I18N("prompts_values"),
                            language="json",
                            lines=4,
                            max_lines=12,
                            wrap_lines=True,
                            interactive=True,
                            elem_id="prompts-values",
                        )
                        self.message = gr.Textbox(
                            label=I18N("prompts_message"),
                            info=I18N("prompts_message_info"),
                            max_lines=6,
                            elem_id="prompts-message",
                        )
                        self.run = gr.Button(
                            I18N("prompts_run"), variant="primary", interactive=False, elem_id="prompts-run"
                        )
                        self.stop = gr.Button(I18N("stop"), variant="stop", visible=False, elem_id="prompts-stop")
                    with gr.Column(min_width=280):
                        self.preview = gr.HTML(label=I18N("prompts_preview"), elem_id="prompts-preview", padding=False)
                self.result = gr.Textbox(
                    label=I18N("prompts_result"),
                    lines=3,
                    max_lines=20,
                    interactive=False,
                    buttons=["copy"],
                    elem_id="prompts-result",
                )
                self.line = gr.HTML(elem_id="prompts-line", padding=False)
            with gr.Tab(I18N("prompts_changes")):
                self.changes = gr.HTML(elem_id="prompts-changes", padding=False)


def tab(
    page: gr.Blocks,
    place: gr.Tab,
    host: EngineHost,
    prompts: PromptStore,
    running: Running,
    settings: Settings,
    editable: bool = True,
) -> Parts:
    """Lays the tab out where it is called, which is the ``place``, and wires it.

    With ``editable=False`` files can be read, previewed and run; nothing changes them, whatever is sent.
    """
    handlers = Handlers(host, PromptEditor(prompts, editable), running)
    with gr.Row(elem_id="prompts"):
        shelf = Shelf()
        with gr.Column(elem_id="prompts-main"):
            desk, trial = Desk(editable), Trial()
    bench = gr.State(Bench())

    view = [
        *(bench, shelf.files, shelf.problems, desk.head, desk.text, trial.values),
        *(trial.preview, trial.changes, desk.status, desk.restore, desk.name),
    ]
    page.load(handlers.enter, None, [shelf.task, *view], **QUIET)
    gr.on([shelf.task.input, place.select], handlers.filter, shelf.task, [shelf.files, shelf.problems], **QUIET)
    shelf.files.input(handlers.open, [bench, desk.text, shelf.files, shelf.task], view, **QUIET)
    shelf.refresh.click(handlers.reload, [bench, shelf.task], view, **QUIET)
    desk.save.click(handlers.save, [bench, desk.text, shelf.task], view, **QUIET)
    desk.restore.click(handlers.restore, [bench, shelf.task], view, **QUIET)
    gr.on(
        [desk.duplicate.click, desk.name.submit],
        handlers.duplicate,
        [bench, desk.text, desk.name, shelf.task],
        view,
        **QUIET,
    )
    for typed in (desk.text, trial.values):
        reviewed = [desk.status, trial.preview, trial.changes]
        typed.input(handlers.review, [bench, desk.text, trial.values], reviewed, trigger_mode="always_last", **QUIET)

    asked = [bench, desk.text, trial.values, trial.message]
    answer = [trial.result, trial.line, trial.run, trial.stop]
    gr.on([trial.run.click, trial.message.submit], handlers.run, asked, answer, **STREAMING)
    trial.stop.click(handlers.stop, None, None, **QUIET)
    return Parts([trial.run])
