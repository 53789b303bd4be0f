"""The engine over a model that has a GPU only within a decorated function: one request at a time, no batch."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qwen_ui.config import Settings
from qwen_ui.engine.answer import Answer, end_tokens
from qwen_ui.engine.base import EngineInfo
from qwen_ui.engine.local.scoring import tokenize
from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.engine.zero.jobs import Generation, Job, Scoring
from qwen_ui.engine.zero.turns import Gpu, OnGpu, Place, Turn
from qwen_ui.messages import Chunk, Ended, Message, Sampling

if TYPE_CHECKING:
    from qwen_ui.models.load import Loaded

Decorate = Callable[..., OnGpu]
"""As `spaces.GPU`: takes a generator function and, as ``duration``, what tells the seconds from its arguments."""


class ZeroEngine:
    """`qwen_ui.engine.base.Engine` for ZeroGPU, where each call of a decorated function runs in a forked process.

    A batch loop can't live there, as its thread and its cache would end with each call. Made on the main thread, before
    the page is served: the processes are forked from what is there then.
    """

    def __init__(self, loaded: "Loaded", settings: Settings, decorate: Decorate) -> None:
        self._info = replace(loaded.info, engine="transformers on ZeroGPU")
        self._tokenizer = loaded.tokenizer
        self._eos = frozenset(end_tokens(loaded.model, loaded.tokenizer))
        self._prompts = PromptEncoder(loaded.tokenizer, loaded.info.context_length)
        model = loaded.model

        def on_gpu(job: Job) -> Generator[Any, None, None]:
            yield from job.run(model)

        self._gpu = Gpu(decorate(on_gpu, duration=lambda job: job.seconds), settings.max_concurrent)

    @property
    def info(self) -> EngineInfo:
        """What runs here."""
        return self._info

    @property
    def active(self) -> int:
        """Requests that have the GPU now: one or none."""
        return self._gpu.queue.active

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return self._gpu.queue.waiting

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> "ZeroStream":
        """Starts to answer the conversation once the stream is iterated, which may raise what `Engine` says."""
        return ZeroStream(self, tuple(messages), sampling)

    async def score(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Log-probability of each candidate after each prompt: see `Engine`."""
        if not prompts:
            return []
        rows = await asyncio.to_thread(tokenize, self._tokenizer, prompts, candidates, self._info.context_length)
        async with aclosing(self.turn(Scoring(rows)).events()) as events:
            (scores,) = [event async for event in events if not isinstance(event, Place)]
        return list(scores)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model would see it."""
        return self._prompts.count(messages)

    async def close(self) -> None:
        """Ends every request."""
        await asyncio.to_thread(self._gpu.close)

    def turn(self, job: Job) -> Turn:
        """The job's turn at the GPU, not yet asked for."""
        return Turn(self._gpu, job)

    async def generation(self, messages: Sequence[Message], sampling: Sampling) -> tuple[Any, Generation]:
        """The conversation's prompt, and what is to be done with it."""
        prompt = await asyncio.to_thread(self._prompts.fit, messages, sampling.max_new_tokens)
        return prompt, Generation(prompt.tokens, sampling, self._eos)

    def answer(self, stop: Sequence[str]) -> Answer:
        """An answer that has just been asked for."""
        return Answer(self._tokenizer.backend_tokenizer, self._eos, stop)


class ZeroStream:
    """One generation: see `qwen_ui.engine.base.Stream`."""

    def __init__(self, engine: ZeroEngine, messages: tuple[Message, ...], sampling: Sampling) -> None:
        self._engine = engine
        self._messages = messages
        self._sampling = sampling
        self._answer = engine.answer(sampling.stop)
        self._cancelled = False
        self._turn: Turn | None = None
        self._chunks = self._run()

    def __aiter__(self) -> "ZeroStream":
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    def cancel(self) -> None:
        """Ends the generation soon; what is left of its text and its usage still come."""
        self._cancelled = True
        if self._turn is not None:
            self._turn.stop()

    async def aclose(self) -> None:
        """Ends the generation at once."""
        await self._chunks.aclose()

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        answer = self._answer
        prompt, job = await self._engine.generation(self._messages, self._sampling)
        self._turn = self._engine.turn(job)
        if self._cancelled:
            self._turn.stop()
        async with aclosing(self._turn.events()) as events:
            async for event in events:
                if isinstance(event, Place):
                    yield Chunk(place=event.number)
                elif piece := answer.take([event]):
                    yield Chunk(piece)
                if answer.complete:
                    break
        usage = answer.usage(prompt, self._ended(), self._engine.info.context_length)
        yield Chunk(answer.finish(), usage=usage)

    def _ended(self) -> Ended:
        if self._answer.complete:
            return "stop"
        return "cancelled" if self._cancelled else "length"
