"""The Ask tab's handlers: what is asked and shown, and that nothing typed is lost."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.knowledge import citations
from qwen_ui.messages import Answer
from qwen_ui.page.events import Event, Values
from qwen_ui.tabs.ask import dialogue
from qwen_ui.tabs.ask.dialogue import Exchange
from qwen_ui.tabs.ask.examples import SAMPLES
from qwen_ui.tabs.ask.tab import AskTab
from qwen_ui.tabs.ask.task import Result
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of
from tests.tabs.ask.conftest import GUIDE, LONG_GUIDE, fill

BEFORE = (
    Exchange("How much is a ticket?", Result((), Answer("Seven euros [1]."))),
    Exchange("Who won?", Result((), Answer("This is not in these documents."), asked=False)),
)
QUESTION = "When does the museum close?"
EXAMPLE = next(iter(SAMPLES))


class Laid:
    """The tab, laid out on a page of its own."""

    def __init__(self, engine: FakeEngine, **settings: Any) -> None:
        self.app = app_of(engine, **settings)
        with gr.Blocks() as page:
            self.tab = AskTab(self.app, page)

    def event(  # noqa: PLR0917
        self,
        question: str = QUESTION,
        kind: str = "text",
        text: str | None = GUIDE,
        chosen: str | None = None,
        before: dialogue.Dialogue = (),
        document: str = "",
        language: str = "en-US",
        clicked: str = "",
        left: tuple[int, ...] = (),
    ) -> Event:
        tab = self.tab
        given = {
            tab._question: question,
            tab._kind: kind,
            tab._text: text,
            tab._collections.chosen: chosen,
            tab._collections.documents: {"left": [*left]},
            tab._dialogue: before,
            tab._document: document,
            tab._template.dropdown: "answer",
            tab._max_new_tokens: 64.0,
        }
        return event_of(self.app, given, language, SimpleNamespace(value={"text": clicked}))

    async def run(self, begin: Any, event: Event) -> list[Values]:
        return [values async for values in self.tab._events.updates(event, begin)]

    async def send(self, **given: Any) -> list[Values]:
        return await self.run(self.tab._sending, self.event(**given))

    def said(self, values: Values) -> list[str]:
        return [message["content"][0]["text"] for message in values[self.tab._chatbot]]


async def test_a_question_is_answered_from_the_text_with_links_sources_and_statistics():
    engine = FakeEngine(["At ", "six [1]."])
    laid = Laid(engine)
    tab = laid.tab
    first, searching, *_, last = await laid.send()
    assert (first[tab._question], laid.said(first)) == ("", [QUESTION])
    assert "Looking for passages" in searching[tab._status]
    assert laid.said(last)[-1].startswith("At six <a class")
    assert last[tab._dialogue][0].answer == "At six [1]."
    assert "2 tokens" in last[tab._status]
    assert "Sources:\n[1] Pasted text" in last[tab._result]
    assert last[tab._document] == f"## {QUESTION}\n\n{last[tab._result]}\n"
    assert (first[tab._foot].visible, last[tab._foot].visible) == (False, True)
    assert engine.asked[0][1].max_new_tokens == 64


async def test_the_next_question_is_asked_after_what_the_model_said_before():
    engine = FakeEngine(["Six."])
    laid = Laid(engine)
    *_, last = await laid.send(before=BEFORE, document="shown")
    messages = engine.asked[0][0]
    assert [message.content for message in messages[1:-1]] == ["How much is a ticket?", "Seven euros."]
    assert len(last[laid.tab._dialogue]) == 3
    assert last[laid.tab._document].count("## ") == 3
    assert "\n\n## When does" in last[laid.tab._document]


async def test_what_is_not_in_a_long_text_is_said_without_asking_the_model():
    engine = FakeEngine(["Invented."])
    laid = Laid(engine)
    *_, last = await laid.send(question="Who won the football championship?", text=LONG_GUIDE)
    assert engine.asked == []
    assert "not in these documents" in laid.said(last)[-1]
    assert "the model was not asked" in last[laid.tab._status]
    assert last[laid.tab._send].visible


async def test_a_pasted_text_that_fits_is_read_whole_and_cited():
    engine = FakeEngine(["25 euros [1]."])
    laid = Laid(engine)
    *_, last = await laid.send(question="How much does it cost?", text="The price is 25 euros for adults.")
    assert "[1] Pasted text\n> The price is 25 euros for adults." in engine.asked[0][0][-1].content
    assert "Sources:\n[1] Pasted text" in last[laid.tab._result]


async def test_stop_keeps_the_partial_answer_with_its_citations():
    laid = Laid(FakeEngine(["six [1] ", "never"], steps=1))
    tab, seen = laid.tab, list[Values]()
    async for values in tab._events.updates(laid.event(), tab._sending):
        seen.append(values)
        if len(laid.said(values)) > 1:
            laid.app.running.stop("me", "ask")
    assert seen[-1][tab._dialogue][0].answer == "six [1] "
    assert seen[-1][tab._dialogue][0].cards
    assert "stopped" in seen[-1][tab._status]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": None}, "Paste a text first"),
        ({"kind": "documents"}, "choose a collection"),
        ({"kind": "documents", "chosen": "gone"}, "no such collection"),
        ({"question": " \n"}, "Ask a question first"),
        ({"question": "bad \ud800"}, "not valid Unicode"),
    ],
)
async def test_what_can_not_be_asked_is_explained_and_nothing_typed_is_lost(given: dict[str, Any], says: str):
    laid = Laid(FakeEngine())
    updates = await laid.send(**given)
    assert says in updates[-1][laid.tab._status]
    typed = [values[laid.tab._question] for values in updates if laid.tab._question in values]
    assert typed in ([], ["", QUESTION])
    assert updates[-1].get(laid.tab._dialogue, ()) == ()


@pytest.mark.parametrize("error", [Busy("The line is full."), RuntimeError("secret")])
async def test_what_was_typed_comes_back_when_nothing_is_answered(error: Exception):
    laid = Laid(FakeEngine([], error=error))
    *_, last = await laid.send(question="three", kind="model", before=BEFORE)
    assert last[laid.tab._dialogue] == BEFORE
    assert laid.said(last)[-1] == "This is not in these documents."
    assert last[laid.tab._question] == "three"
    assert last[laid.tab._foot].visible
    assert "Not sent" in last[laid.tab._status]
    assert "secret" not in last[laid.tab._status]


async def test_what_was_answered_before_an_error_stays():
    laid = Laid(FakeEngine(["half"], error=EngineFailed("It died.")))
    *_, last = await laid.send(kind="model")
    assert last[laid.tab._dialogue][-1].answer == "half"
    assert "half" in last[laid.tab._document]
    assert "It died." in last[laid.tab._status]


async def test_asking_again_replaces_the_last_answer_once_there_is_another():
    laid = Laid(FakeEngine(["five"]))
    again = laid.tab._asking_again
    *_, last = await laid.run(again, laid.event("typed meanwhile", "model", before=BEFORE))
    assert [each.answer for each in last[laid.tab._dialogue]] == ["Seven euros [1].", "five"]
    laid = Laid(FakeEngine([], error=Busy("The line is full.")))
    updates = await laid.run(laid.tab._asking_again, laid.event("typed meanwhile", "model", before=BEFORE))
    assert updates[-1][laid.tab._dialogue] == BEFORE
    assert not any(laid.tab._question in values for values in updates)


async def test_there_is_nothing_to_ask_again_at_first():
    laid = Laid(FakeEngine())
    (values,) = await laid.run(laid.tab._asking_again, laid.event(language="zh-CN"))
    assert "没有可以重新提问的问题" in values[laid.tab._status]


async def test_a_dialogue_that_the_server_has_forgotten_is_left_on_the_page_and_that_is_said():
    engine = FakeEngine(["Six."])
    laid = Laid(engine)
    forgotten = laid.event(document="## How much is a ticket?\n\nSeven euros.\n")
    for begin in (laid.tab._sending, laid.tab._asking_again):
        (values,) = await laid.run(begin, forgotten)
        assert "no longer has this conversation" in values[laid.tab._status]
        assert laid.tab._chatbot not in values
    assert engine.asked == []


async def test_a_new_conversation_leaves_the_text_and_the_box():
    laid = Laid(FakeEngine())
    values = laid.tab._show(laid.event(), ())
    assert (values[laid.tab._dialogue], values[laid.tab._document], values[laid.tab._foot].visible) == ((), "", False)
    assert not {laid.tab._text, laid.tab._question} & values.keys()


async def test_an_example_brings_its_text_and_never_replaces_another():
    engine = FakeEngine(["ok"])
    laid = Laid(engine)
    tab = laid.tab
    first, *_ = await laid.run(tab._trying, laid.event("", "text", "", clicked=EXAMPLE))
    assert first[tab._text] == SAMPLES[EXAMPLE]
    assert "Dogs are welcome on Mondays" in engine.asked[0][0][-1].content
    (refused,) = await laid.run(tab._trying, laid.event("", "text", "My own text.", clicked=EXAMPLE))
    assert "Empty the pasted text first" in refused[tab._status]
    first, *_ = await laid.run(tab._trying, laid.event("", "text", "My own text.", clicked="Summarize this text."))
    assert "My own text." in engine.asked[-1][0][-1].content
    assert tab._text not in first


async def test_earlier_exchanges_are_shown_as_often_however_long_the_answer_is(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    pieces = citations.pieces

    def watched(answer: str, count: int) -> Any:
        seen.append(answer)
        return pieces(answer, count)

    monkeypatch.setattr(citations, "pieces", watched)
    counts = []
    for length in (1, 40):
        seen.clear()
        await Laid(FakeEngine(["word "] * length)).send(before=BEFORE)
        counts.append(seen.count(BEFORE[0].answer))
    assert counts[0] == counts[1]


async def test_one_question_is_one_request_that_is_counted_before_anything_is_looked_up(tmp_path: Path):
    engine = FakeEngine(["ok"])
    laid = Laid(engine, public=True, requests_per_minute=1, data_dir=tmp_path)
    *_, last = await laid.send(question="Who won the football championship?", text=LONG_GUIDE)
    assert "the model was not asked" in last[laid.tab._status]
    (values,) = await laid.send()
    assert "1 request a minute is possible here" in values[laid.tab._status]
    assert engine.asked == []


async def test_only_the_documents_that_are_ticked_are_answered_from(tmp_path: Path):
    engine = FakeEngine(["ok"])
    laid = Laid(engine)
    id = await asyncio.to_thread(
        fill, laid.app.library, "Museum", tmp_path, guide=GUIDE, boats="Ferries cost nine euros."
    )
    guide, boats = (each.id for each in laid.app.library.open(id).documents())
    await laid.send(question="How many euros?", kind="documents", chosen=id, left=(guide,))
    asked = engine.asked[0][0][-1].content
    assert "Ferries cost nine euros." in asked
    assert "guide.md" not in asked
    (refused,) = [
        values[laid.tab._status]
        for values in await laid.send(kind="documents", chosen=id, left=(guide, boats))
        if "Tick those" in values.get(laid.tab._status, "")
    ]
    assert "None of the documents is ticked." in refused


async def test_what_is_kept_comes_back_with_its_passages_and_can_be_gone_on_with(tmp_path: Path):
    engine = FakeEngine(["At ", "six [1]."])
    laid = Laid(engine)
    tab = laid.tab
    id = await asyncio.to_thread(
        fill, laid.app.library, "Museum", tmp_path, guide=GUIDE, boats="Ferries leave at nine."
    )
    boats = laid.app.library.open(id).documents()[1].id
    *_, last = await laid.send(kind="documents", chosen=id, left=(boats,))
    after = Laid(engine)  # as after a restart: the same library, and nothing else is known
    object.__setattr__(after.app, "library", laid.app.library)
    values = after.tab._restore(after.event(kind="model"), json.loads(last[tab._kept.box]))
    assert after.said(values) == laid.said(last)
    assert values[after.tab._kind] == "documents"
    assert values[after.tab._collections.chosen].value == id
    assert values[after.tab._collections.documents]["left"] == [boats]
    assert values[after.tab._document] == last[tab._document]
    assert [e.answer for e in values[after.tab._dialogue]] == ["At six [1]."]
    laid.app.library.delete(id)
    values = after.tab._restore(after.event(kind="model"), json.loads(last[tab._kept.box]))
    assert "no longer there" in values[after.tab._status]
    assert after.said(values) == laid.said(last)


async def test_what_was_chosen_is_kept_but_never_in_place_of_a_dialogue_that_the_server_has_forgotten():
    laid = Laid(FakeEngine())
    box = laid.tab._kept.box
    kept = laid.tab._keep_source(laid.event(chosen="c", kind="documents", before=BEFORE))[box]
    assert json.loads(kept)["collection"] == "c"
    assert len(json.loads(kept)["exchanges"]) == 2
    assert laid.tab._keep_source(laid.event(document="## How much is a ticket?\n")) == {}


def test_another_visitors_document_is_not_opened(tmp_path: Path):
    laid = Laid(FakeEngine(), public=True)
    id = fill(laid.app.library, "Mine", tmp_path, guide=GUIDE)  # of nobody's, which is no visitor's
    (document,) = laid.app.library.open(id).documents()
    event = event_of(laid.app, {}, data={"document": document.id, "position": 0, "cited": 0})
    with pytest.raises(InvalidInput, match="no longer there"):
        laid.tab._open_document(event)


@pytest.mark.parametrize("asked", [None, {}, {"document": "1", "position": 0, "cited": 0}, {"document": -1}, [1]])
def test_what_names_no_document_opens_none(asked: Any):
    laid = Laid(FakeEngine())
    with pytest.raises(InvalidInput, match="no longer there"):
        laid.tab._open_document(event_of(laid.app, {}, data=asked))
