"""What a translation must not change: code, links, tags, placeholders, numbers."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["code", "link", "tag", "placeholder", "number"]

_FIXED: tuple[tuple[Kind, str], ...] = (
    ("code", r"(?<![`~])(?s:(?P<fence>`{3,}+|~{3,}+).*?(?P=fence))|(?<!`)(?P<ticks>`++).+?(?<!`)(?P=ticks)(?!`)"),
    (
        "link",
        r"https?://[^\s<>\"'`）)】」，。；、]+(?<![.,;:!?])|www\.[\w.-]+\w|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{0,200}\w",
    ),
    ("tag", r"</?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\}"),
    (
        "placeholder",
        r"\{\{[^{}\n]*\}\}|\$?\{[\w.\-:!\[\] ]*\}|%\(\w+\)[#0\- +]*[\d.]*[sdifr]|%(?:\d+\$)?[sd@]|\$\w*[A-Za-z]\w*",
    ),
)
_PROTECTED = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _FIXED))
_NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*(?![A-Za-z])")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Kept:
    """A stretch of text that has to come through unchanged."""

    kind: Kind
    text: str


def kept(text: str) -> Iterator[Kept]:
    """Everything in the text that a translation has to keep."""
    for match in _PROTECTED.finditer(text):
        yield Kept(_kind(match), match[0])
    for match in _NUMBER.finditer(_PROTECTED.sub(" ", text)):
        yield Kept("number", match[0])


def prose(text: str) -> str:
    """The text with a space in place of code, links, tags and placeholders."""
    return _PROTECTED.sub(" ", text)


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return bool(_LETTER.search(prose(text)))


def missing(source: str, translation: str) -> list[Kept]:
    """What the source has and the translation has not, as often. Numbers are compared by their digits alone."""
    there = Counter(_key(item) for item in kept(translation))
    gone = []
    for item in kept(source):
        if there[_key(item)]:
            there[_key(item)] -= 1
        else:
            gone.append(item)
    return gone


def _kind(match: re.Match[str]) -> Kind:
    return next(kind for kind, _ in _FIXED if match[kind] is not None)


def _key(item: Kept) -> tuple[Kind, str]:
    """1,000.5 in English is 1.000,5 in German, and ١ is 1."""
    if item.kind != "number":
        return item.kind, item.text
    return "number", "".join(str(unicodedata.digit(digit)) for digit in item.text if digit.isdigit())
