"""The Chat tab's handlers: what is asked and shown, and that nothing typed is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.messages import Message
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.chat.conversation import from_browser, to_browser
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.tab import ChatTab
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

BEFORE = Chat.of(
    (Message("user", "first"), Message("assistant", "one"), Message("user", "second"), Message("assistant", "two"))
)


class Laid:
    """The tab, laid out on a page of its own."""

    def __init__(self, engine: FakeEngine, prompts: Path = PROJECT / "prompts") -> None:
        self.app = app_of(engine, prompts)
        with gr.Blocks() as page:
            self.tab = ChatTab(self.app, page)

    def event(
        self, chat: Chat, box: str | None = None, system: str | None = "", data: Any = None, assistant: str = ""
    ) -> Event:
        settings = self.tab._settings
        given = {self.tab._kept: to_browser(chat), self.tab._box: box, settings.system: system}
        given[settings.assistant.dropdown] = assistant
        sampling = {settings.temperature: 0.7, settings.top_p: 0.8, settings.top_k: 20, settings.max_new_tokens: 512}
        return event_of(self.app, given | sampling, data=data)

    async def run(self, begin: Callable[[Event], Run[Any]], event: Event) -> list[Values]:
        return [values async for values in self.tab._events.updates(event, begin)]

    def kept(self, values: Values) -> list[Message]:
        return list(from_browser(values[self.tab._kept]).messages)

    def said(self, values: Values) -> list[str]:
        return [message["content"][0]["text"] for message in values[self.tab._chatbot]]


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
    assert laid.tab._undo(laid.event(Chat(), None))[laid.tab._kept] == to_browser(Chat())


def put(tmp_path: Path, document: object) -> str:
    file = tmp_path / "chat.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return str(file)


def test_what_was_saved_opens_again(tmp_path: Path):
    laid = Laid(FakeEngine())
    saved = laid.tab._files.as_json(laid.event(BEFORE, system="Be kind."))[laid.tab._files.document]
    assert len(json.loads(saved)["messages"]) == 5
    opened = laid.tab._files.open(event_of(laid.app, {laid.tab._files.upload: put(tmp_path, saved)}))
    assert laid.said(opened) == ["first", "one", "second", "two"]
    assert opened[laid.tab._settings.system] == "Be kind."
    assert "Opened a conversation of 4 messages." in opened[laid.tab._status]
    assert "Not shown" not in opened[laid.tab._status]


def test_of_several_conversations_the_chosen_one_is_opened(tmp_path: Path):
    laid = Laid(FakeEngine())
    rows = [{"conversations": [{"from": "human", "value": text}, {"from": "tool", "value": ""}]} for text in "ab"]
    upload = {laid.tab._files.upload: put(tmp_path, rows)}
    offered = laid.tab._files.open(event_of(laid.app, upload))
    assert laid.tab._kept not in offered  # nothing is opened yet
    assert "2 conversations" in offered[laid.tab._status]
    assert offered[laid.tab._files.among].choices == [("1. a", 1), ("2. b", 2)]
    opened = laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: 2}))
    assert laid.said(opened) == ["b"]
    assert "Not shown here: 1 result of a tool." in opened[laid.tab._status]
    for choice in (None, 0, 3, "x"):
        with pytest.raises(InvalidInput, match="Choose a conversation"):
            laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: choice}))
    (tmp_path / "chat.json").unlink()
    with pytest.raises(InvalidInput, match="no longer has this file"):
        laid.tab._files.choose(event_of(laid.app, upload | {laid.tab._files.among: 1}))


def test_what_the_browser_kept_is_shown_and_something_else_refused():
    laid = Laid(FakeEngine())
    assert laid.said(laid.tab._restore(laid.event(BEFORE))) == ["first", "one", "second", "two"]
    with pytest.raises(InvalidInput, match="not a conversation"):
        laid.tab._restore(event_of(laid.app, {laid.tab._kept: "text"}))


async def test_an_assistant_answers_with_its_adapter_and_a_picked_one_goes_before(tmp_path: Path):
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat/critic.prompty").write_text("---\nmodel: {adapter: films}\n---\nsystem:\nJudge.", "utf-8")
    engine = FakeEngine(["Good"])
    laid = Laid(engine, tmp_path)
    for assistant, picked in (("critic", ""), ("gone", ""), ("critic", "other")):
        event = laid.event(BEFORE, "third", assistant=assistant).having({laid.app.adapter: picked})
        await laid.run(laid.tab._sending, event)
    assert engine.adapters == ["films", "", "other"]
