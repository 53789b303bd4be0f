"""A judged file: against gold labels, over time, on the page, and as a table to download."""

import csv
import io
from typing import Any

import gradio as gr
import pytest

from qwen_ui.decisions.judging import Classified
from qwen_ui.decisions.prompt import Order
from qwen_ui.errors import InvalidInput
from qwen_ui.page.events import Values
from qwen_ui.prompts import PromptStore
from qwen_ui.sentences import ENGLISH, Sentence
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.sentiment.report import as_csv, evaluate, trend, wrong
from qwen_ui.tabs.sentiment.results import SHOWN, WRONG, Results, _colours
from qwen_ui.tabs.sentiment.rows import Columns, Row, select
from qwen_ui.tabs.sentiment.task import TOO_LONG, Judged, Work
from qwen_ui.text.tables import SkippedRow, Table
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

LABELS = ("good", "bad")


def found(label: str, confidence: float = 0.5) -> Classified:
    return Classified(label, {name: confidence if name == label else 1 - confidence for name in LABELS})


def judged(rows: list[Row], *labels: str) -> list[Judged]:
    return list(zip(rows, map(found, labels), strict=True))


def test_quality_against_gold_labels():
    rows = [Row(number, "x", gold) for number, gold in enumerate(["good", "GOOD ", "bad", "bad", "", "meh"], 1)]
    quality = evaluate(judged(rows, "good", "bad", "bad", "bad", "good", "good"), LABELS)
    assert (quality.rows, quality.accuracy, quality.confusion) == (4, 0.75, ((1, 1), (0, 2)))
    assert quality.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert quality.unknown == (5, 6)
    assert evaluate(judged(rows[4:5], "good"), LABELS).rows == 0
    good, bad = quality.of_label(0), quality.of_label(1)
    assert (good.precision, good.recall, round(good.f1, 3), good.rows) == (1.0, 0.5, 0.667, 2)
    assert (round(bad.precision, 3), bad.recall, bad.f1, bad.rows) == (0.667, 1.0, 0.8, 2)
    nobody = evaluate(judged(rows[:1], "good"), LABELS).of_label(1)
    assert (nobody.precision, nobody.recall, nobody.f1, nobody.rows) == (0, 0, 0, 0)


def test_only_the_rows_that_were_taken_for_another_label_are_wrong():
    rows = [Row(number, "x", gold) for number, gold in enumerate(["good", "BAD", "bad", "", "meh"], 1)]
    found = wrong(judged(rows, "good", "bad", "good", "good", "good"), LABELS)
    assert [row.number for row, _ in found] == [3]


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        (("positive", "neutral", "negative"), ["#22a35a", "#94a3b8", "#dc4c4c"]),
        (("负面", "正面"), ["#dc4c4c", "#22a35a"]),
        (("good", "happy", "bad"), None),
        (("bug", "praise"), None),
    ],
)
def test_colours_are_those_that_people_expect_where_labels_say_good_or_bad(labels: tuple[str, ...], meant: list[str]):
    colours = list(_colours(labels).values())
    assert colours == meant if meant else len({*colours}) == len(labels)
    assert meant or not {"#22a35a", "#dc4c4c"} & {*colours}


def test_a_trend_counts_every_label_in_every_period():
    rows = [
        Row(n, "x", date=date) for n, date in enumerate(["2024-01-05", "2024-01-20", "5 March 2024", "soon", ""], 1)
    ]
    result = trend(judged(rows, "good", "bad", "good", "good", "good"), LABELS)
    assert result.unknown == (4, 5)
    assert set(result.table["label"]) == {"good", "bad"}
    assert result.table["rows"].sum() == 3
    assert trend(judged(rows[3:], "good", "good"), LABELS).table.empty


def test_a_trend_reads_all_dates_in_one_order():
    rows = [Row(number, "x", date=f"{number:02}.03.2024") for number in range(1, 29)]
    result = trend(judged(rows, *["good"] * 28), LABELS)
    assert (result.order, len(set(result.table["period"])), result.unknown) == ("day", 28, ())
    assert result.table["period"].max().strftime("%Y-%m-%d") == "2024-03-28"


def of_file(columns: Columns, names: tuple[str, ...], *rows: tuple[str, ...], label: str = "good") -> Work:
    """The work on a file, all rows of which are found to be the first of the labels."""
    table = Table(names, tuple(enumerate(rows, 2)), (SkippedRow(len(rows) + 2, Sentence("empty")),))
    chosen, labels = select(table, columns), (label, "bad")
    results = [Classified(label, {label: 0.75, "bad": 0.25})] * len(chosen.usable)
    order = Order(PromptStore(PROJECT / "prompts").load("sentiment", "reviews"), labels)
    return Work(order, columns, chosen.usable, chosen.skipped, tuple(results), table=table)


def read_csv(work: Work) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(work).decode("utf-8-sig"), newline="")))


def test_the_download_is_the_file_with_what_was_found_beside_its_own_columns():
    text = '你好, "x"\nfriend'
    names = ("id", "text", "stars", "confidence")
    work = of_file(
        Columns("text", "stars", meanings={"1": "good"}), names, ("a7", text, "1", "high"), ("a8", "", "1", "")
    )
    assert as_csv(work).startswith(b"\xef\xbb\xbf")
    header, row, empty, damaged = read_csv(work)
    assert header[:6] == ["id", "text", "stars", "confidence", "predicted label", "confidence (2)"]
    assert header[6:] == ["p(good)", "p(bad)", "true label", "row", "skipped because"]
    assert row == ["a7", text, "1", "high", "good", "0.7500", "0.7500", "0.2500", "good", "2", ""]
    assert (empty[0], empty[-2:]) == ("a8", ["3", "empty"])
    assert (damaged[0], damaged[-2:]) == ("", ["4", "empty"])


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\t=1", "＝1", '=HYPERLINK("http://a")'])
def test_results_as_csv_hold_no_formula(text: str):
    cell = text.strip() or text
    for row in read_csv(of_file(Columns("text"), ("text", cell), (text, text), label=cell)):
        assert not any(value.lstrip().startswith(("=", "+", "-", "@", "＝")) for value in row)


def test_numbers_stay_numbers():
    _, row, *_ = read_csv(of_file(Columns("text"), ("text", "a", "b"), ("-1.5", "+3", "-2%")))
    assert row[:3] == ["-1.5", "+3", "-2%"]


class Laid:
    """The widgets of the results, laid out on a page of their own."""

    def __init__(self) -> None:
        with gr.Blocks():
            self.results = Results()

    def show(self, work: Work) -> dict[str, Any]:
        return by_id(self.results.show(work, ENGLISH.say))

    def filter(
        self, work: Work | None, label: str = "", search: str = "", low: float = 0, high: float = 1
    ) -> dict[str, Any]:
        results = self.results
        given = {results.work: work, results._label: label, results._low: low, results._high: high}
        given[results._search] = search
        return by_id(results._filter(event_of(app_of(FakeEngine()), given)))


def by_id(values: Values) -> dict[str, Any]:
    return {widget.elem_id: value for widget, value in values.items()}


def work_of(store: PromptStore, *pairs: Judged) -> Work:
    rows, results = zip(*pairs, strict=True)
    order = Order(store.load("sentiment", "reviews"), LABELS)
    return Work(order, Columns("text", "label", "date"), rows, outcomes=results, seconds=2.0)


def test_the_report_tells_accuracy_and_what_it_leaves_out(store: PromptStore):
    rows = [Row(2, "fine", "good", "2024-01-01"), Row(3, "fine", "BAD", "2024-02-01"), Row(4, "<b>", "?", "soon")]
    values = Laid().show(work_of(store, *judged(rows, "good", "good", "bad")))
    assert "Accuracy 50.0%" in values["sentiment-quality"]
    assert "over 2 rows" in values["sentiment-quality"]
    assert "1 row whose true label is not one of the labels (4)" in values["sentiment-quality"]
    assert "1 row with an unreadable date (4)" in values["sentiment-undated"]
    assert "read as" not in values["sentiment-undated"]
    assert values["sentiment-trend"].visible
    assert values["sentiment-results"].visible
    assert values["sentiment-bad"] == ""
    assert (
        '<th scope="row">good</th><td>50.0%</td><td>100.0%</td><td>0.667</td><td>1</td>' in values["sentiment-quality"]
    )
    assert ("Only wrong ones (1)", WRONG) in values["sentiment-show"].choices
    only = Laid().filter(work_of(store, *judged(rows, "good", "good", "bad")), WRONG)
    assert [row[0] for row in only["sentiment-table"].value["data"]] == [3]


def test_a_row_that_the_model_can_not_take_is_listed_with_those_that_could_not_be_read(store: PromptStore):
    order = Order(store.load("sentiment", "reviews"), LABELS)
    rows, unusable = (Row(2, "x"), Row(5, "y")), (SkippedRow(3, Sentence("empty")),)
    work = Work(order, Columns("text"), rows, unusable, (TOO_LONG, found("good")))
    assert [row.number for row in work.skipped] == [2, 3]
    values = Laid().show(work)
    assert "2 rows skipped" in values["sentiment-bad"]
    assert "Row 2: longer than the model&#x27;s context" in values["sentiment-bad"]
    assert [row[0] for row in values["sentiment-table"].value["data"]] == [5]


def test_the_table_is_filtered_and_bounded(store: PromptStore):
    labels = ["good" if number % 2 else "bad" for number in range(2 * SHOWN + 10)]
    pairs = judged([Row(number, "x") for number in range(len(labels))], *labels)
    laid, work = Laid(), work_of(store, *pairs, (Row(9999, "sure"), found("bad", 0.95)))
    values = laid.filter(work, "good")
    assert {row[2] for row in values["sentiment-table"].value["data"]} == {"good"}
    assert len(values["sentiment-table"].value["data"]) == SHOWN
    assert f"The first {SHOWN:,} of {SHOWN + 5:,} rows" in values["sentiment-shown"]
    sure = laid.filter(work, low=0.9)
    assert [row[:4] for row in sure["sentiment-table"].value["data"]] == [[9999, "sure", "bad", 0.95]]
    assert ">1 row<" in sure["sentiment-shown"]
    none = laid.filter(work, low=0.96)
    assert not none["sentiment-table"].value["data"]
    assert ">0 rows<" in none["sentiment-shown"]


def test_the_table_keeps_the_files_own_columns_and_is_searched_by_the_texts():
    work = of_file(Columns("text", date="day"), ("id", "text", "day"), ("a7", "Fast DELIVERY", "2024"), ("a8", "x", ""))
    shown = Laid().filter(work)["sentiment-table"].value
    assert shown["headers"] == ["Row", "text", "Predicted label", "Confidence", "day", "id"]
    assert shown["data"][0] == [2, "Fast DELIVERY", "good", 0.75, "2024", "a7"]
    half = of_file(Columns("text"), ("text", "other"), ("fine", "\ud83d!"))
    assert Laid().filter(half)["sentiment-table"].value["data"][0][-1] == "?!"
    assert read_csv(half)[1][1] == "?!"
    only = Laid().filter(work, search="delivery")
    assert [row[0] for row in only["sentiment-table"].value["data"]] == [2]
    assert ">1 row<" in only["sentiment-shown"]


def test_results_that_the_server_has_lost_are_told_as_lost():
    with pytest.raises(InvalidInput, match="no longer has these results"):
        Laid().filter(None)
