"""Files of texts → rows to judge, with every row that can't be used counted and named."""

import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from qwen_ui.decisions.prompt import MAX_CHARACTERS
from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.sentiment.dates import are_dates
from qwen_ui.text.decode import is_damaged
from qwen_ui.text.tables import EMPTY, SkippedRow, Table, read

MAX_BYTES = 50_000_000

_LOOKED_AT = 200
"""Rows from which columns are guessed."""
_TEXT_NAMES = ("text", "review", "sentence", "comment", "content", "body", "message", "内容", "评论", "文本", "评价")
_GOLD_NAMES = ("label", "sentiment", "truth", "true label", "polarity", "target", "标签", "情感", "真实标签")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_SIGN = re.compile(r"[=＝:：]")
_MOST_MEANINGS = 20
_GOOD = ("positive", "pos", "good", "happy", "正面", "积极", "好评", "好", "正向")
_BAD = ("negative", "neg", "bad", "unhappy", "负面", "消极", "差评", "坏", "差", "负向")
_NEITHER = ("neutral", "mixed", "中性", "中立", "中评", "一般")
_DATE_NAMES = ("date", "time", "day", "timestamp", "created", "posted", "日期", "时间")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns to use; an empty name is none."""

    text: str
    gold_label: str = ""
    date: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)
    """Labels by the gold labels, in small letters, that stand for them where they are no labels themselves."""


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


def open_table(path: str, sheet: str = "", encoding: str = "") -> Table:
    """An uploaded file; of a workbook a sheet, or the one with data.

    Raises like `qwen_ui.text.tables.read`, and for a file that is too large or not there any more.
    """
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
    return read(file.name, data, sheet, encoding)


def select(table: Table, columns: Columns) -> Rows:
    """The rows to judge. Raises `InvalidInput` for a column that is not there."""
    for column in (columns.text, columns.gold_label, columns.date):
        if column not in ("", *table.columns):
            raise InvalidInput(
                "There is no column {column!r}. There are: {columns}.", column=column, columns=", ".join(table.columns)
            )
    wanted = (columns.text, columns.gold_label, columns.date)
    places = [table.columns.index(column) if column else None for column in wanted]
    usable, skipped = [], list(table.skipped)
    for number, values in table.rows:
        text, gold_label, date = ("" if at is None else values[at].strip() for at in places)
        if reason := _fault(text):
            skipped.append(SkippedRow(number, reason))
        else:
            usable.append(Row(number, text, columns.meanings.get(gold_label.casefold(), gold_label), date))
    return Rows(tuple(usable), tuple(sorted(skipped, key=lambda row: row.number)))


def guess_columns(table: Table, labels: Sequence[str]) -> Columns:
    """The columns as their names and values suggest them.

    Gold labels are taken where all values are labels, or where the name says so and values may stand for labels.
    """
    text = _named(table.columns, _TEXT_NAMES) or max(table.columns, key=lambda column: _length(table, column))
    others = [column for column in table.columns if column != text]
    known = {label.casefold() for label in labels}
    gold = [column for column in others if _are_among(known, _values(table, column))]
    dates = [column for column in others if column not in gold and _is_date(table, column)]
    named = _named(
        [column for column in others if column not in dates and meanings(table, column, labels)], _GOLD_NAMES
    )
    gold_label = _named(gold, _GOLD_NAMES) or next(iter(gold), named)
    return Columns(
        text,
        gold_label,
        _named(dates, _DATE_NAMES) or next(iter(dates), ""),
        meanings(table, gold_label, labels) if gold_label else {},
    )


def meanings(table: Table, column: str, labels: Sequence[str]) -> dict[str, str]:
    """What a column's values may stand for where they are numbers, or labels cut short: a label each, or "".

    Nothing where they are labels, and where they are no values of that kind. Numbers are taken for a scale from the
    worst to the best.
    """
    known = {label.casefold() for label in labels}
    values: set[str] = set()
    for value in _values(table, column):
        if value not in known:
            values.add(value)
            if len(values) > _MOST_MEANINGS:
                return {}
    if not values:
        return {}
    if all(_NUMBER.fullmatch(value) for value in values):
        numbers = sorted(map(float, values))
        low, high = min(0.0, numbers[0]) if len(numbers) == 1 else numbers[0], numbers[-1]
        return {value: _on_scale(float(value), low, high, labels) for value in sorted(values, key=float)}
    short = {
        value: next((label for label in labels if label.casefold().startswith(value)), "") for value in sorted(values)
    }
    return short if all(short.values()) else {}


def written(meant: Mapping[str, str]) -> str:
    """What values stand for, as people write it and `parse_meanings` reads it: "0 = negative, 1 = positive"."""
    return ", ".join(f"{value} = {label}" for value, label in meant.items())


def parse_meanings(text: str, labels: Sequence[str]) -> dict[str, str]:
    """What values stand for. Raises `InvalidInput` for a label that is not among the labels."""
    spelled = {label.casefold(): label for label in labels}
    meant = {}
    for part in re.split(r"[,，;；\n]", text):
        value, _, label = (piece.strip() for piece in _SIGN.sub("=", part, count=1).partition("="))
        if not label:
            continue
        if label.casefold() not in spelled:
            raise InvalidInput(
                "{value} can't mean {label!r}: the labels are {labels}.",
                value=value,
                label=label,
                labels=", ".join(labels),
            )
        meant[value.casefold()] = spelled[label.casefold()]
    return meant


def _fault(text: str) -> Sentence | None:
    if not text:
        return EMPTY
    if is_damaged(text):
        return Sentence("wrong encoding")
    return Sentence("longer than {limit:,} characters", limit=MAX_CHARACTERS) if len(text) > MAX_CHARACTERS else None


def _named(columns: Sequence[str], names: Iterable[str]) -> str:
    """The column of one of the names, whole names before parts of one, in the names' order."""
    plain = {column.casefold().strip(): column for column in reversed(columns)}
    whole = (plain[name] for name in names if name in plain)
    part = (column for name in names for key, column in plain.items() if name in key.replace("_", " ").split())
    return next(whole, None) or next(part, "")


def meaning(label: str) -> Literal["good", "bad", "neither", ""]:
    """What a label says, as far as it is one that people use for sentiments."""
    word = label.casefold()
    return "good" if word in _GOOD else "bad" if word in _BAD else "neither" if word in _NEITHER else ""


def _on_scale(value: float, low: float, high: float, labels: Sequence[str]) -> str:
    """The label for a place on a scale, as far as the labels tell good from bad."""
    place = (value - low) / (high - low) if high > low else 0.5
    words = _BAD if place < 0.5 else _GOOD if place > 0.5 else _NEITHER
    return next((label for label in labels if label.casefold() in words), "")


def _values(table: Table, column: str) -> Iterator[str]:
    return (value for given in table.values(column) if (value := given.strip().casefold()))


def _head(table: Table, column: str) -> list[str]:
    return list(islice(_values(table, column), _LOOKED_AT))


def _length(table: Table, column: str) -> float:
    return statistics.mean(map(len, _head(table, column) or [""]))


def _are_among(known: set[str], values: Iterator[str]) -> bool:
    """Whether there are values and all of them are known."""
    return next(values, "") in known and all(value in known for value in values)


def _is_date(table: Table, column: str) -> bool:
    return are_dates(_head(table, column), named=_named([column], _DATE_NAMES) != "")
