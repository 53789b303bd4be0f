"""What is done with the GPU. A job travels to another process and its results travel back: all of it can be pickled."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import DynamicCache, LogitsProcessorList
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from qwen_ui.adapters.files import Base
from qwen_ui.engine.given import Given
from qwen_ui.engine.local.adapters import AdapterLayers
from qwen_ui.engine.local.likelihoods import likelihoods
from qwen_ui.engine.local.looking import look
from qwen_ui.engine.local.sampler import Own
from qwen_ui.engine.local.scoring import Row, score
from qwen_ui.engine.looking import Looked, Place
from qwen_ui.messages import Sampling

LONGEST_SECONDS = 120
"""The most that is asked for at once. A visitor can only have what is left of their daily quota, minutes in all."""
START_SECONDS = 10
"""What it may take until a new process has the weights on its GPU."""
LATE_SECONDS = 5
"""How long before the end of its time an answer is cut; where the start was quick, the rest of its time is left."""
PROMPT_TOKENS_PER_SECOND = 2000
NEW_TOKENS_PER_SECOND = 25
"""Cautious: for a 7B model in bf16 on one stream; Qwen measured 40 on an A100 with the same kind of loop."""


class Job(Protocol):
    """Work for the GPU."""

    @property
    def seconds(self) -> int:
        """How long the GPU is asked for."""

    def run(self, model: Any) -> Iterator[Any]:
        """Does it, giving out each result as soon as it is there."""


def seconds_for(prompt_tokens: int, new_tokens: int = 0) -> int:
    """How long the GPU is asked for, for that many tokens: bounded, and never less than it needs to begin."""
    work = prompt_tokens / PROMPT_TOKENS_PER_SECOND + new_tokens / NEW_TOKENS_PER_SECOND
    return min(LONGEST_SECONDS, START_SECONDS + 1 + int(work))


@dataclass(frozen=True, slots=True)
class Adapted:
    """An adapter to compute with. It is read anew for each job: what a process had in memory ends with it."""

    folder: Path
    base: Base

    @contextmanager
    def on(self, model: Any) -> Iterator[None]:
        """Computes with it for as long as the context lasts."""
        layers = AdapterLayers(model, self.base)
        layers.load(1, self.folder, layers.parts(self.folder))
        try:
            with layers.all_tokens(1):
                yield
        finally:
            layers.remove()


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer. Its results are its tokens, one by one."""

    prompt: list[int]
    sampling: Sampling
    eos: frozenset[int]
    adapter: Adapted | None = None

    @property
    def seconds(self) -> int:
        """How long the GPU is asked for."""
        return seconds_for(len(self.prompt), self.sampling.max_new_tokens)

    def run(self, model: Any) -> Iterator[int]:
        """Its tokens: see `_tokens`."""
        with self.adapter.on(model) if self.adapter else nullcontext():
            yield from self._tokens(model)

    @torch.inference_mode()
    def _tokens(self, model: Any) -> Iterator[int]:
        """Generates until a token of ``eos``, as many tokens as asked for, or the end of the time.

        A GPU that is kept for longer than asked for is taken away, and the answer's end with it: better a cut answer.
        """
        deadline = time.monotonic() + self.seconds - LATE_SECONDS
        cache, pick = DynamicCache(config=model.config), picker(self.sampling)
        ids = torch.tensor([self.prompt], device=model.device)
        for _ in range(self.sampling.max_new_tokens):
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
            token = int(pick(logits.float()))
            yield token
            if token in self.eos or time.monotonic() > deadline:
                return
            ids = torch.tensor([[token]], device=model.device)


def picker(sampling: Sampling) -> Callable[[torch.Tensor], torch.Tensor]:
    """From the next token's scores (1, vocabulary) to the token."""
    if sampling.greedy:
        return lambda scores: scores.argmax(dim=-1)
    warp: Any = LogitsProcessorList([TemperatureLogitsWarper(float(sampling.temperature))])
    if sampling.top_k:
        warp.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warp.append(TopPLogitsWarper(float(sampling.top_p)))
    none = torch.empty(1, 0, dtype=torch.long)  # what came before does not matter to any of them
    if sampling.seed is not None:
        draw = Own(None, sampling.seed).draw
        return lambda scores: torch.tensor(draw(warp(none, scores)[0].softmax(dim=-1)))
    return lambda scores: warp(none, scores).softmax(dim=-1).multinomial(1)


@dataclass(frozen=True, slots=True)
class Scoring:
    """How probable continuations are. Its one result has a list a row, with a number a continuation."""

    rows: Sequence[Row]
    adapter: Adapted | None = None

    @property
    def seconds(self) -> int:
        """How long the GPU is asked for."""
        return seconds_for(sum(len(row.prompt) + sum(map(len, row.continuations)) for row in self.rows))

    def run(self, model: Any) -> Iterator[list[list[float]]]:
        """Scores all rows."""
        with self.adapter.on(model) if self.adapter else nullcontext():
            yield score(model, self.rows, nullcontext)


@dataclass(frozen=True, slots=True)
class Looking:
    """How probable the tokens of a text are. Its one result has what is held probable at each place."""

    looked: Looked
    top: int
    adapter: Adapted | None = None

    @property
    def seconds(self) -> int:
        """How long the GPU is asked for."""
        return seconds_for(len(self.looked.tokens))

    def run(self, model: Any) -> Iterator[list[Place]]:
        """Looks at all tokens."""
        with self.adapter.on(model) if self.adapter else nullcontext():
            yield look(model, self.looked, self.top, nullcontext)


@dataclass(frozen=True, slots=True)
class Weighing:
    """How probable an answer is after several prompts. Its one result has a list a prompt, with a number a part."""

    given: Given
    adapter: Adapted | None = None

    @property
    def seconds(self) -> int:
        """How long the GPU is asked for."""
        return seconds_for(sum(len(prompt) + len(self.given.answer) for prompt in self.given.prompts))

    def run(self, model: Any) -> Iterator[list[list[float]]]:
        """Weighs the answer after all prompts."""
        with self.adapter.on(model) if self.adapter else nullcontext():
            yield likelihoods(model, self.given, nullcontext)
