"""A stand-in for servers that speak OpenAI's API, with all that real ones get wrong: what it does is told to it."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ["One ", "two ", "three ", "four ", "five."]


@dataclass
class StandIn:
    """What it does: by default all that is asked, as it should be."""

    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "stand-in", "object": "model"}])
    words: list[str] = field(default_factory=lambda: list(WORDS))
    key: str = ""
    refused: set[str] = field(default_factory=set)
    """Fields that it refuses with 400."""
    ignored: set[str] = field(default_factory=set)
    """Fields that it takes and ignores."""
    fault: str = ""
    """What goes wrong with an answer: a name of one of the faults below."""
    status: tuple[int, dict[str, str], str] = (500, {}, "It broke.")
    """What it refuses with, where the fault is "status"."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    """Set once a client has left in the middle of an answer."""

    def app(self) -> Starlette:
        routes = [
            Route("/v1/models", self._list),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/completions", self._complete, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _list(self, request: Request) -> Response:
        return self._unlocked(request) or JSONResponse({"object": "list", "data": self.models})

    async def _chat(self, request: Request) -> Response:
        if refusal := self._unlocked(request):
            return refusal
        body = await self._take(request)
        if isinstance(body, Response):
            return body
        if body.get("stream"):
            return StreamingResponse(self._events(body), media_type="text/event-stream")
        text = "".join(self._said(body))
        if "response_format" in body and "response_format" not in self.ignored:
            text = json.dumps(body["response_format"]["json_schema"]["schema"]["enum"][-1])
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if "tools" in body and "tools" not in self.ignored:
            call = {"id": "1", "type": "function", "function": {"name": "rivers", "arguments": "{}"}}
            message |= {"content": None, "tool_calls": [call]}
        count = body.get("n", 1) if "n" not in self.ignored else 1
        choices = [{"index": at, "message": message, "finish_reason": "stop"} for at in range(count)]
        return JSONResponse(_answer("chat.completion", choices))

    async def _complete(self, request: Request) -> Response:
        body = await self._take(request)
        if isinstance(body, Response):
            return body
        prompt, echo = body["prompt"], bool(body.get("echo")) and "echo" not in self.ignored
        tokens = [*(prompt.replace(" ", "\0 ").split("\0") if echo else []), " good"]
        logprobs = None
        if "logprobs" in body and "logprobs" not in self.ignored:
            known = float(self.fault != "zeros")
            scores = [-0.5 * len(each) * known for each in tokens]
            logprobs = {
                "tokens": tokens,
                "token_logprobs": [None, *scores[1:]] if echo else scores,
                "text_offset": [sum(map(len, tokens[:at])) for at in range(len(tokens))],
                "top_logprobs": [{" good": -0.5 * known, " bad": -1.5 * known, " so": -2.0 * known}] * len(tokens),
            }
        choice = {"index": 0, "text": "".join(tokens), "finish_reason": "length", "logprobs": logprobs}
        return JSONResponse(_answer("text_completion", [choice]))

    def _unlocked(self, request: Request) -> Response | None:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided.")
        return None

    async def _take(self, request: Request) -> dict[str, Any] | Response:
        body: dict[str, Any] = await request.json()
        self.asked.append(body)
        for name in self.refused & body.keys():
            return _error(400, f"Unrecognized request argument supplied: {name}")
        if self.fault == "status":
            status, headers, message = self.status
            return _error(status, message, headers)
        if self.fault == "no JSON":
            return PlainTextResponse("<html>Bad gateway</html>", media_type="application/json")
        return body

    def _said(self, body: dict[str, Any]) -> Iterator[str]:
        stops = [] if "stop" in self.ignored else body.get("stop") or []
        said = ""
        for word in self.words[: body.get("max_tokens", 100)]:
            said += word
            if any(stop in said for stop in stops):
                whole = min(said.index(stop) for stop in stops if stop in said)
                yield word[: whole - (len(said) - len(word))]
                return
            yield word

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[str]:
        yield _event([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
        try:
            for at, word in enumerate(self._said(body)):
                if at == 2 and self.fault in {"stall", "cut", "bad event", "error event"}:
                    if self.fault == "stall":
                        await asyncio.sleep(3600)
                    if self.fault == "bad event":
                        yield "data: {this is no JSON}\n\n"
                    if self.fault == "error event":
                        yield 'data: {"error": {"message": "The GPU fell off.", "code": 500}}\n\n'
                    return
                yield _event([{"index": 0, "delta": {"content": word}, "finish_reason": None}])
                if self.fault == "slow":
                    await asyncio.sleep(0.05)
        except (asyncio.CancelledError, GeneratorExit):
            self.gone.set()
            raise
        yield _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        if body.get("stream_options") and "stream_options" not in self.ignored:
            yield _event([], usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12})
        yield "data: [DONE]\n\n"


def _answer(kind: str, choices: list[Any]) -> dict[str, Any]:
    return {"id": "1", "object": kind, "created": 0, "model": "stand-in", "choices": choices}


def _event(choices: list[Any], **more: Any) -> str:
    return f"data: {json.dumps(_answer('chat.completion.chunk', choices) | more)}\n\n"


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": "error", "code": status}}, status, headers)


@contextmanager
def served(stand_in: StandIn, port: int = 0) -> Iterator[str]:
    """Serves it, and gives the address as ``--model`` takes it."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(stand_in.app(), log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        with suppress(OSError):
            listening.close()
