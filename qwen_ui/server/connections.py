"""The connections below HTTP: how many there may be, and how long the head of a request may take to come.

Each takes one of the process's files, also while nothing is said on it. Without files the server could accept nobody.
"""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Container, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from qwen_ui.server.routes import PROBES
from qwen_ui.server.visitors import address, is_among, visitor_of
from qwen_ui.settings import Network

if sys.platform != "win32":  # where sockets are no files
    import resource

log = logging.getLogger(__name__)

HEAD_SECONDS = 15.0
"""From the connection, or from the last answer on it, until the head of the next request must have come."""
MOST = 4096
"""Connections in all, where the system gives files for them."""
OTHER_FILES = 2560
"""What the process may have open besides: up to 2,048 connections are accepted before the first of them is counted."""
RESERVE, RESERVE_OF_ONE = 32, 8
"""So many fewer requests are answered, of all and of one visitor: what waits can give way to a look at the health."""


class Connections:
    """Those that are open, and what is answered on them. For one event loop."""

    def __init__(self, most: int, of_one: int | None = None, trusted: Sequence[Network] = ()) -> None:
        """``of_one`` are as many as a visitor may have. Connections of trusted proxies are everybody's."""
        self._most = most
        self._of_one = of_one
        self._trusted = trusted
        self._open: dict[Connection, str] = {}
        self._answered: Counter[str] = Counter()
        """Requests by the visitor's address."""
        self._waiting: dict[Connection, None] = {}
        """Those on which the head of a request is awaited, the longest first."""

    def protocol(self, **given: Any) -> "Connection":
        """What the server makes for each connection."""
        return Connection(self, **given)

    def enter(self, connection: "Connection", peer: str) -> bool:
        """Takes the connection up, if need be in the place of the one that waits longest; whether there is room."""
        came_from = address(peer, "", ())
        if self._of_one is not None and not is_among(peer, self._trusted):
            own = {each for each, whose in self._open.items() if whose == came_from}
            if len(own) >= self._of_one and not self._one_gives_way(own):
                log.warning("Too many connections of one address; a proxy's can be named with --trusted-proxy")
                return False
        if len(self._open) >= self._most and not self._one_gives_way(self._open):
            log.warning("Too many connections: %d are open", len(self._open))
            return False
        self._open[connection] = came_from
        return True

    def leave(self, connection: "Connection") -> None:
        """Forgets the connection, if it was taken up."""
        self._open.pop(connection, None)
        self._waiting.pop(connection, None)

    def waits(self, connection: "Connection") -> None:
        """Knows that the head of a request is awaited on it from now on."""
        self._waiting[connection] = None

    def serves(self, connection: "Connection") -> None:
        """Knows that a request is answered on it from now on."""
        self._waiting.pop(connection, None)

    async def answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the app answer, unless too many requests are answered already. Its health it tells all the same."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await app(scope, receive, send)
            return
        who = visitor_of(scope, self._trusted)
        if self._answered.total() >= self._most - RESERVE or (
            self._of_one is not None and self._answered[who] >= self._of_one - RESERVE_OF_ONE
        ):
            await _BUSY(scope, receive, send)
            return
        self._answered[who] += 1
        try:
            await app(scope, receive, send)
        finally:
            self._answered[who] -= 1
            if not self._answered[who]:
                del self._answered[who]

    def _one_gives_way(self, among: Container["Connection"]) -> bool:
        longest = next((each for each in self._waiting if each in among), None)
        if longest is None:
            return False
        self.leave(longest)
        longest.cut()
        return True


class Connection(H11Protocol):
    """One connection. Who does not say in time what they want is cut off."""

    def __init__(self, connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        self.app = partial(connections.answer, self.app)
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._connections.enter(self, self.client[0] if self.client else ""):
            self._await_head()
        else:
            self.cut()

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._connections.serves(self)
            self._stop_clock()

    def on_response_complete(self) -> None:
        self._await_head()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._connections.leave(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """Ends the connection at once, whatever is still on its way."""
        self.transport.abort()

    def _await_head(self) -> None:
        self._stop_clock()
        self._connections.waits(self)
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.cut)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


_BUSY = JSONResponse(
    {"detail": "Too many requests are being answered. Try again in a moment."},
    503,
    {"retry-after": "5", "connection": "close"},
)


def room() -> int:
    """How many connections the process has files for. It asks the system for more where it has few."""
    if sys.platform == "win32":
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= MOST + OTHER_FILES:
        return MOST
    wanted = MOST + OTHER_FILES if hard == resource.RLIM_INFINITY else min(MOST + OTHER_FILES, hard)
    with suppress(ValueError, OSError):  # some systems have a lower limit yet
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft - OTHER_FILES, soft // 2)
