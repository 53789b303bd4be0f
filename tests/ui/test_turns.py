"""One turn of the chat: what the page goes through, and that nothing typed is lost."""

import pytest

from qwen_ui.config import Settings
from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.messages import Message, Sampling
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.conversation import MAX_BYTES, Chat
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import EN, ZH, saying
from qwen_ui.ui.turns import TAB, Attempt, Turn, editing, respond, retrying, sending
from tests.fakes import FakeEngine

SAY = saying(EN)
BEFORE = Chat(
    (Message("user", "first"), Message("assistant", "one"), Message("user", "second"), Message("assistant", "two"))
)


def host_of(engine: FakeEngine) -> EngineHost:
    host = EngineHost(Settings(), lambda settings, report: engine)
    host.start()
    host.wait()
    return host


async def turns(engine: FakeEngine, attempt: Attempt, system: str = "", running: Running | None = None) -> list[Turn]:
    answers = respond(host_of(engine), running or Running(), "me", attempt, system, Sampling(), SAY)
    return [turn async for turn in answers]


async def test_a_message_is_answered_after_all_that_was_said_before():
    engine = FakeEngine(["Good", " day"])
    first, *_, last = await turns(engine, sending(BEFORE, "third", SAY), "Be kind.")
    assert first.text == ""
    assert first.running
    assert first.keep
    assert [m.content for m in engine.asked[0][0]] == ["Be kind.", "first", "one", "second", "two", "third"]
    assert last.chat.messages[-1] == Message("assistant", "Good day")
    assert not last.running
    assert "2 tokens" in last.status


async def test_a_blank_system_prompt_is_not_sent():
    engine = FakeEngine(["hi"])
    await turns(engine, sending(Chat(), "hello", SAY), " \n")
    assert [message.role for message in engine.asked[0][0]] == ["user"]


async def test_stop_keeps_the_partial_answer_and_its_statistics():
    engine, running, seen = FakeEngine(["half ", "never"], steps=1), Running(), list[Turn]()
    async for turn in respond(host_of(engine), running, "me", sending(Chat(), "x", SAY), "", Sampling(), SAY):
        seen.append(turn)
        if turn.answer:
            running.stop("me", TAB)
    assert seen[-1].chat.messages[-1] == Message("assistant", "half ")
    assert "stopped" in seen[-1].status


@pytest.mark.parametrize("error", [Busy("The line is full."), RuntimeError("secret")])
async def test_what_was_typed_comes_back_when_nothing_is_answered(error: Exception):
    *_, last = await turns(FakeEngine([], error=error), sending(BEFORE, "third", SAY))
    assert last.chat == BEFORE
    assert last.text == "third"
    assert "Not sent" in last.status
    assert "secret" not in last.status


async def test_what_was_answered_before_an_error_stays():
    *_, last = await turns(FakeEngine(["half"], error=EngineFailed("It died.")), sending(BEFORE, "third", SAY))
    assert [m.content for m in last.chat.messages[-2:]] == ["third", "half"]
    assert "It died." in last.status
    assert last.text is None


async def test_a_failed_retry_leaves_the_old_answer():
    *_, last = await turns(FakeEngine([], error=Busy("The line is full.")), retrying(BEFORE, SAY))
    assert last.chat == BEFORE
    assert last.text is None


async def test_an_empty_answer_says_so():
    *_, last = await turns(FakeEngine([]), sending(Chat(), "x", SAY))
    assert [message.role for message in last.chat.messages] == ["user"]
    assert "without a word" in last.status


async def test_a_model_that_is_not_ready_refuses_and_gives_the_text_back():
    host = EngineHost(Settings())
    (turn,) = [t async for t in respond(host, Running(), "me", sending(Chat(), "x", SAY), "", Sampling(), SAY)]
    assert turn.text == "x"
    assert "still being prepared" in turn.status


def test_retry_asks_the_last_message_again():
    assert [m.content for m in retrying(BEFORE, SAY).asked.messages] == ["first", "one", "second"]


def test_an_edited_message_drops_what_came_after_it():
    attempt = editing(BEFORE, 0, "other", SAY)
    assert [m.content for m in attempt.asked.messages] == ["other"]
    assert attempt.before == BEFORE


@pytest.mark.parametrize("text", ["", " \n\t", "bad \ud800"])
def test_a_blank_or_invalid_message_is_refused(text: str):
    with pytest.raises(InvalidInput):
        sending(BEFORE, text, SAY)


def test_a_conversation_that_no_browser_can_keep_does_not_grow():
    with pytest.raises(InvalidInput, match="too long to be kept"):
        sending(BEFORE, "x" * MAX_BYTES, SAY)


def test_there_is_nothing_to_retry_in_an_empty_chat():
    with pytest.raises(InvalidInput, match="没有可以回答的消息"):
        retrying(Chat(), saying(ZH))
