"""Text files of unknown encoding → text. A file reads the same in every tab."""

import codecs
import re

import charset_normalizer

from qwen_ui.errors import InvalidInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EAST_ASIAN = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030"}
"""What calls itself so often has letters that only its successor knows."""
_WESTERN = "cp1252"
_SAMPLE = 200_000
"""Bytes that a guess looks at."""

_ASCII = re.compile(r"[\x00-\x7f]+")
_BROKEN = re.compile(r"[\ud800-\udfff]")
_TYPOGRAPHY = frozenset("…–—‘’“”„«»‹›°€£§¿¡·\u00a0")
_LATIN = re.compile(r"[\x00-\u024f\u2000-\u206f\u20ac\u2122]*")


def decode(data: bytes, name: str = "", *, declared: str = "", keep_damaged: bool = False) -> str:
    """The text of a file: in the encoding that its byte order mark says, UTF-8, the declared one, or the likeliest.

    Bytes that stand for nothing become U+FFFD or, with ``keep_damaged``, surrogates, so that `is_damaged` tells
    lines that hold some. Raises `InvalidInput` for a file that is no text.
    """
    encoding = _encoding(data, declared)
    escaped = keep_damaged and not encoding.startswith(
        ("utf-16", "utf-32", "utf_16", "utf_32")
    )  # they have no bytes to escape
    text = data.decode(encoding, "surrogateescape" if escaped else "replace") if encoding else ""
    if not encoding or "\0" in text:
        raise InvalidInput(
            "{file} is not a text file, or its encoding can't be told. Save it as UTF-8 and try again.", file=name
        )
    return text


def is_damaged(text: str) -> bool:
    """Whether the text stands for bytes that could not be decoded."""
    return _BROKEN.search(text) is not None


def _encoding(data: bytes, declared: str) -> str:
    """The name of the encoding, empty for what is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if b"\0" in data:
        return _utf_16(data[:_SAMPLE])
    if _is_utf_8(data):
        return "utf-8"
    return _known(declared, data) or _guess(_sample(data))


def _utf_16(sample: bytes) -> str:
    """The byte order, where most letters are ASCII: half of their bytes are zeros."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even + odd <= len(sample) // 4 or min(even, odd) * 8 >= max(even, odd):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_utf_8(data: bytes) -> bool:
    """Whether it is UTF-8 but for a slip, or for a few lines that come from another file."""
    text = data.decode(errors="surrogateescape")
    broken, letters = len(_BROKEN.findall(text)), sum(map(str.isalpha, _ASCII.sub("", text)))
    if broken * 10 <= letters:
        return True
    lines = text.splitlines()
    damaged = sum(map(is_damaged, lines))
    whole = sum(not line.isascii() for line in lines) - damaged
    return damaged <= max(1, len(lines) // 10) and damaged <= whole


def _known(declared: str, data: bytes) -> str:
    """The declared encoding if the data is in it, else nothing."""
    try:
        encoding = codecs.lookup(declared).name
        encoding = _WIDER.get(encoding, encoding)
        data.decode(encoding)
    except (LookupError, ValueError):
        return ""
    return encoding


def _sample(data: bytes) -> bytes:
    """The beginning of the data, not cut within a character."""
    sample = data[:_SAMPLE]
    end = max(sample.rfind(b"\n"), sample.rfind(b" ")) + 1 if len(data) > _SAMPLE else 0
    return sample[:end] or sample


def _guess(sample: bytes) -> str:
    # Named candidates first: left to choose among all, short Chinese and Japanese texts come out Korean.
    best = charset_normalizer.from_bytes(sample, cp_isolation=[*_EAST_ASIAN, _WESTERN, "cp1251"]).best()
    if best is None or best.encoding not in _EAST_ASIAN:
        best = charset_normalizer.from_bytes(sample).best() or best
    if best is None:
        return ""
    # Short texts in Latin letters look like any of their encodings: the most common one, if it makes sense.
    western = _LATIN.fullmatch(str(best)) and _is_western(sample.decode(_WESTERN, errors="replace"))
    return _WESTERN if western else best.encoding


def _is_western(text: str) -> bool:
    return all(character.isascii() or character.isalpha() or character in _TYPOGRAPHY for character in text)
