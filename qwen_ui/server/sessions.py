"""The requests that run for each session's tabs."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Stoppable(Protocol):
    """A request that runs."""

    def stop(self, left: bool = False) -> None:
        """Ends it soon. ``left``: because the visitor has gone."""


class Work:
    """A request that needs no model: it looks whether it was told to stop. Implements `Stoppable`."""

    def __init__(self) -> None:
        self.stopped = False

    def stop(self, left: bool = False) -> None:
        self.stopped = True


class RunningRequests:
    """The requests that run for each session's tabs, so that Stop and a closed page find theirs. For one event loop."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str], set[Stoppable]] = defaultdict(set)

    @contextmanager
    def track(self, session: str, tab: str, request: Stoppable) -> Iterator[None]:
        """Knows the request as this tab's for as long as the context lasts."""
        key = (session, tab)
        self._requests[key].add(request)
        try:
            yield
        finally:
            self._requests[key].discard(request)
            if not self._requests[key]:
                del self._requests[key]

    def busy(self, session: str, tab: str) -> bool:
        """Whether a request runs for this tab."""
        return (session, tab) in self._requests

    def stop(self, session: str, tab: str, left: bool = False) -> None:
        """Ends the tab's requests soon; what they have so far still comes."""
        for request in tuple(self._requests.get((session, tab), ())):
            request.stop(left)

    def stop_all(self) -> None:
        """Ends everybody's requests soon; what they have so far still comes."""
        for session, tab in tuple(self._requests):
            self.stop(session, tab)

    def close_session(self, session: str) -> None:
        """Ends all requests of a visitor who left."""
        for owner, tab in tuple(self._requests):
            if owner == session:
                self.stop(owner, tab, left=True)
