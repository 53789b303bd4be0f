"""What a translation must not change (code, links, tags, placeholders, numbers), and what it has lost."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.glossary import Term
from qwen_ui.text.markdown import code_spans

Kind = Literal["code", "link", "tag", "placeholder", "number"]
_KINDS: tuple[Kind, ...] = ("link", "tag", "placeholder")

# Besides code.
_FIXED = re.compile(
    r"""(?P<link>https?://[^\s<>"'`）)】」，。；、]+(?<![.,;:!?])|www\.[\w.-]+\w
              |(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{0,200}\w)
      | (?P<tag></?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\})
      | (?P<placeholder>\{\{[^{}\n]*\}\}|\$?\{[\w.\-:!\[\] ]*\}|%\(\w+\)[#0\-\ +]*+[\d.]*+[sdifr]
                     |%(?:\d+\$)?[sd@]|\$\w*[A-Za-z]\w*)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*(?![A-Za-z])")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Protected:
    """A stretch of text that has to come through unchanged."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a translation to look at. ``text`` is the part of the source that it is about."""

    kind: Kind | Literal["term", "lines", "unchanged", "empty", "truncated"]
    text: str = ""


def protected(text: str) -> Iterator[Protected]:
    """Everything in the text that a translation has to keep."""
    yield from (Protected(kind, text[start:end]) for kind, start, end in _fixed(text))
    yield from (Protected("number", match[0]) for match in _NUMBER.finditer(prose(text)))


def prose(text: str) -> str:
    """The text with a space in place of code, links, tags and placeholders."""
    return " ".join(_prose(text))


def has_words(text: str) -> bool:
    """Whether there is anything to translate."""
    return any(_LETTER.search(part) for part in _prose(text))


def check(source: str, translation: str, terms: Sequence[Term] = ()) -> list[Finding]:
    """What a translation may have lost: code, links, tags, placeholders, numbers, terms, lines, or everything."""
    if not translation.strip():
        return [Finding("empty")] if source.strip() else []
    findings = [Finding(part.kind, part.text) for part in missing(source, translation)]
    lost = glossary.missing(terms, source, translation)
    findings += [Finding("term", f"{term.source} = {term.target}") for term in lost]
    if len(source.strip().splitlines()) != len(translation.strip().splitlines()):
        findings.append(Finding("lines"))
    if has_words(source) and source.strip().casefold() == translation.strip().casefold():
        findings.append(Finding("unchanged"))
    return findings


def missing(source: str, translation: str) -> list[Protected]:
    """What the source has and the translation has not, as often. Numbers are compared by their digits alone."""
    there = Counter(_key(item) for item in protected(translation))
    gone = []
    for item in protected(source):
        if there[_key(item)]:
            there[_key(item)] -= 1
        else:
            gone.append(item)
    return gone


def _fixed(text: str) -> Iterator[tuple[Kind, int, int]]:
    """What has to stay besides numbers: kind and characters [start, end), in order."""
    at = 0
    for start, end in chain(code_spans(text), [(len(text), len(text))]):
        for match in _FIXED.finditer(text, at, start):
            yield next(kind for kind in _KINDS if match[kind] is not None), match.start(), match.end()
        if start < end:
            yield "code", start, end
        at = end


def _prose(text: str) -> Iterator[str]:
    """What is between the parts that have to stay."""
    at = 0
    for _, start, end in _fixed(text):
        yield text[at:start]
        at = end
    yield text[at:]


def _key(item: Protected) -> tuple[Kind, str]:
    """1,000.5 in English is 1.000,5 in German, and ١ is 1."""
    if item.kind != "number":
        return item.kind, item.text
    return "number", "".join(str(unicodedata.digit(digit)) for digit in item.text if digit.isdigit())
