"""The Chat tab: its layout, and which handler answers to what."""

import gradio as gr

from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.chat_handlers import Handlers
from qwen_ui.ui.chat_settings import ChatSettings
from qwen_ui.ui.conversation import last_answer
from qwen_ui.ui.sending import Entrance, Exit, Parts, picker
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.wiring import LATEX, QUIET, SAVE, SECRET, STREAMING, WIDE

EXAMPLES = (
    "Explain why the sky is blue, as to a ten-year-old.",
    "Write a Python function that tells whether a word is a palindrome.",
    "用三句话介绍一下杭州。",
    "帮我写一封请假半天的邮件，语气礼貌。",
)


def tab(page: gr.Blocks, host: EngineHost, prompts: PromptStore, running: Running) -> Parts:
    """Lays the tab out within the page and wires it."""
    handlers = Handlers(host, running)
    kept = gr.BrowserState(None, storage_key="qwen-ui-chat", secret=SECRET)
    kept_settings = gr.BrowserState(None, storage_key="qwen-ui-chat-settings", secret=SECRET)
    with gr.Row(elem_id="chat"):
        with gr.Column(elem_id="chat-side"):
            side = gr.Accordion(I18N("settings"), open=False, elem_id="chat-settings")
            with side:
                settings = ChatSettings(page, prompts, kept_settings)
                with gr.Row(elem_id="chat-files"):
                    markdown = gr.Button(I18N("markdown"), size="sm", elem_id="save-markdown")
                    json = gr.Button(I18N("json"), size="sm", elem_id="save-json")
                    upload = gr.UploadButton(
                        I18N("open"),  # type: ignore[arg-type]  # translated like any label
                        size="sm",
                        type="binary",
                        file_types=[".json"],
                        elem_id="open-json",
                    )
                document = gr.Textbox(visible="hidden", container=False)
        with gr.Column(elem_id="chat-main"):
            chatbot = _chatbot()
            status = gr.HTML(elem_id="chat-status", padding=False)
            with gr.Row(elem_id="chat-input"):
                box = gr.Textbox(
                    label=I18N("message"),
                    container=False,
                    placeholder=I18N("message_placeholder"),
                    lines=1,
                    max_lines=10,
                    autofocus=True,
                    scale=1,
                    elem_id="message",
                )
                send = gr.Button(I18N("send"), variant="primary", interactive=False, scale=0, elem_id="send")
                stop = gr.Button(I18N("stop"), variant="stop", visible=False, scale=0, elem_id="stop")
            with gr.Row(elem_id="chat-foot"):
                gr.Markdown(I18N("message_hint"), elem_id="message-hint")
                send_to = picker("chat", elem_id="chat-send-to")
                new = gr.Button(I18N("new_chat"), size="sm", scale=0, elem_id="new-chat")

    view = [chatbot, kept, status, box, send, stop]
    asked = [kept, *settings.controls]
    answers = [
        gr.on([box.submit, send.click], handlers.send, [box, *asked], view, **STREAMING),
        chatbot.example_select(handlers.example, asked, view, **STREAMING),
        chatbot.retry(handlers.retry, asked, view, **STREAMING),
        chatbot.edit(handlers.edit, asked, view, **STREAMING),
    ]
    stop.click(handlers.stop, None, None, **QUIET)
    chatbot.undo(handlers.undo, [kept, box], view, **QUIET)
    gr.on([new.click, chatbot.clear], handlers.new_chat, None, view, cancels=answers, **QUIET)
    upload.upload(handlers.open, [upload, kept, settings.system], [*view, settings.system], cancels=answers, **QUIET)
    markdown.click(handlers.as_markdown, [kept, settings.system], document, **QUIET).then(
        None, document, None, js=SAVE % ("text/markdown", "qwen-ui-chat.md")
    )
    json.click(handlers.as_json, [kept, settings.system], document, **QUIET).then(
        None, document, None, js=SAVE % ("application/json", "qwen-ui-chat.json")
    )
    page.load(handlers.restore, kept, [chatbot, status], **QUIET)
    wide = gr.Checkbox(visible=False)
    page.load(_side, wide, side, js=WIDE, **QUIET)
    return Parts([send], [Exit(send_to, [kept], last_answer)], Entrance([box]), typed=[box])


def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(
        label=I18N("chat_label"),
        container=False,
        height="100%",
        layout="bubble",
        editable="user",
        buttons=["copy"],
        latex_delimiters=LATEX,
        placeholder=I18N("greeting"),  # type: ignore[arg-type]  # translated like any placeholder
        examples=[{"text": text} for text in EXAMPLES],
        group_consecutive_messages=False,
        allow_tags=False,
        elem_id="conversation",
    )


def _side(wide: bool) -> gr.Accordion:
    return gr.Accordion(open=wide)
