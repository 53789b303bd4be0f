"""Texts that grow, and what of them is sure already."""

from collections.abc import Sequence

import regex

_CLUSTER = regex.compile(r"\X")  # an extended grapheme cluster, UAX #29


def unfinished(text: str, marker: str) -> int:
    """How many characters at the text's end may be the beginning of the marker; a whole one is none."""
    sizes = range(min(len(marker) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(marker[:size])), 0)


class SureText:
    """A text that grows: gives out what can't change any more, and ends before the first stop string.

    What it gives out never ends within a character: not before a mark that belongs to it (combining accents, joined
    emoji). For that it holds the last cluster back until the next one begins, and the beginning of what may become a
    stop string.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(stop)
        self._held = ""
        self.released = 0
        """Characters that were given out."""
        self.stopped = False
        """Whether a stop string was met; nothing comes after it."""

    @property
    def length(self) -> int:
        """Characters so far, those held back included."""
        return self.released + len(self._held)

    def push(self, text: str) -> str:
        """Takes what comes next; gives the text that has become sure, often none."""
        if self.stopped:
            return ""
        self._held += text
        self._truncate_at_stop()
        return self._release(len(self._held) if self.stopped else self._sure())

    def finish(self) -> str:
        """Gives what was held back."""
        return self._release(len(self._held))

    def _truncate_at_stop(self) -> None:
        found = [at for stop in self._stop if (at := self._held.find(stop)) >= 0]
        if found:
            self._held = self._held[: min(found)]
            self.stopped = True

    def _sure(self) -> int:
        """How much of the held text can't change any more."""
        clusters = _CLUSTER.findall(self._held)
        sure = len(self._held) - len(clusters[-1]) if clusters else 0
        for stop in self._stop:
            sure = min(sure, len(self._held) - unfinished(self._held, stop))
        return sure

    def _release(self, size: int) -> str:
        text, self._held = self._held[:size], self._held[size:]
        self.released += size
        return text
