"""Each visitor's share of what the server does at once: a flood of one's requests leaves the others their turns."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_ui.errors import TooMany
from qwen_ui.server.limits import Limits, RateLimiter
from qwen_ui.server.visitors import address_of, visitor_of
from qwen_ui.settings import Network

AT_ONCE, EVENTS, A_MINUTE = 4, 4, 600
"""For each answer that a visitor may have running: requests that are worked on, events in Gradio's queue, and requests
in a minute. A page that is opened makes some twenty requests, and a few for each thing that is done on it."""
QUEUED = ("/gradio_api/queue/join", "/gradio_api/call/")
HELD = 32_000_000
"""Bytes of a visitor's requests that have come and are not answered yet."""
UNTOLD = 10**12
"""No limit."""


class Turns:
    """ASGI middleware: what a visitor posts is worked on in turn, once it is there, and counted.

    Uploads are not held back here: they are no work until they are posted about.
    """

    def __init__(self, app: ASGIApp, running: int, apart: frozenset[str], trusted: Sequence[Network] = ()) -> None:
        """``running`` is how many answers a visitor may have running, ``apart`` are the paths of uploads."""
        self._app = app
        self._running = running
        self._apart = apart
        self._trusted = trusted
        self._minutes = RateLimiter(Limits(A_MINUTE * running, UNTOLD, UNTOLD))
        self._lines: dict[str, _Line] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves in turn, or says that it is too much."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].rstrip("/") in self._apart:
            await self._app(scope, receive, send)
            return
        who = visitor_of(scope, self._trusted)
        try:
            with self._minutes.admit(who), self._line(who) as line, line.taking(receive) as request:
                if not await request.arrive():
                    return
                async with line.turns:
                    if scope["path"].startswith(QUEUED) and self._events(scope, who) >= EVENTS * self._running:
                        raise TooMany("Too many of your requests are waiting. Wait until one has been answered.")
                    await self._app(scope, request.receive, send)
        except TooMany as error:
            refusal = JSONResponse({"detail": str(error)}, 429, {"retry-after": "60"})
            await refusal(scope, receive, send)

    @contextmanager
    def _line(self, who: str) -> Iterator["_Line"]:
        """The visitor's line, which lasts for as long as somebody stands in it."""
        line = self._lines.setdefault(who, _Line(asyncio.Semaphore(AT_ONCE * self._running)))
        line.members += 1
        try:
            yield line
        finally:
            line.members -= 1
            if not line.members:
                del self._lines[who]

    def _events(self, scope: Scope, who: str) -> int:
        """How many of the visitor's events wait in Gradio's queue or have one of its places, of which there are few."""
        queue = scope["app"].get_blocks()._queue
        waiting = [event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue]
        running = [event for job in queue.active_jobs for event in job or ()]
        return sum(address_of(event.request, self._trusted) == who for event in (*waiting, *running))


@dataclass(slots=True)
class _Line:
    """A visitor's requests."""

    turns: asyncio.Semaphore
    members: int = 0
    held: int = 0

    @contextmanager
    def taking(self, receive: Receive) -> Iterator["_Request"]:
        """A request of which the line holds what has come of it, for as long as the context lasts."""
        request = _Request(self, receive)
        try:
            yield request
        finally:
            self.held -= request.size


@dataclass(slots=True)
class _Request:
    """A request whose body is kept until it is worked on."""

    line: _Line
    rest: Receive
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    given: bool = False

    async def arrive(self) -> bool:
        """Waits until all of the body is there; whether it came. Raises `TooMany`."""
        more = True
        while more:
            message = await self.rest()
            if message["type"] != "http.request":
                return False
            piece = message.get("body", b"")
            self.size += len(piece)
            self.line.held += len(piece)
            if self.line.held > HELD:
                raise TooMany("Your requests are too large together. Wait until one has been answered.")
            self.pieces.append(piece)
            more = message.get("more_body", False)
        return True

    async def receive(self) -> Message:
        """The whole body, and then what comes after it."""
        if self.given:
            return await self.rest()
        self.given = True
        return {"type": "http.request", "body": b"".join(self.pieces), "more_body": False}
