"""What is looked into beside the conversation: an answer's tokens, and how sure the model is of it."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import gradio as gr

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import TokenLook
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Run, Values
from qwen_ui.page.status import line
from qwen_ui.page.token_view import TOP, looked, token_view
from qwen_ui.page.words import label
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.chat import task, turns
from qwen_ui.tabs.chat.nodes import Chat, Node
from qwen_ui.tabs.chat.settings import ChatSettings

NOTE = Sentence("Choose another token to have the answer go on from there: this one stays beside it.")


class Looks:
    """The panel below the conversation, made where this is called. `wire` connects it."""

    def __init__(self, app: App, settings: ChatSettings) -> None:
        self._app, self._settings = app, settings
        with gr.Column(visible=False, elem_id="chat-looks", elem_classes="chat-panel") as self._panel:
            self.tokens = token_view(elem_id="chat-tokens")
            self._sure = gr.HTML(padding=False, elem_id="chat-sure")
            with gr.Row(elem_id="chat-looks-foot"):
                self._stop = gr.Button(
                    label("Stop"), variant="stop", size="sm", visible=False, elem_id="chat-looks-stop"
                )
                self._close = gr.Button(label("Close"), size="sm", elem_id="chat-looks-close")
        self._status = gr.HTML(padding=False, elem_id="chat-looks-status")

    def wire(self, rows: gr.HTML, kept: gr.BrowserState, chat: Callable[[Event], Chat]) -> None:
        """``rows`` are those under the messages, ``chat`` gives the conversation as it is."""
        self._chat = chat
        events = Events(self._app, "look", self._status, Buttons([], self._stop))
        asked, shown = [kept, *self._settings.inputs], [self._panel, self.tokens, self._sure]
        events.run(rows.click, self._looking, asked, shown)
        events.stop()
        events.on(events.stopped(self._close.click), lambda event: self._closed(), (), [*shown, self._status])

    @property
    def parts(self) -> list[Any]:
        """What `close` changes."""
        return [self._panel, self.tokens, self._sure]

    def close(self) -> Values:
        """Puts the panel away."""
        return {self._panel: gr.Column(visible=False), self.tokens: "", self._sure: ""}

    def _closed(self) -> Values:
        return self.close() | {self._status: ""}

    def _begun(self, said: str) -> Values:
        return {self._panel: gr.Column(visible=True), self.tokens: "", self._sure: "", self._status: line(said, "busy")}

    def _looking(self, event: Event) -> Run[list[TokenLook]]:
        """Looks at the tokens of an answer."""
        id, chat = turns.chosen(event.data), self._chat(event)
        self._answer(chat, id)
        adapter, opening = self._settings.adapter(event), task.opening(event[self._settings.system] or "")

        async def look(engine: Engine) -> AsyncGenerator[list[TokenLook], None]:
            messages = [*opening, *chat.prompt(id, engine.info.model)]
            yield await engine.tokens(messages=messages, top=TOP, adapter=adapter)

        return Run(
            look,
            lambda looks, running: {} if running else {self.tokens: looked(looks, str(id), event.say, NOTE)},
            lambda looks, running: "",
            bool,
            begun=self._begun(event.say("Looking at the tokens…")),
        )

    def _answer(self, chat: Chat, id: int) -> Node:
        node = chat.nodes.get(id)
        if node is None or node.message.role != "assistant":
            raise InvalidInput("This message is no longer there.")
        return node
