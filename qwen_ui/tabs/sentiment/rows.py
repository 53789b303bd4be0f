"""Files of texts: .csv, .xlsx, .txt and .jsonl → rows, with every row that can't be used counted and named."""

import csv
import io
import json
import statistics
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

import openpyxl
import pandas as pd

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.sentiment.prompt import MAX_CHARACTERS
from qwen_ui.text.decode import decode, is_damaged

EXTENSIONS = (".csv", ".tsv", ".xlsx", ".txt", ".jsonl")
MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
EMPTY = Sentence("empty")

_LINES_OF_A_ROW = 200
_MAX_UNPACKED = 500_000_000  # bytes; a small .xlsx can unpack to anything
_LOOKED_AT = 200
"""Rows from which columns are guessed."""
_TEXT_NAMES = ("text", "review", "sentence", "comment", "content", "body", "message", "内容", "评论", "文本", "评价")
_GOLD_NAMES = ("label", "sentiment", "truth", "true label", "标签", "情感", "真实标签")
_DATE_NAMES = ("date", "time", "day", "timestamp", "created", "日期", "时间")

_Record = tuple[int, dict[str, str] | Sentence]
"""A row's number with its values by column, or with what is wrong with it."""


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that can't be used. ``number`` is its line in the file, or its row in the sheet, from 1."""

    number: int
    reason: Sentence


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    """Each row's number and its values by column; a missing one is not there."""
    skipped: tuple[SkippedRow, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns to use; an empty name is none."""

    text: str
    gold_label: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A text to judge, with its gold label and its date where the file gives them."""

    number: int
    text: str
    gold_label: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file that can be judged, and those that can't, both in the file's order."""

    usable: tuple[Row, ...]
    skipped: tuple[SkippedRow, ...]


def open_table(path: str) -> Table:
    """An uploaded file. Raises like `read`, and for a file that is too large or not there any more."""
    file = Path(path)
    try:
        if (size := file.stat().st_size) > MAX_BYTES:
            raise InvalidInput(
                "The file has {size:.0f} MB; {limit:.0f} are possible. Split it.",
                size=size / 1e6,
                limit=MAX_BYTES / 1e6,
            )
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InvalidInput("The server no longer has this file. Add it again.") from error
    return read(file.name, data)


def read(name: str, data: bytes) -> Table:
    """Reads a file. A .txt has a text a line, in the column "text"; the others name their columns.

    Raises `InvalidInput` for another extension, for a file that can't be read, and for one without rows.
    """
    extension = PurePath(name).suffix.lower()
    if extension not in EXTENSIONS:
        known = ", ".join(EXTENSIONS)
        raise InvalidInput("{name} can't be read: files must end in {extensions}.", name=name, extensions=known)
    if extension == ".xlsx":
        records = list(_sheet(name, data))
    else:
        text = decode(data, name, keep_damaged=True).removeprefix("\ufeff")
        records = list({".txt": _lines, ".jsonl": _objects}.get(extension, _csv)(text))
    rows = tuple((number, record) for number, record in records if isinstance(record, dict))
    skipped = tuple(SkippedRow(number, record) for number, record in records if isinstance(record, Sentence))
    if not rows:
        raise InvalidInput("{name} holds no rows that can be read.", name=name)
    if len(rows) > MAX_ROWS:
        raise InvalidInput(
            "{name} has {count:,} rows; {limit:,} are possible. Split it.", name=name, count=len(rows), limit=MAX_ROWS
        )
    columns = tuple(dict.fromkeys(column for _, record in rows for column in record))
    return Table(columns, rows, skipped)


def select(table: Table, columns: Columns) -> Rows:
    """The rows to judge. Raises `InvalidInput` for a column that is not there."""
    for column in (columns.text, columns.gold_label, columns.date):
        if column not in ("", *table.columns):
            raise InvalidInput(
                "There is no column {column!r}. There are: {columns}.", column=column, columns=", ".join(table.columns)
            )
    usable, skipped = [], list(table.skipped)
    for number, values in table.rows:
        text = values.get(columns.text, "").strip()
        if reason := _fault(text):
            skipped.append(SkippedRow(number, reason))
        else:
            usable.append(Row(number, text, values.get(columns.gold_label, ""), values.get(columns.date, "")))
    return Rows(tuple(usable), tuple(sorted(skipped, key=lambda row: row.number)))


def guess_columns(table: Table, labels: Sequence[str]) -> Columns:
    """The columns as their names and values suggest them. Gold labels are taken only where all values are labels."""
    text = _named(table.columns, _TEXT_NAMES) or max(table.columns, key=lambda column: _length(table, column))
    others = [column for column in table.columns if column != text]
    known = {label.casefold() for label in labels}
    gold = [column for column in others if _are_among(known, _values(table, column))]
    dates = [column for column in others if column not in gold and _are_dates(_head(table, column))]
    return Columns(
        text,
        _named(gold, _GOLD_NAMES) or next(iter(gold), ""),
        _named(dates, _DATE_NAMES) or next(iter(dates), ""),
    )


def _fault(text: str) -> Sentence | None:
    if not text:
        return EMPTY
    if is_damaged(text):
        return Sentence("wrong encoding")
    return Sentence("longer than {limit:,} characters", limit=MAX_CHARACTERS) if len(text) > MAX_CHARACTERS else None


def _lines(text: str) -> Iterator[_Record]:
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
        yield number, {"text": line.rstrip("\r")}


def _objects(text: str) -> Iterator[_Record]:
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield number, Sentence("not valid JSON") if line.strip() else EMPTY
            continue
        if isinstance(record, dict):
            yield number, {key: _text(value) for key, value in record.items()}
        else:
            yield number, Sentence("not a JSON object")


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
            yield number, Sentence("not valid CSV: {error}", error=error)
            continue
        if header is None:
            header = _header(values)
        elif reader.line_num - number > _LINES_OF_A_ROW:
            yield number, Sentence("a quotation mark is not closed until line {line}", line=reader.line_num)
        else:
            yield number, _record(header, values)


def _sheet(name: str, data: bytes) -> Iterator[_Record]:
    """The first sheet of a workbook; formulas give the values they had when it was saved."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > _MAX_UNPACKED:
            raise InvalidInput("{name} is too large: it unpacks to {size:,} MB.", name=name, size=size // 1_000_000)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        rows = [[_text(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]
    except InvalidInput:
        raise
    except Exception as error:  # openpyxl raises whatever a broken part of the file leads to
        raise InvalidInput("{name} can't be read as an Excel workbook. Save it as .xlsx again.", name=name) from error
    if not rows:
        return
    header = _header(rows[0])
    for number, values in enumerate(rows[1:], 2):
        while len(values) > len(header) and not values[-1]:
            values.pop()
        yield number, _record(header, values)


def _header(names: Iterable[str]) -> list[str]:
    return [name.strip() or f"column {index}" for index, name in enumerate(names, 1)]


def _record(header: list[str], values: list[str]) -> dict[str, str] | Sentence:
    if not any(value.strip() for value in values):
        return EMPTY
    if len(values) > len(header):
        return Sentence(
            "{values} {values:value|values} for {columns} {columns:column|columns}",
            values=len(values),
            columns=len(header),
        )
    return dict(zip(header, values, strict=False))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _named(columns: Sequence[str], names: Iterable[str]) -> str:
    """The column of one of the names, whole names before parts of one, in the names' order."""
    plain = {column.casefold().strip(): column for column in reversed(columns)}
    whole = (plain[name] for name in names if name in plain)
    part = (column for name in names for key, column in plain.items() if name in key.replace("_", " ").split())
    return next(whole, None) or next(part, "")


def _values(table: Table, column: str) -> Iterator[str]:
    return (value for _, values in table.rows if (value := values.get(column, "").strip().casefold()))


def _head(table: Table, column: str) -> list[str]:
    return list(islice(_values(table, column), _LOOKED_AT))


def _length(table: Table, column: str) -> float:
    return statistics.mean(map(len, _head(table, column) or [""]))


def _are_among(known: set[str], values: Iterator[str]) -> bool:
    """Whether there are values and all of them are known."""
    return next(values, "") in known and all(value in known for value in values)


def _are_dates(values: Sequence[str]) -> bool:
    """Whether most are dates. Bare numbers are not taken for any: they would all pass as years or seconds."""
    if not values or all(value.replace(".", "").isdigit() for value in values):
        return False
    found = pd.to_datetime(pd.Series(values), errors="coerce", format="mixed", utc=True)
    return bool(found.notna().mean() > 0.5)
