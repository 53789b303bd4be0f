"""What is kept for each session: the requests that run for its tabs, and what Gradio keeps of it."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

KEPT = 500
"""Sessions that are kept, those used last. Each takes 0.6 MB: a copy of every component's configuration."""
CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)")


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


class ForgetCalls:
    """ASGI middleware: a call by plain HTTP is a session of its own, which is over once its answer has been read.

    Gradio would keep it like a visitor's, so that scripts would push the visitors' own out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves; then forgets the session if it was a call's."""
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http" and scope["method"] == "GET" and (call := CALL.fullmatch(scope["path"])):
                holder = scope["app"].state_holder
                with holder.lock:
                    holder.session_data.pop(call[1], None)
                    holder.time_last_used.pop(call[1], None)
