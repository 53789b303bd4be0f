"""Results at a pace that a browser can take."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any, TypeVar, cast

T = TypeVar("T")

EVERY = 1 / 20
"""Seconds between two updates: each costs the server milliseconds, however few tokens it brings."""
IDLE = 0.4
"""Seconds after which an unchanged result is given again: only then is a closed tab noticed."""


async def paced(results: AsyncIterator[T], every: float = EVERY, idle: float = IDLE) -> AsyncGenerator[T, None]:
    """The latest of the results again and again as they come, the last one last.

    They are read as fast as they come. At most one is given in ``every`` seconds and, from the first on, one at least
    every ``idle`` seconds, new or not. An error is raised after what came before it. Closing it closes the results.
    """
    latest: list[T] = []  # the one, once it is there
    news = asyncio.Event()

    async def read() -> None:
        try:
            async with aclosing(cast(AsyncGenerator[T, Any], results)):
                async for result in results:
                    latest[:] = [result]
                    news.set()
        finally:
            news.set()

    reader = asyncio.create_task(read())
    try:
        while not reader.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(idle):
                    await news.wait()
            news.clear()
            if latest and not reader.done():
                yield latest[0]
                await asyncio.wait({reader}, timeout=every)
        if latest:
            yield latest[0]
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)  # its error, if any, was raised above
