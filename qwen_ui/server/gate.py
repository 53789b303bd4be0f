"""What stands before Gradio: only the routes that the page needs, bounded bodies, and who a visitor is."""

import asyncio
import secrets
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_ui.errors import TooMany
from qwen_ui.server.limits import Limits, RateLimiter
from qwen_ui.server.visitors import COOKIE, FORWARDED, address
from qwen_ui.settings import Network

EXACT = frozenset(
    [
        *("/", "/config", "/login", "/theme.css", "/robots.txt", "/manifest.json", "/favicon.ico", "/pwa_icon"),
        *("/healthz", "/readyz", "/gradio_api/startup-events", "/gradio_api/theme.css", "/gradio_api/app_id"),
        *("/gradio_api/user", "/gradio_api/login_check", "/gradio_api/info", "/gradio_api/openapi.json"),
        *(
            "/gradio_api/queue/join",
            "/gradio_api/queue/data",
            "/gradio_api/run/predict",
            "/gradio_api/cancel",
            "/gradio_api/reset",
        ),
        *("/gradio_api/upload", "/gradio_api/upload_progress"),
    ]
)
BEGINNINGS = (
    "/v1/",  # asks for keys of its own
    *("/static/", "/assets/", "/svelte/", "/pwa_icon/"),
    *("/gradio_api/file=", "/gradio_api/call/", "/gradio_api/heartbeat/", "/gradio_api/queue/"),
)
"""All else that Gradio serves (its proxy, its monitoring, the logging out of everybody…) is not there."""
UPLOAD, LOGIN = "/gradio_api/upload", "/login"

MAX_BODY = 8_000_000
"""Bytes of a request that is no upload: a long conversation is far below."""
FILES_AT_ONCE = 20
"""How many of the largest files one upload may hold together."""
BODY_SECONDS = 30.0
"""How long the next piece of a body may take to come."""
SIGN_INS = Limits(requests_per_minute=10, running=4, tokens_per_hour=30)
"""Attempts to sign in; each that fails is counted as a token."""
UPLOADS = Limits(requests_per_minute=60, running=4, tokens_per_hour=500_000)
"""Uploads in public mode; each kilobyte is counted as a token."""
YEAR = 365 * 24 * 3600
HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class Gate:
    """ASGI middleware. Requests that it refuses never reach Gradio."""

    def __init__(self, app: ASGIApp, public: bool, upload_bytes: int, trusted: Sequence[Network] = ()) -> None:
        self._app = app
        self._public = public
        self._upload_bytes = upload_bytes * FILES_AT_ONCE
        self._trusted = trusted
        self._sign_ins = RateLimiter(SIGN_INS)
        self._uploads = RateLimiter(UPLOADS if public else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves, or refuses with a sentence."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = _in_one_line(MutableHeaders(scope=scope)), scope["path"].rstrip("/") or "/"
        limit = self._upload_bytes if path == UPLOAD else MAX_BODY
        if path not in EXACT and not scope["path"].startswith(BEGINNINGS):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
        elif scope["method"] == "POST" and headers.get("sec-fetch-site") == "cross-site":
            await PlainTextResponse("Another site's page can't do this.", 403)(scope, receive, send)
        elif int(headers.get("content-length") or 0) > limit:
            await _too_large(limit)(scope, receive, send)
        elif scope["method"] == "POST" and path in {LOGIN, UPLOAD}:
            await self._counted(path, headers, scope, receive, send)
        else:
            await self._serve(scope, _Body(receive, limit), self._marking(scope, headers, send))

    async def _counted(self, path: str, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a sign-in or an upload, if the visitor has any left."""
        who = address(scope["client"][0] if scope.get("client") else "", headers.get(FORWARDED, ""), self._trusted)
        limiter = self._sign_ins if path == LOGIN else self._uploads
        body, failed = _Body(receive, self._upload_bytes if path == UPLOAD else MAX_BODY), False

        async def watch(message: Message) -> None:
            nonlocal failed
            failed = failed or message.get("status", 200) >= 400
            await send(message)

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

    def _marking(self, scope: Scope, headers: Headers, send: Send) -> Send:
        """Sends with the headers that every answer has and, to new visitors of a public page, their mark."""
        fresh = self._public and scope["path"] == "/" and COOKIE not in cookie_parser(headers.get("cookie", ""))
        # Within the frame that Spaces shows a page in, only such a cookie comes back; it needs an encrypted way.
        secure = scope.get("scheme") == "https" or headers.get("x-forwarded-proto") == "https"
        site = "SameSite=None; Secure; Partitioned" if secure else "SameSite=Lax"

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                if fresh:
                    token = secrets.token_urlsafe(24)
                    answer.append("set-cookie", f"{COOKIE}={token}; Path=/; HttpOnly; Max-Age={YEAR}; {site}")
            await send(message)

        return mark


def _in_one_line(headers: MutableHeaders) -> MutableHeaders:
    """The request's headers, with all proxies in one ``X-Forwarded-For``.

    A proxy may add a line of its own instead of going on in the visitor's, and whoever reads one line would read the
    visitor's. Lines of the same name are one list: RFC 9110, section 5.3.
    """
    lines = headers.getlist(FORWARDED)
    if len(lines) > 1:
        headers[FORWARDED] = ", ".join(lines)
    return headers


def _too_large(limit: int) -> PlainTextResponse:
    return PlainTextResponse(f"The request is too large: {limit // 1_000_000} MB are possible. Send less.", 413)


class _Body:
    """A request's body as it comes, until it is too large or too slow."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._whole = False
        self.size = 0
        self.refusal: PlainTextResponse | None = None

    async def receive(self) -> Message:
        """The next piece; to Gradio a refused body looks like one whose sender left."""
        if self._whole:  # only its end is still awaited, which may be hours away
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), BODY_SECONDS)
        except TimeoutError:
            self.refusal = PlainTextResponse("The request came too slowly. Send it again.", 408)
            return {"type": "http.disconnect"}
        self.size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self.size > self._limit:
            self._whole, self.refusal = True, _too_large(self._limit)
            return {"type": "http.disconnect"}
        return message
