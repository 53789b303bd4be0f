"""The words of a text as search sees them, for scripts with and without spaces between words."""

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

import regex
import tantivy

from qwen_ui.knowledge import stopwords

VERSION = 1
"""Raised when terms change, so that every index made with the old ones is built again."""

_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_UNSPACED = rf"[{_SCRIPTS}\u30fc\u3005\u3006\uff70\uff9e\uff9f]"  # and marks that several of these share
_SPACED = rf"[\w--{_UNSPACED}]"  # the difference of sets, which version 1 of the syntax has
_WORD = regex.compile(rf"(?V1)(?P<run>(?:{_UNSPACED}\p{{M}}*)+)|{_SPACED}+")
_CLUSTER = regex.compile(r"\X")
_UNIT = regex.compile(rf"(?V1){_UNSPACED}|{_SPACED}+")
_ACCENTS = regex.compile(r"[\u0300-\u036f]+")
_LONGEST = 64


class Term(NamedTuple):
    """One term and the characters of the text that it comes from."""

    text: str
    start: int
    end: int
    single: bool = False
    """One character of a longer run without spaces; its pairs say more."""


def size(text: str) -> int:
    """How long a text is: words, where each Chinese, Japanese, Korean or Thai character counts as one."""
    return sum(1 for _ in _UNIT.finditer(text))


def spans(text: str) -> Iterator[Term]:
    """The terms of a text with their places.

    Runs of a script without spaces give their characters and each overlapping pair of them; other words are kept
    whole, without accents, in lower case, as their English stem.
    """
    for match in _WORD.finditer(text):
        if match["run"]:
            yield from _run(match[0], match.start())
        else:
            yield Term(_fold(match[0][: 4 * _LONGEST]), match.start(), match.end())


def terms(text: str) -> list[str]:
    """What the index holds of a text: all its terms, with repetitions."""
    return [term.text for term in spans(text)]


def question_terms(question: str) -> list[Term]:
    """What to look for: the question's terms without its stop words.

    A single character counts only where it stands alone. Measured on CMRC 2018: searching for those as well, and
    without the stop words, puts the right passage first for 98% of the questions instead of 97%.
    """
    return [term for term in spans(stopwords.blank(question)) if not term.single]


def is_general(question: str) -> bool:
    """Whether the question is about the documents as a whole, as in "What is this about?"."""
    return bool(question.strip()) and not terms(stopwords.blank(question, general=True))


def marks(text: str, question: str) -> list[tuple[int, int]]:
    """Where words of the question occur in a text: (start, end) in characters, ordered, not overlapping."""
    wanted = {term.text for term in question_terms(question)}
    merged: list[tuple[int, int]] = []
    for start, end in sorted((term.start, term.end) for term in spans(text) if term.text in wanted):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _run(run: str, offset: int) -> Iterator[Term]:
    clusters = [
        (unicodedata.normalize("NFKC", match[0][:_LONGEST]), match.start() + offset, match.end() + offset)
        for match in _CLUSTER.finditer(run)
    ]
    for text, start, end in clusters:
        yield Term(text, start, end, single=len(clusters) > 1)
    for (first, start, _), (second, _, end) in pairwise(clusters):
        yield Term(first + second, start, end)


@lru_cache(maxsize=65_536)
def _fold(word: str) -> str:
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", word)).casefold()
    stems = _stemmer().analyze(unicodedata.normalize("NFC", plain)[:_LONGEST])
    return stems[0] if stems else plain[:_LONGEST]


@cache
def _stemmer() -> tantivy.TextAnalyzer:
    stemmer = tantivy.Filter.stemmer("english")
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(stemmer).build()
