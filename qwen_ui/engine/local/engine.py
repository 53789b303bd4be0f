"""The engine over a model in this process: admission, streaming, cancelling, scoring."""

import asyncio
import threading
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from qwen_ui.config import Settings
from qwen_ui.engine.answer import Answer, end_tokens
from qwen_ui.engine.base import EngineInfo
from qwen_ui.engine.local import scoring
from qwen_ui.engine.local.batch import BatchLoop
from qwen_ui.engine.local.linear4bit import speed_up
from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.engine.queue import WaitingLine
from qwen_ui.errors import EngineFailed, NotReady
from qwen_ui.messages import Chunk, Ended, Message, Sampling

if TYPE_CHECKING:
    from qwen_ui.models.load import Loaded

T = TypeVar("T")

WAITING_PER_SLOT = 4
WATCH_SECONDS = 1.0
"""How often a stream without news looks whether the batch loop still lives."""

_CANCEL = object()


class LocalEngine:
    """`qwen_ui.engine.base.Engine` on transformers' continuous batching.

    Made in a thread that ends (it warms up); used from one event loop afterwards.
    ``cuda_graphs=None`` leaves it to transformers whether the GPU's work is recorded and replayed.
    """

    def __init__(self, loaded: "Loaded", settings: Settings, cuda_graphs: bool | None = None) -> None:
        self._info = loaded.info
        self._model = loaded.model
        self._tokenizer = loaded.tokenizer
        self.prompts = PromptEncoder(loaded.tokenizer, loaded.info.context_length)
        self.eos = end_tokens(loaded.model, loaded.tokenizer)
        self.batch = BatchLoop(
            loaded.model, sorted(self.eos), loaded.cache_tokens, settings.max_concurrent, cuda_graphs
        )
        speed_up(loaded.model)  # after the loop's warm-up, by which the weights are repacked
        self.queue = WaitingLine(settings.max_concurrent, WAITING_PER_SLOT * settings.max_concurrent)
        self._scoring = asyncio.Lock()
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """What runs here."""
        return self._info

    @property
    def active(self) -> int:
        """Requests that are generating now."""
        return self.queue.active

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return self.queue.waiting

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> "LocalStream":
        """Starts to answer the conversation once the stream is iterated, which may raise what `Engine` says."""
        return LocalStream(self, tuple(messages), sampling)

    async def score(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Log-probability of each candidate after each prompt: see `Engine`."""
        if not prompts:
            return []
        rows = await asyncio.to_thread(
            scoring.tokenize, self._tokenizer, prompts, candidates, self._info.context_length
        )
        async with self._scoring:  # two threads that compute at once would slow each other down
            await self.ensure_running()
            return await _in_own_thread(lambda: scoring.score(self._model, rows, self.batch.pause))

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model would see it."""
        return self.prompts.count(messages)

    @property
    def text_tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer` that decodes streams."""
        return self._tokenizer.backend_tokenizer

    async def ensure_running(self) -> None:
        """Rebuilds the batch loop if it died. Raises `NotReady` once the engine is closed."""
        if self._closed:
            raise NotReady("The server is shutting down.")
        if not self.batch.alive:
            await _in_own_thread(self.batch.revive)

    async def close(self) -> None:
        """Ends the batch loop and with it every request."""
        self._closed = True
        await asyncio.to_thread(self.batch.stop)


class LocalStream:
    """One generation: see `qwen_ui.engine.base.Stream`."""

    def __init__(self, engine: LocalEngine, messages: tuple[Message, ...], sampling: Sampling) -> None:
        self._engine = engine
        self._messages = messages
        self._sampling = sampling
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()  # places in line, then outputs, and _CANCEL at any time
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancelled = False
        self._answer = Answer(engine.text_tokenizer, engine.eos, sampling.stop)
        self._chunks = self._run()

    def __aiter__(self) -> "LocalStream":
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    def cancel(self) -> None:
        """Ends the generation soon; what is left of its text and its usage still come."""
        self._cancelled = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, _CANCEL)

    async def aclose(self) -> None:
        """Ends the generation at once."""
        await self._chunks.aclose()

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        engine, answer = self._engine, self._answer
        self._loop = asyncio.get_running_loop()
        prompt = await asyncio.to_thread(engine.prompts.fit, self._messages, self._sampling.max_new_tokens)
        with engine.queue.enter(self._inbox.put_nowait):
            while not self._cancelled and (place := await self._inbox.get()) != 0:
                if place is not _CANCEL:
                    yield Chunk(place=place)
            request_id = uuid.uuid4().hex
            ended: Ended | None = "cancelled" if self._cancelled else None
            try:
                if ended is None:
                    await engine.ensure_running()
                    engine.batch.submit(request_id, prompt.tokens, self._sampling, self._inbox.put_nowait)
                while ended is None:
                    piece, ended = self._take(await self._next_output())
                    if piece:
                        yield Chunk(piece)
                reused = engine.batch.reused.get(request_id, 0)
                last = Chunk(answer.finish(), usage=answer.usage(prompt, ended, engine.info.context_length, reused))
            finally:
                engine.batch.release(request_id, finished=ended in {"stop", "length"} and not answer.cut)
        yield last  # when the model is free for others already

    def _take(self, output: Any) -> tuple[str, Ended | None]:
        """The new text of one output, and why the generation ends with it, if it does."""
        if output is _CANCEL:
            return "", "cancelled"
        piece = self._answer.take(output.generated_tokens[self._answer.tokens :])
        if self._answer.complete:
            return piece, "stop"
        return piece, "length" if output.is_finished() else None

    async def _next_output(self) -> Any:
        """The batch loop's next result for this request, or _CANCEL. Raises `EngineFailed`."""
        while True:
            try:
                async with asyncio.timeout(WATCH_SECONDS):
                    output = await self._inbox.get()
            except TimeoutError:
                if self._engine.batch.alive:
                    continue
                raise EngineFailed("The model's batch loop has stopped. It is being restarted: try again.") from None
            if output is not _CANCEL and output.error is not None:
                raise EngineFailed(f"The model could not go on with this answer ({output.error}). Try again.")
            return output


async def _in_own_thread(work: Callable[[], T]) -> T:
    """Runs torch work in a thread that ends with it: see `BatchLoop` on why not in a pool."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(setter: Callable[[Any], None], value: Any) -> None:
        if not done.cancelled():
            setter(value)

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  crosses over to the caller
            loop.call_soon_threadsafe(settle, done.set_exception, error)
        else:
            loop.call_soon_threadsafe(settle, done.set_result, result)

    threading.Thread(target=run, name="torch-work", daemon=True).start()
    return await done
