"""A glossary: how certain terms have to be translated, and whether they were."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput

MAX_TERMS = 1000
_SEPARATOR = re.compile(r"\t|\s*(?:=>|->|→|＝|=)\s*")
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
            raise InvalidInput(f"Line {number} of the glossary gives {term.source!r} a second translation. Keep one.")
    if len(terms) > MAX_TERMS:
        raise InvalidInput(f"The glossary has {len(terms):,} terms; {MAX_TERMS:,} are possible. Shorten it.")
    return tuple(terms.values())


def relevant(terms: Sequence[Term], text: str) -> tuple[Term, ...]:
    """The terms that occur in the text."""
    return tuple(term for term in terms if _occurs(term.source, text))


def missing(terms: Sequence[Term], source: str, translation: str) -> tuple[Term, ...]:
    """The terms of the source whose wanted translation is not in the translation."""
    folded = translation.casefold()
    return tuple(term for term in relevant(terms, source) if term.target.casefold() not in folded)


def _term(line: str, number: int) -> Term:
    parts = _SEPARATOR.split(line, maxsplit=1)
    if len(parts) == 1:
        parts = next(csv.reader(io.StringIO(line.replace("，", ",")), skipinitialspace=True))
    parts = [part.strip() for part in parts]
    if len(parts) != 2 or not all(parts):
        raise InvalidInput(f"Line {number} of the glossary must be of the form term = translation, not {line[:60]!r}.")
    return Term(*parts)


def _occurs(term: str, text: str) -> bool:
    """Whole words where words have spaces between them; anywhere else."""
    edge = r"\b" if _SPACED.fullmatch(term) else ""
    start, end = (edge if re.match(r"\w", term) else ""), (edge if re.search(r"\w$", term) else "")
    return re.search(start + re.escape(term) + end, text, re.IGNORECASE) is not None
