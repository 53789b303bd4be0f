"""One request's way to the engine: counted against its visitor's limits, stopped as a whole, recorded when it ends."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from qwen_ui.engine.base import Engine, EngineInfo, Stream
from qwen_ui.errors import EngineFailed, QwenUIError
from qwen_ui.introspect.looks import Look
from qwen_ui.introspect.results import AnyResult
from qwen_ui.messages import Chunk, Ended, Message, Sampling, TokenLook
from qwen_ui.server.limits import RateLimiter

Via = Literal["page", "api", "v1", "mcp"]
Outcome = Literal["ok", "length", "stopped", "closed", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Record:
    """One request, once it has ended."""

    task: str
    """The tab's or the endpoint's name, such as chat."""
    via: Via
    outcome: Outcome
    """Whole; cut at its limit of tokens; stopped by the visitor; left behind by one; not served; broken."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt's tokens, those that were not computed again."""
    new_tokens: int
    """Generated tokens, and one for each candidate that was scored, each token that was looked at, and each part of an
    answer that was given to a conversation."""
    seconds: float
    """The whole request, its wait in the queue included."""
    seconds_to_first_token: float | None
    """None when no token came."""
    streams: int = 1
    """How many answers the request was made of: a document is translated in segments."""
    error: str = ""
    """The class of the error that ended it. Never its message: that may quote the text."""
    text: str = field(default="", repr=False)
    """Prompts and answers. Kept only with --log-text."""
    key: str = ""
    """The name of the key that was shown, of requests to /v1 and over MCP."""
    model: str = ""
    """The name of the one that was asked."""


Observe = Callable[[Record], None]


class MeteredEngine:
    """The engine for one request of one visitor. Implements `Engine`; made by `Meter.request`."""

    def __init__(self, engine: Engine, adapter: str = "", keep_text: bool = False) -> None:
        """``adapter`` is the one that the visitor chose; it goes before one that a prompt file names."""
        self._engine = engine
        self.adapter = adapter
        self._keep_text = keep_text
        self._started = time.monotonic()
        self._running: set[Stream] = set()
        self._texts: list[list[str]] = []
        self._left: Literal["", "stopped", "closed"] = ""
        self._ended: set[Ended] = set()
        self.error: Exception | None = None
        """What a stream or a scoring ended with, also where the task went on without it: the first failure, if any."""
        self.prompt_tokens = self.cached_tokens = self.new_tokens = self.streams = 0
        self.seconds_to_first_token: float | None = None

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def active(self) -> int:
        return self._engine.active

    @property
    def waiting(self) -> int:
        return self._engine.waiting

    @property
    def stopped(self) -> bool:
        return bool(self._left)

    @property
    def outcome(self) -> Outcome:
        """What came of the request, where no error ended it."""
        if self._left:
            return self._left
        came_to = outcome_of(self.error) if self.error is not None else "ok"
        if came_to == "failed" or not self.streams:
            return came_to
        return "length" if "length" in self._ended else "ok"

    @property
    def text(self) -> str:
        return "\n\n".join("".join(parts) for parts in self._texts)

    def stop(self, left: bool = False) -> None:
        """Ends the request soon: what its streams have so far still comes. ``left``: because the visitor has gone."""
        self._left = self._left or ("closed" if left else "stopped")
        for stream in tuple(self._running):
            stream.cancel()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._engine.count_tokens(messages)

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator["MeteredStream"]:
        with self._noting_errors():
            async with self._engine.stream(messages, sampling, self.adapter or adapter, begun) as stream:
                self.streams += 1
                said = self._begin_text(messages) if self._keep_text else None
                self._running.add(stream)
                if self.stopped:  # while it was on its way
                    stream.cancel()
                try:
                    yield MeteredStream(stream, self, said)
                finally:
                    self._running.discard(stream)

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        with self._noting_errors():
            scores = await self._engine.score(prompts, candidates, self.adapter or adapter)
        self.streams += 1
        self.new_tokens += len(prompts) * len(candidates)
        return scores

    async def tokens(
        self, text: str = "", messages: Sequence[Message] = (), top: int = 5, adapter: str = ""
    ) -> list[TokenLook]:
        with self._noting_errors():
            looks = await self._engine.tokens(text, messages, top, self.adapter or adapter)
        self.streams += 1
        self.new_tokens += len(looks)
        return looks

    async def likelihoods(
        self, conversations: Sequence[Sequence[Message]], parts: Sequence[str], adapter: str = ""
    ) -> list[list[float]]:
        with self._noting_errors():
            found = await self._engine.likelihoods(conversations, parts, self.adapter or adapter)
        self.new_tokens += len(conversations) * len(parts)
        return found

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        with self._noting_errors():
            result = await self._engine.look(look, self.adapter or adapter, scale)
        self.streams += 1
        self.new_tokens += len(getattr(result, "pieces", ()))
        return result

    async def close(self) -> None:
        """Nothing: the engine is everybody's."""

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self.error is None or outcome_of(self.error) == "refused":
                self.error = error
            raise

    def _begin_text(self, messages: Sequence[Message]) -> list[str]:
        """The text to keep of one answer: its prompt, and the place for what is said."""
        asked = (f"{message.role}: {message.content}" for message in messages)
        self._texts.append(["\n\n".join([*asked, "answer: "])])
        return self._texts[-1]

    def count(self, chunk: Chunk, pieces: int) -> None:
        """Books a chunk of an answer that has come in so many pieces by now: about as many tokens, until its end."""
        if chunk.text:
            if self.seconds_to_first_token is None:
                self.seconds_to_first_token = time.monotonic() - self._started
            self.new_tokens += 1
        if chunk.usage is not None:
            self.new_tokens += chunk.usage.new_tokens - pieces
            self.prompt_tokens += chunk.usage.prompt_tokens
            self.cached_tokens += chunk.usage.reused_tokens
            self._ended.add(chunk.usage.ended)


class MeteredStream:
    """A stream whose chunks are counted as they come. Implements `Stream`."""

    def __init__(self, stream: Stream, engine: MeteredEngine, said: list[str] | None) -> None:
        self._stream = stream
        self._engine = engine
        self._said = said
        self._pieces = 0

    def __aiter__(self) -> "MeteredStream":
        return self

    async def __anext__(self) -> Chunk:
        chunk = await self._stream.__anext__()
        self._pieces += bool(chunk.text)
        self._engine.count(chunk, self._pieces)
        if self._said is not None:
            self._said.append(chunk.text)
        return chunk

    def cancel(self) -> None:
        self._stream.cancel()


class Meter:
    """Lets requests to the engines, limited by visitor, and tells the observers of each that has ended."""

    def __init__(self, limiter: RateLimiter, keep_text: bool = False) -> None:
        self._limiter = limiter
        self._keep_text = keep_text
        self._running: set[MeteredEngine] = set()
        self.observers: list[Observe] = []

    @property
    def running(self) -> int:
        """Requests that have not ended."""
        return len(self._running)

    def stop_all(self) -> None:
        """Ends everybody's requests soon; what they have so far still comes. On the event loop that serves them."""
        for engine in tuple(self._running):
            engine.stop()

    @contextmanager
    def request(
        self,
        open_engine: Callable[[], Engine],
        model: str,
        visitor: str,
        task: str,
        via: Via = "page",
        adapter: str = "",
        key: str = "",
    ) -> Iterator[MeteredEngine]:
        """The engine for one request, which lasts as long as the context, however many answers it is made of.

        ``open_engine`` gives the engine of the model of that name. ``adapter`` names the one that answers, empty for
        the model itself, or for what a prompt file names. ``key`` is the name of the key that was shown, if one was.

        All that the request holds is given back when it ends, and then there is one record of it, whatever ended it.
        Raises `TooMany` and what ``open_engine`` raises: while there is no engine, `NotReady`.
        """
        started = time.monotonic()
        engine: MeteredEngine | None = None
        error: BaseException | None = None
        try:
            with self._limiter.admit(visitor) as spending:
                engine = MeteredEngine(open_engine(), adapter, self._keep_text)
                self._running.add(engine)
                try:
                    yield engine
                finally:
                    self._running.discard(engine)
                    spending.tokens = engine.new_tokens
        except BaseException as ending:
            error = ending
            raise
        finally:
            record = replace(_record(engine, error, task, via, time.monotonic() - started), key=key, model=model)
            for observe in self.observers:
                observe(record)


def outcome_of(error: BaseException) -> Outcome:
    """What a request came to that this error ended: operators are told to watch for ``failed``."""
    if not isinstance(error, Exception):
        return "closed"  # cancelled, or its reader has gone
    return "refused" if isinstance(error, QwenUIError) and not isinstance(error, EngineFailed) else "failed"


def _record(engine: MeteredEngine | None, error: BaseException | None, task: str, via: Via, seconds: float) -> Record:
    if engine is None:
        outcome = "closed" if error is None else outcome_of(error)
        return Record(task, via, outcome, 0, 0, 0, seconds, None, 0, type(error).__name__)
    outcome = engine.outcome if error is None else outcome_of(error)
    cause = error or (engine.error if outcome in {"refused", "failed"} else None)
    return Record(
        task=task,
        via=via,
        outcome=outcome,
        prompt_tokens=engine.prompt_tokens,
        cached_tokens=engine.cached_tokens,
        new_tokens=engine.new_tokens,
        seconds=seconds,
        seconds_to_first_token=engine.seconds_to_first_token,
        streams=engine.streams,
        error=type(cause).__name__ if isinstance(cause, Exception) else "",
        text=engine.text,
    )
