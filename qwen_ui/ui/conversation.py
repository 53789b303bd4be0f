"""A conversation as the chat tab holds it: kept in the browser, saved to and opened from files, shown."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Usage, conversation

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


def last_answer(value: Any) -> str:
    """The last answer in the conversation that the browser kept; empty if there is none."""
    answers = [message.content for message in from_browser(value).messages if message.role == "assistant"]
    return answers[-1] if answers else ""


def fits(chat: Chat) -> bool:
    """Whether a browser can keep it."""
    return len(json.dumps(to_browser(chat), ensure_ascii=False).encode()) <= MAX_BYTES


def to_json(chat: Chat, system: str) -> str:
    """The conversation as a file that `from_json` opens again."""
    messages = [Message("system", system)] if system.strip() else []
    document = {"app": "qwen-ui", "version": 1, "messages": [asdict(m) for m in (*messages, *chat.messages)]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def from_json(data: bytes) -> tuple[Chat, str]:
    """The conversation in a file, and its system prompt ("" if it has none).

    Takes what `to_json` gives, and a bare list of messages. Raises `InvalidInput` for anything else.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"It is larger than {MAX_BYTES // 1_000_000} MB. Open a shorter conversation.")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("It is not a JSON file. Open one that was saved here with “Save as JSON”.") from error
    history = document.get("messages") if isinstance(document, Mapping) else document
    messages = conversation(history)
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    return Chat(tuple(_without_system(messages))), system


def to_markdown(chat: Chat, system: str, you: str, model: str) -> str:
    """The conversation to read, under headings with the two speakers' names."""
    parts = [f"> {line}".rstrip() for line in system.strip().splitlines()]
    head = ["\n".join(parts)] if parts else []
    names = {"user": you, "assistant": model}
    turns = [f"## {names[message.role]}\n\n{message.content.strip()}" for message in chat.messages]
    return "\n\n".join([*head, *turns]) + "\n"


def shown(chat: Chat, answer: str | None = None) -> list[dict[str, Any]]:
    """The messages for gr.Chatbot, with the growing answer last if there is one.

    Each content is a list of parts: a plain string would lose the indentation of its code.
    """
    messages = [*chat.messages, *([Message("assistant", answer)] if answer else [])]
    show = {"user": as_typed, "assistant": harmless}
    return [{"role": m.role, "content": [{"type": "text", "text": show[m.role](m.content)}]} for m in messages]


# What Markdown or HTML would take for more than itself: anywhere, after "www" or a number, or at the start.
_ACTIVE = re.compile(r"[\n\t&<*_`~|\\\[\]$@%]|:(?=//)|(?<=www)\.|^[ #>=+-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.IGNORECASE)


def as_typed(text: str) -> str:
    """The text so that the chatbot, which renders Markdown, shows it exactly as it was typed.

    The page's script knows this four-digit form of entities and turns it back for copying and editing.
    """
    return _ACTIVE.sub(lambda match: _entity(match[0]), text)


# Code as Markdown sees it, fenced or within a paragraph; else what opens HTML (not <https://…>) or an image.
_CODE_OR_ACTIVE = re.compile(
    r"""(?P<fence>^[ ]*(?P<marks>`{3,}|~{3,}))(?P<body>.*?(?:^[ ]*(?P=marks)|\Z))
      | (?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)(?P=ticks)(?!`)
      | (?P<active><(?=[a-zA-Z/!?])(?!https?:)|!(?=\[))""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def plain(shown: str) -> str:
    """The text itself, from what `as_typed` or `harmless` made of it."""
    return re.sub(r"&#(\d{4});", lambda match: chr(int(match[1])), shown)


def harmless(text: str) -> str:
    """A model's Markdown with its HTML shown as text, its images as links and its diagrams as code.

    So nothing that a model writes is fetched or run, whatever the page's security policy catches.
    """
    return _CODE_OR_ACTIVE.sub(_shown_as_text, text)


def _shown_as_text(match: re.Match[str]) -> str:
    if match["active"]:
        return _entity(match[0])
    if match["fence"] and match["body"].startswith("mermaid"):
        return f"{match['fence']} {match['body']}"  # the space keeps it from being drawn
    return match[0]


def _entity(character: str) -> str:
    return f"&#{ord(character):04};"


def _without_system(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.role != "system"]
