"""The words of a text as search sees them, for scripts with and without spaces between words."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from operator import add
from typing import NamedTuple

import regex
import tantivy

from qwen_ui.knowledge import forms, stopwords

VERSION = 2
"""Raised when terms change, so that every index made with the old ones is built again."""

_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_UNSPACED = rf"[{_SCRIPTS}\u30fc\u3005\u3006\uff70\uff9e\uff9f]"  # and marks that several of these share
_SPACED = rf"[\w--{_UNSPACED}]"  # the difference of sets, which version 1 of the syntax has
_NUMBER = r"[\p{Nd}\p{No}]"
_LETTER = rf"[{_SPACED}--[\p{{Nd}}\p{{Pc}}]]"
_UNSEEN = r"[\u00ad\u200c-\u200f\u2060\ufeff]"  # soft hyphens, joiners, and marks of direction: within a word
_LETTERS = rf"{_LETTER}++(?:{_UNSEEN}++{_LETTER}++)*+"
_ONE_WORD = rf"(?:{_NUMBER}++|{_LETTERS})++"
_TIE = r"(?:[\-\u2010\u2011\u2212\uff0d\p{Pc}]|(?<=\d)[./]|[./](?=\d))"
_WORDS = regex.compile(rf"(?V1)(?P<run>(?:{_UNSPACED}\p{{M}}*)+)|{_ONE_WORD}(?:{_TIE}{_ONE_WORD})*+")
_WORD = regex.compile(rf"(?V1){_ONE_WORD}")
_PIECE = regex.compile(rf"(?V1){_NUMBER}++|{_LETTERS}")
_NO_WORD = regex.compile(r"(?V1)[^\w\p{No}]|\p{Pc}")
_NEAR = regex.compile(r"(?V1)[\p{Pd}\p{Pc}\s\u2212./／．]")
_GROUPED = regex.compile(r"(?<![\d.,'’])\d{1,3}(?:([.,'’\u00a0\u202f])\d{3})(?:\1\d{3})*+(?!\d)")
_CLUSTER = regex.compile(r"\X")
_UNIT = regex.compile(rf"(?V1){_UNSPACED}|{_SPACED}+")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_GAPS = " \t\r\n\u3000" + "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~" + "，。、；：！？“”‘’（）《》〈〉「」『』【】·—…～"
_PLAIN = re.compile(rf"[A-Za-z{_HAN}{re.escape(_GAPS)}]+")
_GAP = re.compile(f"[{re.escape(_GAPS)}]")
_PLAIN_WORD = re.compile("[A-Za-z]+")
_PLAIN_RUN = re.compile(f"[{_HAN}]+")
_LONGEST = 64
_LONGEST_KEPT = 32
_PIECES = 8
"""Letters and digits by turns, more often than that, are no part number: rather a check sum."""


class Term(NamedTuple):
    """One term and the characters of the text that it comes from."""

    text: str
    start: int
    end: int
    single: bool = False
    """A part of a run without spaces, or of a word with digits in it, that says more as a whole."""
    joined: bool = False
    """Of several words, as ab1234 is of AB-1234. A text may hold the words in another way."""


def size(text: str) -> int:
    """How long a text is: words, where each Chinese, Japanese, Korean or Thai character counts as one."""
    return sum(1 for _ in _UNIT.finditer(text))


def spans(text: str) -> Iterator[Term]:
    """The terms of a text with their places.

    Runs of a script without spaces give their characters, simplified, and each overlapping pair of them. Other words
    are kept whole, in one form (see `forms.word`), as their English stem. Where letters meet digits, or a hyphen ties
    words, there are joined terms as well: by them AB-1234, ab1234, and AB 1234 find each other.
    """
    before: regex.Match[str] | None = None
    for match in _WORDS.finditer(text):
        if match["run"]:
            yield from _run(match[0], match.start())
        else:
            yield from _words(match)
            if before and match.start() == before.end() + 1:
                yield from _pair(before, match)
            before = match
    for number in _GROUPED.finditer(text):  # 1,299.00 is found as 1299, too
        yield Term(number[0].replace(number[1], ""), number.start(), number.end(), joined=True)


def terms(text: str) -> list[str]:
    """What the index holds of a text: all its terms, with repetitions, in no order.

    Most of a text is English letters and Chinese characters, which have their terms whatever stands beside them. Only
    the rest, with the words next to it, takes the long way of `spans`: an index is built in a third of the time.
    """
    found: list[str] = []
    done = 0
    for match in _PLAIN.finditer(text):
        start, end = _alone(text, *match.span())
        if start < end:
            found += [term.text for term in spans(text[done:start])]
            found += _plain_terms(text[start:end])
            done = end
    return found + [term.text for term in spans(text[done:])]


def _alone(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a plain stretch whose words don't depend on what stands beside it.

    A word at its edge may be tied to what comes there, or go on with it. Chinese goes on in other scripts only.
    """
    plain = text[start:end]
    core = plain.strip(_GAPS)
    if not core:
        return start, start
    goes_on = not text[max(0, start - 1) : start].isascii(), not text[end : end + 1].isascii()
    if core[0].isascii() or (core[0] == plain[0] and goes_on[0]):
        start = _first_gap(plain, start, core[0])
    if core[-1].isascii() or (core[-1] == plain[-1] and goes_on[1]):
        end -= _first_gap(plain[::-1], 0, core[-1])
    return start, end


def _first_gap(plain: str, start: int, word: str) -> int:
    """Where the word that begins with that character ends, counted from the start; at the end of all, if not before."""
    gap = _GAP.search(plain, plain.index(word))
    return start + (gap.start() if gap else len(plain))


def _plain_terms(text: str) -> Iterator[str]:
    yield from map(_fold, _PLAIN_WORD.findall(text))
    for run in _PLAIN_RUN.findall(text):
        simple = forms.han(run)
        yield from simple
        yield from map(add, simple, simple[1:])


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


def _words(tied: regex.Match[str]) -> Iterator[Term]:
    """A word, or several that are tied: each of them, all as one, and letters and digits where there are both."""
    if tied[0].isalpha():
        yield _term(tied)
        return
    words = list(_WORD.finditer(tied.string, *tied.span()))
    pieces = list(_PIECE.finditer(tied.string, *tied.span()))
    yield from map(_term, words)
    if len(words) > 1 and len(tied[0]) <= _LONGEST:
        yield Term(_fold(_NO_WORD.sub("", tied[0])), *tied.span(), joined=True)
    if len(pieces) <= _PIECES:
        whole = {word.span() for word in words}
        yield from (_term(piece)._replace(single=True) for piece in pieces if piece.span() not in whole)
    if 2 < len(pieces) <= _PIECES:
        pairs = [(one, other) for one, other in pairwise(pieces) if _differ(one, other)]
        yield from (_joined(*pair) for pair in pairs if (pair[0].start(), pair[1].end()) not in whole)


def _pair(one: regex.Match[str], other: regex.Match[str]) -> Iterator[Term]:
    """A number and letters beside it, as in AB 1234 and 5 kg, where one character is between the two."""
    if _differ(one, other) and _NEAR.match(one.string, one.end()):
        *_, last = _PIECE.finditer(one.string, *one.span())
        first, *_ = _PIECE.finditer(other.string, *other.span())
        yield _joined(last, first)


def _differ(one: regex.Match[str], other: regex.Match[str]) -> bool:
    """Whether letters meet digits there."""
    return one[0][-1].isnumeric() != other[0][0].isnumeric()


def _term(word: regex.Match[str]) -> Term:
    return Term(_fold(word[0]), *word.span())


def _joined(one: regex.Match[str], other: regex.Match[str]) -> Term:
    return Term(_fold(one[0] + other[0]), one.start(), other.end(), joined=True)


def _run(run: str, offset: int) -> Iterator[Term]:
    clusters = [
        (forms.han(unicodedata.normalize("NFKC", match[0][:_LONGEST])), match.start() + offset, match.end() + offset)
        for match in _CLUSTER.finditer(run)
    ]
    for text, start, end in clusters:
        yield Term(text, start, end, single=len(clusters) > 1)
    for (first, start, _), (second, _, end) in pairwise(clusters):
        yield Term(first + second, start, end)


def _fold(word: str) -> str:
    """A word in its one form, as its English stem; of a very long one the beginning. Only short ones are kept."""
    return _kept(word) if len(word) <= _LONGEST_KEPT else _made(word[: 4 * _LONGEST])


def _made(word: str) -> str:
    plain = forms.word(word)[:_LONGEST]
    stems = _stemmer().analyze(plain)
    return stems[0] if stems else plain


_kept = lru_cache(maxsize=32_768)(_made)
"""Some ten megabytes at most, whatever the words are."""


@cache
def _stemmer() -> tantivy.TextAnalyzer:
    stemmer = tantivy.Filter.stemmer("english")
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(stemmer).build()
