"""First come, first served, and everybody knows their place."""

from contextlib import ExitStack

import pytest

from qwen_ui.engine.queue import WaitingLine
from qwen_ui.errors import Busy


class Guest:
    def __init__(self, line: WaitingLine) -> None:
        self.places: list[int] = []
        self.stay = ExitStack()
        self.stay.enter_context(line.enter(self.places.append))


def test_the_line_moves_up_in_order() -> None:
    line = WaitingLine(slots=1, max_waiting=3)
    first, second, third = Guest(line), Guest(line), Guest(line)
    assert (line.active, line.waiting) == (1, 2)
    first.stay.close()
    assert (line.active, line.waiting) == (1, 1)
    second.stay.close()
    assert (first.places, second.places, third.places) == ([0], [1, 0], [2, 1, 0])


def test_leaving_the_line_moves_only_those_behind() -> None:
    line = WaitingLine(slots=1, max_waiting=3)
    first, second, third, fourth = (Guest(line) for _ in range(4))
    third.stay.close()
    assert (second.places, fourth.places) == ([1], [3, 2])
    for guest in (first, second, fourth):
        guest.stay.close()
    assert (line.active, line.waiting) == (0, 0)


def test_a_full_line_refuses_and_stays_as_it_was() -> None:
    line = WaitingLine(slots=1, max_waiting=1)
    guests = [Guest(line), Guest(line)]
    with pytest.raises(Busy, match="1 requests are waiting"):
        Guest(line)
    assert (line.active, line.waiting) == (1, 1)
    for guest in guests:
        guest.stay.close()


def test_an_error_inside_frees_the_slot() -> None:
    line = WaitingLine(slots=1, max_waiting=1)
    with pytest.raises(KeyError), line.enter(lambda place: None):
        raise KeyError
    assert line.active == 0
