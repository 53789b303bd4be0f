"""A conversation as the chat tab holds it: kept in the browser, saved to and opened from files, shown."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Usage, conversation
from qwen_ui.text.markdown import as_typed, harmless

MAX_BYTES = 3_000_000
"""Of a conversation as JSON. Browsers keep 5 MB a site, and encrypting makes a third more of it."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The messages so far, without the system prompt."""

    messages: tuple[Message, ...] = ()
    usage: Usage | None = None
    """What the last answer cost."""

    def asking(self, text: str) -> "Chat":
        """With the user's next message. Raises `InvalidInput` when that is not valid text."""
        return Chat((*self.messages, Message("user", text)))

    def answered(self, text: str, usage: Usage | None = None) -> "Chat":
        """With the model's answer; a blank one leaves no message."""
        answer = (Message("assistant", text),) if text.strip() else ()
        return Chat((*self.messages, *answer), usage)

    def up_to(self, index: int) -> "Chat":
        """Only the messages before that place."""
        return Chat(self.messages[:index])

    @property
    def last_answer(self) -> str:
        """The model's last message; empty if there is none."""
        answers = [message.content for message in self.messages if message.role == "assistant"]
        return answers[-1] if answers else ""

    @property
    def last_question(self) -> int | None:
        """The place of the user's last message, None if there is none."""
        return next((i for i in reversed(range(len(self.messages))) if self.messages[i].role == "user"), None)


def to_browser(chat: Chat) -> dict[str, Any]:
    """What the browser keeps."""
    usage = None if chat.usage is None else asdict(chat.usage)
    return {"messages": [asdict(message) for message in chat.messages], "usage": usage}


def from_browser(value: Any) -> Chat:
    """The conversation that the browser kept. Raises `InvalidInput` for what is not one."""
    if value is None:
        return Chat()
    if not isinstance(value, Mapping):
        raise InvalidInput("It is not a conversation.")
    messages = _without_system(conversation(value.get("messages", [])))
    try:
        usage = Usage(**value["usage"]) if value.get("usage") else None
    except TypeError:
        usage = None  # kept by another version of the app: only the line under the answer is missing
    return Chat(tuple(messages), usage)


def fits(chat: Chat) -> bool:
    """Whether a browser can keep it."""
    return len(json.dumps(to_browser(chat), ensure_ascii=False).encode()) <= MAX_BYTES


def to_json(chat: Chat, system: str) -> str:
    """The conversation as a file that `exports.opened` opens again."""
    messages = [Message("system", system)] if system.strip() else []
    document = {"app": "qwen-ui", "version": 1, "messages": [asdict(m) for m in (*messages, *chat.messages)]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def to_markdown(chat: Chat, system: str, you: str, model: str) -> str:
    """The conversation to read, under headings with the two speakers' names."""
    parts = [f"> {line}".rstrip() for line in system.strip().splitlines()]
    head = ["\n".join(parts)] if parts else []
    names = {"user": you, "assistant": model}
    turns = [f"## {names[message.role]}\n\n{message.content.strip()}" for message in chat.messages]
    return "\n\n".join([*head, *turns]) + "\n"


def shown(chat: Chat) -> list[dict[str, Any]]:
    """The messages for gr.Chatbot."""
    return [shown_message(message) for message in chat.messages]


def shown_message(message: Message) -> dict[str, Any]:
    """One message for gr.Chatbot. Its content is a list of parts: a plain string would lose its code's indentation."""
    text = as_typed(message.content) if message.role == "user" else harmless(message.content)
    return {"role": message.role, "content": [{"type": "text", "text": text}]}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the user wants answered."""

    before: Chat
    """The conversation as it was: it comes back if nothing comes of the attempt."""
    asked: Chat
    """The conversation that ends with the message to answer."""
    typed: str | None = None
    """What the user typed for it, to be given back on failure; None if nothing was typed."""


def sending(chat: Chat, text: str) -> Attempt:
    """A new message. Raises `InvalidInput` for a blank or invalid one, and when the chat would grow too large."""
    if not text.strip():
        raise InvalidInput("Write something first.")
    asked = chat.asking(text)
    if not fits(asked):
        raise InvalidInput(
            "This conversation has grown too long to be kept in the browser. Save it and start a new one."
        )
    return Attempt(chat, asked, text)


def retrying(chat: Chat) -> Attempt:
    """The last message again. Raises `InvalidInput` when there is none."""
    place = chat.last_question
    if place is None:
        raise InvalidInput("There is no message to answer.")
    return Attempt(chat, chat.up_to(place + 1))


def editing(chat: Chat, place: int, text: str) -> Attempt:
    """An earlier message in other words; what came after it is dropped. Raises like `sending`."""
    return Attempt(chat, sending(chat.up_to(place), text).asked, text)


def _without_system(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.role != "system"]
