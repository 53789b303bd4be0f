"""One request's way to the engine: its limits, and the one record of how it ended."""

import asyncio
import dataclasses

import pytest

from qwen_ui.engine.base import Engine, answers
from qwen_ui.errors import Busy, EngineFailed, InvalidInput, NotReady, PromptTooLong, TooMany
from qwen_ui.messages import Answer, Message, Sampling
from qwen_ui.server.host import EngineHost
from qwen_ui.server.metering import Record
from qwen_ui.settings import Settings
from tests.fakes import FakeEngine

ASKED = [Message("user", "hello")]
PUBLIC = Settings(public=True, requests_per_minute=2, running_per_visitor=1, tokens_per_hour=10)


def host_of(engine: FakeEngine, settings: Settings = PUBLIC) -> tuple[EngineHost, list[Record]]:
    host = EngineHost(settings, lambda settings, report: engine)
    host.start()
    host.wait()
    records: list[Record] = []
    host.observe(records.append)
    return host, records


async def ask(engine: Engine) -> Answer:
    return [answer async for answer in answers(engine, ASKED, Sampling())][-1]


async def test_a_whole_answer_is_recorded_with_its_cost():
    host, records = host_of(FakeEngine(["Good ", "day"]), Settings(log_text=True))
    with host.request("me", "chat") as engine:
        assert (await ask(engine)).text == "Good day"
    (record,) = records
    assert (record.task, record.via, record.outcome, record.new_tokens) == ("chat", "page", "ok", 2)
    assert record.seconds_to_first_token is not None
    assert record.seconds_to_first_token <= record.seconds
    assert record.text == "user: hello\n\nanswer: Good day"


async def test_texts_are_not_kept_unless_the_log_wants_them():
    host, records = host_of(FakeEngine(["Good ", "day"]), Settings())
    with host.request("me", "chat") as engine:
        await ask(engine)
    assert records[0].text == ""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (PromptTooLong("x"), "refused"),
        (Busy("x"), "refused"),
        (InvalidInput("x"), "refused"),
        (EngineFailed("x"), "failed"),
        (ZeroDivisionError(), "failed"),
        (asyncio.CancelledError(), "closed"),
        (GeneratorExit(), "closed"),
    ],
)
async def test_what_ends_a_request_is_told_apart(error: BaseException, outcome: str):
    host, records = host_of(FakeEngine(), Settings())
    with pytest.raises(type(error)), host.request("me", "chat"):
        raise error
    assert [record.outcome for record in records] == [outcome]


@pytest.mark.parametrize("refusal", [PromptTooLong("too long"), Busy("full")])
async def test_what_the_engine_refuses_is_refused_and_not_failed(refusal: Exception):
    host, records = host_of(FakeEngine(refusal=refusal), Settings())
    with pytest.raises(type(refusal)), host.request("me", "chat") as engine:
        await ask(engine)
    assert [(record.outcome, record.error) for record in records] == [("refused", type(refusal).__name__)]


async def test_a_request_while_there_is_no_engine_is_recorded_as_refused():
    host, records = host_of(FakeEngine(), Settings())
    host.begin_closing()
    with pytest.raises(NotReady), host.request("me", "chat"):
        pass
    assert [(record.outcome, record.error) for record in records] == [("refused", "NotReady")]


async def test_stop_keeps_what_there_is_and_begins_nothing_more():
    fake = FakeEngine(["a", "b"], steps=1)
    host, records = host_of(fake, Settings())
    with host.request("me", "chat", "api") as engine:
        async for answer in answers(engine, ASKED, Sampling()):
            if answer.text:
                engine.stop()
        assert (answer.text, answer.usage and answer.usage.ended) == ("a", "cancelled")
        assert engine.stopped
        later = await ask(engine)
        assert later.usage is not None
        assert (later.text, later.usage.ended) == ("", "cancelled")
    assert [(record.outcome, record.via, record.streams) for record in records] == [("stopped", "api", 2)]


async def test_a_visitor_who_left_is_not_one_who_stopped():
    host, records = host_of(FakeEngine(["a", "b"], steps=1), Settings())
    with host.request("me", "chat") as engine:
        engine.stop(left=True)
        await ask(engine)
    assert [record.outcome for record in records] == ["closed"]


async def test_many_answers_of_a_request_are_one_request_and_one_record():
    host, records = host_of(FakeEngine(["x"]), dataclasses.replace(PUBLIC, requests_per_minute=1))
    with host.request("me", "translate") as engine:
        for _ in range(5):
            await ask(engine)
    (record,) = records
    assert (record.outcome, record.streams, record.new_tokens) == ("ok", 5, 5)


async def test_a_part_that_failed_makes_the_request_a_failed_one_though_the_task_went_on():
    fake = FakeEngine(["x"], error=EngineFailed("The loop died."))
    host, records = host_of(fake, Settings())
    with host.request("me", "translate") as engine:
        with pytest.raises(EngineFailed):
            await ask(engine)
        fake.error = None
        await ask(engine)
    assert [(record.outcome, record.error) for record in records] == [("failed", "EngineFailed")]


async def test_a_part_that_was_refused_and_tried_again_makes_no_request_a_refused_one():
    fake = FakeEngine(["x"], refusal=Busy("full"))
    host, records = host_of(fake, Settings())
    with host.request("me", "translate") as engine:
        with pytest.raises(Busy):
            await ask(engine)
        fake.refusal = None
        await ask(engine)
    assert [(record.outcome, record.error) for record in records] == [("ok", "")]


async def test_another_request_of_a_visitor_has_to_wait_for_the_first_to_end():
    host, records = host_of(FakeEngine(["x"]))
    with host.request("me", "translate"):
        with pytest.raises(TooMany, match="running"), host.request("me", "chat"):
            pass
        with host.request("you", "chat"):
            pass
    with host.request("me", "chat"):
        pass
    with pytest.raises(TooMany, match="2 requests a minute"), host.request("me", "chat"):
        pass
    assert [record.outcome for record in records].count("refused") == 2


async def test_tokens_of_answers_and_of_scores_are_counted():
    host, _ = host_of(FakeEngine(["a", "b", "c"]), dataclasses.replace(PUBLIC, requests_per_minute=99))
    with host.request("me", "chat") as engine:
        await ask(engine)
    with host.request("me", "sentiment") as engine:
        await engine.score(["p"] * 4, ["x", "y"])
    with pytest.raises(TooMany, match="10 tokens"), host.request("me", "chat"):
        pass
    with host.request("you", "chat"):
        pass


async def test_looks_go_through_and_each_token_is_counted():
    fake = FakeEngine()
    host, records = host_of(fake, Settings())
    with host.request("me", "tokens", adapter="mine") as engine:
        assert "tokens" in engine.info.abilities
        looks = await engine.tokens("one two three", top=2)
        said = [Message("user", "Hi"), Message("assistant", "one two", tuple(look.id for look in looks[:2]))]
        assert [look.id for look in await engine.tokens(messages=said)] == [look.id for look in looks[:2]]
    assert {len(look.alternatives) for look in looks[1:]} == {2}
    assert fake.adapters == ["mine", "mine"]
    assert [(record.outcome, record.new_tokens) for record in records] == [("ok", 5)]


async def test_each_part_of_an_answer_that_is_given_to_a_conversation_is_counted():
    fake = FakeEngine(holds=lambda asked, part: -float(len(part)))
    host, records = host_of(fake, Settings())
    with host.request("me", "ask", adapter="mine") as engine:
        assert "likelihoods" in engine.info.abilities
        assert await engine.likelihoods([ASKED] * 3, ["one", "two."]) == [[-3.0, -4.0]] * 3
    assert fake.adapters == ["mine"]
    assert [(record.outcome, record.new_tokens) for record in records] == [("ok", 6)]


async def test_what_an_answer_begins_with_reaches_the_engine():
    fake = FakeEngine(["Good ", "day"])
    begun = [fake.id_of("Bad ")]
    host, records = host_of(fake, Settings())
    with host.request("me", "chat") as engine:
        *_, answer = [answer async for answer in answers(engine, ASKED, Sampling(), begun=begun)]
    assert (answer.text, len(answer.tokens)) == ("Bad day", 2)
    assert records[0].new_tokens == 1


async def test_tokens_of_an_answer_that_is_left_behind_are_counted():
    host, records = host_of(FakeEngine(["a", "b", "c"], steps=2), Settings())
    with host.request("me", "chat") as engine:
        async for answer in answers(engine, ASKED, Sampling()):
            if answer.text == "ab":
                break
    assert records[0].new_tokens == 2


@pytest.mark.parametrize(
    ("picked", "named", "answering"), [("", "", ""), ("a", "", "a"), ("", "b", "b"), ("a", "b", "a")]
)
async def test_the_adapter_that_a_visitor_picked_goes_before_the_one_that_a_prompt_file_names(
    picked: str, named: str, answering: str
):
    fake = FakeEngine(["Hi"])
    host, _ = host_of(fake, Settings())
    with host.request("me", "chat", adapter=picked) as engine:
        async for _ in answers(engine, ASKED, Sampling(), named):
            pass
        await engine.score(["p"], ["x"], named)
    assert fake.adapters == [answering] * 2
