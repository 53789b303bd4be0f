"""Turns at reading documents: nobody's single file waits for another's hundred slow ones."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Readers:
    """At most so many files are read at a time, and of one visitor fewer. Belongs to one event loop.

    A turn is for one file: who has more waits for the next turn behind those that wait already.
    """

    def __init__(self, limit: int = 4, each: int = 2) -> None:
        self._limit = limit
        self._each = each
        self._all = asyncio.Semaphore(limit)
        self._visitors = WeakValueDictionary[str, asyncio.Semaphore]()
        self._threads = ThreadPoolExecutor(limit, "reader")  # its own: the loop's are for what is quick

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncGenerator[None, None]:
        """Waits for the visitor's turn to `read`, which the context then holds; "" is nobody in particular."""
        own = self._visitors.setdefault(visitor, asyncio.Semaphore(self._each if visitor else self._limit))
        async with own, self._all:
            yield

    async def read(self, work: Callable[[], T]) -> T:
        """What the work gives, from a thread. Cancelled, it ends when its thread has, which holds the turn."""
        reading = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(reading)
        finally:
            await asyncio.wait({reading})
