"""Dates as files write them. In one column all are read in one order of day, month and year."""

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from babel import Locale

Order = Literal["", "day", "month", "year"]
"""Which number comes first, where all three are numbers of one or two digits but the last; empty where none are so."""

_LONGEST = 80  # characters
_TIME = re.compile(r"[T\s,]*\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?.*", re.DOTALL)
"""From a time of day on: only days are counted."""
_YEAR_FIRST = re.compile(r"(\d{4})(?:[-./]\s?(\d{1,2})(?:[-./]\s?(\d{1,2})\.?)?)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:T?\d{4}(?:\d\d)?Z?)?")
_NUMBERS = re.compile(r"(\d{1,2})\s*([-./])\s*(\d{1,2})\s*\2\s*(\d{4}|\d\d)\.?")
_EAST_ASIAN = re.compile(r"(\d{4})\s*[年년]\s*(?:(\d{1,2})\s*[月월]\s*(?:(\d{1,2})\s*[日号號일]?)?)?")
_EAST_ASIAN_TIME = re.compile(r"(?<=[日号號일])\D.*", re.DOTALL)
_BARE = re.compile(r"\d+(?:\.\d*)?")
_WORD = re.compile(r"[^\W\d_]+")
_SECONDS, _MILLISECONDS, _MICROSECONDS = 1, 1_000, 1_000_000
_FIRST, _LAST = 631_152_000, 4_102_444_800
"""The years from 1990 to 2100 in seconds of Unix."""
_SERIAL_FROM, _SERIAL_TO = 20_000, 80_000
"""Days as spreadsheets count them, from 1954 to 2119."""
_SERIAL_ZERO = datetime.date(1899, 12, 30)
_MONTHS_IN = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "sv", "da", "tr", "id")
_PIVOT = 69
"""Two digits are a year from 1969 to 2068, as in POSIX."""


@dataclass(frozen=True, slots=True)
class Dates:
    """A column of dates."""

    days: tuple[datetime.date | None, ...]
    """As they are written, whatever their time zone; None for what can't be read."""
    order: Order = ""


def read_dates(values: Iterable[str]) -> Dates:
    """The days that a column's values stand for.

    01/02/2024 alone does not say which number is the month: the other values of the column do, if one of them has a
    day beyond 12. If none has, the day is first between dots and dashes, and the month between slashes.
    """
    texts = [value.strip() for value in values]
    order = _order(texts)
    serial = all(_BARE.fullmatch(text) and _SERIAL_FROM <= float(text) < _SERIAL_TO for text in texts if text)
    return Dates(tuple(_serial(text) if serial else _day(text, order) for text in texts), order)


def are_dates(values: Sequence[str], named: bool = False) -> bool:
    """Whether most are dates. Bare numbers are only in a column whose name says so: they would all pass for seconds."""
    if not values or (not named and all(_BARE.fullmatch(value) for value in values)):
        return False
    return 2 * sum(day is not None for day in read_dates(values).days) > len(values)


def _order(texts: Iterable[str]) -> Order:
    """The order of the column's numeric dates."""
    found = [match for text in texts if (match := _NUMBERS.fullmatch(_without_time(text)))]
    if any(int(match[1]) > 31 and len(match[4]) == 2 for match in found):
        return "year"
    if any(int(match[1]) > 12 for match in found):
        return "day"
    if not found or any(int(match[3]) > 12 for match in found):
        return "month" if found else ""
    return "month" if all(match[2] == "/" for match in found) else "day"


def _day(text: str, order: Order) -> datetime.date | None:
    if len(text) > _LONGEST:
        return None
    if _BARE.fullmatch(text):
        return _bare(text)
    text = _without_time(text)
    if match := _YEAR_FIRST.fullmatch(text) or _EAST_ASIAN.fullmatch(_EAST_ASIAN_TIME.sub("", text)):
        return _date(match[1], match[2] or 1, match[3] or 1)
    if match := _COMPACT.fullmatch(text):
        return _date(*match.groups())
    if match := _NUMBERS.fullmatch(text):
        first, second, third = match[1], match[3], match[4]
        return {
            "day": lambda: _date(third, second, first),
            "month": lambda: _date(third, first, second),
            "year": lambda: _date(first, second, third),
        }[order or "day"]()
    return _named_month(text)


def _without_time(text: str) -> str:
    """A date without its time of day, but with a year after that."""
    if len(text) > _LONGEST or not (match := _TIME.search(text)):
        return text
    year = re.search(r"\s(\d{4})$", match[0])
    return text[: match.start()].strip(" ,") + (year[0] if year and _WORD.search(text[: match.start()]) else "")


def _bare(text: str) -> datetime.date | None:
    """A number: a year, a day in eight digits, or what Unix counts."""
    number = float(text)
    if len(text) == 4 and 1900 <= number <= 2100:
        return _date(text, 1, 1)
    if match := _COMPACT.fullmatch(text):
        return _date(*match.groups())
    for unit in (_SECONDS, _MILLISECONDS, _MICROSECONDS):
        if _FIRST <= number / unit < _LAST:
            return datetime.datetime.fromtimestamp(number / unit, datetime.UTC).date()
    return None


def _serial(text: str) -> datetime.date | None:
    return _SERIAL_ZERO + datetime.timedelta(days=int(float(text))) if text else None


def _named_month(text: str) -> datetime.date | None:
    """A date with the name of a month; words before it may name a day of the week."""
    months = [number for word in _WORD.findall(text) if (number := _months().get(word.casefold()))]
    numbers = re.findall(r"\d+", re.sub(r"[-+]\d{4}\b", "", text) if len(re.findall(r"\d{4}", text)) > 1 else text)
    if not months or len(numbers) not in {1, 2}:
        return None
    if len(numbers) == 1:
        return _date(numbers[0], months[-1], 1) if len(numbers[0]) == 4 else None
    day, year = numbers if len(numbers[0]) <= 2 else numbers[::-1]
    return _date(year, months[-1], day)


def _date(year: str | int, month: str | int, day: str | int) -> datetime.date | None:
    number = int(year)
    if len(str(year)) <= 2:
        number += 1900 if number >= _PIVOT else 2000
    try:
        return datetime.date(number, int(month), int(day))
    except ValueError:
        return None


@cache
def _months() -> dict[str, int]:
    """The months by their names, short and long, in the languages that are met most."""
    return {
        word.casefold(): number
        for language in reversed(_MONTHS_IN)  # where two differ, the first language is right
        for form in ("format", "stand-alone")
        for width in ("abbreviated", "wide")
        for number, name in Locale.parse(language).months[form][width].items()
        for word in _WORD.findall(name)
    }
