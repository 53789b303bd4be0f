"""Which answers to a question say the same, without a model: by their words, in whatever language.

Rough by design: short answers say the same when they are equal but for case, punctuation and words of the question
(Paris; "The capital is Paris."), a bare number as what ends in it does, long ones when they share most of their words
(Dice's coefficient) and do not end in different numbers. All is linear in the texts, of which so much is read as
LONGEST says.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

LONGEST = 4_000
"""Characters of an answer that are compared."""
SHORT = 12
"""Terms of a short answer, at the most."""
ALIKE = 0.5
"""How much of their terms two long answers share that say the same, from 0 to 1."""

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々"
_NUMBER = r"[-\u2212]?\s?\p{Sc}?\d+(?:[.,]\d+)*(?:\s?[%\p{Sc}])?"
_WORD = rf"[{_UNSPACED}]\p{{M}}*|[[\w\p{{M}}]--[{_UNSPACED}\d_]]+"
_SIGN = r"[[\p{Sm}\p{Sc}%]--=]"
_TERM = regex.compile(rf"(?V1)(?P<number>{_NUMBER})|{_WORD}|{_SIGN}")
_LIST_MARK = regex.compile(r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)、])[ \t]+")
_GROUPING = regex.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SENTENCE = regex.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_MARKUP = str.maketrans("", "", "*_#`|>~")


def groups(answers: Sequence[str], question: str = "") -> list[list[int]]:
    """The places of the answers that say the same, the largest group first; of equal ones, the one that came first.

    Each answer is compared with the first one of each group.
    """
    asked = frozenset(_terms(question))
    said = [_Said(answer, asked) for answer in answers]
    found: list[list[int]] = []
    for place, each in enumerate(said):
        group = next((group for group in found if _same(said[group[0]], each)), None)
        if group is None:
            found.append([place])
        else:
            group.append(place)
    return sorted(found, key=lambda group: -len(group))


@dataclass(frozen=True)
class _Said:
    """An answer, with what comparing it takes."""

    text: str
    asked: frozenset[str]
    """The terms of the question."""

    @cached_property
    def terms(self) -> list[str]:
        return _terms(self.text)

    @cached_property
    def sentences(self) -> list[str]:
        return [each for each in _SENTENCE.split(_plain(self.text)) if _terms(each)] or [""]

    @cached_property
    def opening(self) -> list[str]:
        """The terms of its first sentence."""
        return _terms(self.sentences[0])

    @cached_property
    def result(self) -> frozenset[str]:
        """The numbers that it ends in, but for those of the question."""
        return frozenset(_terms(self.sentences[-1], only_numbers=True)) - self.asked

    @cached_property
    def bare(self) -> frozenset[str]:
        """Its numbers, if it adds nothing else to the question."""
        new = frozenset(self.terms) - self.asked
        return new if new == self.numbers else frozenset()

    @cached_property
    def numbers(self) -> frozenset[str]:
        """All that the question has not."""
        return frozenset(_terms(self.text, only_numbers=True)) - self.asked

    @cached_property
    def units(self) -> frozenset[str]:
        """What overlap is measured by: words, and pairs of characters of scripts without spaces; not the question's."""
        pairs = zip(self.terms, [*self.terms[1:], ""], strict=True)
        found = frozenset(one + two if len(one) == len(two) == 1 else one for one, two in pairs)
        return found - self.asked or found

    @property
    def short(self) -> bool:
        return len(self.terms) <= SHORT


def _same(one: _Said, two: _Said) -> bool:
    short, long = sorted((one, two), key=lambda each: len(each.terms))
    if long.short:
        numeric = bool(short.bare or long.bare) and short.numbers == long.numbers
        return numeric or _equal(short.terms, long.terms, one.asked)
    if short.short:
        return (bool(short.bare) and short.bare == long.result) or _equal(short.terms, long.opening, one.asked)
    if one.result and two.result and one.result.isdisjoint(two.result):
        return False
    return 2 * len(one.units & two.units) >= ALIKE * (len(one.units) + len(two.units))


def _equal(one: list[str], two: list[str], asked: frozenset[str]) -> bool:
    """Whether they are the same terms in the same order, but for terms of the question that only the longer one has."""
    short, long = sorted((one, two), key=len)
    if short == long:
        return True
    rest = iter(long)
    within = all(term in rest for term in short)
    return within and _new(short, asked) == _new(long, asked) != []


def _new(terms: list[str], asked: frozenset[str]) -> list[str]:
    return [term for term in terms if term not in asked]


def _plain(text: str) -> str:
    """Without case, marks of lists and other markup, and however characters may be written."""
    text = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    return _GROUPING.sub("", _LIST_MARK.sub("", text).translate(_MARKUP))


def _terms(text: str, only_numbers: bool = False) -> list[str]:
    """Words, numbers with their signs and currency or %, characters of scripts without spaces, and signs such as +.

    A text without any, such as an emoji, is one term.
    """
    plain = _plain(text)
    found = [regex.sub(r"\s", "", match[0]) for match in _TERM.finditer(plain) if match["number"] or not only_numbers]
    return found or ([plain.strip()] if plain.strip() and not only_numbers else [])
