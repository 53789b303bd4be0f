"""The files of the Chat tab: conversations saved as Markdown or JSON, and opened."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import QUIET, Event, Events, Values
from qwen_ui.page.sending import menu
from qwen_ui.page.status import line
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat.content import told
from qwen_ui.tabs.chat.conversation import from_browser, to_browser, to_markdown
from qwen_ui.tabs.chat.exports import Opened, opened
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.settings import ChatSettings

TAKE = '(document) => { window.qwenChats.take(document); return [""]; }'
ALL = 0
"""Stands for all conversations of a file, whose numbers begin at 1."""


class ChatFiles:
    """The widgets, made where this is called. `wire` connects them with the conversation."""

    def __init__(self, kept: Component, settings: ChatSettings) -> None:
        self._kept, self._settings = kept, settings
        self._reading = threading.Lock()  # a large file takes many times its size of memory: one at a time
        ways = [
            (label("This one as Markdown"), "markdown"),
            (label("This one as JSON"), "json"),
            (label("All as JSON"), "all"),
        ]
        self.export = menu(label("Export…"), ways, min_width=110, elem_id="chat-export")
        self.upload = gr.UploadButton(label("Import…"), size="sm", scale=0, elem_id="open-json")
        self.document = gr.Textbox(visible="hidden", container=False)

    def choice(self) -> None:
        """Makes the list of a file's conversations where this is called."""
        self.among = as_held(gr.Dropdown([], label=label("Conversation"), visible=False, elem_id="open-among"))

    def wire(
        self, events: Events, status: Component, view: Sequence[Any], show: Callable[[Event, Chat], Values]
    ) -> None:
        """``show`` gives the values of ``view`` for a conversation, and ``status`` says what was opened."""
        self._status, self._show = status, show
        opening: dict[str, Any] = {"refused": marked("This file was not opened: {error}")}
        shown = [*view, *self._settings.inputs, self.among, self.document]
        saved = [self._kept, self._settings.system, self.export]
        for done in (
            events.on(events.stopped(self.upload.upload), self.open, [self.upload], shown, **opening),
            events.on(events.stopped(self.among.change), self.choose, [self.upload, self.among], shown, **opening),
            events.on(self.export.change, self.save, saved, [self.export, self.document]),
        ):
            done.then(None, self.document, self.document, js=TAKE, **QUIET)

    def open(self, event: Event) -> Values:
        """Opens the file's conversation, or offers those that it holds: the page stays as it is until one is chosen."""
        found = self._read(event)
        if len(found) == 1:
            return self._show_opened(event, found[0]) | {self.among: gr.Dropdown(choices=[], visible=False)}
        choices = [(f"{number}. {one.title}", number) for number, one in enumerate(found, 1)]
        whole = (event.say("All {count:,} conversations", count=len(found)), ALL)
        many = event.say("This file holds {count:,} conversations. Choose the one to open, or all.", count=len(found))
        among = gr.Dropdown(choices=[whole, *choices], value=None, visible=True)
        return {self.among: among, self._status: line(many, "note")}

    def choose(self, event: Event) -> Values:
        """Opens one of the file's conversations. The file is read again, so that the server need not hold it."""
        if event[self.among] is None:  # another file was opened
            return {}
        found, number = self._read(event), event[self.among]
        if not isinstance(number, int) or not 0 <= number <= len(found):
            raise InvalidInput("Choose a conversation from the list.")
        return self._added(event, found) if number == ALL else self._show_opened(event, found[number - 1])

    def _read(self, event: Event) -> list[Opened]:
        try:
            data = Path(event[self.upload] or "").read_bytes()
        except OSError as error:
            raise InvalidInput("The server no longer has this file. Open it again.") from error
        with self._reading:
            return opened(data)

    def _added(self, event: Event, found: Sequence[Opened]) -> Values:
        """All that can be opened goes to the browser's list."""
        good = [one for one in found if one.error is None]
        document = {"as": "add", "conversations": [_entry(one) for one in good]}
        status = line(event.say("{count:,} {count:conversation|conversations} imported.", count=len(good)))
        if missing := len(found) - len(good):
            status += line(event.say("{count:,} could not be imported.", count=missing), "note")
        closed = gr.Dropdown(choices=[], visible=False)
        return {self.document: json.dumps(document, ensure_ascii=False), self._status: status, self.among: closed}

    def _show_opened(self, event: Event, one: Opened) -> Values:
        if one.error is not None:
            raise one.error
        count = len(one.chat.nodes)
        status = line(event.say("Opened a conversation with {count:,} {count:message|messages}.", count=count))
        if one.left_out:
            what = ", ".join(event.say("{part}", part=part) for part in told(one.left_out))
            status += line(event.say("Not shown here: {what}.", what=what), "note")
        shown = self._show(event, replace(one.chat, id=uuid4().hex))  # the one that it was saved from stays what it is
        kept = shown[self._kept] | {"title": one.title, "settings": _settings(one)}
        settings = self._settings.restored(one.about.get("settings"))
        said = {self._kept: kept, self._status: status, self._settings.system: one.system}
        return shown | said | settings

    def save(self, event: Event) -> Values:
        """Tells the browser what to save: it has what is kept."""
        chat, kind = from_browser(event[self._kept]), event[self.export]
        if not kind:
            return {}
        values: Values = {self.export: ""}
        if kind != "all" and not chat.nodes:
            return values | {self._status: line(event.say("There is nothing to export yet."), "note")}
        system = event[self._settings.system] or ""
        text = to_markdown(chat, system, event.say("You"), event.say("Assistant")) if kind == "markdown" else ""
        return values | {self.document: json.dumps({"as": kind, "text": text}, ensure_ascii=False)}


def _entry(one: Opened) -> list[Any]:
    """A conversation as the browser's list takes it: what is said of it, and its messages."""
    return [{**one.about, "id": one.chat.id, "title": one.title, "settings": _settings(one)}, to_browser(one.chat)]


def _settings(one: Opened) -> Any:
    """What it was asked with, as far as the file tells."""
    return one.about.get("settings") or ({"system": one.system} if one.system else None)
