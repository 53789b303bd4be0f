"""Results at a bounded pace, and that whoever leaves ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from qwen_ui.engine.base import answers
from qwen_ui.errors import EngineFailed
from qwen_ui.messages import Answer, Message, Sampling
from qwen_ui.page.pace import paced
from tests.fakes import FakeEngine

QUESTION = [Message("user", "one two three")]


def asked(engine: FakeEngine) -> AsyncIterator[Answer]:
    return answers(engine, QUESTION, Sampling())


async def test_the_last_result_is_the_whole_answer_with_its_usage():
    engine = FakeEngine(["Good", " ", "day"])
    *_, last = [answer async for answer in paced(asked(engine))]
    assert last.text == "Good day"
    assert last.usage is not None
    assert last.usage.new_tokens == 3
    assert engine.active == 0


async def test_many_results_make_few_updates():
    engine = FakeEngine(["word "] * 5000)
    results = [answer async for answer in paced(asked(engine), every=3600)]
    assert len(results) <= 3
    assert results[-1].text == "word " * 5000


async def test_a_result_that_does_not_change_is_given_again_so_that_a_closed_tab_is_noticed():
    engine = FakeEngine(["never"], steps=0)
    async with aclosing(paced(asked(engine), idle=0.01)) as results:
        first, second = await anext(results), await anext(results)
    assert first == second == Answer()
    assert engine.active == 0


async def test_the_position_in_the_queue_is_told():
    engine = FakeEngine(["hi"], steps=0, positions=[3])
    async with aclosing(paced(asked(engine), idle=0.01)) as results:
        async for answer in results:
            if answer.position == 3:
                break
    assert answer.position == 3


async def test_an_error_comes_after_what_was_said_before_it():
    engine = FakeEngine(["half"], error=EngineFailed("The loop died."))
    seen = []
    with pytest.raises(EngineFailed, match="The loop died"):
        async for answer in paced(asked(engine)):
            seen.append(answer.text)
    assert seen[-1] == "half"
    assert engine.active == 0


async def test_a_refusal_comes_at_once():
    with pytest.raises(EngineFailed, match="refused"):
        async for _ in paced(asked(FakeEngine(refusal=EngineFailed("refused")))):
            raise AssertionError


async def test_a_cancelled_reader_frees_the_stream():
    engine, started = FakeEngine(["never"], steps=0), asyncio.Event()

    async def read() -> None:
        async for _ in paced(asked(engine), idle=0.01):
            started.set()

    task = asyncio.create_task(read())
    await started.wait()
    assert engine.active == 1
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert engine.active == 0
