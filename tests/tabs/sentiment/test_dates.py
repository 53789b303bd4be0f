"""Dates as programs export them: each column in one order."""

import csv
from datetime import date
from pathlib import Path

import pytest

from qwen_ui.tabs.sentiment.dates import are_dates, read_dates

CASES = Path(__file__).parents[2] / "text" / "cases"


def test_days_beyond_12_tell_the_order_of_all():
    rows = list(csv.DictReader((CASES / "S04-dayfirst.csv").open(newline="")))
    dates = read_dates(row["date"] for row in rows)
    assert dates.days == tuple(date(2024, 3, day) for day in range(1, 29))
    assert dates.order == "day"


@pytest.mark.parametrize(
    ("column", "days", "order"),
    [
        (["01/03/2024", "25/03/2024"], [date(2024, 3, 1), date(2024, 3, 25)], "day"),
        (["01/03/2024", "03/25/2024"], [date(2024, 1, 3), date(2024, 3, 25)], "month"),
        (["01/03/2024"], [date(2024, 1, 3)], "month"),
        (["01.03.2024", "1.3.24"], [date(2024, 3, 1)] * 2, "day"),
        (["13/01/2024 10:30", "05/06/2024, 9:05 PM"], [date(2024, 1, 13), date(2024, 6, 5)], "day"),
        (["24/03/05", "99/12/31"], [date(2024, 3, 5), date(1999, 12, 31)], "year"),
        (["1709645400", "1709645400000", "1709645400.5"], [date(2024, 3, 5)] * 3, ""),
        (["45356", "45357.5"], [date(2024, 3, 5), date(2024, 3, 6)], ""),
        (["soon", "", "31.02.2024", "2024-13-01", "12"], [None] * 5, "day"),
    ],
)
def test_a_column(column: list[str], days: list[date | None], order: str):
    dates = read_dates(column)
    assert (list(dates.days), dates.order) == (days, order)


@pytest.mark.parametrize(
    "text",
    [
        *("2024-03-05", "2024/3/5", "2024.03.05", "20240305", "2024. 3. 5."),
        *("2024-03-05T14:30:00Z", "2024-03-05 14:30:00.123+08:00", "2024-03-05T23:30:00-05:00", "20240305T143000Z"),
        *("2024年3月5日", "2024年03月05日 14时30分", "2024年3月5日下午2:30", "2024년 3월 5일"),
        *("5 March 2024", "March 5, 2024", "Mar 5, 2024 2:30 PM", "05-Mar-2024", "05-Mar-24"),
        *("Tue, 05 Mar 2024 14:30:00 +0000", "Tue Mar 05 14:30:00 +0000 2024"),
        *("5. März 2024", "5 de marzo de 2024", "mar. 5 mars 2024", "5 марта 2024 г."),
    ],
)
def test_each_form(text: str):
    assert read_dates([text]).days == (date(2024, 3, 5),)


@pytest.mark.parametrize(
    ("text", "first"), [("2024", date(2024, 1, 1)), ("2024-03", date(2024, 3, 1)), ("2024年3月", date(2024, 3, 1))]
)
def test_a_year_or_a_month_is_its_first_day(text: str, first: date):
    assert read_dates([text]).days == (first,)


def test_numbers_are_dates_only_in_a_column_whose_name_says_so():
    assert not are_dates(["1709645400", "1709645401"])
    assert are_dates(["1709645400", "1709645401"], named=True)
    assert are_dates(["28.03.2024", "soon", "1.4.2024"])
    assert not are_dates(["a", "b"])
