"""A glossary: how certain terms have to be translated, and whether they were."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput

MAX_TERMS = 1000
MAX_LINE = 1000
_SEPARATOR = re.compile(r"\t|=>|->|→|＝|=")
_SPACED = re.compile(r"[\u0020-\u024f\u0370-\u05ff]*")


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the source language and its translation."""

    source: str
    target: str


def parse(text: str) -> tuple[Term, ...]:
    """Reads lines of ``term = translation``; a tab, an arrow or a comma (CSV) will do as well as the sign.

    Blank lines and those that begin with # are skipped. Raises `InvalidInput`, naming the line.
    """
    terms: dict[str, Term] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        term = _term(line.strip(), number)
        earlier = terms.setdefault(term.source.casefold(), term)
        if earlier.target != term.target:
            raise InvalidInput(
                "Line {number} of the glossary gives {term!r} a second translation. Keep one.",
                number=number,
                term=term.source,
            )
    if len(terms) > MAX_TERMS:
        raise InvalidInput(
            "The glossary has {count:,} terms; {limit:,} are possible. Shorten it.", count=len(terms), limit=MAX_TERMS
        )
    return tuple(terms.values())


def relevant(terms: Sequence[Term], text: str) -> tuple[Term, ...]:
    """The terms that occur in the text."""
    folded = text.casefold()
    return tuple(term for term in terms if term.source.casefold() in folded and _occurs(term.source, text))


def missing(terms: Sequence[Term], source: str, translation: str) -> tuple[Term, ...]:
    """The terms of the source whose wanted translation is not in the translation."""
    folded = translation.casefold()
    return tuple(term for term in relevant(terms, source) if term.target.casefold() not in folded)


def _term(line: str, number: int) -> Term:
    if len(line) > MAX_LINE:
        raise InvalidInput(
            "Line {number} of the glossary is longer than {limit:,} characters.", number=number, limit=MAX_LINE
        )
    parts = _SEPARATOR.split(line, maxsplit=1)
    if len(parts) == 1:
        parts = next(csv.reader(io.StringIO(line.replace("，", ",")), skipinitialspace=True))
    parts = [part.strip() for part in parts]
    if len(parts) != 2 or not all(parts):
        raise InvalidInput(
            "Line {number} of the glossary must be of the form term = translation, not {line!r}.",
            number=number,
            line=line[:60],
        )
    return Term(*parts)


def _occurs(term: str, text: str) -> bool:
    """Whole words where words have spaces between them; anywhere else."""
    edge = r"\b" if _SPACED.fullmatch(term) else ""
    start, end = (edge if re.match(r"\w", term) else ""), (edge if re.search(r"\w$", term) else "")
    return re.search(start + re.escape(term) + end, text, re.IGNORECASE) is not None
