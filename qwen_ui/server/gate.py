"""What stands before Gradio: who may ask for what, under which name, and with how much of a body."""

import asyncio
import time
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_ui.errors import TooMany
from qwen_ui.server import forwarded, routes
from qwen_ui.server.hosts import Hosts, from_elsewhere
from qwen_ui.server.limits import Limits, RateLimiter
from qwen_ui.server.marks import Marks
from qwen_ui.server.routes import LOGIN, PROBES, UPLOAD
from qwen_ui.server.visitors import visitor_of
from qwen_ui.settings import Network

MAX_BODY = 8_000_000
"""Bytes of a request that is no upload: a long conversation is far below."""
FILES_AT_ONCE = 20
"""How many of the largest files one upload may hold together."""
BODY_SECONDS, BODY_RATE = 30.0, 20_000
"""How long a body may take to come, and how many bytes of it give it one second more."""
SIGN_INS = Limits(requests_per_minute=10, running=4, tokens_per_hour=30)
"""Attempts to sign in; each that fails is counted as a token."""
UPLOADS = Limits(requests_per_minute=60, running=4, tokens_per_hour=500_000)
"""Uploads in public mode; each kilobyte is counted as a token."""
HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
"""Of every answer. The page's own requests go with their origin, in every browser; other sites learn nothing."""
FRESH = {"cache-control": "no-store"}
"""Of what a visitor alone may see, or what holds the name that the page was opened under."""
UNKNOWN_HOST = (
    "Nothing is served under this name, which may be another site's. "
    "If it is this server's, it has to be started with --allowed-host and the name."
)
NOT_SIGNED_IN = {"detail": {"error": "Not authenticated", "auth_message": None}}
"""As Gradio says it: its page then asks for the sign-in."""
ANOTHER_SITE = (
    "Another site's page can't do this. Behind a proxy, have it pass the visitor's Host on, "
    "or name it with --trusted-proxy."
)


class Gate:
    """ASGI middleware, before all others. Requests that it refuses never reach Gradio.

    Without ``marks`` visitors are not told apart: the page is private, and so are its uploads' limits left out.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        upload_bytes: int,
        marks: Marks | None = None,
        trusted: Sequence[Network] = (),
        signed_in: Callable[[Scope], bool] = lambda scope: True,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._upload_bytes = upload_bytes * FILES_AT_ONCE
        self._marks = marks
        self._trusted = trusted
        self._signed_in = signed_in
        self._sign_ins = RateLimiter(SIGN_INS)
        self._uploads = RateLimiter(UPLOADS if marks else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves, or refuses with a sentence."""
        if scope["type"] == "websocket":  # nothing of the page speaks so
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = forwarded.settle(scope, self._trusted), scope["path"]
        known = not self._marks or self._marks.settle(headers)
        extra = HEADERS if routes.is_lasting(path) else HEADERS | FRESH
        if refusal := self._refusal(scope, headers):
            await refusal(scope, receive, _adding(extra, send))
            return
        if self._marks and not known and path == "/":
            extra = {**extra, "set-cookie": self._marks.fresh(scope["scheme"] == "https")}
        if scope["method"] == "POST" and path.rstrip("/") in {LOGIN, UPLOAD}:
            await self._counted(scope, receive, _adding(extra, send))
        else:
            await self._serve(scope, _Body(receive, self._limit(path)), _adding(extra, send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What the request is answered with before anything of its body is read, unless it may go on."""
        path, hosts = scope["path"], headers.getlist("host")
        if not routes.is_served(path):
            return PlainTextResponse("There is nothing here.", 404)
        if path not in PROBES and not (len(hosts) == 1 and self._hosts.serve(hosts[0])):
            return PlainTextResponse(UNKNOWN_HOST, 421)
        if path not in PROBES and from_elsewhere(scope["method"], headers):
            return PlainTextResponse(ANOTHER_SITE, 403)
        if not (routes.is_open(path) or self._signed_in(scope)):
            return JSONResponse(NOT_SIGNED_IN, 401)
        if int(headers.get("content-length") or 0) > self._limit(path):
            return _too_large(self._limit(path))
        return None

    def _limit(self, path: str) -> int:
        return self._upload_bytes if path.rstrip("/") == UPLOAD else MAX_BODY

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a sign-in or an upload, if the visitor has any left."""
        path = scope["path"].rstrip("/")
        who = visitor_of(scope, self._trusted)
        limiter = self._sign_ins if path == LOGIN else self._uploads
        body, failed = _Body(receive, self._limit(path)), False

        async def watch(message: Message) -> None:
            nonlocal failed
            failed = failed or message.get("status", 200) >= 400
            await send(message)

        if path == LOGIN and not await body.arrive():  # who sends slowly takes no attempt from others at the address
            if body.refusal:
                await body.refusal(scope, receive, send)
            return
        try:
            with limiter.admit(who) as spending:
                try:
                    await self._serve(scope, body, watch)
                finally:
                    spending.tokens = int(failed) if path == LOGIN else body.size // 1000
        except TooMany:
            answer = PlainTextResponse("Too many attempts. Try again in some minutes.", 429, {"retry-after": "300"})
            await answer(scope, receive, send)

    async def _serve(self, scope: Scope, body: "_Body", send: Send) -> None:
        """Serves; a body that was too much for us is refused, whatever Gradio made of its end."""
        begun = False

        async def unless_refused(message: Message) -> None:
            nonlocal begun
            if not body.refusal or begun:
                begun = True
                await send(message)

        try:
            await self._app(scope, body.receive, unless_refused)
        except Exception:
            if not body.refusal:
                raise
        if body.refusal and not begun:
            await body.refusal(scope, body.receive, send)


def _adding(extra: dict[str, str], send: Send) -> Send:
    """Sends with these headers, whatever the answer says there; cookies are added to its own."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in extra.items():
                if name == "set-cookie":
                    headers.append(name, value)
                else:
                    headers[name] = value
        await send(message)

    return add


def _too_large(limit: int) -> PlainTextResponse:
    return PlainTextResponse(f"The request is too large: {limit // 1_000_000} MB are possible. Send less.", 413)


class _Body:
    """A request's body as it comes, until it is too large or too slow."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._kept: list[Message] = []
        self._whole = False
        self._begun = time.monotonic()
        self.size = 0
        self.refusal: PlainTextResponse | None = None

    async def receive(self) -> Message:
        """The next piece; to Gradio a refused body looks like one whose sender left."""
        if self._kept:
            return self._kept.pop(0)
        if self._whole:  # only its end is still awaited, which may be hours away
            return await self._receive()
        left = self._begun + BODY_SECONDS + self.size / BODY_RATE - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), left)
        except TimeoutError:
            self.refusal = PlainTextResponse("The request came too slowly. Send it again.", 408)
            return {"type": "http.disconnect"}
        self.size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self.size > self._limit:
            self._whole, self.refusal = True, _too_large(self._limit)
            return {"type": "http.disconnect"}
        return message

    async def arrive(self) -> bool:
        """Waits until all of it is there; whether it came."""
        arrived: list[Message] = []
        while not self._whole:
            arrived.append(await self.receive())
            if arrived[-1]["type"] == "http.disconnect":
                return False
        self._kept = arrived
        return True
