"""The Translate tab: its layout, and which handler answers to what."""

from typing import Any

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.translate import ENDINGS
from qwen_ui.ui.sending import Entrance, Exit, Parts, picker
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.translate.controls import Controls
from qwen_ui.ui.translate.handlers import Handlers
from qwen_ui.ui.translate.segments import Segments
from qwen_ui.ui.wiring import QUIET, STREAMING

EXAMPLES = (
    "The early bird catches the worm, but the second mouse gets the cheese.",
    "# Welcome, {name}!\n\nYou have **3** new messages. Read them at https://example.com/inbox or run `mail --all`.",
    "人山人海，热闹非凡。",
    "尊敬的客户：\n\n您的订单 20418 已于今天上午发出，预计 3 天内送达。如有疑问，请致电 400-123-4567。",
)
LINES = 9
SAVE = """(document_) => {
  const {name, data} = JSON.parse(document_);
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const file = new Blob([bytes], {type: "application/octet-stream"});
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(file), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}"""
HOUR = 3600


def tab(page: gr.Blocks, host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> Parts:
    """Lays the tab out within the page and wires it."""
    handlers = Handlers(host, prompts, running, settings)
    work = gr.State(None, time_to_live=24 * HOUR)
    controls = Controls(page, prompts)
    with gr.Row(elem_id="translate-texts"):
        with gr.Column(min_width=300), gr.Tabs(elem_id="translate-from"):
            with gr.Tab(I18N("translate_text"), id="text"):
                box = _text("translate_input", "translate-input", placeholder=I18N("translate_input_placeholder"))
                found = gr.HTML(elem_id="translate-found", padding=False)
                go = gr.Button(I18N("translate_go"), variant="primary", interactive=False, elem_id="translate-go")
            with gr.Tab(I18N("translate_file"), id="file"):
                file = gr.File(
                    label=I18N("translate_file_label"), file_types=list(ENDINGS), height=150, elem_id="translate-file"
                )
                columns = gr.CheckboxGroup(label=I18N("translate_columns"), visible=False, elem_id="translate-columns")
                facts = gr.HTML(elem_id="translate-facts", padding=False)
                go_file = gr.Button(
                    I18N("translate_go_file"), variant="primary", interactive=False, elem_id="translate-go-file"
                )
        with gr.Column(min_width=300, elem_id="translate-to"):
            result = _text(
                "translate_result",
                "translate-result",
                placeholder=I18N("translate_result_placeholder"),
                interactive=False,
                buttons=["copy"],
            )
            status = gr.HTML(elem_id="translate-status", padding=False)
            stop = gr.Button(I18N("stop"), variant="stop", visible=False, elem_id="translate-stop")
            rest = gr.Button(I18N("translate_rest"), visible=False, interactive=False, elem_id="translate-rest")
            with gr.Row(visible=False, elem_id="translate-after") as after:
                save = gr.Button(I18N("translate_save"), size="sm", elem_id="translate-save")
                back = gr.Button(I18N("translate_back"), size="sm", interactive=False, elem_id="translate-back")
                send_to = picker("translate", elem_id="translate-send-to")
            checks = gr.HTML(elem_id="translate-checks", padding=False)
            returned = _text("translate_back_label", "translate-returned", visible=False, interactive=False, lines=4)
    examples = gr.Examples(
        [[text] for text in EXAMPLES], box, label=I18N("translate_examples"), elem_id="translate-examples"
    )
    segments = Segments(work)
    document = gr.Textbox(visible="hidden", container=False)

    view = [
        result, status, checks, segments.table, work, segments.translation,
        go, go_file, stop, rest, after, segments.panel,
    ]  # fmt: skip
    go.click(handlers.start, [box, *controls.all], view, **STREAMING)
    go_file.click(handlers.start_file, [file, columns, *controls.all], view, **STREAMING)
    rest.click(handlers.rest, [work, *controls.all], view, **STREAMING)
    segments.retry.click(handlers.retry, [work, segments.place, *controls.all], view, **STREAMING)
    segments.keep.click(handlers.keep, [work, segments.place, segments.translation], view, **QUIET)
    stop.click(handlers.stop, None, None, **QUIET)
    back.click(handlers.back, [work, controls.source], [returned, status, go, go_file, stop], **STREAMING)
    for button in (go, go_file, controls.swap):
        segments.close_on(button.click)
        button.click(lambda: gr.Textbox(value="", visible=False), None, returned, **QUIET)
    save.click(handlers.save, work, document, **QUIET).then(None, document, None, js=SAVE)
    seen = [box, controls.source]
    gr.on(
        [box.change, controls.source.change],
        handlers.look,
        seen,
        [found, examples.dataset],
        trigger_mode="always_last",
        **QUIET,
    )
    swapped = [controls.source, controls.target, box, *view]
    controls.swap.click(handlers.swap, [box, work, controls.source, controls.target], swapped, **QUIET)
    gr.on([file.upload, file.clear], handlers.open, file, [columns, facts], **QUIET)
    senders = [go, go_file, rest, back, segments.retry]
    return Parts(senders, [Exit(send_to, [result])], Entrance([box]), [controls.kept], [box])


def _text(label: str, elem_id: str, **options: Any) -> gr.Textbox:
    return gr.Textbox("", label=I18N(label), elem_id=elem_id, **{"lines": LINES, "max_lines": 24, **options})
