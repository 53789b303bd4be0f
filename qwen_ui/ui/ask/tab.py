"""The Ask tab: its layout, and which handler answers to what."""

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.knowledge.library import Library
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.ask.collections import Collections
from qwen_ui.ui.ask.examples import EXAMPLES
from qwen_ui.ui.ask.fields import Fields
from qwen_ui.ui.ask.handlers import Handlers
from qwen_ui.ui.ask.show import SHOW_PASSAGE
from qwen_ui.ui.sending import Entrance, Exit, Parts, below, picker
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.wiring import LATEX, QUIET, SAVE, STREAMING

COPY = """(text) => {
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text);
    return;
  }
  const box = Object.assign(document.createElement("textarea"), {value: text});
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}"""
"""The clipboard is there on safe addresses only; elsewhere the old way does."""


def tab(
    page: gr.Blocks, host: EngineHost, prompts: PromptStore, running: Running, settings: Settings, library: Library
) -> Parts:
    """Lays the tab out within the page and wires it."""
    handlers = Handlers(host, library, prompts, running)
    with gr.Row(elem_id="ask"):
        with gr.Column(elem_id="ask-side"):
            fields = Fields(prompts, Collections(host, library))
        with gr.Column(elem_id="ask-main"):
            widgets = Widgets()
    fields.wire(page)
    page.load(None, None, None, js=SHOW_PASSAGE)
    _wire(handlers, fields, widgets)
    return Parts(
        [widgets.send, widgets.retry],
        [Exit(widgets.send_to, [widgets.result])],
        Entrance([fields.text, fields.kind], lambda request, before, text: [below(before, text), "text"]),
        typed=[widgets.question, fields.text],
    )


class Widgets:
    """The widgets of the dialogue, made where this is called."""

    def __init__(self) -> None:
        self.dialogue = gr.State(())
        self.chatbot = _chatbot()
        self.status = gr.HTML(elem_id="ask-status", padding=False)
        with gr.Row(elem_id="ask-box"):
            self.question = gr.Textbox(
                label=I18N("ask_question"),
                container=False,
                placeholder=I18N("ask_placeholder"),
                lines=1,
                max_lines=10,
                scale=1,
                elem_id="ask-input",
            )
            self.send = gr.Button(I18N("ask_send"), variant="primary", interactive=False, scale=0, elem_id="ask-send")
            self.stop = gr.Button(I18N("stop"), variant="stop", visible=False, scale=0, elem_id="ask-stop")
        with gr.Row(visible=False, elem_id="ask-foot") as self.foot:
            self.retry = gr.Button(I18N("ask_retry"), size="sm", interactive=False, elem_id="ask-retry")
            self.copy = gr.Button(I18N("ask_copy"), size="sm", elem_id="ask-copy")
            self.save = gr.Button(I18N("ask_save"), size="sm", elem_id="ask-save")
            self.clear = gr.Button(I18N("ask_clear"), size="sm", elem_id="ask-clear")
            self.send_to = picker("ask", elem_id="ask-send-to")
        self.result = gr.Textbox(visible="hidden", container=False, elem_id="ask-result")
        self.document = gr.Textbox(visible="hidden", container=False)

    @property
    def view(self) -> list[gr.components.Component | gr.Row]:
        """The widgets that `handlers.page` gives values for."""
        buttons = [self.send, self.stop]
        return [self.chatbot, self.dialogue, self.status, self.question, *buttons, self.result, self.foot]


def _wire(handlers: Handlers, fields: Fields, widgets: Widgets) -> None:
    view, asked = widgets.view, [widgets.dialogue, *fields.controls]
    answers = [
        gr.on(
            [widgets.question.submit, widgets.send.click], handlers.send, [widgets.question, *asked], view, **STREAMING
        ),
        widgets.retry.click(handlers.retry, asked, view, **STREAMING),
        widgets.chatbot.example_select(handlers.example, asked, [*view, fields.kind, fields.text], **STREAMING),
    ]
    widgets.stop.click(handlers.stop, None, None, **QUIET)
    gr.on([widgets.clear.click, widgets.chatbot.clear], handlers.clear, None, view, cancels=answers, **QUIET)
    widgets.copy.click(None, widgets.result, None, js=COPY)
    widgets.save.click(handlers.as_markdown, widgets.dialogue, widgets.document, **QUIET).then(
        None, widgets.document, None, js=SAVE % ("text/markdown", "qwen-ui-ask.md")
    )


def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(
        label=I18N("ask_label"),
        container=False,
        height="100%",
        layout="bubble",
        buttons=[],
        latex_delimiters=LATEX,
        placeholder=I18N("ask_greeting"),  # type: ignore[arg-type]  # translated like any placeholder
        examples=[{"text": example.question} for example in EXAMPLES],
        group_consecutive_messages=False,
        allow_tags=False,
        elem_id="ask-dialogue",
    )
