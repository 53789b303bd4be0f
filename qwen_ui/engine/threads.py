"""Blocking work beside the event loop, in a thread of its own that ends early when nobody waits for it any more."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

Checkpoint = Callable[[], None]
"""Called between the parts of long work; raises once the request that waits for it was cancelled."""


async def in_thread(work: Callable[[Checkpoint], T]) -> T:
    """What the work gives or raises. A pool's threads would outlive it: see `BatchLoop` on why torch must not."""
    result: Future[T] = Future()

    def checkpoint() -> None:
        if result.cancelled():
            raise CancelledError

    def run() -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            try:
                value = work(checkpoint)
            except Exception as error:  # noqa: BLE001  crosses over to the caller
                result.set_exception(error)
            else:
                result.set_result(value)

    threading.Thread(target=run, name="engine-work", daemon=True).start()
    return await asyncio.wrap_future(result)
