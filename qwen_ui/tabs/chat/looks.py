"""What is looked into beside the conversation: an answer's tokens, and how sure the model is of it."""

from collections.abc import AsyncGenerator, Callable

import gradio as gr

from qwen_ui.engine.base import Engine
from qwen_ui.messages import TokenLook
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Run
from qwen_ui.page.status import line
from qwen_ui.page.token_panel import TokenPanel
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.chat import given, task, turns
from qwen_ui.tabs.chat.bars import bars
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.settings import ChatSettings
from qwen_ui.tabs.chat.sure import Sureness, how_sure

NOTE = Sentence("Choose another token to continue the answer from there. This version is kept.")
EVERY = 0.5
"""Seconds between two updates of how sure the model is: the bars change only when an answer is whole."""


class Looks:
    """The panel below the conversation, made where this is called. `wire` connects it."""

    def __init__(self, app: App, settings: ChatSettings) -> None:
        self._settings = settings
        self.panel = TokenPanel(app, "chat-looks")

    def wire(self, rows: gr.HTML, kept: gr.HTML, chat: Callable[[Event], Chat]) -> None:
        """``rows`` are those under the messages, ``chat`` gives the conversation as it is."""
        self._chat = chat
        asked = [kept, *self._settings.inputs]
        self.panel.events.run(rows.click, self._looking, asked, self.panel.shown)
        self.panel.events.run(rows.submit, self._asking, asked, self.panel.shown)
        self.panel.wire()

    def _looking(self, event: Event) -> Run[list[TokenLook]]:
        """Looks at the tokens of an answer."""
        id, chat = turns.chosen(event.data), self._chat(event)
        passages = chat.answer(id).passages
        opening = task.opening(event[self._settings.system] or "")
        return self.panel.looking(
            event.say,
            lambda engine: [*opening, *given.messages(chat, id, engine.info.model, passages)],
            str(id),
            NOTE,
            self._settings.adapter(event),
        )

    def _asking(self, event: Event) -> Run[Sureness]:
        """Has the question of an answer answered several times more, to see how many of them agree."""
        id, chat = turns.chosen(event.data), self._chat(event)
        node = chat.answer(id)
        system, adapter = event[self._settings.system] or "", self._settings.adapter(event)

        def ask(engine: Engine) -> AsyncGenerator[Sureness, None]:
            asked = given.messages(chat, node.after, engine.info.model, node.passages)
            return how_sure(engine, asked, system, node.message.content, adapter)

        def status(sureness: Sureness, running: bool) -> str:
            return line(event.say("Asking the model again, several times…"), "busy") if running else ""

        return Run(
            ask,
            lambda sureness, running: {self.panel.more: bars(sureness, event.say)},
            status,
            lambda sureness: bool(sureness.groups),
            begun=self.panel.opened(event.say("Asking the model again, several times…")),
            undone=self.panel.closed(),
            every=EVERY,
        )
