"""The Sentiment tab's handlers: how a file's run begins, goes on and ends, and what comes of templates and labels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.decisions.judging import FIRST_BATCH
from qwen_ui.engine.base import EngineInfo
from qwen_ui.errors import EngineFailed, InvalidInput, PromptTooLong
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.server.metering import Record
from qwen_ui.tabs.sentiment.rows import Columns
from qwen_ui.tabs.sentiment.tab import LABELS, SentimentTab, _ordered
from tests.fakes import INFO, FakeEngine
from tests.pages import adapter_in, app_of, event_of


class Laid:
    """The tab, laid out on a page of its own."""

    def __init__(self, engine: FakeEngine, prompts: Path) -> None:
        self.app = app_of(engine, prompts)
        self.records: list[Record] = []
        self.app.host.observe(self.records.append)
        with gr.Blocks() as page:
            self.tab = SentimentTab(self.app, page)
        self.work = self.tab._results.work

    def event(self, language: str = "en-US", **given: Any) -> Event:
        """An event with the fields as they are on a new page, but for those that are given by their names."""
        tab = self.tab
        fields = {tab._text: "", tab._file: None, tab._encoding.radio: None, tab._column: "text"}
        fields |= {tab._gold: "", tab._date: "", tab._kept: None, tab._sheet: None, tab._meanings: ""}
        options = {tab._template.dropdown: "reviews", tab._labels: "good, bad", tab._calibrated: False, self.work: None}
        named = {getattr(tab, f"_{name}"): value for name, value in given.items()}
        return event_of(self.app, fields | options | named, language)

    def on_work(self, work: Any) -> Event:
        event = self.event()
        return event_of(self.app, {**event.given, self.work: work})

    async def run(self, begin: Callable[[Event], Run[Any]], event: Event) -> list[Values]:
        return [values async for values in self.tab._events.updates(event, begin)]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"text {number}" for number in range(60)), "utf-8")
    return str(path)


@pytest.fixture
def csv_file(tmp_path: Path) -> str:
    path = tmp_path / "texts.csv"
    path.write_text("id,review,stars\n1,fine,good\n", "utf-8")
    return str(path)


@pytest.fixture
def blank(tmp_path: Path) -> str:
    path = tmp_path / "blank.txt"
    path.write_text(" \n \n", "utf-8")
    return str(path)


async def test_a_file_is_one_request_with_one_record(prompts: Path, file: str):
    laid = Laid(FakeEngine(), prompts)
    first, *_, last = await laid.run(laid.tab._judging_file, laid.event(file=file))
    assert "0 of 60 rows" in first[laid.tab._status]
    assert "60 rows · " in last[laid.tab._status]
    assert last[laid.work].done == 60
    assert not last[laid.tab._rest].visible
    (record,) = laid.records
    assert (record.task, record.via, record.outcome) == ("sentiment", "page", "ok")
    assert record.new_tokens == 120
    assert record.streams > 1


class Short(FakeEngine):
    """An engine into whose context one of the rows does not fit."""

    async def score(self, prompts: Any, candidates: Any, adapter: str = "") -> list[list[float]]:
        if any("text 7\n" in prompt for prompt in prompts):
            raise PromptTooLong("Prompt 1 is longer than the context.")
        return await super().score(prompts, candidates, adapter)


async def test_a_row_too_long_for_the_model_makes_no_refused_request_of_a_file(prompts: Path, file: str):
    laid = Laid(Short(), prompts)
    *_, last = await laid.run(laid.tab._judging_file, laid.event(file=file))
    assert "Row 8: longer than the model" in last[laid.tab._results._skipped]
    assert "59 rows" in last[laid.tab._status]
    assert [(record.outcome, record.error) for record in laid.records] == [("ok", "")]


class Failing(FakeEngine):
    """An engine that dies after some scorings."""

    def __init__(self, lasts: int) -> None:
        super().__init__()
        self.lasts = lasts

    async def score(self, prompts: Any, candidates: Any, adapter: str = "") -> list[list[float]]:
        if len(self.scored) >= self.lasts:
            raise EngineFailed("The batch loop died.")
        return await super().score(prompts, candidates, adapter)


async def test_a_file_that_is_judged_before_its_columns_are_shown_is_judged_by_the_ones_that_would_be(
    prompts: Path, csv_file: str
):
    laid = Laid(FakeEngine(), prompts)
    *_, last = await laid.run(laid.tab._judging_file, laid.event(file=csv_file, column=None))
    assert last[laid.work].columns == Columns("review", "stars")
    assert [row.text for row, _ in last[laid.work].judged] == ["fine"]


async def test_what_was_judged_before_an_error_is_kept_and_the_error_said(prompts: Path, file: str):
    engine = Failing(lasts=1)
    laid = Laid(engine, prompts)
    *_, last = await laid.run(laid.tab._judging_file, laid.event(file=file))
    assert "The analysis was interrupted: The batch loop died. The results so far are kept." in last[laid.tab._status]
    work = last[laid.work]
    assert work.done == FIRST_BATCH
    assert last[laid.tab._rest].visible
    *_, last = await laid.run(laid.tab._judging_rest, laid.on_work(work))
    assert "Not analyzed: The batch loop died." in last[laid.tab._status]
    assert last[laid.tab._rest].visible  # so that it can be tried again
    engine.lasts = 100
    *_, last = await laid.run(laid.tab._judging_rest, laid.on_work(work))
    assert last[laid.work].done == 60


async def test_stop_says_that_the_batch_comes_to_its_end(prompts: Path, file: str):
    engine, said = FakeEngine(steps=1), []
    laid = Laid(engine, prompts)
    async for values in laid.tab._events.updates(laid.event(file=file), laid.tab._judging_file):
        said.append(values[laid.tab._status])
        if f"{FIRST_BATCH} of 60 rows" in said[-1]:
            laid.app.running.stop("me", "sentiment")
        if "Stopping" in said[-1]:
            engine.steps.release()
    assert "Stopping after the current batch…" in said[-2]
    assert f"Stopped: {60 - 3 * FIRST_BATCH} rows left." in said[-1]
    assert values[laid.tab._rest].visible
    assert [record.outcome for record in laid.records] == ["stopped"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Not analyzed: Add a file first."),
        ({"labels": "one"}, "Not analyzed: Enter 2 to 20 labels"),
        ({"file": "/nowhere/a.txt"}, "no longer has this file"),
        ({"file": "blank"}, "No row in this column can be analyzed."),
    ],
)
async def test_what_can_not_begin_changes_nothing_but_the_status(
    prompts: Path, blank: str, given: dict[str, Any], says: str
):
    laid = Laid(FakeEngine(), prompts)
    given = {name: blank if value == "blank" else value for name, value in given.items()}
    (values,) = await laid.run(laid.tab._judging_file, laid.event(**given))
    assert says in values[laid.tab._status]
    assert set(values) == {laid.tab._status}


async def test_the_rest_of_lost_results_is_told_as_lost(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    (values,) = await laid.run(laid.tab._judging_rest, laid.event())
    assert "The server no longer has these results" in values[laid.tab._status]
    (values,) = await laid.run(laid.tab._judging_rest, laid.event("zh-CN"))
    assert "请重新分析该文件" in values[laid.tab._status]


async def test_a_text_is_judged(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    first, *_, last = await laid.run(laid.tab._judging_text, laid.event(text="so so", calibrated=True))
    assert "Analyzing…" in first[laid.tab._status]
    assert "label bias corrected with 28 reference texts of “Reviews” · from the model" in last[laid.tab._status]
    assert last[laid.tab._result].count("<meter") == 2
    *_, last = await laid.run(laid.tab._judging_text, laid.event(text=" "))
    assert "Not analyzed: There is no text to analyze." in last[laid.tab._status]
    assert laid.tab._result not in last


async def test_the_line_says_how_another_server_lets_texts_be_judged(prompts: Path):
    class Remote(FakeEngine):
        @property
        def info(self) -> EngineInfo:
            return replace(INFO, scoring="first token")

    laid = Laid(Remote(), prompts)
    *_, last = await laid.run(laid.tab._judging_text, laid.event(text="so so"))
    assert "from the probabilities of the first token" in last[laid.tab._status]


def test_a_file_that_can_not_be_read_hides_the_columns_of_the_last_one(prompts: Path, file: str):
    laid = Laid(FakeEngine(), prompts)
    values = laid.tab._open(laid.event(file=file))
    assert values[laid.tab._column].visible
    assert "60 rows to analyze<" in values[laid.tab._facts]
    Path(file).write_bytes(bytes(range(256)) * 4)
    values = laid.tab._open(laid.event(file=file))
    assert not any(values[picker].visible for picker in (laid.tab._column, laid.tab._gold, laid.tab._date))
    assert "not a text file" in values[laid.tab._facts]


CASES = Path(__file__).parents[2] / "text" / "cases"


async def test_a_workbook_shows_its_sheets_and_is_judged_by_the_chosen_one(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    book = str(CASES / "A12-title-row-merged.xlsx")
    values = laid.tab._open(laid.event(file=book, sheet="of the file before"))
    sheet = values[laid.tab._sheet]
    assert ([name for name, _ in sheet.choices], sheet.value, sheet.visible) == (
        ["Cover", "Data", "North"],
        "Data",
        True,
    )
    assert values[laid.tab._column].value == "text"
    values = laid.tab._open_sheet(laid.event(file=book, sheet="North"))
    assert [name for name, _ in values[laid.tab._column].choices] == ["region", "sales"]
    assert "3 rows to analyze" in values[laid.tab._facts]
    values = laid.tab._open_sheet(laid.event(file=book, sheet="Cover"))
    assert "holds no rows" in values[laid.tab._facts]
    assert laid.tab._sheet not in values  # so that another can be chosen
    *_, last = await laid.run(laid.tab._judging_file, laid.event(file=book, sheet="North", column="region"))
    assert [row.text for row, _ in last[laid.work].judged] == ["N1", "N1", "N2"]
    values = laid.tab._open(laid.event(file=str(CASES / "S02-trailing-delimiter.csv"), sheet="North"))
    assert (values[laid.tab._sheet].value, values[laid.tab._sheet].visible) == (None, False)


def test_formulas_without_a_value_are_told(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    values = laid.tab._open(laid.event(file=str(CASES / "A11-formula-no-cache.xlsx")))
    assert "3 formulas have no stored value, so their cells are empty." in values[laid.tab._facts]


async def test_numbers_for_labels_are_found_shown_and_measured_by(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    file, labels = str(CASES / "S07a-numeric-labels.csv"), "positive, neutral, negative"
    values = laid.tab._open(laid.event(file=file, labels=labels))
    assert values[laid.tab._gold].value == "label"
    meanings = values[laid.tab._meanings]
    assert (meanings.value, meanings.visible) == ("0 = negative, 1 = positive", True)
    assert "values that are not labels (0, 1)" in values[laid.tab._facts]
    given = {"file": file, "labels": labels, "gold": "label", "meanings": meanings.value}
    *_, last = await laid.run(laid.tab._judging_file, laid.event(**given))
    assert [row.gold_label for row, _ in last[laid.work].judged] == ["positive", "negative", "positive"]
    assert "over 3 rows with a true label" in last[laid.tab._results._quality]
    (values,) = await laid.run(laid.tab._judging_file, laid.event(**given | {"meanings": "1 = fine"}))
    assert "can&#x27;t mean" in values[laid.tab._status]
    hidden = laid.tab._look(laid.event(file=file, labels=labels, gold=""))[laid.tab._meanings]
    assert not hidden.visible


def test_a_template_brings_its_labels_unless_others_were_named(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    for labels, expected in (("", "joy"), ("positive, neutral, negative", "joy"), ("urgent, normal", None)):
        picked = laid.tab._template.pick(laid.event(labels=labels), "emotions")
        if expected:
            assert expected in picked[laid.tab._labels]
        else:
            assert laid.tab._labels not in picked
    text = "I love this product!"
    taken = laid.tab._take_example(laid.event(labels="urgent, normal", examples=["reviews", text]))
    assert (taken[laid.tab._text], taken[laid.tab._labels]) == (text, "positive, neutral, negative")


@pytest.mark.parametrize(
    ("kept", "language", "template", "labels"),
    [
        (None, "en-US", "reviews", "positive, neutral, negative"),
        (None, "zh-CN", "reviews-zh", "正面, 中性, 负面"),
        ({"template": "emotions", "labels": "a, b"}, "en-US", "emotions", "a, b"),
        ({"template": "gone", "labels": "a, b"}, "en-US", "reviews", "a, b"),
        ({"template": "emotions-zh", "labels": 5}, "en-US", "emotions-zh", "喜悦"),
        ("nonsense", "en-US", "reviews", "positive, neutral, negative"),
    ],
)
def test_choices_come_back_as_the_browser_kept_them(
    prompts: Path, kept: Any, language: str, template: str, labels: str
):
    laid = Laid(FakeEngine(), prompts)
    restored = laid.tab._restored(laid.event(language, kept=kept))
    assert restored is not None
    id, values = restored
    assert id == template
    assert values[laid.tab._labels].startswith(labels)


async def test_a_picked_adapter_brings_the_template_and_the_labels_that_it_was_trained_with(prompts: Path, file: str):
    engine = FakeEngine()
    laid = Laid(engine, prompts)
    films = adapter_in(laid.app, "films", template="sentiment/reviews", labels=["bad", "good"])
    other = adapter_in(laid.app, "other", template="chat/assistant")
    values = laid.tab._fit(laid.event(file=file).having({laid.app.picker: films}))
    assert values[laid.tab._labels] == "bad, good"
    assert values[laid.tab._template.dropdown].value == "reviews"
    assert values[laid.tab._calibrated] is False
    for name in ("", other):
        values = laid.tab._fit(laid.event(file=file).having({laid.app.picker: name}))
        assert values == {laid.tab._calibrated: True}
    await laid.run(laid.tab._judging_file, laid.event(file=file).having({laid.app.picker: films}))
    assert set(engine.adapters) == {"films"}


def test_scripts_judge_by_what_the_adapter_was_trained_with(prompts: Path):
    app = app_of(FakeEngine(), prompts)
    adapter_in(app, "films", template="sentiment/reviews", labels=["bad", "good"])
    adapter_in(app, "bare")
    templates = app.prompts.list("sentiment").templates
    assert _ordered(app, templates, LABELS, "films").labels == ("bad", "good")
    assert not _ordered(app, templates, LABELS, "films").calibrated
    assert _ordered(app, templates, LABELS, "bare").calibrated
    assert _ordered(app, templates, "a,b", "films").labels == ("a", "b")
    assert _ordered(app, templates, LABELS, "bare").labels == ("positive", "neutral", "negative")
    with pytest.raises(InvalidInput, match="no adapter 'nobody'"):
        _ordered(app, templates, LABELS, "nobody")


async def test_results_are_calibrated_with_the_rows_afterwards_and_what_changes_is_told(prompts: Path, tmp_path: Path):
    path = tmp_path / "reviews.csv"
    texts = ["awful"] * 30 + ["unclear"] * 10
    path.write_text("text,label\n" + "".join(f"{text} {at},bad\n" for at, text in enumerate(texts)), "utf-8")
    laid = Laid(FakeEngine(likes=_doubts), prompts)
    *_, last = await laid.run(laid.tab._judging_file, laid.event(file=str(path), gold="label"))
    own = laid.tab._results.own_rows
    assert (last[own].value, last[own].visible) == (False, True)
    assert "10 of 40 rows get another label" in last[laid.tab._results._effect]
    assert "accuracy 75.0% → 100.0%" in last[laid.tab._results._effect]
    assert "Accuracy 75.0%" in last[laid.tab._results._quality]

    given = laid.on_work(last[laid.work]).given
    shown = laid.tab._calibrate(event_of(laid.app, {**given, own: True}))
    assert shown[own].value
    assert "Accuracy 100.0%" in shown[laid.tab._results._quality]
    assert {result.label for _, result in shown[laid.work].judged} == {"bad"}
    again = laid.tab._calibrate(event_of(laid.app, {**given, laid.work: shown[laid.work], own: False}))
    assert again[laid.work] == last[laid.work]


def _doubts(prompt: str, candidate: str) -> float:
    """Good is a little likelier where the text is unclear, and hardly where it is awful."""
    if candidate.strip() == "bad":
        return 0.0
    return 0.2 if "unclear" in prompt.splitlines()[-2] else -3.0
