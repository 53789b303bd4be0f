"""A stand-in for a server that speaks OpenAI's API: it only emits tokens, each stream's own, at a fixed rate.

Plain asyncio, so that it costs far less than what is measured with it.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

NAME = "emitter"
TAG = re.compile(r"s\d+")
"""What a stream is known by: the last message of its request is one."""


def said(tag: str, tokens: int) -> str:
    """The whole text of a stream."""
    return "".join(_token(tag, number) for number in range(tokens))


def _token(tag: str, number: int) -> str:
    return f"{tag}.{number} "


class Emitter:
    """All its streams. For one event loop."""

    def __init__(self, rate: float) -> None:
        """``rate`` is tokens a second of each stream."""
        self.every = 1 / rate
        self.open = 0
        """Streams that are being written."""
        self.left = 0
        """Streams whose reader has closed the connection before their end."""

    async def serve(self) -> asyncio.Server:
        """Listens on loopback, at a free port."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=2048)


class _Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self._loop = asyncio.get_running_loop()
        self._came = b""
        self._next: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, found, rest = self._came.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if found and len(rest) >= size:
            self._came = rest[size:]
            self._answer(head, rest[:size])

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next is not None:
            self._next.cancel()
            self._emitter.open -= 1
            self._emitter.left += 1

    def _answer(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.endswith(b"/models"):
            self._whole({"object": "list", "data": [{"id": NAME, "object": "model"}]})
        elif path.endswith(b"/chat/completions"):
            self._chat(json.loads(body))
        else:
            self._whole({"error": {"message": "There is nothing here."}}, "404 Not Found")

    def _chat(self, asked: dict[str, Any]) -> None:
        found = TAG.fullmatch(str(asked["messages"][-1]["content"]).strip())
        tag, tokens = found[0] if found else "s0", int(asked.get("max_tokens") or 16)
        if not asked.get("stream"):
            message = {"role": "assistant", "content": said(tag, tokens)}
            choice = {"index": 0, "message": message, "finish_reason": "length"}
            self._whole({"id": "1", "object": "chat.completion", "created": 0, "model": NAME, "choices": [choice]})
            return
        self._transport.write(_HEAD)
        self._emitter.open += 1
        self._emit(tag, 0, tokens, self._loop.time())

    def _emit(self, tag: str, number: int, tokens: int, begun: float) -> None:
        """Writes a token and arranges for the next; each has its time, however late this is called."""
        self._transport.write(_event({"content": _token(tag, number)}))
        number += 1
        if number < tokens:
            at = begun + number * self._emitter.every
            self._next = self._loop.call_at(at, self._emit, tag, number, tokens, begun)
            return
        self._next = None
        self._emitter.open -= 1
        usage = {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": 8 + tokens}
        self._transport.write(_event({}, "stop") + _event({}, usage=usage) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    def _whole(self, answer: dict[str, Any], status: str = "200 OK") -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(delta: dict[str, str], ended: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": ended, "logprobs": None}]
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": NAME, "choices": choices}
    return _chunk(f"data: {json.dumps(event | {'usage': usage})}\n\n".encode())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def emitter_worker(pipe: Any, settings: Any, rate: float) -> None:
    """Serves in a process of its own, and answers calls: see `Worker`. Says its port once it is there."""

    async def serve() -> None:
        emitter = Emitter(rate)
        server = await emitter.serve()
        answers: dict[str, Callable[[], int]] = {"open": lambda: emitter.open, "left": lambda: emitter.left}
        pipe.send(server.sockets[0].getsockname()[1])
        while (call := await asyncio.to_thread(pipe.recv))[0] != "stop":
            pipe.send(answers[call[0]]())

    asyncio.run(serve())
