"""What a translation must not change (code, links, placeholders, …), and what it has lost."""

import heapq
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from qwen_ui.tabs.translate import icu
from qwen_ui.tabs.translate.glossary import Glossary
from qwen_ui.tabs.translate.rules import RULES, Kind
from qwen_ui.text.markdown import code_spans

# Only signs and words begin anything, and nothing begins within a word: for speed.
_START = r"(?=[!-+\--/:-@\[-`{-~＠]|(?<![A-Za-z0-9])[A-Za-z0-9])"
_FIXED = re.compile(f"{_START}(?:{'|'.join(f'(?P<rule{number}>{rule.pattern})' for number, rule in enumerate(RULES))})")
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,300}\]\((?P<place>[^\s()<>]{1,500}+)[^()\n]{0,300}\)")
_NUMBER = re.compile(r"(?<![A-Za-z\d])(?<!\d[.,])\d++(?:[.,]\d++)*+(?![A-Za-z])")
LETTER = re.compile(r"[^\W\d_]")


Restored = Literal["", "place", "end"]
"""``place``: instead of what stood in its stead, or before everything. ``end``: at the end of its sentence."""


@dataclass(frozen=True, slots=True)
class Protected:
    """A stretch of text that has to come through unchanged, and where it is: characters [start, end)."""

    kind: Kind
    text: str
    start: int
    end: int
    inner: str = ""
    """What stands there, if that is a part of the text only: of an image, whose words are translated, the place."""

    @property
    def whole(self) -> tuple[int, int]:
        """Where all of its text stands."""
        start = self.start - (self.text.rfind(f"]({self.inner}") + 2 if self.inner else 0)
        return start, start + len(self.text)

    @property
    def written(self) -> str:
        """What a translation has to have, letter for letter."""
        return self.inner or self.text

    @property
    def key(self) -> tuple[Kind, str]:
        """What has to be there again. 1,000.5 in English is 1.000,5 in German, and ١ is 1."""
        if self.kind != "number":
            return self.kind, self.written
        return "number", "".join(str(unicodedata.digit(digit)) for digit in self.text if digit.isdigit())


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a translation to look at. ``text`` is the part of the source that it is about."""

    kind: Kind | Literal["term", "lines", "unchanged", "empty", "truncated"]
    text: str = ""
    restored: Restored = ""
    """Where it was put back, if the model had lost it."""


def protected(text: str) -> Iterator[Protected]:
    """Everything in the text that a translation has to keep."""
    parts = list(fixed(text))
    yield from parts
    yield from (Protected("number", match[0], *match.span()) for match in _NUMBER.finditer(blanked(text, parts)))


def prose(text: str) -> str:
    """The text with a space in place of all that has to stay but numbers."""
    return " ".join(_prose(text))


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return any(LETTER.search(part) for part in _prose(text))


def check(source: str, translation: str, terms: Glossary | None = None) -> list[Finding]:
    """What a translation may have lost: what has to stay, numbers, terms, lines, or everything."""
    if not translation.strip():
        return [Finding("empty")] if source.strip() else []
    findings = [Finding(part.kind, part.text) for part in missing(source, translation)]
    if terms:
        lost = terms.missing(prose(source), translation)
        findings += [Finding("term", f"{term.source} = {term.target}") for term in lost]
    if len(source.strip().splitlines()) != len(translation.strip().splitlines()):
        findings.append(Finding("lines"))
    if source.strip().casefold() == translation.strip().casefold() and has_words(source):
        findings.append(Finding("unchanged"))
    return findings


def missing(source: str, translation: str) -> list[Protected]:
    """What the source has and the translation has not, as often. Numbers are compared by their digits alone."""
    return without(protected(source), protected(translation))


def without(parts: Iterable[Protected], others: Iterable[Protected]) -> list[Protected]:
    """The parts that are not among the others, as often."""
    there = Counter(part.key for part in others)
    gone = []
    for part in parts:
        if there[part.key]:
            there[part.key] -= 1
        else:
            gone.append(part)
    return gone


def icu_syntax(text: str) -> Iterator[tuple[int, int]]:
    """The syntax of ICU's messages, but for those within code, as characters [start, end)."""
    return ((start, end) for kind, start, end in _outer(text) if kind != "code")


def fixed(text: str) -> Iterator[Protected]:
    """What has to stay besides numbers, in order."""
    images = {image.start("place"): image[0] for image in _IMAGE.finditer(text)}
    at = 0
    rest: tuple[Kind, int, int] = ("code", len(text), len(text))
    for kind, start, end in chain(_outer(text), [rest]):
        for match in _FIXED.finditer(text, at, start):
            rule = RULES[int((match.lastgroup or "").removeprefix("rule"))]
            if image := images.get(match.start()):
                yield Protected("image", image, *match.span(), inner=match[0])
            else:
                yield Protected(rule.kind, match[0], *match.span())
        if start < end:
            yield Protected(kind, text[start:end], start, end)
        at = end


def _outer(text: str) -> Iterator[tuple[Kind, int, int]]:
    """Code and the syntax of ICU's messages, in order: kind and characters [start, end)."""
    at = 0
    code: Iterator[tuple[Kind, int, int]] = (("code", *span) for span in code_spans(text))
    messages: Iterator[tuple[Kind, int, int]] = (("placeholder", *span) for span in icu.syntax(text))
    for kind, start, end in heapq.merge(code, messages, key=lambda span: span[1]):
        if start >= at:
            yield kind, start, end
            at = end


def _prose(text: str) -> Iterator[str]:
    """What is between the parts that have to stay."""
    at = 0
    for part in fixed(text):
        yield text[at : part.start]
        at = part.end
    yield text[at:]


def blanked(text: str, parts: Iterable[Protected]) -> str:
    """The text with spaces instead of the parts, which are in order; each character in its place."""
    texts, at = [], 0
    for part in parts:
        texts += [text[at : part.start], " " * (part.end - part.start)]
        at = part.end
    return "".join([*texts, text[at:]])
