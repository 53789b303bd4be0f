"""How answers go out: streamed or whole, and only for as long as somebody waits for them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from qwen_ui.server.v1.errors import told

T = TypeVar("T")
READING_SECONDS = 60.0
"""How long a client may leave what was sent unread: its answer holds a place that others wait for."""


class Left(Exception):
    """The client has closed its connection, or reads it no more."""


async def unless_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives or raises, which ends once the client has gone. Raises `Left` then."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Left
        return working.result()
    finally:
        for each in (working, leaving):
            each.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Whole(Response):
    """An answer in one piece."""

    def __init__(self, content: BaseModel) -> None:
        text = content.model_dump_json(exclude_unset=True)
        super().__init__(text, media_type="application/json")


class Events(Response):
    """An answer in pieces, as server-sent events. It has begun: what refuses it was raised before."""

    def __init__(self, first: BaseModel, pieces: AsyncGenerator[BaseModel, None]) -> None:
        super().__init__(media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._first = first
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the pieces until their end, or until the client has gone."""
        try:
            await unless_left(receive, self._send(send))
        except Left:
            pass
        finally:
            await self._pieces.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _in_time(send, _event(self._first))
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await _in_time(send, _event(piece))
            last = b"data: [DONE]\n\n"
        except Left:
            raise
        except Exception as error:  # noqa: BLE001  its answer has begun: all that is left is to say it there
            last = f"data: {json.dumps(told(error).body)}\n\n".encode()
        await send({"type": "http.response.body", "body": last})


async def _in_time(send: Send, message: Message) -> None:
    try:
        async with asyncio.timeout(READING_SECONDS):
            await send(message)
    except TimeoutError:
        raise Left from None


def _event(piece: BaseModel) -> Message:
    data = piece.model_dump_json(exclude_unset=True)
    return {"type": "http.response.body", "body": f"data: {data}\n\n".encode(), "more_body": True}
