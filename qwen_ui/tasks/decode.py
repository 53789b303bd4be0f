"""Text files of unknown encoding → text."""

import codecs

import charset_normalizer

from qwen_ui.errors import InvalidInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
_LIKE_WESTERN = frozenset({"cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "latin_1", "mac_roman", "cp850", "cp437"})
_TYPOGRAPHY = frozenset("…–—‘’“”„«»‹›°€£§¿¡·\u00a0")
_FEW = 0.1


def decode(data: bytes, name: str, *, keep_damaged: bool = False) -> str:
    """The text of a file: UTF-8, what its byte order mark says, or what its bytes look like.

    With ``keep_damaged``, a UTF-8 file of which few lines are broken is read all the same, and those lines hold
    surrogates (see `is_damaged`). Raises `InvalidInput` for a file that is no text.
    """
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = _damaged(data) if keep_damaged and _few_broken(data) else _guessed(data, name)
    if "\x00" in text:
        raise _no_text(name)
    return text


def is_damaged(text: str) -> bool:
    """Whether the text stands for bytes that could not be decoded."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _damaged(data: bytes) -> str:
    return data.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")


def _few_broken(data: bytes) -> bool:
    lines = data.splitlines()
    broken = sum(is_damaged(line.decode(errors="surrogateescape")) for line in lines)
    whole = sum(not line.isascii() for line in lines) - broken
    return broken <= max(1, _FEW * len(lines)) and whole >= broken


def _guessed(data: bytes, name: str) -> str:
    guess = charset_normalizer.from_bytes(data).best()
    if guess is None:
        raise _no_text(name)
    if guess.encoding in _LIKE_WESTERN:  # short texts look like any of them: the most common one, if it makes sense
        western = data.decode(_WESTERN, errors="replace")
        if all(character.isascii() or character.isalpha() or character in _TYPOGRAPHY for character in western):
            return western
    return str(guess)


def _no_text(name: str) -> InvalidInput:
    return InvalidInput(f"{name} is not a text file, or its encoding can't be told. Save it as UTF-8 and try again.")
