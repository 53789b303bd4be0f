"""First come, first served, and everybody knows their position."""

import asyncio
import itertools
from contextlib import ExitStack

import pytest

from qwen_ui.engine.queue import RequestQueue
from qwen_ui.errors import Busy
from tests.interruption import Interrupted


class Guest:
    def __init__(self, queue: RequestQueue) -> None:
        self.positions: list[int] = []
        self.stay = ExitStack()
        self.stay.enter_context(queue.enter(self.positions.append))


def test_the_queue_moves_up_in_order() -> None:
    queue = RequestQueue(slots=1, max_waiting=3)
    first, second, third = Guest(queue), Guest(queue), Guest(queue)
    assert (queue.active, queue.waiting) == (1, 2)
    first.stay.close()
    assert (queue.active, queue.waiting) == (1, 1)
    second.stay.close()
    assert (first.positions, second.positions, third.positions) == ([0], [1, 0], [2, 1, 0])


def test_leaving_the_queue_moves_only_those_behind() -> None:
    queue = RequestQueue(slots=1, max_waiting=3)
    first, second, third, fourth = (Guest(queue) for _ in range(4))
    third.stay.close()
    assert (second.positions, fourth.positions) == ([1], [3, 2])
    for guest in (first, second, fourth):
        guest.stay.close()
    assert (queue.active, queue.waiting) == (0, 0)


def test_a_full_queue_refuses_and_stays_as_it_was() -> None:
    queue = RequestQueue(slots=1, max_waiting=1)
    guests = [Guest(queue), Guest(queue)]
    with pytest.raises(Busy, match="1 request is waiting"):
        Guest(queue)
    assert (queue.active, queue.waiting) == (1, 1)
    for guest in guests:
        guest.stay.close()


def test_an_error_inside_frees_the_slot() -> None:
    queue = RequestQueue(slots=1, max_waiting=1)
    with pytest.raises(KeyError), queue.enter(lambda position: None):
        raise KeyError
    assert queue.active == 0


async def generate(queue: RequestQueue) -> None:
    inbox: asyncio.Queue[int] = asyncio.Queue()
    with queue.enter(inbox.put_nowait):
        while await inbox.get():
            pass
        for _ in range(3):
            await asyncio.sleep(0)


async def test_interrupted_at_any_point_a_request_leaves_nothing_and_holds_up_nobody() -> None:
    for at in itertools.count(1):
        queue = RequestQueue(slots=1, max_waiting=3)
        others = [asyncio.create_task(generate(queue)) for _ in range(2)]
        await asyncio.sleep(0)
        request = Interrupted(generate(queue), at)
        await asyncio.gather(request.task, *others, generate(queue), return_exceptions=True)
        assert (queue.active, queue.waiting) == (0, 0)
        assert request.task.cancelled() == (request.waits == at)
        if request.waits < at:
            break
    assert at > 4


async def test_a_request_that_is_cancelled_as_its_turn_comes_gives_it_on() -> None:
    queue = RequestQueue(slots=1, max_waiting=3)
    first = Guest(queue)
    second, third = (asyncio.create_task(generate(queue)) for _ in range(2))
    await asyncio.sleep(0)
    first.stay.close()
    second.cancel()
    await third
    assert (queue.active, queue.waiting) == (0, 0)
