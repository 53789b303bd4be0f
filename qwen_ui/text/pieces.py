"""Tokens as a reader sees them."""

from collections.abc import Sequence
from typing import Any

from qwen_ui.errors import InvalidInput

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(0x100) if byte not in _PRINTABLE]
BYTES = {chr(byte): byte for byte in _PRINTABLE} | {chr(0x100 + at): byte for at, byte in enumerate(_OTHERS)}
"""How byte-level tokenizers write bytes: each as a character of its own (as in GPT-2, Radford et al. 2019)."""
_BLANK = "\u2581"
"""How other tokenizers write a blank."""
_MAX_ID = 2**31  # no vocabulary is that large
_SEEN = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"})


def seen(text: str) -> str:
    """The text with signs for its blanks, so that a reader sees them."""
    return text.translate(_SEEN)


def check_ids(tokenizer: Any, ids: Sequence[int]) -> None:
    """Raises `InvalidInput` for ids that are no tokens of the `tokenizers.Tokenizer`."""
    for each in ids:
        if not 0 <= each < _MAX_ID or tokenizer.id_to_token(each) is None:
            raise InvalidInput("{id} is no token of this model: the ids are another model's.", id=str(each))


class Pieces:
    """The text of each token of a tokenizer, whatever comes before it.

    Bytes that are only a part of a character are written like ``<0xE4>``; `qwen_ui.messages.text_of` joins them.
    """

    def __init__(self, tokenizer: Any) -> None:
        """``tokenizer`` is a transformers tokenizer over a `tokenizers.Tokenizer`."""
        self._tokenizer = tokenizer.backend_tokenizer
        self._added = {number: token.content for number, token in tokenizer.added_tokens_decoder.items()}
        decoder = self._tokenizer.decoder
        self._byte_level = decoder is not None and b"ByteLevel" in decoder.__getstate__()

    def __call__(self, token: int) -> str:
        """The token's text, empty where the tokenizer does not know it: models may have more rows than tokens."""
        written = self._added.get(token) or self._tokenizer.id_to_token(token) or ""
        if token in self._added:
            return written
        if not self._byte_level or not all(character in BYTES for character in written):
            return written.replace(_BLANK, " ")
        text = bytes(BYTES[character] for character in written).decode(errors="surrogateescape")
        return "".join(f"<0x{ord(each) - 0xDC00:02X}>" if 0xDC80 <= ord(each) <= 0xDCFF else each for each in text)
