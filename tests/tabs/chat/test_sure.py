"""How sure? Several answers at once, grouped as they get whole, over an engine that says what it is told to."""

import asyncio
from collections.abc import Sequence

import pytest

from qwen_ui.errors import Busy, EngineFailed
from qwen_ui.messages import Message
from qwen_ui.tabs.chat.sure import CONTINUATIONS, Sureness, how_sure
from tests.fakes import FakeEngine, FakeStream

ASKED = [Message("user", "What is the capital of France?")]
SAID = ["Paris.", "The capital of France is Paris.", "Lyon.", "paris", "**Paris**", "Lyon", "Nice.", "Paris!"]


class Saying(FakeEngine):
    """Gives each answer in its turn; an error is what it breaks off with."""

    def __init__(self, answers: Sequence[str | Exception], steps: int = 1_000_000) -> None:
        super().__init__(steps=steps)
        self.answers = list(answers)

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            return FakeStream(FakeEngine(["Pa"], error=answer), ["Pa"], 10)
        return FakeStream(self, [answer], 10)


async def all_of(engine: FakeEngine, shown: str = "") -> list[Sureness]:
    return [sureness async for sureness in how_sure(engine, ASKED, "Be brief.", shown)]


async def test_answers_that_say_the_same_are_counted_together():
    engine = Saying(SAID)
    first, *_, last = await all_of(engine, shown="It is Lyon.")
    assert (first.groups, first.whole) == ((), ())
    assert [answer.text for answer in last.answers] == SAID
    assert [(group.members, group.share) for group in last.groups] == [
        ((0, 1, 3, 4, 7), 5 / 8),
        ((2, 5), 2 / 8),
        ((6,), 1 / 8),
    ]
    assert [messages for messages, _ in engine.asked] == [[Message("system", "Be brief."), *ASKED]] * CONTINUATIONS
    assert not any(sampling.greedy for _, sampling in engine.asked)
    assert engine.active == 0


async def test_a_slow_reader_sees_the_end_too():
    seen = []
    async for sureness in how_sure(Saying(SAID), ASKED):
        await asyncio.sleep(0.05)
        seen.append(sureness)
    assert len(seen[-1].whole) == CONTINUATIONS


async def test_the_group_of_the_answer_that_is_shown_is_known():
    *_, last = await all_of(Saying(SAID), shown="Lyon!")
    assert [group.shown for group in last.groups] == [False, True, False]
    *_, other = await all_of(Saying(SAID), shown="Marseille")
    assert not any(group.shown for group in other.groups)


async def test_the_first_answer_s_prompt_is_in_the_cache_before_the_others_ask():
    engine = Saying(SAID, steps=0)
    task = asyncio.create_task(all_of(engine))
    await asyncio.sleep(0.05)
    assert len(engine.asked) == 1
    engine.steps.release()
    await asyncio.sleep(0.05)
    assert len(engine.asked) == CONTINUATIONS
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.active == 0


async def test_shares_are_of_those_that_came_to_their_end():
    engine = Saying(["Paris.", EngineFailed("It broke."), "Lyon.", *["Paris."] * 4, Busy("Full.")])
    *_, last = await all_of(engine)
    assert last.whole == (0, 2, 3, 4, 5, 6)
    assert [group.share for group in last.groups] == [5 / 6, 1 / 6]
    assert last.answers[1].text == "Pa"


async def test_what_all_broke_off_with_is_raised():
    with pytest.raises(EngineFailed, match="It broke"):
        await all_of(Saying([EngineFailed("It broke.")] * CONTINUATIONS))
    with pytest.raises(Busy):
        await all_of(FakeEngine(refusal=Busy("Full.")))


async def test_a_bug_is_not_taken_for_an_answer_that_broke_off():
    with pytest.raises(ZeroDivisionError):
        await all_of(Saying([ZeroDivisionError(), *SAID[1:]]))


async def test_told_to_stop_no_more_are_begun_and_no_group_is_of_cut_answers():
    engine = Saying(SAID, steps=0)
    task = asyncio.create_task(all_of(engine))
    await asyncio.sleep(0.05)
    engine.stopped = True
    engine.steps.release()
    *_, last = await task
    assert len(engine.asked) == 1
    assert [group.members for group in last.groups] == [(0,)]
