"""The page's first answer, made once and packed: it is 1.4 MB, and the same for everyone who asks in the same way.

Gradio copies the whole configuration for each visitor, which takes a tenth of a second of the core that all share, and
sends it unpacked.
"""

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATHS = frozenset({"/", "/config"})
KEPT = 16
"""Answers that are kept. There is one for each name that the page is asked for by."""
OTHERS = frozenset({"deep_link", "page"})
"""What of a query has Gradio answer something else."""


class _Asked(NamedTuple):
    """All that such an answer depends on: it holds the page's own address, and who has signed in."""

    path: str
    scheme: str
    host: str
    user: str | None


class FrontPage:
    """ASGI middleware: keeps the good answers to `PATHS`."""

    def __init__(self, app: ASGIApp, user: Callable[[Scope], str | None]) -> None:
        """``user`` tells who has signed in."""
        self._app = app
        self._user = user
        self._kept = OrderedDict[_Asked, tuple[bytes, str]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves."""
        if not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = _Asked(scope["path"], scope["scheme"], headers.get("host", ""), self._user(scope))
        if asked not in self._kept:
            made = await _made(self._app, scope, receive)
            if made.status_code != 200:
                await made(scope, receive, send)
                return
            packed = await asyncio.to_thread(gzip.compress, made.body, compresslevel=6)
            self._kept[asked] = packed, made.headers["content-type"]
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(asked)
        await _answer(*self._kept[asked], headers)(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    """Whether it is asked for one of `PATHS` and nothing else."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in PATHS:
        return False
    return not OTHERS & QueryParams(scope["query_string"]).keys()


async def _made(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """The whole answer of the app."""
    parts, made = list[bytes](), Response()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            made.status_code, made.raw_headers = message["status"], list(message["headers"])
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, collect)
    made.body = b"".join(parts)
    return made


def _answer(packed: bytes, content_type: str, headers: Headers) -> Response:
    """The answer as the visitor's program takes it."""
    common = {"content-type": content_type, "vary": "accept-encoding"}
    if "gzip" in headers.get("accept-encoding", ""):
        return Response(packed, headers=common | {"content-encoding": "gzip"})
    return Response(gzip.decompress(packed), headers=common)
