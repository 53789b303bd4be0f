"""What travels between tabs, tasks and engine: frozen dataclasses, checked when made."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence

Role = Literal["system", "user", "assistant"]
Ended = Literal["stop", "length", "cancelled"]

ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "ai", "bot", "chatgpt", "bing", "bard", "claude"), "assistant"),
}
"""The roles by the names that programs give them."""

MAX_NEW_TOKENS = 32_768
MAX_STOP_STRINGS = 8


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Raises `InvalidInput` for an unknown role, or content that is not valid Unicode text.
    """

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InvalidInput("A message's role must be system, user or assistant, not {role!r}.", role=self.role)
        if not isinstance(self.content, str):
            raise InvalidInput("A message's content must be text, not {kind}.", kind=type(self.content).__name__)
        try:
            self.content.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                "The text is not valid Unicode at character {number:,}. Remove that character and send again.",
                number=error.start + 1,
            ) from error


def conversation(history: Any) -> list[Message]:
    """Reads a list of ``{"role", "content"}`` mappings.

    Raises `InvalidInput`, naming the place in the list, when it has another shape.
    """
    if not isinstance(history, Sequence) or isinstance(history, str | bytes):
        raise InvalidInput('The history must be a list of {{"role", "content"}} objects.')
    messages = []
    for number, item in enumerate(history, 1):
        if not isinstance(item, Mapping) or not {"role", "content"} <= item.keys():
            raise InvalidInput(
                'Entry {number:,} of the history must be an object with "role" and "content".', number=number
            )
        try:
            messages.append(Message(item["role"], item["content"]))
        except InvalidInput as error:
            raise InvalidInput("Entry {number:,} of the history: {error}", number=number, error=error) from error
    return messages


def _number(name: Sentence, value: Any, low: float, high: float) -> None:
    """Refuses what is not a number within [low, high]; NaN is in no range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(
            "{name} must be a number from {low:g} to {high:g}, not {value}.",
            name=name,
            low=low,
            high=high,
            value=reprlib.repr(value),
        )


def _whole(name: Sentence, value: Any, low: int, high: int) -> int:
    """The value as an int; refuses fractions and what is outside [low, high]."""
    _number(name, value, low, high)
    if int(value) != value:
        raise InvalidInput("{name} must be a whole number, not {value:g}.", name=name, value=value)
    return int(value)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to pick tokens. The defaults are Qwen2.5-Instruct's own (generation_config.json).

    ``temperature=0`` is greedy. ``top_k=0`` switches top-k off, ``top_p=1`` switches top-p off.
    Generation ends before the first of the ``stop`` strings; they are not part of the text.
    Raises `InvalidInput` for values outside the ranges below, NaN and infinity included.
    """

    max_new_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # sliders and JSON give 20.0 for 20
        set_(self, "max_new_tokens", _whole(Sentence("New tokens"), self.max_new_tokens, 1, MAX_NEW_TOKENS))
        set_(self, "top_k", _whole(Sentence("Top-k"), self.top_k, 0, 1000))
        _number(Sentence("Temperature"), self.temperature, 0, 5)
        _number(Sentence("Top-p"), self.top_p, 0, 1)
        if self.top_p == 0:
            raise InvalidInput("Top-p must be above 0. For the most likely token every time, set temperature to 0.")
        if len(self.stop) > MAX_STOP_STRINGS or not all(isinstance(s, str) and s for s in self.stop):
            raise InvalidInput("Stop strings must be up to {limit} non-empty texts.", limit=MAX_STOP_STRINGS)

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a finished generation cost. Comes on the last chunk of a stream."""

    prompt_tokens: int
    new_tokens: int
    reused_tokens: int
    """Prompt tokens whose cache was there already from an earlier request."""
    seconds_to_first_token: float
    """From the request to the first token, the wait in the queue included."""
    tokens_per_second: float
    """New tokens after the first, divided by the seconds they took; 0 for a single token."""
    ended: Ended
    context_length: int
    dropped_messages: int = 0
    """The oldest messages that were left out so that the conversation fits into the context."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream.

    ``text`` is new text, made of whole characters (grapheme clusters). While the request waits for its turn
    ``position`` is its position in the queue, counted from 1, and there is no text.
    The last chunk of a stream carries the ``usage``.
    """

    text: str = ""
    position: int | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer so far: the chunks of a stream, put together."""

    text: str = ""
    position: int | None = None
    """In the queue, while the request waits there."""
    usage: Usage | None = None
    """Set once the answer is whole."""

    def grown(self, chunk: Chunk) -> "Answer":
        """The answer with the chunk's news."""
        return Answer(self.text + chunk.text, chunk.position, chunk.usage)
