"""From tokens to text that can be shown while it grows."""

from collections.abc import Sequence

import regex
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

_CLUSTER = regex.compile(r"\X")  # an extended grapheme cluster, UAX #29


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
            for size in range(min(len(stop) - 1, len(self._held)), 0, -1):
                if self._held.endswith(stop[:size]):
                    sure = min(sure, len(self._held) - size)
                    break
        return sure

    def _release(self, size: int) -> str:
        text, self._held = self._held[:size], self._held[size:]
        self.released += size
        return text


class TextStream:
    """Decodes one token after the other into text that is sure: see `SureText`.

    Nor does it ever end within the bytes of a character (Chinese, emoji).
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._text = SureText(stop)
        self._parts: list[int] = []
        """Tokens whose text is not there yet: those before the end of a character."""
        self._spans: list[tuple[list[int], int, int]] = []
        """Tokens that have not been given out, with the characters that they begin and end at."""
        self._finished = False

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met; nothing comes after it."""
        return self._text.stopped

    def push(self, token: int) -> str:
        """Takes the next token; gives the text that has become sure, often none."""
        self._parts.append(token)
        text = self._decoder.step(self._tokenizer, token) or ""
        if text:
            begin = self._text.length
            self._spans.append((self._parts, begin, begin + len(text)))
            self._parts = []
        return self._text.push(text)

    def finish(self) -> str:
        """Gives what was held back. Bytes of a character that never became whole are left out."""
        self._finished = True
        return self._text.finish()

    def tokens(self) -> tuple[int, ...]:
        """The tokens, of those not had before, that the text given out is made of.

        At the end, the last of them may go on where the text ends, into a stop string.
        """
        over, released = self._finished or self.stopped, self._text.released
        given = [span for span in self._spans if (span[1] < released if over else span[2] <= released)]
        self._spans = self._spans[len(given) :]
        return tuple(token for tokens, _, _ in given for token in tokens)
