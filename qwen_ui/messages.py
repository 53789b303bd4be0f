"""What travels between tabs, tasks and engine: frozen dataclasses, checked when made."""

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence

Role = Literal["system", "user", "assistant", "tool", "text"]
"""A tool's is what a tool that the model has called gave; a text stands alone and is gone on with as it is."""
Ended = Literal["stop", "length", "cancelled"]

ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "ai", "bot", "chatgpt", "bing", "bard", "claude"), "assistant"),
}
"""The roles by the names that programs give them."""

MAX_NEW_TOKENS = 32_768
MAX_STOP_STRINGS = 8
MAX_FORM_CHARACTERS = 65_536

TOOL_CALL = ("<tool_call>", "</tool_call>")
"""What Qwen2.5 writes a call between: an object with name and arguments, in JSON."""

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool to be called."""

    name: str
    arguments: str
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    ``tokens`` are the ids that an assistant's message was generated as, or a text is made of, empty where that is not
    known; two messages that say the same are equal. ``calls`` are the tools that an assistant's message calls;
    ``tools`` those that may be called, of a system message alone: each as OpenAI describes one, in JSON. Raises
    `InvalidInput` for an unknown role, content that is not valid Unicode text, or ids that can't be any.
    """

    role: Role
    content: str
    tokens: tuple[int, ...] = field(default=(), compare=False)
    calls: tuple[ToolCall, ...] = ()
    tools: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise _no_role(self.role)
        if not isinstance(self.content, str):
            raise InvalidInput("A message's content must be text, not {kind}.", kind=type(self.content).__name__)
        try:
            self.content.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                "The text is not valid Unicode at character {number:,}. Remove that character and send again.",
                number=error.start + 1,
            ) from error
        ids = tuple(self.tokens) if isinstance(self.tokens, Sequence) else (None,)
        if not all(type(each) is int and each >= 0 for each in ids):
            raise InvalidInput("A message's tokens must be a list of token ids: whole numbers from 0 on.")
        object.__setattr__(self, "tokens", ids)  # JSON gives a list

    @property
    def whole(self) -> str:
        """All that is said in it, in about as many characters as it takes in a prompt."""
        called = (part for call in self.calls for part in (call.name, call.arguments))
        return "\n".join([self.content, *self.tools, *called]) if self.tools or self.calls else self.content


def said(role: Any, content: Any, tokens: Any = ()) -> Message:
    """A message as people and scripts give it. Raises `InvalidInput` like `Message`, and for roles of programs."""
    if role in ("tool", "text"):
        raise _no_role(role)
    return Message(role, content, tokens)


def _no_role(role: object) -> InvalidInput:
    return InvalidInput("A message's role must be system, user or assistant, not {role!r}.", role=role)


def conversation(history: Any) -> list[Message]:
    """Reads a list of ``{"role", "content"}`` mappings, which may have ``"tokens"`` too.

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
            messages.append(said(item["role"], item["content"], item.get("tokens") or ()))
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
    ``form`` is a JSON schema that the answer fits, unless it is cut; ``seed`` draws the same answer to the same request
    again, as far as the rest of a batch does not change the last digit of a score. Not every engine can do these.
    Raises `InvalidInput` for values outside the ranges below, NaN and infinity included.
    """

    max_new_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20
    stop: tuple[str, ...] = ()
    form: str = ""
    seed: int | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # sliders and JSON give 20.0 for 20
        set_(
            self, "max_new_tokens", _whole(Sentence("Maximum length (tokens)"), self.max_new_tokens, 1, MAX_NEW_TOKENS)
        )
        set_(self, "top_k", _whole(Sentence("Top-k"), self.top_k, 0, 1000))
        _number(Sentence("Temperature"), self.temperature, 0, 5)
        _number(Sentence("Top-p"), self.top_p, 0, 1)
        if self.top_p == 0:
            raise InvalidInput("Top-p must be above 0. For the most likely token every time, set temperature to 0.")
        if len(self.stop) > MAX_STOP_STRINGS or not all(isinstance(s, str) and s for s in self.stop):
            raise InvalidInput("Stop strings must be up to {limit} non-empty texts.", limit=MAX_STOP_STRINGS)
        if len(self.form) > MAX_FORM_CHARACTERS:
            raise InvalidInput("A JSON schema may have up to {limit:,} characters.", limit=MAX_FORM_CHARACTERS)

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
    The last chunk of a stream carries the ``usage``. ``tokens`` are the ids whose text is whole with this chunk,
    without the one that ends the turn; those of all chunks make up the text, but for a stop string that the last one
    may go on into.
    """

    text: str = ""
    position: int | None = None
    usage: Usage | None = None
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer so far: the chunks of a stream, put together."""

    text: str = ""
    position: int | None = None
    """In the queue, while the request waits there."""
    usage: Usage | None = None
    """Set once the answer is whole."""
    tokens: tuple[int, ...] = ()
    """All ids so far: what it was generated as."""

    def grown(self, chunk: Chunk) -> "Answer":
        """The answer with the chunk's news."""
        return Answer(self.text + chunk.text, chunk.position, chunk.usage, self.tokens + chunk.tokens)


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have come at a place, and how probable the model holds it there."""

    token: str
    """As the reader sees it; what is a part of a character shows as its bytes do, such as ``<0xE4>``."""
    id: int
    probability: float


@dataclass(frozen=True, slots=True)
class TokenLook:
    """A token of a text: how probable the model held it after what came before it, and what else could have come.

    The probabilities are the model's own, before temperature, top-k and top-p.
    """

    token: str
    """As in `Alternative`."""
    id: int
    probability: float | None
    """None for the first token of a plain text, which comes after nothing."""
    rank: int | None
    """1 for the likeliest."""
    alternatives: tuple[Alternative, ...]
    """The likeliest, best first; the token itself may be one of them."""


def text_of(tokens: Sequence[str]) -> str:
    """The text that tokens make up which are written as in `TokenLook`.

    Bytes that make no character become U+FFFD, as tokenizers have it.
    """
    return b"".join(map(bytes_of, tokens)).decode(errors="replace")


def bytes_of(token: str) -> bytes:
    """The UTF-8 that a token written as in `TokenLook` stands for, which may be a part of a character."""
    return _BYTE.sub(lambda byte: _escaped(int(byte[1], 16)), token).encode(errors="surrogateescape")


def _escaped(byte: int) -> str:
    """The byte in a text, as "surrogateescape" encodes it."""
    return chr(byte if byte < 0x80 else 0xDC00 + byte)
