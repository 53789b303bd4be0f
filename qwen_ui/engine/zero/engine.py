"""The engine over a model that has a GPU only within a decorated function: one request at a time, no batch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qwen_ui.adapters.files import parts
from qwen_ui.adapters.store import AdapterStore
from qwen_ui.engine.base import EngineInfo
from qwen_ui.engine.completion import Completion, end_tokens
from qwen_ui.engine.given import given_to
from qwen_ui.engine.local.scoring import tokenize
from qwen_ui.engine.looking import looked_at, token_looks
from qwen_ui.engine.prompt import Prompt, PromptEncoder
from qwen_ui.engine.threads import Checkpoint, in_thread
from qwen_ui.engine.zero.jobs import Adapted, Generation, Job, Looking, Scoring, Weighing
from qwen_ui.engine.zero.turns import Gpu, OnGpu, Position, Turn
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Look
from qwen_ui.introspect.results import AnyResult
from qwen_ui.messages import Chunk, Ended, Message, Sampling, TokenLook
from qwen_ui.settings import Settings
from qwen_ui.text.pieces import Pieces

if TYPE_CHECKING:
    from qwen_ui.models.load import Loaded

Decorate = Callable[..., OnGpu]
"""As `spaces.GPU`: takes a generator function and, as ``duration``, what tells the seconds from its arguments."""


class ZeroEngine:
    """`qwen_ui.engine.base.Engine` for ZeroGPU, where each call of a decorated function runs in a forked process.

    A batch loop can't live there, as its thread and its cache would end with each call. Made on the main thread, before
    the page is served: the processes are forked from what is there then.
    """

    stopped = False

    def __init__(self, loaded: "Loaded", settings: Settings, decorate: Decorate) -> None:
        self._info = replace(
            loaded.info,
            engine="transformers on ZeroGPU",
            abilities=frozenset({"tokens", "likelihoods", "texts", "tools", "seeds"}),
        )
        self._tokenizer = loaded.tokenizer
        self._pieces = Pieces(loaded.tokenizer)
        self._eos = frozenset(end_tokens(loaded.model, loaded.tokenizer))
        self._prompts = PromptEncoder(loaded.tokenizer, loaded.info.context_length)
        self._adapters = AdapterStore(settings.data_dir / "adapters", settings.data_dir / "runs")
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

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator["ZeroStream"]:
        """Answers the conversation: see `Engine`."""
        if sampling.form:
            raise InvalidInput("On ZeroGPU answers can't be held to a form. Run the app on a machine of your own.")
        completion = Completion(self._tokenizer.backend_tokenizer, self._eos, sampling.stop)
        with Turn(self._gpu) as turn:
            conversation, ids = tuple(messages), tuple(begun)

            def prepare(checkpoint: Checkpoint) -> Prompt:
                prompt = self._prompts.fit(conversation, sampling.max_new_tokens, checkpoint, ids)
                completion.begin(ids)
                return prompt

            prompt = await in_thread(prepare)
            turn.submit(Generation(prompt.tokens, sampling, self._eos, await self._adapted(adapter)))
            yield ZeroStream(turn, prompt, completion, self._info.context_length)

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        """Log-probability of each candidate after each prompt: see `Engine`."""
        if not prompts:
            return []
        texts = tuple(prompts), tuple(candidates)
        with Turn(self._gpu) as turn:
            rows = await in_thread(lambda checkpoint: tokenize(self._tokenizer, *texts, self._info.context_length))
            turn.submit(Scoring(rows, await self._adapted(adapter)))
            (scores,) = [event async for event in turn if not isinstance(event, Position)]
        return list(scores)

    async def tokens(
        self, text: str = "", messages: Sequence[Message] = (), top: int = 5, adapter: str = ""
    ) -> list[TokenLook]:
        """How probable each token is where it stands: see `Engine`."""
        with Turn(self._gpu) as turn:
            look_at = partial(looked_at, self._prompts, self._tokenizer, text, tuple(messages), top)
            looked = await in_thread(look_at)
            turn.submit(Looking(looked, top, await self._adapted(adapter)))
            (places,) = [event async for event in turn if not isinstance(event, Position)]
        return token_looks(looked, places, self._pieces)

    async def likelihoods(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: str = ""
    ) -> list[list[float]]:
        """How probable the answer is after each conversation: see `Engine`."""
        with Turn(self._gpu) as turn:
            given = await in_thread(partial(given_to, self._prompts, tuple(map(tuple, conversations)), tuple(parts)))
            turn.submit(Weighing(given, await self._adapted(adapter)))
            (found,) = [event async for event in turn if not isinstance(event, Position)]
        return list(found)

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        """Raises `InvalidInput`: the model is only within a process of its own, for the time of an answer."""
        raise InvalidInput("On ZeroGPU the model can't be looked into. Run the app on a machine of your own for that.")

    async def _adapted(self, adapter: str) -> Adapted | None:
        """The adapter to compute with, once it was found fit. Raises `InvalidInput`."""
        base = self._info.base
        if not adapter or base is None:
            return None
        folder = (await asyncio.to_thread(self._adapters.get, adapter)).folder
        await asyncio.to_thread(parts, folder, base)
        return Adapted(folder, base)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model would see it."""
        return self._prompts.count(messages)

    async def close(self) -> None:
        """Ends every request."""
        await asyncio.to_thread(self._gpu.close)


class ZeroStream:
    """One generation: see `qwen_ui.engine.base.Stream`."""

    def __init__(self, turn: Turn, prompt: Prompt, completion: Completion, context_length: int) -> None:
        self._turn = turn
        self._prompt = prompt
        self._completion = completion
        self._context_length = context_length
        self._cancelled = False
        self._over = False

    def __aiter__(self) -> "ZeroStream":
        return self

    async def __anext__(self) -> Chunk:
        if self._over:
            raise StopAsyncIteration
        whole_already = self._completion.complete  # with what it began with
        if not whole_already:
            async for event in self._turn:
                if isinstance(event, Position):
                    return Chunk(position=event.number)
                self._completion.take([event])
                if self._completion.complete:
                    break
                chunk = self._completion.chunk()
                if chunk.text:
                    return chunk
        self._over = True
        self._turn.leave()
        usage = self._completion.usage(self._prompt, self._ended(), self._context_length)
        return self._completion.last(usage)

    def cancel(self) -> None:
        """Ends the generation soon; what is left of its text and its usage still come."""
        self._cancelled = True
        self._turn.stop()

    def _ended(self) -> Ended:
        if self._completion.complete:
            return "stop"
        return "cancelled" if self._cancelled else "length"
