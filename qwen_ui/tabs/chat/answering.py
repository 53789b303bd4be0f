"""How answers come onto the page of the Chat tab, several at once if they are wanted."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from html import escape
from typing import Any

import gradio as gr

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.page import passages, token_view
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.page.status import finished, line, progress, statistics
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat import task, turns
from qwen_ui.tabs.chat.conversation import (
    Attempt,
    anchors,
    branching,
    continuing,
    from_browser,
    shown_message,
    to_browser,
)
from qwen_ui.tabs.chat.nodes import Chat, Node
from qwen_ui.tabs.chat.settings import ChatSettings
from qwen_ui.tabs.chat.writing import Reply, Wish, Writing

SEARCHED = marked("The attachments are longer than the context, so they were searched.")
NONE_FOUND = marked("The attachments are longer than the context, so they were searched: no passage fits the message.")
KEEP_EVERY = 3.0
"""Seconds between two savings of unfinished answers, for whoever reloads the page in the middle of them."""


class Shown:
    """The messages as the chatbot gets them, and what stands below them; what does not grow is made once."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._whole: dict[int, dict[str, Any]] = {}
        self._below: dict[int, str] = {}

    def messages(self, chat: Chat, writing: Writing | None = None) -> list[dict[str, Any]]:
        """Those on the shown path; an answer that has no words yet is none."""
        answers = writing.answers if writing else {}
        said = [(id, chat.nodes[id]) for id in chat.path if chat.nodes[id].message.content.strip()]
        return [shown_message(id, node) if id in answers else self._of(id, node) for id, node in said]

    def _of(self, id: int, node: Node) -> dict[str, Any]:
        if id not in self._whole:
            self._whole[id] = shown_message(id, node)
        return self._whole[id]

    def below(self, chat: Chat, id: int) -> str:
        """The passages that an answer was given, as HTML; empty where it was given none."""
        node = chat.nodes[id]
        if node.passages is None:
            return ""
        if id not in self._below:
            question = chat.nodes[node.after].message.content if node.after is not None else ""
            cards = passages.cards(anchors(id), question, node.passages, self._say)
            _, cited = passages.linked(node.message.content, anchors(id), len(cards))
            listed = passages.listed(cards, cited, self._say)
            self._below[id] = f'<p class="searched">{escape(self._say(SEARCHED if cards else NONE_FOUND))}</p>{listed}'
        return self._below[id]


class Answering:
    """What is written for each session, and the widgets that show it."""

    def __init__(
        self,
        app: App,
        settings: ChatSettings,
        kept: gr.HTML,
        chatbot: gr.Chatbot,
        status: gr.HTML,
        box: gr.Textbox,
    ) -> None:
        self._app, self._settings = app, settings
        self._kept, self._chatbot, self._status, self._box = kept, chatbot, status, box
        self._turns = turns.turns(elem_id="chat-turns")
        self._writings: dict[str, Writing] = {}

    @property
    def turns(self) -> gr.HTML:
        """The rows under the messages."""
        return self._turns

    @property
    def view(self) -> list[Any]:
        """What shows a conversation."""
        return [self._chatbot, self._kept, self._turns, self._status, self._box]

    def chat(self, event: Event) -> Chat:
        """The conversation as it is now, with what is being written."""
        writing = self._writings.get(event.session)
        return writing.chat if writing else from_browser(event[self._kept])

    def show(self, event: Event, chat: Chat) -> Values:
        """A conversation that nothing is written for."""
        return self._shown(event, chat, Shown(event.say)) | {self._kept: to_browser(chat), self._status: ""}

    def _shown(self, event: Event, chat: Chat, shown: Shown) -> Values:
        rows = turns.rows(chat, event.say, shown.below, can_look=self._app.can_look)
        return {self._chatbot: shown.messages(chat), self._turns: rows}

    def answering(
        self, event: Event, begin: Callable[[Chat], Attempt], begun: Values | None = None, undone: Values | None = None
    ) -> Run[Writing]:
        """Answers what an attempt asks. ``begun`` is what else is shown then, ``undone`` if nothing comes of it."""
        attempt = begin(from_browser(event[self._kept]))
        wish = Wish(attempt.asked.path[-1], self._reply(event))
        boxes: tuple[Values, Values] = (begun or {}, undone or {})
        if attempt.typed is not None:
            boxes = ({self._box: "", **boxes[0]}, {self._box: attempt.typed, **boxes[1]})
        return self._run(event, Writing(attempt.asked, wish), attempt, *boxes)

    def branching(self, event: Event) -> Run[Writing]:
        """Writes an answer anew from a token on that was chosen in the place of its own."""
        chat = from_browser(event[self._kept])
        wish = self._wish(event, chat)
        return self._run(event, Writing(chat, wish), branching(chat), {}, {})

    async def branching_too(self, event: Event) -> Values:
        """The same, while other answers are being written."""
        writing = self._writings.get(event.session)
        if writing is None:  # it is about to begin, or has just ended
            raise InvalidInput("An answer is being written. Stop it first, or wait for its end.")
        writing.ask(self._wish(event, writing.chat))
        return {}

    async def turned(self, event: Event) -> Values:
        """Shows another version of a message."""
        id, writing = turns.chosen(event.data), self._writings.get(event.session)
        if writing is not None:
            writing.show(id)  # the run shows it
            return {}
        chat = from_browser(event[self._kept]).showing(id)
        return self.show(event, chat) | {self._status: statistics(chat.usage, event.say) if chat.usage else ""}

    async def pruned(self, event: Event) -> Values:
        """Without a version of a message, and what follows it."""
        return self.show(event, self._at_rest(event).without(turns.chosen(event.data)))

    async def forked(self, event: Event) -> Values:
        """A conversation of its own, of what leads to a message."""
        fork = self._at_rest(event).fork(turns.chosen(event.data))
        return self.show(event, fork) | {self._kept: self._kept_of(event, fork)}

    def _at_rest(self, event: Event) -> Chat:
        """The conversation. Raises `InvalidInput` while something is written for it."""
        if event.session in self._writings:
            raise InvalidInput("An answer is being written. Stop it first, or wait for its end.")
        return from_browser(event[self._kept])

    def continuing(self, event: Event) -> Run[Writing]:
        """Goes on with an answer that reached its limit."""
        id, chat = turns.chosen(event.data), from_browser(event[self._kept])
        node = chat.answer(id)
        known = self._reply(event, node.message.tokens)

        def reply(engine: Engine, chat: Chat, after: int | None) -> AsyncGenerator[task.Result, None]:
            if not node.message.tokens or engine.info.model != node.model:
                raise InvalidInput(
                    "Another model wrote this answer, so it can't be continued. Send “continue” instead."
                )
            return known(engine, chat, after)

        attempt = continuing(chat, id)
        return self._run(event, Writing(attempt.asked, Wish(node.after, reply, instead=id)), attempt, {}, {})

    def _kept_of(self, event: Event, chat: Chat) -> dict[str, Any]:
        """What the browser keeps, with what it is asked with."""
        return to_browser(chat) | {"settings": self._settings.now(event)}

    def _wish(self, event: Event, chat: Chat) -> Wish:
        choice = token_view.chosen(event.data)
        id = int(choice.subject) if choice.subject.isdecimal() else -1  # no message has that one
        return Wish(chat.answer(id).after, self._reply(event, choice.begun))

    def _reply(self, event: Event, begun: tuple[int, ...] = ()) -> Reply:
        """Answers as the settings say now."""
        system, sampling = event[self._settings.system] or "", self._settings.sampling(event)
        adapter = self._settings.adapter(event)
        return lambda engine, chat, after: task.answer(engine, chat, after, system, sampling, adapter, begun)

    def _run(self, event: Event, writing: Writing, attempt: Attempt, begun: Values, undone: Values) -> Run[Writing]:
        shown, kept_at, rows = Shown(event.say), time.monotonic(), ""

        def show(writing: Writing, running: bool) -> Values:
            nonlocal kept_at, rows
            chat = writing.chat if running else writing.kept()
            values: Values = {self._chatbot: shown.messages(chat, writing)}
            now = turns.rows(chat, event.say, shown.below, writing.growing, self._app.can_look)
            if now != rows or not running:
                rows = values[self._turns] = now
            if not running or time.monotonic() - kept_at > KEEP_EVERY:
                kept_at = time.monotonic()
                values[self._kept] = to_browser(writing.kept())  # settings may have been changed meanwhile
            return values

        asked, before = attempt.asked, attempt.before
        return Run(
            lambda engine: self._known(event.session, writing, engine),
            show,
            lambda writing, running: status(writing, event.say, running),
            lambda writing: writing.said,
            begun=self._shown(event, asked, shown) | {self._kept: self._kept_of(event, writing.kept())} | begun,
            undone=self._shown(event, before, shown) | {self._kept: to_browser(before)} | undone,
        )

    async def _known(self, session: str, writing: Writing, engine: Engine) -> AsyncGenerator[Writing, None]:
        """Writes, and lets the session's other events know of it."""
        self._writings[session] = writing
        try:
            async with aclosing(writing.run(engine)) as news:
                async for now in news:
                    yield now
        finally:
            del self._writings[session]


def status(writing: Writing, say: Say, running: bool) -> str:
    """The status line for what is written."""
    if not running:
        return finished(writing.shown, say)
    errors = [error for error in writing.errors if isinstance(error, QwenUIError)]  # others are told at the end
    broken = "".join(line(say("The answer broke off: {error}", error=error), "error") for error in errors)
    if len(writing.growing) > 1:
        return line(say("Writing {count} answers…", count=len(writing.growing)), "busy") + broken
    if writing.searching:
        return line(say("Searching the attachments…"), "busy") + broken
    growing = next((writing.answers[id] for id in writing.growing), writing.shown)
    return progress(growing, say) + broken
