"""Text files of unknown encoding → text. A file reads the same in every tab, or its reader is asked."""

import codecs
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import marked
from qwen_ui.text.likelihood import likelihood

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF_8 = "UTF-8"
_WIDE = {"UTF-16LE": -3.0, "UTF-16BE": -4.0, "UTF-32LE": -6.0, "UTF-32BE": -6.0}
_NARROW = {
    _UTF_8: 9.0,
    "GB18030": 0.0,
    "windows-1252": 0.0,
    "windows-1251": 0.0,
    "Big5": -0.5,
    "Shift_JIS": -0.5,
    "EUC-KR": -0.5,
    "windows-1250": -2.0,
    "windows-1253": -1.0,
    "windows-1254": -2.0,
    "windows-1255": -1.0,
    "windows-1256": -2.5,
    "windows-1257": -3.0,
    "cp874": -1.5,
    "KOI8-R": -1.5,
    "EUC-JP": -2.0,
    "KOI8-U": -4.0,
    "ISO-8859-2": -4.0,
    "windows-1258": -5.0,
    "Big5-HKSCS": -2.5,
    "cp866": -2.5,
    "ISO-8859-15": -8.0,
    "ISO-8859-7": -9.0,
    "ISO-8859-5": -5.0,
    "cp850": -3.0,
    "mac-roman": -3.0,
    "cp437": -7.0,
    "cp852": -4.0,
    "ISO-8859-13": -6.0,
    "ISO-8859-6": -5.0,
    "mac-cyrillic": -6.0,
}
"""The encodings that files are in, each with the logarithm of how common it is, roughly."""
_DECLARED = 12.0
"""What it counts that a file names its encoding."""
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What calls itself so often has letters that only its successor knows."""
_KNOWN = re.compile(
    r"ascii|(cp|iso8859-)\d+|iso2022_\w+|utf-(8(-sig)?|(16|32)(-[lb]e)?)|koi8-\w|mac-\w+|gb\w+|big5\w*|shift_jis\w*"
    r"|euc_\w+|johab|tis-620|kz1048|ptcp154|hz"
)
"""Python's codecs for text files. It has others, some of which take very long over a file made for that."""

_SAMPLE = 4_000
"""Bytes that a guess looks at, and more only for those with a meaning that has not been seen yet."""
_PIECE = re.compile(rb"[^\n]{1,500}[^\x00-\x2f]{0,500}\n?")
_ASCII = bytes(range(0x80))
_SURE, _SURE_OF_ONE = 6.0, 5.0
"""How much likelier (the logarithm) the likeliest encoding must be than any other that gives another text, and how much
more if there is one character to go by; with some more of them, so much less."""
_PLAUSIBLE = -9.5
"""The likelihood that a character which is not in ASCII must have on average."""
_THINKABLE = 30.0
"""How much less likely an encoding may be that is offered to choose."""
_OFFERED = 6
_PREVIEW_LINES, _PREVIEW_CHARACTERS = 3, 60

_UNCERTAIN = marked(
    "It can't be told for sure in which encoding {file} is: likely are {encodings}. Choose the one in which it reads "
    "right, or save the file as UTF-8."
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_BROKEN = re.compile(r"[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoding that a file may be in."""

    encoding: str
    """Its name, as `decode` takes it."""
    preview: tuple[str, ...]
    """The beginnings of the first lines that differ from encoding to encoding."""


class UncertainEncoding(InvalidInput):
    """A text file that may be in one of several encodings: whoever knows the file must choose."""

    def __init__(self, file: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(
            _UNCERTAIN,
            file=file,
            encodings=", ".join(candidate.encoding for candidate in candidates),
        )
        self.candidates = tuple(candidates)


def decode(data: bytes, name: str = "", *, declared: str = "", keep_damaged: bool = False, encoding: str = "") -> str:
    """The text of a file: in the encoding that the user names or its byte order mark says, or in the likeliest.

    ``declared`` is the encoding that the file itself names; it is believed where the text makes sense in it. Bytes
    that stand for nothing become U+FFFD or, with ``keep_damaged``, surrogates, so that `is_damaged` tells lines that
    hold some. Raises `UncertainEncoding` where several encodings are likely, and `InvalidInput` for a file that is no
    text or an encoding that there is not.
    """
    encoding = _chosen(encoding) if encoding.strip() else _marked(data) or _guess(data, name, declared)
    escaped = keep_damaged and not encoding.startswith(("utf-16", "utf-32"))  # they have no bytes to escape
    text = data.decode(encoding, "surrogateescape" if escaped else "replace")
    if "\0" in text:
        raise _no_text(name)
    return text.removeprefix("\ufeff")


def is_damaged(text: str) -> bool:
    """Whether the text stands for bytes that could not be decoded."""
    return _BROKEN.search(text) is not None


def _chosen(name: str) -> str:
    if codec := _codec(name):
        return codec
    raise InvalidInput(
        "There is no encoding {encoding!r} here. Name it as in {examples}.",
        encoding=name.strip()[:40],
        examples=", ".join(_NARROW),
    )


def _codec(name: str) -> str:
    """Python's name of an encoding, empty for what is none."""
    try:
        codec = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        return ""
    return _WIDER.get(codec, codec) if _KNOWN.fullmatch(codec) else ""


def _marked(data: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "")


def _guess(data: bytes, name: str, declared: str) -> str:
    """The likeliest encoding, if it is so by far."""
    if _is_clearly_utf_8(data):
        return "utf-8"
    sample = _sample(data)
    readings = sorted(_readings(data, sample, declared), key=lambda reading: -reading.score)
    best = readings[0]
    if len(_CONTROLS.findall(best.text)) * 20 > len(best.text) or (b"\0" in data and not best.is_plausible):
        raise _no_text(name)
    others = [reading for reading in readings if reading.text != best.text]
    lead = best.score - others[0].score if others else math.inf
    if best.is_plausible and lead >= _SURE + _SURE_OF_ONE / max(1, best.foreign):
        return best.codec
    distinct = {reading.text: reading for reading in reversed(readings)}.values()
    offered = [reading for reading in distinct if best.score - reading.score <= _THINKABLE]
    raise UncertainEncoding(name, [reading.offer() for reading in list(reversed(offered))[:_OFFERED]])


def _no_text(name: str) -> InvalidInput:
    return InvalidInput(
        "{file} is not a text file, or its encoding can't be told. Save it as UTF-8 and try again.", file=name
    )


def _is_clearly_utf_8(data: bytes) -> bool:
    """Whether it is UTF-8, and too long to be so by chance."""
    if b"\0" in data or b"\x1b" in data:
        return False
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    if not data:
        return True
    return len(data) > 200 if data.isascii() else len(data) - len(text) > 12


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a file's sample says in an encoding."""

    encoding: str
    codec: str
    text: str
    score: float

    @property
    def foreign(self) -> int:
        """How many characters are not in ASCII."""
        return sum(not character.isascii() for character in self.text)

    @property
    def is_plausible(self) -> bool:
        """Whether its characters that are not in ASCII are as likely as a text's are."""
        alone = likelihood(_BEYOND_ASCII.sub(" ", self.text))
        return likelihood(self.text) - alone >= _PLAUSIBLE * self.foreign - _SURE

    def offer(self) -> Candidate:
        lines = [line.strip() for line in self.text.splitlines() if not line.isascii()]
        return Candidate(self.encoding, tuple(line[:_PREVIEW_CHARACTERS] for line in lines[:_PREVIEW_LINES]))


def _readings(data: bytes, sample: bytes, declared: str) -> Iterator[_Reading]:
    """All that a file may say."""
    beginning = data[: _SAMPLE - _SAMPLE % 4]
    for encoding, prior in _WIDE.items():
        if encoding.startswith("UTF-32") and b"\0" not in data:
            continue
        codec = _codec(encoding)
        text = beginning.decode(codec, "replace")
        if len(text) <= len(beginning) // 2 + 1:
            yield _Reading(encoding, codec, text, likelihood(text) * len(sample) / len(beginning) + prior)
    if b"\0" in data:
        return
    narrow = {_UTF_8: _NARROW[_UTF_8]} if data.isascii() else _NARROW
    if b"\x1b$" in data:
        narrow = {"ISO-2022-JP": 0.0, **narrow}
    named = _codec(declared)
    if named and named not in map(_codec, narrow) and not named.startswith(("utf-16", "utf-32")):
        narrow = {declared: 0.0, **narrow}
    for encoding, prior in narrow.items():
        codec = _codec(encoding)
        text = sample.decode(codec, "replace")
        broken = encoding == _UTF_8 and "\ufffd" in text
        bonus = (0.0 if broken else prior) + (_DECLARED if codec == named else 0.0)
        yield _Reading(encoding, codec, text, likelihood(text) + bonus)


def _sample(data: bytes) -> bytes:
    """Of a long file the first pieces with more than ASCII, and all those with bytes that are not in these."""
    if len(data) <= _SAMPLE:
        return data
    pieces: list[bytes] = []
    size, seen, there = 0, set[int](), set(data.translate(None, _ASCII))
    for match in _PIECE.finditer(data):
        if size >= _SAMPLE and seen == there:
            break
        high = set(match[0].translate(None, _ASCII))
        if high and (size < _SAMPLE or high - seen):
            pieces.append(match[0])
            size += len(match[0])
            seen |= high
    return b"".join(pieces) or data[:_SAMPLE]
