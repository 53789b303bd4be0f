"""The Chat tab: its layout, and what answers to what."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Answer, Message, Sampling
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Buttons, Event, Events, Run, Values, answering
from qwen_ui.page.scripts import LATEX, WIDE, kept_by_browser, save_as
from qwen_ui.page.sending import Entrance, Exit, send_to
from qwen_ui.page.status import line, statistics
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat import task
from qwen_ui.tabs.chat.content import history_of, told
from qwen_ui.tabs.chat.conversation import (
    Attempt,
    Chat,
    editing,
    from_browser,
    retrying,
    sending,
    shown,
    shown_message,
    to_browser,
    to_json,
    to_markdown,
)
from qwen_ui.tabs.chat.exports import Opened, opened
from qwen_ui.tabs.chat.settings import ChatSettings

EXAMPLES = (
    "Explain why the sky is blue, as to a ten-year-old.",
    "Write a Python function that tells whether a word is a palindrome.",
    "用三句话介绍一下杭州。",
    "帮我写一封请假半天的邮件，语气礼貌。",
)
KEEP_EVERY = 3.0
"""Seconds between two savings of an unfinished answer, for whoever reloads the page in the middle of it."""


class ChatTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._kept = kept_by_browser("chat")
        self._reading = threading.Lock()  # a large file takes many times its size of memory: one at a time
        kept_settings = kept_by_browser("chat-settings")
        with gr.Row(elem_id="chat", elem_classes="dialogue-page"):
            with gr.Column(elem_id="chat-side"):
                self._side = gr.Accordion(label("Assistant and settings"), open=False, elem_id="chat-settings")
                with self._side:
                    self._settings = ChatSettings(app)
                    self._lay_out_files()
            with gr.Column(elem_id="chat-main", elem_classes="dialogue-main"):
                self._lay_out_conversation()
        self._events = Events(app, TAB.id, self._status, Buttons([self._send], self._stop))
        self._settings.wire(self._events, page, kept_settings)
        self._wire(page)

    @property
    def parts(self) -> Parts:
        exits = [Exit(self._send_to, [self._kept], lambda event: from_browser(event[self._kept]).last_answer)]
        return Parts([self._send], exits, Entrance(self._box), typed=[self._box])

    def _lay_out_files(self) -> None:
        with gr.Row(elem_id="chat-files"):
            self._markdown = gr.Button(label("Save as Markdown"), size="sm", elem_id="save-markdown")
            self._json = gr.Button(label("Save as JSON"), size="sm", elem_id="save-json")
            self._upload = gr.UploadButton(label("Open JSON…"), size="sm", elem_id="open-json")
        self._among = as_held(gr.Dropdown([], label=label("Conversation"), visible=False, elem_id="open-among"))
        self._document = gr.Textbox(visible="hidden", container=False)

    def _lay_out_conversation(self) -> None:
        self._chatbot = gr.Chatbot(
            label=label("Conversation"),
            container=False,
            height="100%",
            layout="bubble",
            editable="user",
            buttons=["copy"],
            latex_delimiters=LATEX,
            placeholder=label("What can I help with?"),
            examples=[{"text": text} for text in EXAMPLES],
            group_consecutive_messages=False,
            allow_tags=False,
            elem_id="conversation",
            elem_classes="dialogue",
        )
        self._status = gr.HTML(elem_id="chat-status", padding=False)
        with gr.Row(elem_id="chat-input", elem_classes="dialogue-box"):
            self._box = gr.Textbox(
                label=label("Message"),
                container=False,
                placeholder=label("Write a message…"),
                lines=1,
                max_lines=10,
                autofocus=True,
                scale=1,
                elem_id="message",
                elem_classes="dialogue-input",
            )
            self._send = gr.Button(
                label("Send"),
                variant="primary",
                interactive=False,
                scale=0,
                elem_id="send",
                elem_classes="dialogue-button",
            )
            self._stop = gr.Button(
                label("Stop"), variant="stop", visible=False, scale=0, elem_id="stop", elem_classes="dialogue-button"
            )
        with gr.Row(elem_id="chat-foot"):
            gr.Markdown(label("Enter sends, Shift + Enter starts a new line"), elem_id="message-hint")
            self._send_to = send_to(elem_id="chat-send-to")
            self._new = gr.Button(label("New chat"), size="sm", scale=0, elem_id="new-chat")

    def _wire(self, page: gr.Blocks) -> None:
        events, asked = self._events, [self._kept, *self._settings.inputs]
        view = [self._chatbot, self._kept, self._status, self._box]
        events.run([self._box.submit, self._send.click], self._sending, [self._box, *asked], view)
        events.run(self._chatbot.example_select, self._example, asked, view)
        events.run(self._chatbot.retry, self._retrying, asked, view)
        events.run(self._chatbot.edit, self._editing, asked, view)
        events.stop()
        events.on(self._chatbot.undo, self._undo, [self._kept, self._box], view)
        begun = events.stopped([self._new.click, self._chatbot.clear])
        events.on(begun, lambda event: self._show(Chat()), (), view)
        opening: dict[str, Any] = {"refused": marked("This file was not opened: {error}")}
        shown_of_file = [*view, self._settings.system, self._among]
        events.on(events.stopped(self._upload.upload), self._open, [self._upload], shown_of_file, **opening)
        chosen = [self._upload, self._among]
        events.on(events.stopped(self._among.input), self._choose, chosen, shown_of_file, **opening)
        saved = [self._kept, self._settings.system]
        events.on(self._markdown.click, self._as_markdown, saved, [self._document]).then(
            None, self._document, None, js=save_as("qwen-ui-chat.md", "text/markdown")
        )
        events.on(self._json.click, self._as_json, saved, [self._document]).then(
            None, self._document, None, js=save_as("qwen-ui-chat.json", "application/json")
        )
        events.on(
            page.load,
            self._restore,
            [self._kept],
            view,
            refused=marked("The conversation kept in this browser could not be read, so this is a new one: {error}"),
        )
        wide = gr.Checkbox(visible=False)
        events.on(page.load, lambda event: {self._side: gr.Accordion(open=event[wide])}, [wide], [self._side], js=WIDE)

    def _sending(self, event: Event) -> Run[Answer]:
        return self._answering(event, lambda chat: sending(chat, event[self._box] or ""))

    def _example(self, event: Event) -> Run[Answer]:
        return self._answering(event, lambda chat: sending(chat, event.data.value["text"]))

    def _retrying(self, event: Event) -> Run[Answer]:
        return self._answering(event, retrying)

    def _editing(self, event: Event) -> Run[Answer]:
        return self._answering(event, lambda chat: editing(chat, int(event.data.index), str(event.data.value)))

    def _answering(self, event: Event, begin: Callable[[Chat], Attempt]) -> Run[Answer]:
        attempt = begin(from_browser(event[self._kept]))
        asked, begun = attempt.asked, self._show(attempt.asked)
        system, sampling = event[self._settings.system] or "", self._settings.sampling(event)
        adapter = self._settings.adapter(event)
        kept_at = time.monotonic()

        def show(answer: Answer, running: bool) -> Values:
            nonlocal kept_at
            growing = [shown_message(Message("assistant", answer.text))] if answer.text.strip() else []
            values: Values = {self._chatbot: [*begun[self._chatbot], *growing]}
            if not running or time.monotonic() - kept_at > KEEP_EVERY:
                kept_at = time.monotonic()
                values[self._kept] = to_browser(asked.answered(answer.text, answer.usage))
            return values

        typed = attempt.typed is not None
        return answering(
            event.say,
            lambda engine: task.reply(engine, asked.messages, system, sampling, adapter),
            show,
            begun=begun | ({self._box: ""} if typed else {}),
            undone=self._show(attempt.before) | ({self._box: attempt.typed} if typed else {}),
        )

    def _show(self, chat: Chat) -> Values:
        return {self._chatbot: shown(chat), self._kept: to_browser(chat), self._status: ""}

    def _undo(self, event: Event) -> Values:
        """Takes the last message and its answer back; the message goes into the box, before what is there."""
        chat, text = from_browser(event[self._kept]), event[self._box]
        place = chat.last_question
        if place is None:
            return self._show(chat)
        typed = "\n\n".join(part for part in (chat.messages[place].content, text) if part and part.strip())
        return self._show(chat.up_to(place)) | {self._box: typed}

    def _open(self, event: Event) -> Values:
        """Opens the file's conversation, or offers those that it holds: the page stays as it is until one is chosen."""
        found = self._read(event)
        if len(found) == 1:
            return self._show_opened(event, found[0]) | {self._among: gr.Dropdown(choices=[], visible=False)}
        choices = [(f"{number}. {one.title}", number) for number, one in enumerate(found, 1)]
        many = event.say("This file holds {count:,} conversations. Choose the one to open.", count=len(found))
        return {self._among: gr.Dropdown(choices=choices, value=None, visible=True), self._status: line(many, "note")}

    def _choose(self, event: Event) -> Values:
        """Opens one of the file's conversations. The file is read again, so that the server need not hold it."""
        found, number = self._read(event), event[self._among]
        if not isinstance(number, int) or not 0 < number <= len(found):
            raise InvalidInput("Choose a conversation of the list.")
        return self._show_opened(event, found[number - 1])

    def _read(self, event: Event) -> list[Opened]:
        try:
            data = Path(event[self._upload] or "").read_bytes()
        except OSError as error:
            raise InvalidInput("The server no longer has this file. Open it again.") from error
        with self._reading:
            return opened(data)

    def _show_opened(self, event: Event, one: Opened) -> Values:
        if one.error is not None:
            raise one.error
        count = len(one.chat.messages)
        status = line(event.say("Opened a conversation of {count:,} {count:message|messages}.", count=count))
        if one.left_out:
            what = ", ".join(event.say("{part}", part=part) for part in told(one.left_out))
            status += line(event.say("Not shown here: {what}.", what=what), "note")
        return self._show(one.chat) | {self._status: status, self._settings.system: one.system}

    def _as_markdown(self, event: Event) -> Values:
        chat, system = from_browser(event[self._kept]), event[self._settings.system] or ""
        return {self._document: to_markdown(chat, system, event.say("You"), event.say("Assistant"))}

    def _as_json(self, event: Event) -> Values:
        return {self._document: to_json(from_browser(event[self._kept]), event[self._settings.system] or "")}

    def _restore(self, event: Event) -> Values:
        chat = from_browser(event[self._kept])
        status = statistics(chat.usage, event.say) if chat.usage else ""
        return {self._chatbot: shown(chat), self._status: status}


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/chat, as scripts call it."""

    async def chat(  # noqa: PLR0913, PLR0917  the contract's
        message: str,
        request: gr.Request,
        history: list[Any] = [],  # noqa: B006  part of the contract, and never changed
        system: str = "",
        max_new_tokens: int = 512,
        temperature: float = 0.7,
        top_p: float = 0.8,
        top_k: int = 20,
        adapter: str = "",
    ) -> AsyncIterator[str]:
        """Answers the message after the history, a list of {"role", "content"} or of pairs. Gives the text so far."""
        messages = [*history_of(history), _question(message)]
        sampling = Sampling(max_new_tokens, temperature, top_p, top_k)
        opening = Message("system", system).content
        reply = partial(task.reply, messages=messages, system=opening, sampling=sampling)
        async for answer in app.serve(request, TAB.id, reply, adapter):
            yield answer.text

    return [chat]


def _question(text: Any) -> Message:
    message = Message("user", text)
    if not text.strip():
        raise InvalidInput("The message is empty. Write something.")
    return message


TAB = Tab("chat", marked("Chat"), Path(__file__).parent, lambda app, page, place: ChatTab(app, page).parts, endpoints)
