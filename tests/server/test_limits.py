"""Limits a visitor: what is counted, what is said, and what is forgotten."""

import pytest

from qwen_ui.errors import TooMany
from qwen_ui.server.limits import Ledger, Limits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def visit(ledger: Ledger, who: str = "me", tokens: int = 0) -> None:
    ledger.enter(who)
    ledger.leave(who, tokens)


def test_requests_a_minute_are_limited_for_each_visitor(clock: Clock):
    ledger = Ledger(Limits(2, 9, 1000), clock)
    visit(ledger)
    clock.now += 20
    visit(ledger)
    with pytest.raises(TooMany, match=r"2 requests a minute .* Try again in 40 s"):
        ledger.enter("me")
    visit(ledger, "you")
    clock.now += 41
    visit(ledger)


def test_a_request_that_goes_on_is_not_a_new_one(clock: Clock):
    ledger = Ledger(Limits(1, 1, 1000), clock)
    visit(ledger)
    ledger.enter("me", again=True)
    with pytest.raises(TooMany, match="1 of your requests are running"):
        ledger.enter("me", again=True)


def test_running_at_once_is_limited_until_one_ends(clock: Clock):
    ledger = Ledger(Limits(99, 2, 1000), clock)
    ledger.enter("me")
    ledger.enter("me")
    with pytest.raises(TooMany, match="or stop one"):
        ledger.enter("me")
    ledger.leave("me", 5)
    ledger.enter("me")


def test_tokens_an_hour_are_limited_and_the_wait_is_until_enough_are_forgotten(clock: Clock):
    ledger = Ledger(Limits(99, 9, 100), clock)
    visit(ledger, tokens=60)
    clock.now += 600
    visit(ledger, tokens=60)
    with pytest.raises(TooMany, match=r"100 tokens that an hour has here. Try again in 50 minutes"):
        ledger.enter("me")
    clock.now += 3001
    visit(ledger)


def test_visitors_who_left_are_forgotten(clock: Clock):
    ledger = Ledger(Limits(99, 9, 100), clock)
    for number in range(50):
        visit(ledger, f"visitor {number}", tokens=1)
    clock.now += 3700
    visit(ledger)
    assert len(ledger) == 1


def test_without_limits_nothing_is_kept():
    ledger = Ledger(None)
    for _ in range(1000):
        visit(ledger, tokens=10**9)
    assert len(ledger) == 0
