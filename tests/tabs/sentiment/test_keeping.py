"""A judged file that the browser kept comes back as it was, and nothing else comes in that way."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qwen_ui.decisions.judging import Classified
from qwen_ui.decisions.prompt import Order
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.page.app import App
from qwen_ui.sentences import ENGLISH, Sentence
from qwen_ui.tabs.sentiment.keeping import from_browser, to_browser
from qwen_ui.tabs.sentiment.rows import Columns, select
from qwen_ui.tabs.sentiment.task import TOO_LONG, Work
from qwen_ui.text.tables import SkippedRow, Table
from tests.fakes import FakeEngine
from tests.pages import adapter_in, app_of


@pytest.fixture
def app(prompts: Path) -> App:
    return app_of(FakeEngine(), prompts)


def work_of(app: App, adapter: str = "") -> Work:
    rows = ((2, ("a", "fine", "1")), (3, ("b", "too long", "0")), (4, ("c", "", "1")), (6, ("d", "bad", "0")))
    table = Table(("id", "text", "stars"), rows, (SkippedRow(5, Sentence("empty")),))
    columns = Columns("text", "stars", meanings={"1": "good", "0": "bad"})
    chosen = select(table, columns)
    labels = ("good", "bad")
    order = Order(
        app.prompts.load("sentiment", "reviews"), labels, False, app.adapters.get(adapter) if adapter else None
    )
    outcomes = (Classified("good", {"good": 0.75, "bad": 0.25}), TOO_LONG)
    return Work(order, columns, chosen.usable, chosen.skipped, outcomes, 1.5, table)


def kept(work: Work) -> Any:
    return json.loads(json.dumps(to_browser(work, ENGLISH.say)))


def test_work_comes_back_with_its_results_and_what_is_left_of_it(app: App):
    adapter_in(app, "films")
    work = work_of(app, "films")
    back = from_browser(kept(work), app.prompts, app.adapters)
    assert back.order == work.order
    assert (back.columns, back.rows, back.outcomes, back.seconds) == (work.columns, work.rows, work.outcomes, 1.5)
    assert [(row.number, str(row.reason)) for row in back.skipped] == [
        (row.number, str(row.reason)) for row in work.skipped
    ]
    assert back.waiting == 1


def test_it_comes_back_calibrated_as_it_was_and_not_where_an_older_version_kept_it(app: App):
    work = replace(work_of(app), own_rows=True)
    given = kept(work)
    assert from_browser(given, app.prompts, app.adapters).own_rows
    del given["own_rows"]
    assert not from_browser(given, app.prompts, app.adapters).own_rows


@pytest.mark.parametrize(
    "change",
    [
        {"template": "../../secret"},
        {"template": "gone"},
        {"adapter": "gone"},
        {"adapter": 5},
        {"labels": ["one"]},
        {"labels": {"a": "b"}},
        {"columns": {"text": "nowhere", "gold_label": "", "date": ""}},
        {"columns": {"text": "text", "meanings": "x"}},
        {"columns": {"text": "text", "secret": "x"}},
        {"columns": 5},
        {"meanings": {"1": 5}},
        {"header": ["id", "id", "text"]},
        {"header": "abc"},
        {"rows": [[2, ["a"]]]},
        {"rows": [[2, ["a", "b", "c"]], [2, ["a", "b", "c"]]]},
        {"rows": [["2", ["a", "b", "c"]]]},
        {"rows": [2]},
        {"rows": None},
        {"skipped": [[1, {"template": "{0.__class__}"}]]},
        {"outcomes": [None] * 9},
        {"outcomes": [[0.5]]},
        {"outcomes": [[2, 0]]},
        {"outcomes": [[True, False]]},
        {"outcomes": [["x", 0]]},
        {"outcomes": [[1e999, 0]]},
        {"outcomes": [{"good": 1}]},
        {"seconds": -1},
        {"seconds": "x"},
    ],
    ids=str,
)
def test_what_was_changed_meanwhile_is_refused_with_a_sentence(app: App, change: dict[str, Any]):
    with pytest.raises(QwenUIError):
        from_browser(kept(work_of(app)) | change, app.prompts, app.adapters)


@pytest.mark.parametrize("given", [None, [], "x", 5, {}, {"header": []}])
def test_what_is_no_work_is_refused(app: App, given: Any):
    with pytest.raises(InvalidInput):
        from_browser(given, app.prompts, app.adapters)


def test_a_reason_from_outside_is_a_text_and_no_template(app: App):
    given = kept(work_of(app)) | {"skipped": [[9, "{0.__class__} {x}"]]}
    assert str(from_browser(given, app.prompts, app.adapters).skipped[-1].reason) == "{0.__class__} {x}"
