"""An uploaded file: read within bounds, and which of its columns hold texts, true labels and dates."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd

from qwen_ui.errors import InvalidInput
from qwen_ui.tasks.sentiment import Table, read

MAX_BYTES = 50_000_000
_LOOKED_AT = 200
"""Rows from which columns are guessed."""
_TEXT_NAMES = ("text", "review", "sentence", "comment", "content", "body", "message", "内容", "评论", "文本", "评价")
_TRUTH_NAMES = ("label", "sentiment", "truth", "true label", "标签", "情感", "真实标签")
_DATE_NAMES = ("date", "time", "day", "timestamp", "created", "日期", "时间")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns to use; an empty name is none."""

    text: str
    truth: str = ""
    date: str = ""


def opened(path: str) -> Table:
    """The uploaded file. Raises `InvalidInput` when it can't be read or is too large."""
    if (size := Path(path).stat().st_size) > MAX_BYTES:
        raise InvalidInput(f"The file has {size / 1e6:.0f} MB; {MAX_BYTES // 1_000_000} are possible. Split it.")
    return read(Path(path).name, Path(path).read_bytes())


def guessed(table: Table, labels: Sequence[str]) -> Columns:
    """The columns as their names and values suggest them. True labels are taken only where all values are labels."""
    text = _named(table.columns, _TEXT_NAMES) or max(table.columns, key=lambda column: _length(table, column))
    others = [column for column in table.columns if column != text]
    known = {label.casefold() for label in labels}
    truths = [column for column in others if (values := set(_values(table, column))) and values <= known]
    dates = [column for column in others if column not in truths and _are_dates(_head(table, column))]
    return Columns(
        text,
        _named(truths, _TRUTH_NAMES) or next(iter(truths), ""),
        _named(dates, _DATE_NAMES) or next(iter(dates), ""),
    )


def _named(columns: Sequence[str], names: Iterable[str]) -> str:
    """The column of one of the names, whole names before parts of one, in the names' order."""
    plain = {column.casefold().strip(): column for column in reversed(columns)}
    whole = (plain[name] for name in names if name in plain)
    part = (column for name in names for key, column in plain.items() if name in key.replace("_", " ").split())
    return next(whole, None) or next(part, "")


def _values(table: Table, column: str) -> Iterable[str]:
    return (value for _, values in table.rows if (value := values.get(column, "").strip().casefold()))


def _head(table: Table, column: str) -> list[str]:
    return list(islice(_values(table, column), _LOOKED_AT))


def _length(table: Table, column: str) -> float:
    return statistics.mean(map(len, _head(table, column) or [""]))


def _are_dates(values: Sequence[str]) -> bool:
    """Whether most are dates. Bare numbers are not taken for any: they would all pass as years or seconds."""
    if not values or all(value.replace(".", "").isdigit() for value in values):
        return False
    found = pd.to_datetime(pd.Series(values), errors="coerce", format="mixed", utc=True)
    return bool(found.notna().mean() > 0.5)
