"""What is looked into beside the conversation: an answer's tokens, and how sure the model is of it."""

from collections.abc import Callable

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import TokenLook
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Run
from qwen_ui.page.token_panel import TokenPanel
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.chat import task, turns
from qwen_ui.tabs.chat.nodes import Chat, Node
from qwen_ui.tabs.chat.settings import ChatSettings

NOTE = Sentence("Choose another token, and the answer goes on from there: this one stays beside it.")


class Looks:
    """The panel below the conversation, made where this is called. `wire` connects it."""

    def __init__(self, app: App, settings: ChatSettings) -> None:
        self._settings = settings
        self.panel = TokenPanel(app, "chat-looks")

    def wire(self, rows: gr.HTML, kept: gr.BrowserState, chat: Callable[[Event], Chat]) -> None:
        """``rows`` are those under the messages, ``chat`` gives the conversation as it is."""
        self._chat = chat
        self.panel.events.run(rows.click, self._looking, [kept, *self._settings.inputs], self.panel.shown)
        self.panel.wire()

    def _looking(self, event: Event) -> Run[list[TokenLook]]:
        """Looks at the tokens of an answer."""
        id, chat = turns.chosen(event.data), self._chat(event)
        _answer(chat, id)
        opening = task.opening(event[self._settings.system] or "")
        return self.panel.looking(
            event.say,
            lambda engine: [*opening, *chat.prompt(id, engine.info.model)],
            str(id),
            NOTE,
            self._settings.adapter(event),
        )


def _answer(chat: Chat, id: int) -> Node:
    node = chat.nodes.get(id)
    if node is None or node.message.role != "assistant":
        raise InvalidInput("This message is no longer there.")
    return node
