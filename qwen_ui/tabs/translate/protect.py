"""What a translation must not change (code, links, placeholders, …), what it has lost, and putting that back."""

import heapq
import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict, deque
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
_LETTER = re.compile(r"[^\W\d_]")
_BORDER = re.compile(r"(?<=\s)(?=\S)|(?<=[\u3000-\u9fff\uff00-\uffef])|(?=[\u3000-\u9fff\uff00-\uffef])")


MENDABLE: frozenset[str] = frozenset({"code", *(rule.kind for rule in RULES), "image"})
"""Kinds of what `put_back` puts back."""


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
    def key(self) -> tuple[Kind, str]:
        """What has to be there again. 1,000.5 in English is 1.000,5 in German, and ١ is 1."""
        if self.kind != "number":
            return self.kind, self.inner or self.text
        return "number", "".join(str(unicodedata.digit(digit)) for digit in self.text if digit.isdigit())


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a translation to look at. ``text`` is the part of the source that it is about."""

    kind: Kind | Literal["term", "lines", "unchanged", "empty", "truncated"]
    text: str = ""


def protected(text: str) -> Iterator[Protected]:
    """Everything in the text that a translation has to keep."""
    fixed = list(_fixed(text))
    yield from fixed
    yield from (Protected("number", match[0], *match.span()) for match in _NUMBER.finditer(_blanked(text, fixed)))


def prose(text: str) -> str:
    """The text with a space in place of all that has to stay but numbers."""
    return " ".join(_prose(text))


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return any(_LETTER.search(part) for part in _prose(text))


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
    return _without(protected(source), protected(translation))


def put_back(source: str, translation: str) -> str:
    """The translation with what it lacks: instead of what stands there in its stead, else about where it was.

    Numbers stay as they are: a translation may have written them out.
    """
    theirs, ours = list(_fixed(source)), list(_fixed(translation))
    instead: dict[Kind, deque[Protected]] = defaultdict(deque)
    for part in _without(ours, theirs):
        instead[part.kind].append(part)
    words = [letter.start() for letter in _LETTER.finditer(_blanked(source, theirs))] or [0]
    borders = _borders(translation, ours)
    edits: list[tuple[int, int, str]] = [(0, 0, "")]
    for part in _without(theirs, ours):
        if instead[part.kind]:
            wrong = instead[part.kind].popleft()
            edits.append((wrong.start, wrong.end, part.inner or part.text))
        else:
            start, end = part.whole
            at = 0 if start < words[0] else len(translation)
            if words[0] < start and end < words[-1]:
                about = max(start * len(translation) // len(source), edits[-1][1])  # after the one before
                border = bisect_left(borders, about)
                at = borders[min(border, len(borders) - 1)]
            edits.append(_inserted(source, part, translation, at))
    text, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        text += [translation[at : max(start, at)], new]
        at = max(end, at)
    return "".join([*text, translation[at:]])


def _without(parts: Iterable[Protected], others: Iterable[Protected]) -> list[Protected]:
    """The parts that are not among the others, as often."""
    there = Counter(part.key for part in others)
    gone = []
    for part in parts:
        if there[part.key]:
            there[part.key] -= 1
        else:
            gone.append(part)
    return gone


def _borders(text: str, parts: list[Protected]) -> list[int]:
    """Where something can be put into the text: between words, and not into what has to stay."""
    within = {at for part in parts for at in range(part.start + 1, part.end)}
    return [0, *(match.start() for match in _BORDER.finditer(text) if match.start() not in within), len(text)]


def _inserted(source: str, part: Protected, text: str, at: int) -> tuple[int, int, str]:
    """The part put into the text there: at a word where the source has it so, else with spaces around it."""
    first, last = part.whole
    before, after = source[first - 1 : first] if first else "", source[last : last + 1]
    start = end = at
    if not _free(part, before):
        while start and text[start - 1].isspace():
            start -= 1
    if not _free(part, after):
        while end < len(text) and text[end].isspace():
            end += 1
    left = " " if _free(part, before) and start and not text[start - 1].isspace() else ""
    right = " " if _free(part, after) and end < len(text) and not text[end].isspace() else ""
    return start, end, f"{left}{part.text}{right}"


def _free(part: Protected, neighbour: str) -> bool:
    """Whether a part stands apart from the character beside it, if there is one."""
    return not neighbour or neighbour.isspace() or not (neighbour.isalnum() or part.kind == "tag")


def icu_syntax(text: str) -> Iterator[tuple[int, int]]:
    """The syntax of ICU's messages, but for those within code, as characters [start, end)."""
    return ((start, end) for kind, start, end in _outer(text) if kind != "code")


def _fixed(text: str) -> Iterator[Protected]:
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
    for part in _fixed(text):
        yield text[at : part.start]
        at = part.end
    yield text[at:]


def _blanked(text: str, fixed: Iterable[Protected]) -> str:
    """The text with spaces instead of what has to stay, each character in its place."""
    texts, at = [], 0
    for part in fixed:
        texts += [text[at : part.start], " " * (part.end - part.start)]
        at = part.end
    return "".join([*texts, text[at:]])
