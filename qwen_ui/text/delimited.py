"""Delimited text (.csv, .tsv and their kin): its dialect, and its records with their places in the text.

The standard csv module tells no places and refuses fields beyond a length; a dialect must be named to it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from qwen_ui.errors import InvalidInput

MAX_FIELDS = 16_384
"""In one record: the columns of the widest spreadsheets."""
DELIMITERS = "\t;,|"
"""Where two tell a text apart equally well, the one that is rarer in prose comes first."""

_SAMPLE = 65_536
_SAMPLED_RECORDS = 200
_SEPARATOR = re.compile(r'\ufeff?"?sep=(?P<delimiter>[^\r\n])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The line by which Excel is told the delimiter."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_ESCAPED = re.compile(r'\\"[^\t;,|\r\n"]')
_DOUBLED = re.compile(r'[^\\\t;,|\r\n"]""')
_MOSTLY = 0.9
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+%?")


class Field(NamedTuple):
    """A value, and the characters [start, end) that it takes in the text, with its quotation marks."""

    start: int
    end: int
    value: str


class Record(NamedTuple):
    """The fields between two line ends. ``line`` is its first line in the text, from 1; ``last`` its last one."""

    line: int
    last: int
    fields: list[Field]
    unclosed: bool
    """Whether a quotation mark begins a field and none ends it. That field is read as if it had none."""

    @property
    def values(self) -> list[str]:
        """The fields' values."""
        return [field.value for field in self.fields]

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it but white space."""
        return not any(field.value.strip() for field in self.fields)


@dataclass(frozen=True)
class Dialect:
    """How a text writes records."""

    delimiter: str
    """One character; empty where a line is one field."""
    start: int = 0
    """Where the records begin: after a line that names the delimiter."""
    escapes: bool = False
    """Whether a quotation mark within quotation marks is written with a backslash, as databases do, and not twice."""

    @cached_property
    def field(self) -> re.Pattern[str]:
        """A field, with its end: a delimiter, a line end, or the end of the text."""
        delimiter = re.escape(self.delimiter)
        space = "[ ]*+" if self.delimiter == "\t" else r"[ \t]*+"
        inner = r'[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+' if self.escapes else r'[^"]*+(?:""[^"]*+)*+'
        plain = rf"[^{delimiter}\r\n]*+"
        ends = rf"{delimiter}|\r\n|\r|\n|\Z" if delimiter else r"\r\n|\r|\n|\Z"
        return re.compile(rf'(?:{space}"({inner})"({plain})|({plain}))({ends})', re.DOTALL)

    def written(self, value: str, before: str) -> str:
        """The value as a field in the place of one that is written so: in quotation marks if that is, or if it must."""
        if not before.lstrip(" ").startswith('"'):
            special = {*self.delimiter, "\r", "\n"} | (set() if '"' in before else {'"'})
            if not special.intersection(value) and not value.lstrip(" \t").startswith('"'):
                return value
        value = value.replace("\\", "\\\\").replace('"', '\\"') if self.escapes else value.replace('"', '""')
        return f'"{value}"'


def defused(value: str) -> str:
    """A value for a table that others open: text also where a spreadsheet would take it for a formula, and run it."""
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value.strip()) else value


def dialect_of(text: str, expected: str = "") -> Dialect:
    """The dialect of a text. The delimiter that goes with the name of its file, if one does, wins where it occurs."""
    start, named = 0, ""
    if line := _SEPARATOR.match(text):
        start, named = line.end(), line["delimiter"]
    sample = text[start : start + _SAMPLE]
    escapes = _ESCAPED.search(sample) is not None and not _DOUBLED.search(sample)
    candidates = named or expected + DELIMITERS
    found = [Dialect(delimiter, start, escapes) for delimiter in candidates]
    if named:
        return found[0]
    scores = [_score(sample, dialect) for dialect in found]
    if expected and scores[0]:
        return found[0]
    best = max(scores)
    return found[scores.index(best)] if best else Dialect("", start, escapes)


def records(text: str, dialect: Dialect) -> Iterator[Record]:
    """The records of a text, in order. Raises `InvalidInput` for one with more fields than any table has columns."""
    last = len(text)
    line = first = 1 + len(_LINE_END.findall(text, 0, dialect.start))
    fields: list[Field] = []
    unclosed = False
    for match in dialect.field.finditer(text, dialect.start):
        quoted, rest, plain, end = match.groups()
        if quoted is None:
            value = plain
            if not end and not fields and not plain:
                return
            unclosed = unclosed or plain.lstrip(" ").startswith('"')
        else:
            value = _unescaped(quoted, dialect) + (rest if rest.strip() else "")
            line += len(_LINE_END.findall(quoted)) if "\n" in quoted or "\r" in quoted else 0
        fields.append(Field(match.start(), match.end() - len(end), value))
        if len(fields) > MAX_FIELDS:
            raise InvalidInput(
                "Line {line:,} has more than {limit:,} columns. Is it a table?", line=line, limit=MAX_FIELDS
            )
        if end == dialect.delimiter and end:
            continue
        yield Record(first, line, fields, unclosed)
        if not end or match.end() == last:
            return
        line += 1
        first, fields, unclosed = line, [], False


def _unescaped(quoted: str, dialect: Dialect) -> str:
    value = quoted.replace('""', '"')
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) if dialect.escapes else value


Score = tuple[float, int]


def _score(sample: str, dialect: Dialect) -> Score | tuple[()]:
    """How well a delimiter tells the sample apart: the share of records of one width, and that width; else nothing."""
    counts, blank_after_first = _widths(sample, dialect)
    if not counts:
        return ()
    (width, _), *_ = Counter(count for count in counts if count > 1).most_common(1) or [(1, 0)]
    if width < 2:
        return ()
    share = sum(count in {width, width - 1} and count > 1 for count in counts) / len(counts)
    if counts[0] > 1:
        return share, width
    # A title may stand above the table. So may the name of a single column of sentences, which hold commas.
    below = counts[1:]
    consistent = len(below) > 1 and below.count(width) >= _MOSTLY * len(below)
    is_prose = sample.count(dialect.delimiter + " ") >= _MOSTLY * sample.count(dialect.delimiter)
    return (share, width) if consistent and not is_prose and (width > 2 or blank_after_first) else ()


def _widths(sample: str, dialect: Dialect) -> tuple[list[int], bool]:
    """The numbers of fields of the first records, and whether a blank one follows the first."""
    found = list(islice(records(sample, Dialect(dialect.delimiter, 0, dialect.escapes)), _SAMPLED_RECORDS))
    if len(sample) == _SAMPLE and len(found) > 1 and len(found) < _SAMPLED_RECORDS:
        found.pop()  # it is cut off
    counts = [len(record.fields) for record in found if not _is_empty(record.fields)]
    return counts, len(found) > 1 and found[1].is_blank


def _is_empty(fields: Sequence[Field]) -> bool:
    return len(fields) == 1 and not fields[0].value.strip()
