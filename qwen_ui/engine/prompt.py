"""From a conversation to the tokens of a prompt that fits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError as ChatTemplateError

from qwen_ui.errors import InvalidInput, PromptTooLong
from qwen_ui.messages import Message

MAX_CHARACTERS_PER_TOKEN = 32
"""No text is that dense; more than context * this is refused before any work is done on it."""

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
        self._context = context
        self._markers = [m for m in {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()} if len(m) > 1]

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation, the opening of the answer included."""
        return len(self._encode(messages))

    def fit(self, messages: Sequence[Message], max_new_tokens: int) -> Prompt:
        """The prompt, without the oldest turns if it would be too long with them.

        What goes, goes in quarters of the room there is: so the beginning stays the same over
        several turns, and with it the cache that they share.
        Raises `InvalidInput` for an empty conversation and `PromptTooLong` when the system prompt and
        the last message alone do not fit.
        """
        self._check(messages)
        room = self._context - max_new_tokens
        if room < 1:
            raise PromptTooLong(
                f"{max_new_tokens} new tokens leave no room for a prompt in a context of {self._context}. "
                "Ask for fewer new tokens."
            )
        tokens = self._encode(messages)
        if len(tokens) <= room:
            return Prompt(tokens)
        return self._without_oldest(messages, len(tokens), room)

    def _check(self, messages: Sequence[Message]) -> None:
        if not any(m.content.strip() for m in messages if m.role != "system"):
            raise InvalidInput("The message is empty. Write something first.")
        longest = max(len(m.content) for m in messages)
        if longest > self._context * MAX_CHARACTERS_PER_TOKEN:
            raise PromptTooLong(
                f"The text has {longest:,} characters, far more than the context of {self._context:,} tokens holds. "
                "Shorten it."
            )

    def _without_oldest(self, messages: Sequence[Message], size: int, room: int) -> Prompt:
        head = next((i for i, m in enumerate(messages) if m.role != "system"), 0)
        starts = [i for i in range(head + 1, len(messages)) if messages[i].role == "user"]
        quarter = max(1, room // ROOM_QUARTERS)
        goal = size - math.ceil((size - room) / quarter) * quarter
        for start in starts:
            tokens = self._encode([*messages[:head], *messages[start:]])
            if len(tokens) <= goal or (start == starts[-1] and len(tokens) <= room):
                return Prompt(tokens, start - head)
        raise self._too_long(messages, head, room)

    def _too_long(self, messages: Sequence[Message], head: int, room: int) -> PromptTooLong:
        last = max((i for i, m in enumerate(messages) if m.role == "user"), default=head)
        size = self.count([*messages[:head], *messages[max(last, head) :]])
        return PromptTooLong(
            f"The text is {size:,} tokens long, and {room:,} fit beside the new tokens asked for "
            f"(context {self._context:,}). Shorten it by about {size - room:,} tokens, or ask for fewer new tokens."
        )

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        goes_on = bool(messages) and messages[-1].role == "assistant"
        try:
            encoded = self._tokenizer.apply_chat_template(
                [{"role": m.role, "content": self._disarm(m.content)} for m in messages],
                add_generation_prompt=not goes_on,
                continue_final_message=goes_on,
                return_dict=True,
            )
        except ChatTemplateError as error:
            raise InvalidInput(f"The model's chat template refuses this conversation: {error}") from error
        return list(encoded["input_ids"])

    def _disarm(self, text: str) -> str:
        """Breaks the markers that the chat template uses up, so that no text can open a turn of its own."""
        for marker in self._markers:
            if marker in text:
                text = text.replace(marker, marker[0] + "\u200b" + marker[1:])  # a zero-width space
        return text
