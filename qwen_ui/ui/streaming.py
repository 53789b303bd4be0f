"""From an engine's stream to a page: answers that grow, at a pace that a browser can take, and Stop."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qwen_ui.engine.base import Stream
from qwen_ui.messages import Chunk, Usage

EVERY = 1 / 20
"""Seconds between two updates: each costs the server milliseconds, however few tokens it brings."""
IDLE = 0.4
"""Seconds after which an unchanged answer is given again: only then is a closed tab noticed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer so far."""

    text: str = ""
    place: int | None = None
    """The place in line while the request waits."""
    usage: Usage | None = None
    """Set once the answer is whole."""

    def grown(self, chunk: Chunk) -> "Answer":
        """The answer with the chunk's news."""
        return Answer(self.text + chunk.text, chunk.place, chunk.usage)


async def follow(stream: Stream, every: float = EVERY, idle: float = IDLE) -> AsyncGenerator[Answer, None]:
    """The answer again and again as it grows, the whole one last. Errors of the stream are raised.

    At most one update in ``every`` seconds, and one at least every ``idle`` seconds, changed or not.
    Closing it closes the stream.
    """
    answer = Answer()
    news = asyncio.Event()

    async def read() -> None:
        nonlocal answer
        try:
            async for chunk in stream:
                answer = answer.grown(chunk)
                news.set()
        finally:
            news.set()

    reader = asyncio.create_task(read())
    try:
        while not reader.done():
            await _at_most(idle, news)
            news.clear()
            if not reader.done():
                yield answer
                await asyncio.wait({reader}, timeout=every)
        yield answer
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)  # its error, if any, was raised above
        await stream.aclose()


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    """Waits for the event, but not longer than that."""
    waiter = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=seconds)
    finally:
        waiter.cancel()


class Running:
    """The streams that run for each visitor's tabs, so that Stop and a closed page find theirs."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], set[Stream]] = defaultdict(set)

    @contextmanager
    def track(self, session: str, tab: str, stream: Stream) -> Iterator[None]:
        """Knows the stream as this tab's for as long as the context lasts."""
        key = (session, tab)
        self._streams[key].add(stream)
        try:
            yield
        finally:
            self._streams[key].discard(stream)
            if not self._streams[key]:
                del self._streams[key]

    def busy(self, session: str, tab: str) -> bool:
        """Whether a stream runs for this tab."""
        return (session, tab) in self._streams

    def stop(self, session: str, tab: str) -> None:
        """Ends the tab's streams soon; what they have so far still comes."""
        for stream in tuple(self._streams.get((session, tab), ())):
            stream.cancel()

    def close_session(self, session: str) -> None:
        """Ends all streams of a visitor who left."""
        for owner, tab in tuple(self._streams):
            if owner == session:
                self.stop(owner, tab)
