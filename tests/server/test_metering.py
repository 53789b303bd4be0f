"""One request's way to the engine: limits, and the note of how it ended."""

import dataclasses

import pytest

from qwen_ui.config import Settings
from qwen_ui.errors import EngineFailed, NotReady, TooMany
from qwen_ui.messages import Message, Sampling
from qwen_ui.server.host import EngineHost
from qwen_ui.server.record import Record
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


async def test_a_whole_answer_is_noted_with_its_cost():
    host, records = host_of(FakeEngine(["Good ", "day"]))
    stream = host.of("me", "chat").engine.stream(ASKED, Sampling())
    assert "".join([chunk.text async for chunk in stream]) == "Good day"
    await stream.aclose()
    (record,) = records
    assert (record.task, record.via, record.outcome, record.new_tokens) == ("chat", "page", "ok", 2)
    assert record.seconds_to_first_token is not None
    assert record.seconds_to_first_token <= record.seconds
    assert record.text == "user: hello\n\nanswer: Good day"


async def test_how_a_request_ended_is_told_apart():
    engine = FakeEngine(["a", "b"], steps=1)
    host, records = host_of(engine, Settings())
    stopped = host.of("me", "chat", "api").engine.stream(ASKED, Sampling())
    await anext(aiter(stopped))
    stopped.cancel()
    assert [chunk.text async for chunk in stopped if chunk.text] == []
    left = host.of("me", "chat").engine.stream(ASKED, Sampling())
    await left.aclose()
    engine.error = EngineFailed("The batch loop died.")
    engine.words = []
    broken = host.of("me", "chat").engine.stream(ASKED, Sampling())
    with pytest.raises(EngineFailed):
        await anext(aiter(broken))
    host.begin_closing()
    with pytest.raises(NotReady):
        _ = host.of("me", "chat").engine
    assert [(record.outcome, record.error) for record in records] == [
        ("stopped", ""),
        ("closed", ""),
        ("failed", "EngineFailed"),
        ("refused", "NotReady"),
    ]
    assert records[0].via == "api"


async def test_the_pieces_of_a_request_are_one_request_and_another_has_to_wait():
    host, records = host_of(FakeEngine(["x"]))
    document = host.of("me", "translate").engine
    pieces = [document.stream(ASKED, Sampling()) for _ in range(3)]
    with pytest.raises(TooMany, match="running"):
        host.of("me", "chat").engine.stream(ASKED, Sampling())
    for piece in pieces:
        await piece.aclose()
    await document.stream(ASKED, Sampling()).aclose()
    later = host.of("me", "chat").engine.stream(ASKED, Sampling())
    await later.aclose()
    with pytest.raises(TooMany, match="2 requests a minute"):
        host.of("me", "chat").engine.stream(ASKED, Sampling())
    assert [record.outcome for record in records].count("refused") == 2


async def test_tokens_of_answers_and_of_scores_are_counted():
    settings = dataclasses.replace(PUBLIC, requests_per_minute=99)
    host, _ = host_of(FakeEngine(["a", "b", "c"]), settings)
    stream = host.of("me", "chat").engine.stream(ASKED, Sampling())
    assert len([chunk async for chunk in stream if chunk.text]) == 3
    await host.of("me", "sentiment").engine.score(["p"] * 4, ["x", "y"])
    with pytest.raises(TooMany, match="10 tokens"):
        host.of("me", "chat").engine.stream(ASKED, Sampling())
    host.of("you", "chat").engine.stream(ASKED, Sampling())
