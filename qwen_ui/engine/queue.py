"""The queue in front of the model: who generates, who waits, and at which position."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qwen_ui.errors import Busy

WAITING_PER_SLOT = 4
"""As many may wait for each that is served at once."""


class RequestQueue:
    """First come, first served, of bounded length. Used from one event loop only."""

    def __init__(self, slots: int, max_waiting: int) -> None:
        self._slots = slots
        self._max_waiting = max_waiting
        self._active = 0
        self._waiting: list[Callable[[int], None]] = []

    @property
    def active(self) -> int:
        """Those whose turn it is."""
        return self._active

    @property
    def waiting(self) -> int:
        """Those who wait."""
        return len(self._waiting)

    @contextmanager
    def enter(self, moved: Callable[[int], None]) -> Iterator[None]:
        """Joins the queue for as long as the context lasts.

        ``moved`` is told the position at once and after every change: 1 is the first in the queue, 0 is
        "go". Raises `Busy` when the queue is full.
        """
        if self._active < self._slots:
            self._active += 1
            moved(0)
        elif (count := len(self._waiting)) < self._max_waiting:
            self._waiting.append(moved)
            moved(count + 1)
        else:
            raise Busy("{count:,} {count:request is|requests are} waiting already. Try again in a minute.", count=count)
        try:
            yield
        finally:
            self._leave(moved)

    def _leave(self, moved: Callable[[int], None]) -> None:
        if moved in self._waiting:
            gap = self._waiting.index(moved)
            del self._waiting[gap]
        elif self._waiting:
            gap = 0
            self._waiting.pop(0)(0)  # the slot goes to the first in the queue
        else:
            self._active -= 1
            return
        for position, other in enumerate(self._waiting[gap:], gap + 1):
            other(position)
