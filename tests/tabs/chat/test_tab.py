"""The Chat tab's handlers: what is asked and shown, and that nothing typed is lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.engine.base import EngineInfo
from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.messages import Message
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.chat.conversation import from_browser, to_browser
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.settings import KEPT
from qwen_ui.tabs.chat.tab import ChatTab
from tests.fakes import FakeEngine
from tests.pages import adapter_in, app_of, event_of

BEFORE = Chat.of(
    (Message("user", "first"), Message("assistant", "one"), Message("user", "second"), Message("assistant", "two"))
)


class Laid:
    """The tab, laid out on a page of its own."""

    def __init__(self, engine: FakeEngine, prompts: Path = PROJECT / "prompts") -> None:
        self.app = app_of(engine, prompts)
        with gr.Blocks() as page:
            self.tab = ChatTab(self.app, page)
        self.answers = self.tab._answers

    def opened(self, chat: Chat) -> Values:
        """What is shown of a conversation that the browser opens."""
        given = {self.tab._kept: {**to_browser(chat), "show": None}, self.tab._before: None}
        return self.tab._restore(event_of(self.app, given))

    def event(
        self, chat: Chat, box: str | None = None, system: str | None = "", data: Any = None, assistant: str = ""
    ) -> Event:
        settings = self.tab._settings
        given = {self.tab._kept: to_browser(chat), self.tab._box: box, settings.system: system}
        given[self.tab._attaching.kept.box] = None
        given[settings.assistant.dropdown] = assistant
        sampling = {settings.temperature: 0.7, settings.top_p: 0.8, settings.top_k: 20, settings.max_new_tokens: 512}
        return event_of(self.app, given | sampling, data=data)

    async def run(self, begin: Callable[[Event], Run[Any]], event: Event) -> list[Values]:
        return [values async for values in self.tab._events.updates(event, begin)]

    def kept(self, values: Values) -> list[Message]:
        return list(from_browser(values[self.tab._kept]).messages)

    def said(self, values: Values) -> list[str]:
        return [message["content"][0]["text"] for message in values.get(self.tab._chatbot, ())]


async def test_a_message_is_answered_after_all_that_was_said_before():
    engine = FakeEngine(["Good", " day"])
    laid = Laid(engine)
    first, *_, last = await laid.run(laid.tab._sending, laid.event(BEFORE, "third", "Be kind."))
    assert (first[laid.tab._box], laid.said(first)[-1]) == ("", "third")
    assert [m.content for m in engine.asked[0][0]] == ["Be kind.", "first", "one", "second", "two", "third"]
    assert laid.said(last)[-2:] == ["third", "Good day"]
    assert laid.kept(last)[-1] == Message("assistant", "Good day")
    assert "2 tokens" in last[laid.tab._status]


@pytest.mark.parametrize("system", [None, "", " \n"])
async def test_a_blank_system_prompt_is_not_sent(system: str | None):
    engine = FakeEngine(["hi"])
    laid = Laid(engine)
    await laid.run(laid.tab._sending, laid.event(Chat(), "hello", system))
    assert [message.role for message in engine.asked[0][0]] == ["user"]


async def test_a_failed_retry_leaves_the_old_answer_and_the_box():
    laid = Laid(FakeEngine([], error=EngineFailed("It died.")))
    *_, last = await laid.run(laid.tab._retrying, laid.event(BEFORE, "typed meanwhile"))
    assert laid.said(last) == ["first", "one", "second", "two"]
    assert laid.tab._box not in last


async def test_retry_keeps_the_old_answer_beside_the_new_one():
    laid = Laid(FakeEngine(["deux"]))
    first, *_, last = await laid.run(laid.tab._retrying, laid.event(BEFORE))
    assert laid.said(first) == ["first", "one", "second"]
    assert laid.said(last) == ["first", "one", "second", "deux"]
    assert "2/2" in last[laid.answers.turns]
    chat = from_browser(last[laid.tab._kept])
    assert chat.showing(3).messages == BEFORE.messages
    assert laid.kept(first)[-1].content == "two"  # until there is another


async def test_a_branch_begins_with_what_was_chosen_and_stays_beside_the_answer():
    engine = FakeEngine(["one ", "two ", "three"])
    laid = Laid(engine)
    *_, last = await laid.run(laid.tab._sending, laid.event(Chat(), "count"))
    chat = from_browser(last[laid.tab._kept])
    ids = chat.nodes[1].message.tokens
    assert [engine.word(id) for id in ids] == ["one ", "two ", "three"]
    choice = SimpleNamespace(_data={"subject": "1", "begun": [ids[0], engine.id_of("zwei ")]})
    *_, last = await laid.run(laid.answers.branching, laid.event(chat, data=choice))
    assert engine.begun[-1] == (ids[0], engine.id_of("zwei "))
    assert laid.said(last) == ["count", "one zwei three"]
    assert "2/2" in last[laid.answers.turns]
    assert from_browser(last[laid.tab._kept]).showing(1).last_answer == "one two three"


async def test_a_second_branch_streams_beside_the_first_and_a_version_is_shown_meanwhile():
    engine = FakeEngine(["one ", "two"], steps=0)
    laid = Laid(engine)
    choice = SimpleNamespace(_data={"subject": "3", "begun": [engine.id_of("eins ")]})
    event = laid.event(BEFORE, data=choice)
    news = laid.tab._events.updates(event, laid.answers.branching)
    while "eins " not in laid.said(await anext(news)):
        pass
    assert await laid.answers.branching_too(event) == {}
    await laid.answers.turned(laid.event(BEFORE, data=SimpleNamespace(_data={"id": 3})))
    while "Writing 2 answers" not in (await anext(news))[laid.tab._status]:
        pass
    engine.steps.release()
    engine.steps.release()
    values = [values async for values in news]
    assert laid.said(values[-1])[-1] == "two"  # the one that was chosen to be seen
    chat = from_browser(values[-1][laid.tab._kept])
    assert [node.message.content for node in chat.nodes.values()][-2:] == ["eins two"] * 2
    assert "1/3" in values[-1][laid.answers.turns]


async def test_versions_are_shown_with_what_follows_them():
    laid = Laid(FakeEngine())
    other = BEFORE.with_one(Message("assistant", "uno"), 0)[0]
    values = await laid.answers.turned(laid.event(other, data=SimpleNamespace(_data={"id": 1})))
    assert laid.said(values) == ["first", "one", "second", "two"]
    assert laid.kept(values)[-1].content == "two"
    with pytest.raises(InvalidInput, match="no longer there"):
        await laid.answers.turned(laid.event(other, data=SimpleNamespace(_data={"id": 77})))


@pytest.mark.parametrize("subject", ["0", "77", "x"])
async def test_only_an_answer_can_be_branched_from(subject: str):
    laid = Laid(FakeEngine())
    event = laid.event(BEFORE, data=SimpleNamespace(_data={"subject": subject, "begun": [1]}))
    *_, last = await laid.run(laid.answers.branching, event)
    assert "no longer there" in last[laid.tab._status]


async def test_a_look_shows_the_tokens_of_the_answer_as_it_was_generated():
    engine = FakeEngine(["one ", "two"])
    laid = Laid(engine)
    *_, last = await laid.run(laid.tab._sending, laid.event(Chat(), "count", "Be kind."))
    event = laid.event(from_browser(last[laid.tab._kept]), data=SimpleNamespace(_data={"id": 1}))
    panel = laid.tab._looks.panel
    *_, last = [values async for values in panel.events.updates(event, laid.tab._looks._looking)]
    assert "2 tokens · average probability 70.0%" in last[panel.view]
    assert [f'data-id="{engine.id_of(word)}"' in last[panel.view] for word in ("one ", "two")] == [True, True]


class Mute(FakeEngine):
    """One that has no tokens to show."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, abilities=frozenset())


@pytest.mark.parametrize(("engine", "offered"), [(FakeEngine(), True), (Mute(), False)])
def test_looks_are_offered_where_the_engine_can(engine: FakeEngine, offered: bool):
    laid = Laid(engine)
    assert ("Look at tokens" in laid.opened(BEFORE)[laid.answers.turns]) == offered


async def test_how_sure_asks_again_and_shows_the_shares():
    laid = Laid(FakeEngine(["one ", "two"]))
    event = laid.event(BEFORE, data=SimpleNamespace(_data={"id": 3}))
    panel = laid.tab._looks.panel
    first, *_, last = [values async for values in panel.events.updates(event, laid.tab._looks._asking)]
    assert "several times" in first[panel._status]
    assert "8 of 8 new answers" in last[panel.more]
    assert "100%, 8 of 8" in last[panel.more]
    assert "same as the answer above" not in last[panel.more]


async def test_what_was_answered_before_an_error_is_kept():
    laid = Laid(FakeEngine(["half"], error=EngineFailed("It died.")))
    *_, last = await laid.run(laid.tab._sending, laid.event(BEFORE, "third"))
    assert laid.said(last)[-2:] == ["third", "half"]
    assert laid.kept(last)[-1].content == "half"


async def test_an_unfinished_answer_is_kept_with_its_question_now_and_then(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qwen_ui.tabs.chat.answering.KEEP_EVERY", -1.0)
    laid = Laid(FakeEngine(["becau", "never"], steps=1))
    kept: list[Message] = []
    async for values in laid.tab._events.updates(laid.event(Chat(), "why?"), laid.tab._sending):
        if laid.said(values)[-1] == "becau" and not kept:
            kept = laid.kept(values)
            laid.app.running.stop("me", "chat")
    assert kept == [Message("user", "why?"), Message("assistant", "becau")]


async def test_earlier_messages_are_made_harmless_once_for_all_updates(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []

    def watched(text: str) -> str:
        seen.append(text)
        return text

    monkeypatch.setattr("qwen_ui.tabs.chat.conversation.harmless", watched)
    laid = Laid(FakeEngine(["a"] * 40))
    await laid.run(laid.tab._sending, laid.event(BEFORE, "third"))
    assert seen.count("one") == 1


async def test_an_example_and_an_edited_message_are_answered():
    engine = FakeEngine(["ok"])
    laid = Laid(engine)
    await laid.run(laid.tab._example, laid.event(BEFORE, data=SimpleNamespace(value={"text": "an example"})))
    await laid.run(laid.tab._editing, laid.event(BEFORE, data=SimpleNamespace(index=0, value="other")))
    assert [asked[-1].content for asked, _ in engine.asked] == ["an example", "other"]
    assert len(engine.asked[1][0]) == 1


def test_undo_puts_the_message_before_what_is_in_the_box():
    laid = Laid(FakeEngine())
    values = laid.tab._undo(laid.event(BEFORE, "more"))
    assert (laid.said(values), values[laid.tab._box]) == (["first", "one"], "second\n\nmore")
    assert laid.tab._undo(laid.event(BEFORE, None))[laid.tab._box] == "second"
    assert from_browser(laid.tab._undo(laid.event(Chat(), None))[laid.tab._kept]) == Chat()


def put(tmp_path: Path, document: object) -> str:
    file = tmp_path / "chat.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return str(file)


def test_what_was_saved_opens_again(tmp_path: Path):
    laid = Laid(FakeEngine())
    system = {"role": "system", "content": "Be kind."}
    messages = [system, *({"role": each.role, "content": each.content} for each in BEFORE.messages)]
    settings = dict(zip(KEPT, ("", "Be kind.", 0.5, 0.8, 20, 99), strict=True))
    about = {"title": "A title", "settings": settings}
    saved = {"app": "qwen-ui", "version": 3, "messages": messages, "tree": to_browser(BEFORE), **about}
    opened = laid.tab._files.open(event_of(laid.app, {laid.tab._files.upload: put(tmp_path, saved)}))
    assert laid.said(opened) == ["first", "one", "second", "two"]
    assert (opened[laid.tab._settings.system], opened[laid.tab._settings.max_new_tokens]) == ("Be kind.", 99)
    assert opened[laid.tab._kept]["title"] == "A title"
    assert opened[laid.tab._kept]["id"] != BEFORE.id  # it may have gone on since
    assert "Opened a conversation with 4 messages." in opened[laid.tab._status]
    assert "Not shown" not in opened[laid.tab._status]


def test_of_several_conversations_the_chosen_one_is_opened(tmp_path: Path):
    laid = Laid(FakeEngine())
    rows = [{"conversations": [{"from": "human", "value": text}, {"from": "tool", "value": ""}]} for text in "ab"]
    upload = {laid.tab._files.upload: put(tmp_path, rows)}
    offered = laid.tab._files.open(event_of(laid.app, upload))
    assert laid.tab._kept not in offered  # nothing is opened yet
    assert "2 conversations" in offered[laid.tab._status]
    assert offered[laid.tab._files.among].choices == [("All 2 conversations", 0), ("1. a", 1), ("2. b", 2)]
    opened = laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: 2}))
    assert laid.said(opened) == ["b"]
    assert "Not shown here: 1 result of a tool." in opened[laid.tab._status]
    assert laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: None})) == {}
    for choice in (-1, 3, "x"):
        with pytest.raises(InvalidInput, match="Choose a conversation"):
            laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: choice}))
    (tmp_path / "chat.json").unlink()
    with pytest.raises(InvalidInput, match="no longer has this file"):
        laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: 1}))


def test_what_the_browser_kept_is_shown_and_something_else_refused():
    laid = Laid(FakeEngine())
    assert laid.said(shown := laid.opened(BEFORE)) == ["first", "one", "second", "two"]
    assert laid.tab._status in shown
    quicker = {laid.tab._kept: to_browser(BEFORE), laid.tab._before: None}
    assert laid.tab._restore(event_of(laid.app, quicker)) == {}  # an answer is being written to it
    with pytest.raises(InvalidInput, match="not a conversation"):
        laid.tab._restore(event_of(laid.app, {laid.tab._kept: "text"}))


def test_what_a_browser_kept_before_it_had_a_list_is_taken_over_once():
    laid = Laid(FakeEngine())
    kept, before = laid.tab._kept, laid.tab._before
    taken = laid.tab._restore(event_of(laid.app, {kept: None, before: to_browser(BEFORE)}))
    assert laid.said(taken) == ["first", "one", "second", "two"]
    assert taken[before] is None
    assert len(taken[kept]["nodes"]) == 4  # and so it comes into the list


async def test_an_assistant_answers_with_its_adapter_and_a_picked_one_goes_before(tmp_path: Path):
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat/critic.prompty").write_text("---\nmodel: {adapter: films}\n---\nsystem:\nJudge.", "utf-8")
    engine = FakeEngine(["Good"])
    laid = Laid(engine, tmp_path)
    other = adapter_in(laid.app, "other")
    for assistant, picked in (("critic", ""), ("gone", ""), ("critic", other)):
        event = laid.event(BEFORE, "third", assistant=assistant).having({laid.app.picker: picked})
        await laid.run(laid.tab._sending, event)
    assert engine.adapters == ["films", "", "other"]
