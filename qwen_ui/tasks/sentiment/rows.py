"""Files of texts: .csv, .xlsx, .txt and .jsonl → rows, with every row that can't be used counted and named."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import openpyxl

from qwen_ui.errors import InvalidInput
from qwen_ui.tasks.decode import decode, is_damaged
from qwen_ui.tasks.sentiment.prompt import MAX_CHARACTERS

ENDINGS = (".csv", ".tsv", ".xlsx", ".txt", ".jsonl")
MAX_ROWS = 200_000
_LINES_OF_A_ROW = 200
_MAX_UNPACKED = 500_000_000  # bytes; a small .xlsx can unpack to anything


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be used. ``number`` is its line in the file, or its row in the sheet, from 1."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    """Each row's number and its values by column; a missing one is not there."""
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A text to judge, with its true label and its date where the file gives them."""

    number: int
    text: str
    truth: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file that can be judged, and those that can't, both in the file's order."""

    good: tuple[Row, ...]
    bad: tuple[BadRow, ...]


def read(name: str, data: bytes) -> Table:
    """Reads a file. A .txt has a text a line, in the column "text"; the others name their columns.

    Raises `InvalidInput` for another ending, for a file that can't be read, and for one without rows.
    """
    ending = PurePath(name).suffix.lower()
    if ending not in ENDINGS:
        raise InvalidInput(f"{name} can't be read: files must end in {', '.join(ENDINGS)}.")
    if ending == ".xlsx":
        records = list(_sheet(name, data))
    else:
        text = decode(data, name, keep_damaged=True).removeprefix("\ufeff")
        records = list({".txt": _lines, ".jsonl": _objects}.get(ending, _csv)(text))
    rows = tuple((number, record) for number, record in records if isinstance(record, dict))
    bad = tuple(BadRow(number, record) for number, record in records if isinstance(record, str))
    if not rows:
        raise InvalidInput(f"{name} holds no rows that can be read.")
    if len(rows) > MAX_ROWS:
        raise InvalidInput(f"{name} has {len(rows):,} rows; {MAX_ROWS:,} are possible. Split it.")
    columns = tuple(dict.fromkeys(column for _, record in rows for column in record))
    return Table(columns, rows, bad)


def select(table: Table, text: str, truth: str | None = None, date: str | None = None) -> Rows:
    """The rows to judge, from the named columns. Raises `InvalidInput` for a column that is not there."""
    for column in (text, truth, date):
        if column and column not in table.columns:
            raise InvalidInput(f"There is no column {column!r}. There are: {', '.join(table.columns)}.")
    good, bad = [], list(table.bad)
    for number, values in table.rows:
        if reason := _fault(values.get(text, "")):
            bad.append(BadRow(number, reason))
        else:
            good.append(Row(number, values[text].strip(), values.get(truth or "", ""), values.get(date or "", "")))
    return Rows(tuple(good), tuple(sorted(bad, key=lambda row: row.number)))


def _fault(text: str) -> str:
    if not text.strip():
        return "empty"
    if is_damaged(text):
        return "wrong encoding"
    return f"longer than {MAX_CHARACTERS:,} characters" if len(text) > MAX_CHARACTERS else ""


_Record = tuple[int, dict[str, str] | str]
"""A row's number with its values by column, or with what is wrong with it."""


def _lines(text: str) -> Iterator[_Record]:
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
        yield number, {"text": line.rstrip("\r")}


def _objects(text: str) -> Iterator[_Record]:
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield number, "not valid JSON" if line.strip() else "empty"
            continue
        if isinstance(record, dict):
            yield number, {key: _text(value) for key, value in record.items()}
        else:
            yield number, "not a JSON object"


def _csv(text: str) -> Iterator[_Record]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, f"not valid CSV: {error}"
            continue
        if header is None:
            header = _header(values)
        elif reader.line_num - number > _LINES_OF_A_ROW:
            yield number, f"a quotation mark is not closed until line {reader.line_num}"
        else:
            yield number, _record(header, values)


def _sheet(name: str, data: bytes) -> Iterator[_Record]:
    """The first sheet of a workbook; formulas give the values they had when it was saved."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > _MAX_UNPACKED:
            raise InvalidInput(f"{name} is too large: it unpacks to {size // 1_000_000:,} MB.")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        rows = [[_text(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]
    except InvalidInput:
        raise
    except Exception as error:  # openpyxl raises whatever a broken part of the file leads to
        raise InvalidInput(f"{name} can't be read as an Excel workbook. Save it as .xlsx again.") from error
    if not rows:
        return
    header = _header(rows[0])
    for number, values in enumerate(rows[1:], 2):
        while len(values) > len(header) and not values[-1]:
            values.pop()
        yield number, _record(header, values)


def _header(names: Iterable[str]) -> list[str]:
    return [name.strip() or f"column {index}" for index, name in enumerate(names, 1)]


def _record(header: list[str], values: list[str]) -> dict[str, str] | str:
    if not any(value.strip() for value in values):
        return "empty"
    if len(values) > len(header):
        return f"{len(values)} values for {len(header)} columns"
    return dict(zip(header, values, strict=False))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
