"""What Gradio keeps of sessions: whose they are, how many, and under which names."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_ui.server.visitors import address_of
from qwen_ui.settings import Network

KEPT = 500
"""Sessions that are kept, or more where more can run. Each takes some 0.3 MB."""
EACH = 50
"""Of them one visitor's of a public page, by address."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
NAMED = ("session_hash", "event_id", "upload_id")
CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)/?")
NEW_CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/?")
EVENT = re.compile(rb'"event_id":"([0-9a-f]+)"')
MAKING = re.compile(r"/gradio_api/(queue/join|run/predict|call/|heartbeat/)")
"""Where a session begins, if there is none under its name."""


class KeptSessions:
    """Which visitor each session is of, those used last at the end. For one event loop."""

    def __init__(
        self,
        trusted: Sequence[Network],
        each: int,
        most: int = KEPT,
        make: Callable[[Any], Any] | None = None,
    ) -> None:
        """``make`` makes a session of Gradio's blocks, if Gradio shall not do so itself."""
        self._trusted = trusted
        self._each = each
        self._most = most
        self._make = make
        self._visitors: dict[str, str] = {}

    async def named(self, request: Request) -> None:
        """Refuses names that no page gives itself, which would stay in memory; counts the session that is named.

        Gradio has every request go through this, when it has read the body: it isn't read twice.
        """
        in_path, in_body = request.path_params, await _body(request)
        given = [place.get(name) for place in (in_path, request.query_params, in_body) for name in NAMED]
        if not all(isinstance(name, str) and NAME.fullmatch(name) for name in given if name is not None):
            raise HTTPException(400, f"{', '.join(NAMED)} are up to 64 letters, digits, - and _.")
        session = in_path.get("session_hash") or in_body.get("session_hash")
        if session and MAKING.match(request.scope["path"]):
            self.begin(session, request)

    def begin(self, session: str, request: Request) -> None:
        """The request uses the session, which Gradio makes if need be."""
        self.use(session, address_of(request, self._trusted), request.app.state_holder)

    def use(self, session: str, visitor: str, holder: Any) -> None:
        """Counts the session as the visitor's. One too many of theirs pushes their oldest out.

        One too many of all pushes out the oldest of who has the most: nobody loses theirs for somebody who has more.
        """
        self._visitors.pop(session, None)
        self._visitors[session] = visitor
        if self._make and session not in holder.session_data:
            holder.session_data[session] = self._make(holder.blocks)
        count = Counter(self._visitors.values())
        if count[visitor] > self._each:
            self._forget_oldest(visitor)
        elif len(self._visitors) > self._most:
            self._forget_oldest(max(count, key=count.__getitem__))
        for forgotten in holder.session_data.keys() - self._visitors.keys():  # also what ran on under such a name
            _drop(forgotten, holder)

    def end(self, session: str, holder: Any) -> None:
        """The session is over."""
        self._visitors.pop(session, None)
        _drop(session, holder)

    def _forget_oldest(self, visitor: str) -> None:
        del self._visitors[next(session for session, owner in self._visitors.items() if owner == visitor)]


async def _body(request: Request) -> dict[str, Any]:
    """What is in the body, if names can be in it."""
    if request.method != "POST" or "json" not in request.headers.get("content-type", "").lower():
        return {}
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is no JSON.") from None
    return body if isinstance(body, dict) else {}


def _drop(session: str, holder: Any) -> None:
    with holder.lock:
        holder.session_data.pop(session, None)
        holder.time_last_used.pop(session, None)


class CountCalls:
    """ASGI middleware: a call by plain HTTP is a session of its own, which is over once its answer has been read.

    Gradio would keep it like a visitor's, so that scripts would push the visitors' own out.
    """

    def __init__(self, app: ASGIApp, sessions: KeptSessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves; counts a call that begins, and forgets one that was read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "POST" and NEW_CALL.fullmatch(scope["path"]):
            await self._app(scope, receive, self._counting(scope, send))
        else:
            try:
                await self._app(scope, receive, send)
            finally:
                if scope["method"] == "GET" and (call := CALL.fullmatch(scope["path"])):
                    self._sessions.end(call[1], scope["app"].state_holder)

    def _counting(self, scope: Scope, send: Send) -> Send:
        """Sends, and counts the call that the answer names."""

        async def count(message: Message) -> None:
            if event := EVENT.search(message.get("body", b"")):
                self._sessions.begin(event[1].decode(), Request(scope))
            await send(message)

        return count
