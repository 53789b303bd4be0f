"""How much each visitor may ask for: requests a minute, running at once, tokens an hour."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from qwen_ui.errors import TooMany

MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one visitor may do."""

    requests_per_minute: int
    running: int
    """Requests at once."""
    tokens_per_hour: int
    """New tokens."""


@dataclass(slots=True)
class Spending:
    """What a request that runs has cost so far; it is booked when the request ends."""

    tokens: int = 0


@dataclass(slots=True)
class _Account:
    """What a visitor did lately. Times are the clock's, in seconds."""

    running: int = 0
    requests: deque[float] = field(default_factory=deque)
    spent: deque[tuple[float, int]] = field(default_factory=deque)
    tokens: int = 0
    """The sum of those spent."""

    def forget(self, now: float) -> None:
        while self.requests and self.requests[0] <= now - MINUTE:
            self.requests.popleft()
        while self.spent and self.spent[0][0] <= now - HOUR:
            self.tokens -= self.spent.popleft()[1]

    @property
    def blank(self) -> bool:
        return not (self.running or self.requests or self.spent)


class RateLimiter:
    """Keeps the accounts of all visitors. Any thread may call it. Without limits it keeps nothing."""

    def __init__(self, limits: Limits | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._tidied = clock()
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, visitor: str) -> Iterator[Spending]:
        """Counts a request of the visitor as running for as long as the context lasts, and then what it has spent.

        Raises `TooMany`, which says when to try again.
        """
        spending = Spending()
        if self._limits is None:
            yield spending
            return
        self._enter(visitor, self._limits)
        try:
            yield spending
        finally:
            self._leave(visitor, spending.tokens)

    def __len__(self) -> int:
        """How many visitors have an account now."""
        return len(self._accounts)

    def _enter(self, visitor: str, limits: Limits) -> None:
        with self._lock:
            now = self._clock()
            self._tidy(now)
            account = self._accounts.setdefault(visitor, _Account())
            account.forget(now)
            _check(account, limits, now)
            account.running += 1
            account.requests.append(now)

    def _leave(self, visitor: str, tokens: int) -> None:
        with self._lock:
            account = self._accounts[visitor]
            account.running -= 1
            if tokens:
                account.spent.append((self._clock(), tokens))
                account.tokens += tokens

    def _tidy(self, now: float) -> None:
        """Drops the accounts that hold nothing any more, now and then."""
        if now < self._tidied + MINUTE:
            return
        self._tidied = now
        for visitor, account in tuple(self._accounts.items()):
            account.forget(now)
            if account.blank:
                del self._accounts[visitor]


def _check(account: _Account, limits: Limits, now: float) -> None:
    if account.running >= limits.running:
        raise TooMany(
            "{limit} of your requests {limit:is|are} running. Wait until one has ended, or stop one.",
            limit=limits.running,
        )
    if len(account.requests) >= limits.requests_per_minute:
        raise TooMany(
            "{limit} {limit:request|requests} a minute {limit:is|are} possible here. Try again in {wait}.",
            limit=limits.requests_per_minute,
            wait=_wait(account.requests[0] + MINUTE - now),
        )
    if account.tokens >= limits.tokens_per_hour:
        raise TooMany(
            "You have used up the {limit:,} tokens that an hour has here. Try again in {wait}.",
            limit=limits.tokens_per_hour,
            wait=_wait(_until_below(account, limits.tokens_per_hour) + HOUR - now),
        )


def _until_below(account: _Account, limit: int) -> float:
    """When that was spent whose end brings the sum below the limit."""
    left = account.tokens
    for spent_at, tokens in account.spent:
        left -= tokens
        if left < limit:
            return spent_at
    return account.spent[-1][0]


def _wait(seconds: float) -> timedelta:
    return timedelta(seconds=max(1, seconds))
