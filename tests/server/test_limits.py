"""Limits a visitor: what is counted, what is said, and what is forgotten."""

import pytest

from qwen_ui.errors import TooMany
from qwen_ui.server.limits import Limits, RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def visit(limiter: RateLimiter, who: str = "me", tokens: int = 0) -> None:
    with limiter.admit(who) as spending:
        spending.tokens = tokens


def test_requests_a_minute_are_limited_for_each_visitor(clock: Clock):
    limiter = RateLimiter(Limits(2, 9, 1000), clock)
    visit(limiter)
    clock.now += 20
    visit(limiter)
    with pytest.raises(TooMany, match=r"2 requests a minute are .* Try again in 40 seconds"):
        visit(limiter)
    visit(limiter, "you")
    clock.now += 41
    visit(limiter)


def test_running_at_once_is_limited_until_one_ends(clock: Clock):
    limiter = RateLimiter(Limits(99, 2, 1000), clock)
    with limiter.admit("me"):
        with limiter.admit("me"), pytest.raises(TooMany, match=r"2 of your requests are running\..* or stop one"):
            visit(limiter)
        visit(limiter)


def test_a_request_that_breaks_off_gives_its_place_back_and_is_charged(clock: Clock):
    limiter = RateLimiter(Limits(99, 1, 10), clock)
    with pytest.raises(KeyError), limiter.admit("me") as spending:
        spending.tokens = 10
        raise KeyError
    with pytest.raises(TooMany, match="10 tokens"):
        visit(limiter)


def test_a_single_one_is_told_as_one(clock: Clock):
    limiter = RateLimiter(Limits(1, 1, 1000), clock)
    with limiter.admit("me"), pytest.raises(TooMany, match="1 of your requests is running"):
        visit(limiter)
    with pytest.raises(TooMany, match="1 request a minute is possible"):
        visit(limiter)


def test_tokens_an_hour_are_limited_and_the_wait_is_until_enough_are_forgotten(clock: Clock):
    limiter = RateLimiter(Limits(99, 9, 100), clock)
    visit(limiter, tokens=60)
    clock.now += 600
    visit(limiter, tokens=60)
    with pytest.raises(TooMany, match=r"100 tokens that an hour has here. Try again in 50 minutes"):
        visit(limiter)
    clock.now += 3001
    visit(limiter)


def test_visitors_who_left_are_forgotten(clock: Clock):
    limiter = RateLimiter(Limits(99, 9, 100), clock)
    for number in range(50):
        visit(limiter, f"visitor {number}", tokens=1)
    clock.now += 3700
    visit(limiter)
    assert len(limiter) == 1


def test_without_limits_nothing_is_kept():
    limiter = RateLimiter(None)
    for _ in range(1000):
        visit(limiter, tokens=10**9)
    assert len(limiter) == 0
