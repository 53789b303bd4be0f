"""One answer of the engine on this machine, as it comes out of the batch loop."""

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from qwen_ui.engine.completion import Completion
from qwen_ui.engine.local.batch import request_id
from qwen_ui.engine.local.sampler import Own
from qwen_ui.engine.prompt import Prompt
from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.messages import Chunk, Ended, Sampling

if TYPE_CHECKING:
    from qwen_ui.engine.local.engine import LocalEngine

WATCH_SECONDS = 1.0
"""How often a stream without news looks whether the batch loop still lives."""

_CANCEL = object()


class LocalStream:
    """One generation: see `qwen_ui.engine.base.Stream`.

    ``inbox`` gets the positions in the queue, then the batch loop's outputs, and _CANCEL at any time. ``held`` is all
    that the request holds: closed when the generation is over, or the stream is left.
    """

    def __init__(
        self,
        engine: "LocalEngine",
        prompt: Prompt,
        sampling: Sampling,
        own: Own | None,
        adapter: int,
        completion: Completion,
        inbox: asyncio.Queue[Any],
        held: ExitStack,
    ) -> None:
        self._engine = engine
        self._prompt = prompt
        self._sampling = sampling
        self._own = own
        self._completion = completion
        self._inbox = inbox
        self._held = held
        self._loop = asyncio.get_running_loop()
        self._request_id = request_id(adapter)
        self._submitted = False
        self._over = False

    def __aiter__(self) -> "LocalStream":
        return self

    async def __anext__(self) -> Chunk:
        if self._over:
            raise StopAsyncIteration
        while True:
            event = await self._next_event()
            if isinstance(event, int) and event:
                return Chunk(position=event)
            ended = await self._follow(event)
            if ended is not None:
                return self._last_chunk(ended)
            chunk = self._completion.chunk()
            if chunk.text:
                return chunk

    async def _follow(self, event: Any) -> Ended | None:
        """Does what an event is for, but a new position's; tells why the generation ends with it, if it does."""
        if event is _CANCEL:
            return "cancelled"
        if not isinstance(event, int):
            return self._take(event)
        if self._completion.complete:  # with what it began with
            return "stop"
        await self._submit()
        return None

    def cancel(self) -> None:
        """Ends the generation soon; what is left of its text and its usage still come."""
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, _CANCEL)

    async def _next_event(self) -> Any:
        """What comes next into the inbox. Raises `EngineError` when nothing will, as the batch loop has ended."""
        while True:
            try:
                async with asyncio.timeout(WATCH_SECONDS if self._submitted else None):
                    return await self._inbox.get()
            except TimeoutError:
                if not self._engine.batch.alive:
                    raise self._engine.batch.failure() from None

    async def _submit(self) -> None:
        await self._engine.ensure_running()
        self._held.callback(self._engine.batch.release, self._request_id)
        self._engine.batch.submit(
            self._request_id, self._prompt.tokens, self._sampling, self._inbox.put_nowait, self._own
        )
        self._submitted = True

    def _take(self, output: Any) -> Ended | None:
        """Takes the new tokens of one output; tells why the generation ends with it, if it does."""
        if output.error is not None:
            raise EngineFailed("The model could not go on with this answer ({error}). Try again.", error=output.error)
        if self._own and self._own.form and self._own.form.error:
            raise InvalidInput("The answer can't be held to its form any more: {reason}.", reason=self._own.form.error)
        self._completion.take(output.generated_tokens[self._completion.tokens :])
        if self._completion.complete:
            return "stop"
        return "length" if output.is_finished() else None

    def _last_chunk(self, ended: Ended) -> Chunk:
        reused = self._engine.batch.reused.get(self._request_id, 0)
        usage = self._completion.usage(self._prompt, ended, self._engine.info.context_length, reused)
        self._over = True
        self._held.close()  # the model is free for others from here on
        return self._completion.last(usage)
