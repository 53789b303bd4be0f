"""One request's way to the engine: it counts against its visitor's limits, and is noted when it has ended."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from qwen_ui.engine.base import Engine, EngineInfo, Stream
from qwen_ui.errors import QwenUIError
from qwen_ui.messages import Chunk, Message, Sampling, Usage
from qwen_ui.server.limits import Ledger
from qwen_ui.server.record import Observe, Outcome, Record, Via

_ENDED: dict[str, Outcome] = {"stop": "ok", "length": "length", "cancelled": "stopped"}


class EngineSource(Protocol):
    """Where a request gets its engine from."""

    @property
    def engine(self) -> Engine:
        """The engine. Raises `NotReady` while there is none."""


class Visit:
    """One request of one visitor. Implements `EngineSource` and, once there is an engine, `Engine`.

    A request may be made of several answers (the pieces of a document): it is one request all the same.
    """

    def __init__(self, open_: Callable[[], Engine], ledger: Ledger, observe: Observe, who: str, task: str, via: Via):
        self._open = open_
        self._ledger = ledger
        self._observe = observe
        self._who = who
        self._task = task
        self._via = via
        self._running = 0
        self._counted = False
        self._tokens = 0

    @property
    def engine(self) -> Engine:
        """The engine, for this request. Raises `NotReady` while there is none."""
        try:
            self._open()
        except QwenUIError as error:
            self._note("refused", error=error)
            raise
        return self

    @property
    def info(self) -> EngineInfo:
        """What runs here."""
        return self._open().info

    @property
    def active(self) -> int:
        """Requests that are generating now, everybody's."""
        return self._open().active

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn, everybody's."""
        return self._open().waiting

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model would see it."""
        return self._open().count_tokens(messages)

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Stream:
        """Like the engine's. Raises `TooMany` as well."""
        started = time.monotonic()
        try:
            self._enter()
            try:
                stream = self._open().stream(messages, sampling)
            except BaseException:
                self._leave(0)
                raise
        except QwenUIError as error:
            self._note("refused", error=error)
            raise
        return _NotedStream(stream, lambda *outcome: self._ended(messages, started, *outcome))

    async def score(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Like the engine's. Raises `TooMany` as well. Each candidate of each prompt counts as a token."""
        started, tokens = time.monotonic(), 0
        try:
            self._enter()
        except QwenUIError as error:
            self._note("refused", error=error)
            raise
        try:
            scores = await self._open().score(prompts, candidates)
            tokens = len(prompts) * len(candidates)
        except BaseException as error:
            self._note(_outcome(error), started, error=error)
            raise
        finally:
            self._leave(tokens)
        self._note("ok", started)
        return scores

    async def close(self) -> None:
        """Nothing: the engine is everybody's."""

    def _enter(self) -> None:
        if self._running == 0:
            self._ledger.enter(self._who, again=self._counted)
            self._counted = True
        self._running += 1

    def _leave(self, tokens: int) -> None:
        self._running -= 1
        self._tokens += tokens
        if self._running == 0:
            self._ledger.leave(self._who, self._tokens)
            self._tokens = 0

    def _ended(
        self, messages: Sequence[Message], started: float, outcome: Outcome, said: "_Said", error: BaseException | None
    ) -> None:
        tokens = said.usage.new_tokens if said.usage else said.pieces
        self._leave(tokens)
        text = "\n\n".join([*(f"{message.role}: {message.content}" for message in messages), f"answer: {said.text}"])
        self._note(outcome, started, said.usage, error, said.first, text, tokens)

    def _note(
        self,
        outcome: Outcome,
        started: float | None = None,
        usage: Usage | None = None,
        error: BaseException | None = None,
        first: float | None = None,
        text: str = "",
        tokens: int = 0,
    ) -> None:
        now = time.monotonic()
        self._observe(
            Record(
                task=self._task,
                via=self._via,
                outcome=outcome,
                prompt_tokens=usage.prompt_tokens if usage else 0,
                cached_tokens=usage.reused_tokens if usage else 0,
                new_tokens=tokens,
                seconds=now - started if started is not None else 0.0,
                seconds_to_first_token=first - started if first is not None and started is not None else None,
                error=type(error).__name__ if error else "",
                text=text,
            )
        )


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, QwenUIError):
        return "refused"
    return "failed" if isinstance(error, Exception) else "closed"


class _Said:
    """What a stream has said so far."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.first: float | None = None
        """When its first text came."""
        self.usage: Usage | None = None

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def pieces(self) -> int:
        """About as many tokens as came, where no usage tells."""
        return len(self.parts)

    def add(self, chunk: Chunk) -> None:
        if chunk.text:
            self.parts.append(chunk.text)
            self.first = self.first or time.monotonic()
        self.usage = chunk.usage or self.usage


class _NotedStream:
    """A stream whose end is told once, whatever it is. Implements `Stream`."""

    def __init__(self, stream: Stream, ended: Callable[[Outcome, _Said, BaseException | None], None]) -> None:
        self._stream = stream
        self._tell = ended
        self._told = False
        self._said = _Said()

    def __aiter__(self) -> "_NotedStream":
        return self

    async def __anext__(self) -> Chunk:
        try:
            chunk = await self._stream.__anext__()
        except StopAsyncIteration:
            self._ended(_ENDED[self._said.usage.ended] if self._said.usage else "closed")
            raise
        except Exception as error:
            self._ended("failed", error)
            raise
        self._said.add(chunk)
        return chunk

    def cancel(self) -> None:
        self._stream.cancel()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._ended(_ENDED[self._said.usage.ended] if self._said.usage else "closed")

    def _ended(self, outcome: Outcome, error: BaseException | None = None) -> None:
        if not self._told:
            self._told = True
            self._tell(outcome, self._said, error)
