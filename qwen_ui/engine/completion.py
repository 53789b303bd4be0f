"""One completion while it grows: from tokens to text, when it ends, and what it cost."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from qwen_ui.engine.prompt import Prompt
from qwen_ui.engine.text import TextStream
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Chunk, Ended, Usage
from qwen_ui.text.pieces import check_ids


class Completion:
    """Takes the tokens of one generation as they come. Made when it is asked for: its clock starts then.

    ``tokenizer`` is a `tokenizers.Tokenizer`; ``eos`` are the tokens that end it, ``stop`` the texts that do.
    """

    def __init__(self, tokenizer: Any, eos: Collection[int], stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._eos = eos
        self._text = TextStream(tokenizer, stop)
        self._started = time.monotonic()
        self._times: list[float] = []
        self._sure = ""
        self.complete = False
        """Whether the model ended it, or a stop text was met."""

    @property
    def tokens(self) -> int:
        """How many tokens came."""
        return len(self._times)

    def begin(self, tokens: Sequence[int]) -> None:
        """Lets it begin with tokens that are not counted. Raises `InvalidInput` for ids that can't begin an answer."""
        check_ids(self._tokenizer, tokens)
        if any(token in self._eos for token in tokens[:-1]):
            raise InvalidInput("An answer can't go on after the token that ends it: leave that out, or what is behind.")
        self._push(tokens)

    def take(self, tokens: Sequence[int]) -> None:
        """The next tokens have come."""
        self._times.extend([time.monotonic()] * len(tokens))
        self._push(tokens)

    def chunk(self) -> Chunk:
        """The text that has become sure since the last one, often none, with the tokens that it is made of."""
        text, self._sure = self._sure, ""
        return Chunk(text, tokens=self._text.tokens())

    def last(self, usage: Usage) -> Chunk:
        """All that is left, and what it cost."""
        self._sure += self._text.finish()
        return replace(self.chunk(), usage=usage)

    def _push(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            if token not in self._eos and not self._text.stopped:
                self._sure += self._text.push(token)
        self.complete = self._text.stopped or (bool(tokens) and tokens[-1] in self._eos)

    def usage(self, prompt: Prompt, ended: Ended, context_length: int, reused: int = 0) -> Usage:
        """What it cost."""
        times = self._times
        seconds = times[-1] - times[0] if len(times) > 1 else 0.0
        return Usage(
            prompt_tokens=len(prompt.tokens),
            new_tokens=len(times),
            reused_tokens=reused,
            seconds_to_first_token=(times[0] if times else time.monotonic()) - self._started,
            tokens_per_second=(len(times) - 1) / seconds if seconds else 0.0,
            ended=ended,
            context_length=context_length,
            dropped_messages=prompt.dropped,
        )


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Ids of the tokens that end a completion: what the model, its generation config and its tokenizer name."""
    named = [model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id]
    markers = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    ids = {i for value in named for i in (value if isinstance(value, list) else [value]) if i is not None}
    return ids | {i for i in markers if i is not None and i != tokenizer.unk_token_id}
