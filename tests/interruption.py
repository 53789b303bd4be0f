"""Cancels work at a chosen one of the points where it waits."""

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any


class Interrupted:
    """Runs a coroutine in a task, which is cancelled when it waits for the ``at``-th time, counted from 1."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int) -> None:
        self._work = work
        self._at = at
        self.waits = 0
        self.task: asyncio.Future[Any] = asyncio.ensure_future(self)

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Any = self._work.__await__()
        go_on = partial(next, steps)
        while True:
            try:
                waited_for = go_on()
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self._at:
                self.task.cancel()
            try:
                yield waited_for
                go_on = partial(next, steps)
            except BaseException as error:  # noqa: BLE001  goes into the work
                go_on = partial(steps.throw, error)
