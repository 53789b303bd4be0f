"""The Write tab's handlers: what its fields mean, and what Insert and the picker do."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.messages import Message
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.tabs.write.keeping import from_browser, to_browser
from qwen_ui.tabs.write.tab import WriteTab
from qwen_ui.tabs.write.task import Order
from qwen_ui.tabs.write.versions import MAX_TEXTS, Texts, Work, Written
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of


def work_of(order: Order, *texts: str, ended: bool = False) -> Work:
    """A text of each version, from the first on."""
    work = Work()
    for number, text in enumerate(texts):
        work = work.having(number, Texts((Written(order, text, ended),)))
    return work


class Laid:
    """The tab, laid out on a page of its own."""

    def __init__(self, engine: FakeEngine, prompts: Path) -> None:
        self.app = app_of(engine, prompts)
        with gr.Blocks() as page:
            self.tab = WriteTab(self.app, page)

    def event(self, text: str = "A fox", language: str = "en-US", **given: Any) -> Event:
        tab, asked = self.tab, self.tab._fields
        fields = {asked.words: 0, asked.temperature: 0.8, asked.count: 1, asked.template.dropdown: "story"}
        work = given.get("work")
        boxes = {each.box: work and (now := work.versions[each.number].now) and now.text for each in tab._versions}
        named = {tab._work if name == "work" else getattr(asked, name): value for name, value in given.items()}
        return event_of(self.app, fields | boxes | {tab._work: None, asked.text: text} | named, language)

    def on_version(self, number: int, box: str, work: Work | None) -> Event:
        event = self.event(work=work)
        return event_of(self.app, {**event.given, self.tab._versions[number].box: box})

    async def run(self, begin: Callable[[Event], Run[Any]], event: Event) -> list[Values]:
        events = self.tab._events
        return [values async for values in events.updates(event, begin)]


def test_no_length_is_any_length(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    assert laid.tab._fields.order(laid.event(count=2)) == Order("A fox", "story", None, 0.8, 2)
    assert laid.tab._fields.order(laid.event(words=50)).words == 50
    with pytest.raises(InvalidInput, match="whole number"):
        laid.tab._fields.order(laid.event(words=1.5))


async def test_a_version_that_ended_goes_on_by_request_and_an_edited_one_within_its_sentence(prompts: Path):
    engine = FakeEngine(["One."])
    laid = Laid(engine, prompts)
    *_, last = await laid.run(laid.tab._writing, laid.event())
    work = last[laid.tab._work]
    assert work.versions[0].now == Written(laid.tab._fields.order(laid.event()), "One.", True, (0,))
    go_on = partial(laid.tab._going_on, laid.tab._versions[0])
    await laid.run(go_on, laid.on_version(0, "One.", work))
    assert engine.asked[-1][0][-1].role == "user"
    await laid.run(go_on, laid.on_version(0, "One. And", work))
    assert engine.asked[-1][0][-1] == Message("assistant", "One. And")
    assert "A fox" in engine.asked[-1][0][1].content


async def test_writing_again_adds_a_text_to_only_that_version_and_the_earlier_ones_stay(prompts: Path):
    laid = Laid(FakeEngine(["Two."]), prompts)
    first, second = laid.tab._versions[:2]
    again = partial(laid.tab._writing_again, second)
    given = laid.event(work=work_of(Order("A fox", "story", versions=2), "a", "b"))
    *_, last = await laid.run(again, given.having({second.box: "b, edited"}))
    work = last[laid.tab._work]
    assert [written.text for written in work.versions[1].all] == ["b, edited", "Two."]
    assert (last[second.box], last[second.place]) == ("Two.", "2 / 2")
    assert work.versions[0].all[0].text == "a"
    assert first.box not in last
    back = laid.tab._move(second, -1, laid.event(work=work))
    assert (back[second.box], back[second.place]) == ("b, edited", "1 / 2")
    assert (back[second.earlier].interactive, back[second.later].interactive) == (False, True)
    assert back[laid.tab._work].versions[1].now.order == Order("A fox", "story", versions=2)


async def test_a_text_that_never_came_leaves_the_one_before_it(prompts: Path):
    work = work_of(Order("A fox", "story"), "a")
    for engine in (FakeEngine([]), FakeEngine([], error=EngineFailed("It died."))):
        laid = Laid(engine, prompts)
        *_, last = await laid.run(laid.tab._writing, laid.event(work=work))
        assert last[laid.tab._versions[0].box] == "a"
        assert last[laid.tab._work] == work


def test_so_many_texts_of_a_version_are_kept_and_empty_ones_make_room():
    order, texts = Order("A fox", "story"), Texts()
    for number in range(MAX_TEXTS + 3):
        texts = texts.grown(Written(order, f"{number}"))
    assert [len(texts.all), texts.all[0].text, texts.shown] == [MAX_TEXTS, "3", MAX_TEXTS - 1]
    texts = texts.edited(" ").grown(Written(order, "new"))
    assert [written.text for written in texts.all[-2:]] == ["21", "new"]


def test_what_the_browser_keeps_comes_back(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    order = Order("A fox", "story", 50, 0.5, 2)
    work = work_of(order, "a", "b", ended=True).having(0, Texts((Written(order, "x", False, (3, 4)),) * 2, 1))
    kept = json.loads(json.dumps(to_browser(work)))
    assert from_browser(kept) == work
    assert to_browser(Work()) is None
    values = laid.tab._restore(laid.event(), kept)
    assert [values[each.box] for each in laid.tab._versions] == ["x", "b", "", ""]
    assert [values[each.column].visible for each in laid.tab._versions] == [True, True, False, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.clear(),
        lambda kept: kept["versions"].append({"texts": [], "shown": 0}),
        lambda kept: kept["versions"][0].update(shown=1),
        lambda kept: kept["versions"][0].update(texts=kept["versions"][0]["texts"] * (MAX_TEXTS + 1)),
        lambda kept: kept["versions"][0]["texts"][0].update(order=-1),
        lambda kept: kept["versions"][0]["texts"][0].update(text=["a"]),
        lambda kept: kept["versions"][0]["texts"][0].update(tokens=[True]),
        lambda kept: kept["versions"][0]["texts"][0].update(tokens=[2**80]),
        lambda kept: kept["orders"][0].update(template={"a": 1}),
        lambda kept: kept["orders"][0].update(temperature="hot"),
        lambda kept: kept["orders"][0].update(words=10**9),
        lambda kept: kept["orders"][0].update(other=1),
    ],
)
def test_what_comes_back_changed_is_refused(change: Callable[[dict[str, Any]], object]):
    kept: dict[str, Any] = to_browser(work_of(Order("A fox", "story"), "a"))
    change(kept)
    with pytest.raises(InvalidInput):
        from_browser(kept)
    with pytest.raises(InvalidInput):
        from_browser([kept])


async def test_a_version_goes_on_also_when_the_server_has_forgotten_what_it_came_from(prompts: Path):
    engine = FakeEngine(["more."])
    laid = Laid(engine, prompts)
    *_, last = await laid.run(partial(laid.tab._going_on, laid.tab._versions[1]), laid.on_version(1, "Some ", None))
    assert last[laid.tab._versions[1].box] == "Some more."
    assert "A fox" in engine.asked[0][0][1].content


@pytest.mark.parametrize(
    ("error", "says"), [(EngineFailed("It died."), "It died."), (RuntimeError("secret"), "log says")]
)
async def test_what_was_written_before_an_error_stays(prompts: Path, error: Exception, says: str):
    laid = Laid(FakeEngine(["half"], error=error), prompts)
    *_, last = await laid.run(laid.tab._writing, laid.event())
    widgets = laid.tab._versions[0]
    assert last[widgets.box] == "half"
    assert says in last[widgets.line]
    assert "secret" not in last[widgets.line]


async def test_as_many_versions_are_shown_as_were_ordered(prompts: Path):
    laid = Laid(FakeEngine(["x"]), prompts)
    first, *_ = await laid.run(laid.tab._writing, laid.event(count=3))
    assert [first[each.column].visible for each in laid.tab._versions] == [True, True, True, False]


def inserted(laid: Laid, text: str, version: str, template: str) -> Values:
    event = laid.on_version(0, version, work_of(Order("x", template), version))
    return laid.tab._insert(laid.tab._versions[0], event_of(laid.app, {**event.given, laid.tab._fields.text: text}))


def test_a_continuation_is_inserted_at_the_end_and_anything_else_in_place(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    tab, late = laid.tab, "It was late"
    values = inserted(laid, late, " and dark.", "continue")
    assert (values[tab._fields.text], values[tab._before], values[tab._fields.undo].visible) == (
        "It was late and dark.",
        late,
        True,
    )
    assert (
        inserted(laid, values[tab._fields.text], " and dark.", "continue")[tab._fields.text] == values[tab._fields.text]
    )
    assert inserted(laid, "facts", "An article", "news")[tab._fields.text] == "An article"
    assert inserted(laid, "facts", "An article", "gone")[tab._fields.text] == "An article"


def test_examples_come_in_both_languages_the_readers_first(prompts: Path):
    laid = Laid(FakeEngine(), prompts)
    for language, first in (("en-US", False), ("zh-CN", True)):
        samples = laid.tab._offer_examples(laid.event(language=language))[laid.tab._examples].raw_samples
        chinese = [sample[0].endswith("-zh") for sample in samples]
        assert set(chinese) == {True, False}
        assert chinese[0] == first


def look_at(laid: Laid, number: int, box: str, work: Work | None, template: str) -> Any:
    event = laid.on_version(number, box, work).having({laid.tab._fields.template.dropdown: template})
    panel = laid.tab._panel
    return panel, panel.events.updates(event, partial(laid.tab._looking, laid.tab._versions[number]))


async def test_a_look_leaves_out_the_text_that_is_continued(prompts: Path):
    engine = FakeEngine()
    panel, updates = look_at(Laid(engine, prompts), 0, "jumps high", None, "continue")
    *_, last = [values async for values in updates]
    assert ">jumps" not in last[panel.view]  # of this fake's tokens it shares the one with the end of what is given
    assert ">high</span>" in last[panel.view]
    assert ">A </span>" not in last[panel.view]
    assert re.search(r'data-before="\[\d+, \d+\]"', last[panel.view])


async def test_a_look_takes_a_version_as_it_was_generated_until_it_is_edited(prompts: Path):
    engine = FakeEngine(["on", "e"])
    laid = Laid(engine, prompts)
    *_, last = await laid.run(laid.tab._writing, laid.event())
    for box, count in (("one", "2 tokens"), ("one two", "2 tokens"), ("ones", "1 token ")):
        panel, updates = look_at(laid, 0, box, last[laid.tab._work], "story")
        *_, looked = [values async for values in updates]
        assert count in looked[panel.view]
    panel, updates = look_at(laid, 0, "", last[laid.tab._work], "story")
    (refused,) = [values async for values in updates]
    assert "This version is empty." in refused[panel._status]


@pytest.mark.parametrize(("template", "said"), [("story", "A fox zwei"), ("continue", " zwei")])
async def test_a_branch_goes_into_the_first_free_version(prompts: Path, template: str, said: str):
    engine = FakeEngine([])
    laid = Laid(engine, prompts)
    begun = [engine.id_of(word) for word in ("A fox", " zwei")]
    boxes = {each.box: "taken" if each.number < 2 else "" for each in laid.tab._versions}
    given = {laid.tab._fields.template.dropdown: template} | boxes
    event = laid.event().having(given)
    event = event_of(laid.app, event.given, data=SimpleNamespace(_data={"subject": "0", "begun": begun}))
    first, *_, last = await laid.run(laid.tab._branching, event)
    assert first[laid.tab._versions[2].column].visible is True
    assert last[laid.tab._versions[2].box] == said
    assert engine.begun == [tuple(begun)]
    assert engine.asked[0][0][-1].role == "user"
    full = event.having({each.box: "taken" for each in laid.tab._versions})
    *_, last = await laid.run(laid.tab._branching, full)
    assert [written.text for written in last[laid.tab._work].versions[0].all] == ["taken", said]
