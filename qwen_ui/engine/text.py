"""From tokens to text that can be shown while it grows."""

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from qwen_ui.text.growing import SureText


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
