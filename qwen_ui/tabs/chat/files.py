"""The files of the Chat tab: conversations saved as Markdown or JSON, and opened."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.scripts import save_as
from qwen_ui.page.status import line
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat.content import told
from qwen_ui.tabs.chat.conversation import from_browser, to_json, to_markdown
from qwen_ui.tabs.chat.exports import Opened, opened
from qwen_ui.tabs.chat.nodes import Chat


class ChatFiles:
    """The widgets, made where this is called. `wire` connects them with the conversation."""

    def __init__(self, kept: Component, system: Component) -> None:
        self._kept, self._system = kept, system
        self._reading = threading.Lock()  # a large file takes many times its size of memory: one at a time
        with gr.Row(elem_id="chat-files"):
            self._markdown = gr.Button(label("Save as Markdown"), size="sm", elem_id="save-markdown")
            self._json = gr.Button(label("Save as JSON"), size="sm", elem_id="save-json")
            self.upload = gr.UploadButton(label("Open JSON…"), size="sm", elem_id="open-json")
        self.among = as_held(gr.Dropdown([], label=label("Conversation"), visible=False, elem_id="open-among"))
        self.document = gr.Textbox(visible="hidden", container=False)

    def wire(
        self, events: Events, status: Component, view: Sequence[Any], show: Callable[[Event, Chat], Values]
    ) -> None:
        """``show`` gives the values of ``view`` for a conversation, and ``status`` says what was opened."""
        self._status, self._show = status, show
        opening: dict[str, Any] = {"refused": marked("This file was not opened: {error}")}
        shown = [*view, self._system, self.among]
        events.on(events.stopped(self.upload.upload), self.open, [self.upload], shown, **opening)
        events.on(events.stopped(self.among.input), self.choose, [self.upload, self.among], shown, **opening)
        saved = [self._kept, self._system]
        events.on(self._markdown.click, self._as_markdown, saved, [self.document]).then(
            None, self.document, None, js=save_as("qwen-ui-chat.md", "text/markdown")
        )
        events.on(self._json.click, self.as_json, saved, [self.document]).then(
            None, self.document, None, js=save_as("qwen-ui-chat.json", "application/json")
        )

    def open(self, event: Event) -> Values:
        """Opens the file's conversation, or offers those that it holds: the page stays as it is until one is chosen."""
        found = self._read(event)
        if len(found) == 1:
            return self._show_opened(event, found[0]) | {self.among: gr.Dropdown(choices=[], visible=False)}
        choices = [(f"{number}. {one.title}", number) for number, one in enumerate(found, 1)]
        many = event.say("This file holds {count:,} conversations. Choose the one to open.", count=len(found))
        return {self.among: gr.Dropdown(choices=choices, value=None, visible=True), self._status: line(many, "note")}

    def choose(self, event: Event) -> Values:
        """Opens one of the file's conversations. The file is read again, so that the server need not hold it."""
        found, number = self._read(event), event[self.among]
        if not isinstance(number, int) or not 0 < number <= len(found):
            raise InvalidInput("Choose a conversation of the list.")
        return self._show_opened(event, found[number - 1])

    def _read(self, event: Event) -> list[Opened]:
        try:
            data = Path(event[self.upload] or "").read_bytes()
        except OSError as error:
            raise InvalidInput("The server no longer has this file. Open it again.") from error
        with self._reading:
            return opened(data)

    def _show_opened(self, event: Event, one: Opened) -> Values:
        if one.error is not None:
            raise one.error
        count = len(one.chat.nodes)
        status = line(event.say("Opened a conversation of {count:,} {count:message|messages}.", count=count))
        if one.left_out:
            what = ", ".join(event.say("{part}", part=part) for part in told(one.left_out))
            status += line(event.say("Not shown here: {what}.", what=what), "note")
        return self._show(event, one.chat) | {self._status: status, self._system: one.system}

    def _as_markdown(self, event: Event) -> Values:
        chat, system = from_browser(event[self._kept]), event[self._system] or ""
        return {self.document: to_markdown(chat, system, event.say("You"), event.say("Assistant"))}

    def as_json(self, event: Event) -> Values:
        return {self.document: to_json(from_browser(event[self._kept]), event[self._system] or "")}
