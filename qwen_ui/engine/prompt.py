"""From a conversation to the tokens of a prompt that fits."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError as ChatTemplateError

from qwen_ui.engine.threads import Checkpoint
from qwen_ui.errors import InvalidInput, PromptTooLong
from qwen_ui.messages import Message
from qwen_ui.text.control import control_tokens, disarmed
from qwen_ui.text.pieces import check_ids

MAX_CHARACTERS_PER_TOKEN = 32
"""No text is that dense; what has more characters for the tokens there are is refused before any work is done on it."""
BYTES_PER_TOKEN = 3
"""About as many of UTF-8, in whatever language: for sizes that need not be exact, without tokenizing."""
MESSAGE_TOKENS = 3
"""What a chat template puts around a message, at the least."""
ROOM_QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt's tokens, and how many of the oldest messages had to be left out for it."""

    tokens: list[int]
    dropped: int = 0


class PromptEncoder:
    """Renders conversations with the model's own chat template.

    ``tokenizer`` is a transformers tokenizer with a chat template; ``context`` is in tokens.
    """

    def __init__(self, tokenizer: Any, context: int) -> None:
        self._tokenizer = tokenizer
        self.context = context
        self._markers = control_tokens(tokenizer)

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation, the opening of the answer included."""
        return len(self._encode(messages))

    def encode_answer(self, text: str) -> list[int]:
        """The tokens of a text that was an answer. Raises `PromptTooLong` for one that is far too long."""
        self._check_length(len(text))
        return list(self._tokenizer.encode(self._disarm(text), add_special_tokens=False))

    def fit(
        self,
        messages: Sequence[Message],
        max_new_tokens: int,
        checkpoint: Checkpoint = lambda: None,
        begun: Sequence[int] = (),
    ) -> Prompt:
        """The prompt, and what the answer has begun with, without the oldest turns if it would be too long with them.

        What goes, goes in quarters of the room there is: see `starts_within`. However long the conversation is, what is
        tokenized of it is a small multiple of the context; between its parts the checkpoint is called.
        Raises `InvalidInput` for an empty conversation and `PromptTooLong` when the system prompt and
        the last message alone do not fit.
        """
        head, last = ends(messages)
        self._check_sizes([*messages[:head], *messages[last:]], max_new_tokens, len(begun))
        room = self.context - max_new_tokens - len(begun)
        tokens: list[int] = []
        for start in [*self._starts(messages, head, last, room, checkpoint), last]:
            checkpoint()
            tokens = self._encode([*messages[:head], *messages[start:]])
            if len(tokens) <= room:
                return Prompt([*tokens, *begun], start - head)
        raise PromptTooLong(
            "The text is {size:,} tokens long, and {room:,} fit beside the new tokens asked for (context {context:,}). "
            "Shorten it by about {excess:,} {excess:token|tokens}, or ask for fewer new tokens.",
            size=len(tokens),
            room=room,
            context=self.context,
            excess=len(tokens) - room,
        )

    def _check_sizes(self, needed: Sequence[Message], max_new_tokens: int, begun: int) -> None:
        if max_new_tokens >= self.context:
            raise PromptTooLong(
                "{count:,} new tokens leave no room for a prompt in a context of {context:,}. "
                "Ask for fewer new tokens.",
                count=max_new_tokens,
                context=self.context,
            )
        if begun + max_new_tokens >= self.context:
            raise PromptTooLong(
                "The answer has {begun:,} tokens already, which with {count:,} new ones leave no room for a prompt in "
                "a context of {context:,}. Ask for fewer new tokens.",
                begun=begun,
                count=max_new_tokens,
                context=self.context,
            )
        self._check_length(sum(len(m.whole) for m in needed))

    def _check_length(self, length: int) -> None:
        if length > self.context * MAX_CHARACTERS_PER_TOKEN:
            raise PromptTooLong(
                "The text has {length:,} characters, far more than the context of {context:,} tokens holds. "
                "Shorten it.",
                length=length,
                context=self.context,
            )

    def _starts(
        self, messages: Sequence[Message], head: int, last: int, room: int, checkpoint: Checkpoint
    ) -> list[int]:
        """Where before the last message a prompt may start, but for those starts from where it can't fit."""
        if head == last:
            return []
        turns = messages[head:]
        left = room - sum(self._size(m) for m in messages[:head])
        dropped = len(turns) - self._latest(turns, left, checkpoint)
        return [head + start for start in starts_within(turns, left) if dropped <= start < last - head]

    def _latest(self, turns: Sequence[Message], room: int, checkpoint: Checkpoint) -> int:
        """How many of the latest messages may fit. Those before them are not tokenized."""
        for count, message in enumerate(reversed(turns)):
            checkpoint()
            if len(message.whole) > room * MAX_CHARACTERS_PER_TOKEN:
                return count
            room -= self._size(message)
            if room < 0:
                return count
        return len(turns)

    def _size(self, message: Message) -> int:
        """Tokens that the message takes in a prompt, at the least."""
        return len(self._tokenizer.encode(self._disarm(message.whole), add_special_tokens=False)) + MESSAGE_TOKENS

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        if any(m.role == "text" for m in messages):
            return self._encode_text(messages)
        tools = [self._json(tool) for m in messages for tool in m.tools]
        if tools and "tools" not in str(self._tokenizer.get_chat_template()):
            raise InvalidInput("This model has not learnt to call tools: its chat template knows none.")
        goes_on = bool(messages) and messages[-1].role == "assistant"
        try:
            encoded = self._tokenizer.apply_chat_template(
                [self._rendered(m) for m in messages if m.content or not m.tools],
                tools=tools or None,
                add_generation_prompt=not goes_on,
                continue_final_message=goes_on,
                return_dict=True,
            )
        except ChatTemplateError as error:
            raise InvalidInput("The model's chat template refuses this conversation: {error}", error=error) from error
        return list(encoded["input_ids"])

    def _encode_text(self, messages: Sequence[Message]) -> list[int]:
        """A plain text's tokens: its own ids if it has them. Whoever writes it whole may write markers too."""
        if len(messages) != 1:
            raise InvalidInput("A plain text stands alone: it can't be a message among others.")
        text = messages[0]
        check_ids(self._tokenizer.backend_tokenizer, text.tokens)
        return list(text.tokens) or list(self._tokenizer.encode(text.content))

    def _rendered(self, message: Message) -> dict[str, Any]:
        """As chat templates take it."""
        rendered: dict[str, Any] = {"role": message.role, "content": self._disarm(message.content)}
        if message.calls:
            rendered["tool_calls"] = [
                {"type": "function", "function": {"name": self._disarm(c.name), "arguments": self._json(c.arguments)}}
                for c in message.calls
            ]
        return rendered

    def _json(self, text: str) -> Any:
        """What the JSON says, with the markers broken up, however they are written there."""
        return json.loads(self._disarm(json.dumps(json.loads(text), ensure_ascii=False)))

    def _disarm(self, text: str) -> str:
        """Breaks the markers that the chat template uses up, so that no text can open a turn of its own."""
        return disarmed(text, self._markers)


def ends(messages: Sequence[Message]) -> tuple[int, int]:
    """The first message that is not the system's, and the last of the user's: what is between may be left out.

    Raises `InvalidInput` for an empty conversation.
    """
    if not any(m.content.strip() or m.tokens for m in messages if m.role != "system"):
        raise InvalidInput("The message is empty. Write something first.")
    head = next(i for i, m in enumerate(messages) if m.role != "system")
    return head, max((i for i, m in enumerate(messages) if m.role == "user"), default=head)


def starts_within(turns: Sequence[Message], room: int) -> Iterator[int]:
    """The first message, and the first user message behind each quarter of the room, counted from the beginning.

    So a prompt starts at the same message for several turns, and with it the cache that they share stays good.
    """
    quarter = max(1, room * BYTES_PER_TOKEN // ROOM_QUARTERS)
    passed = offset = 0
    yield 0
    for index, message in enumerate(turns):
        if message.role == "user" and offset // quarter > passed:
            passed = offset // quarter
            yield index
        offset += len(message.content.encode()) + MESSAGE_TOKENS * BYTES_PER_TOKEN
