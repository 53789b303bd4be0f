"""The line in front of the batch: who generates, who waits, and at which place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qwen_ui.errors import Busy


class WaitingLine:
    """First come, first served, with a bounded number of places. Used from one event loop only."""

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
        """Joins the line for as long as the context lasts.

        ``moved`` is told the place at once and after every change: 1 is the first in line, 0 is
        "go". Raises `Busy` when the line is full.
        """
        if self._active < self._slots:
            self._active += 1
            moved(0)
        elif len(self._waiting) < self._max_waiting:
            self._waiting.append(moved)
            moved(len(self._waiting))
        else:
            raise Busy(f"{len(self._waiting)} requests are waiting already. Try again in a minute.")
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
            self._waiting.pop(0)(0)  # the slot goes to the first in line
        else:
            self._active -= 1
            return
        for place, other in enumerate(self._waiting[gap:], gap + 1):
            other(place)
