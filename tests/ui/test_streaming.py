"""Answers that grow at a bounded pace, and the streams that Stop and a closed page find."""

import asyncio
from contextlib import aclosing

import pytest

from qwen_ui.errors import EngineFailed
from qwen_ui.messages import Message, Sampling
from qwen_ui.ui.streaming import Answer, Running, follow
from tests.fakes import FakeEngine

QUESTION = [Message("user", "one two three")]


async def test_the_last_update_is_the_whole_answer_with_its_usage():
    engine = FakeEngine(["Good", " ", "day"])
    *_, last = [answer async for answer in follow(engine.stream(QUESTION, Sampling()))]
    assert last.text == "Good day"
    assert last.usage is not None
    assert last.usage.new_tokens == 3
    assert engine.active == 0


async def test_many_chunks_make_few_updates():
    engine = FakeEngine(["word "] * 5000)
    answers = [answer async for answer in follow(engine.stream(QUESTION, Sampling()), every=3600)]
    assert len(answers) <= 3
    assert answers[-1].text == "word " * 5000


async def test_an_answer_that_does_not_grow_is_given_again_so_that_a_closed_tab_is_noticed():
    engine = FakeEngine(["never"], steps=0)
    async with aclosing(follow(engine.stream(QUESTION, Sampling()), idle=0.01)) as answers:
        first, second = await anext(answers), await anext(answers)
    assert first == second == Answer()
    assert engine.active == 0


async def test_the_place_in_line_is_told():
    engine = FakeEngine(["hi"], steps=0, places=[3])
    async with aclosing(follow(engine.stream(QUESTION, Sampling()))) as answers:
        assert (await anext(answers)).place == 3


async def test_an_error_comes_after_what_was_said_before_it():
    engine = FakeEngine(["half"], error=EngineFailed("The loop died."))
    seen = []
    with pytest.raises(EngineFailed, match="The loop died"):
        async for answer in follow(engine.stream(QUESTION, Sampling())):
            seen.append(answer.text)
    assert seen[-1] == "half"
    assert engine.active == 0


async def test_a_cancelled_reader_frees_the_stream():
    engine = FakeEngine(["never"], steps=0)

    async def read() -> None:
        async for _ in follow(engine.stream(QUESTION, Sampling()), idle=0.01):
            started.set()

    started = asyncio.Event()
    task = asyncio.create_task(read())
    await started.wait()
    assert engine.active == 1
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert engine.active == 0


async def test_stop_ends_only_the_streams_of_its_own_visitor_and_tab():
    engine, running = FakeEngine(["word"], steps=0), Running()
    mine, other = engine.stream(QUESTION, Sampling()), engine.stream(QUESTION, Sampling())
    with running.track("me", "chat", mine), running.track("you", "chat", other):
        running.stop("me", "write")
        running.stop("me", "chat")
        *_, last = [answer async for answer in follow(mine)]
        assert last.usage is not None
        assert last.usage.ended == "cancelled"
        engine.steps.release()
        *_, last = [answer async for answer in follow(other)]
        assert last.usage is not None
        assert last.usage.ended == "stop"


async def test_closing_a_session_ends_all_its_streams():
    engine, running = FakeEngine(["word"], steps=0), Running()
    streams = [engine.stream(QUESTION, Sampling()) for _ in range(2)]
    with running.track("me", "chat", streams[0]), running.track("me", "write", streams[1]):
        running.close_session("me")
        for stream in streams:
            *_, last = [answer async for answer in follow(stream)]
            assert last.usage is not None
            assert last.usage.ended == "cancelled"
    assert not running.busy("me", "chat")
