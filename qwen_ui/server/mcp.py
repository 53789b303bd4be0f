"""The tasks as tools for programs that speak MCP, over its streamable HTTP.

Gradio's own server for that calls the page over HTTP, as a visitor who has not signed in, ends no call that is
cancelled, and writes results as Python does. Here the SDK's server answers each request by itself, and nothing of it
is kept: a session is a name that is given out, by which the word that a call is cancelled finds that call.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import anyio
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, StreamableHTTPServerTransport
from mcp.shared.context import RequestContext
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from qwen_ui import __version__
from qwen_ui.engine.threads import in_thread
from qwen_ui.errors import InvalidInput
from qwen_ui.server.v1.errors import told
from qwen_ui.server.v1.keys import Keys
from qwen_ui.server.v1.requests import json_body

MAX_BODY = 2_000_000
"""Bytes of a request: the longest text to ask about is far below."""
QUOTED = 300
"""Characters of what is said of arguments that don't fit, for it quotes them."""
PROGRESS_EVERY = 1.0
"""Seconds between two notes of progress."""
INSTRUCTIONS = (
    "Tasks that a language model does: chat, translation, sentiment, decisions, code, and answers from collections of "
    "documents. "
    "Nothing is changed by them."
)

Context = RequestContext[Any, Any, Request]


@dataclass(frozen=True, slots=True)
class Tool:
    """A task, as programs see it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """The JSON schema of its arguments."""
    run: Callable[[Request, str, Mapping[str, Any]], AsyncGenerator[Any, None]]
    """Its results, each in the place of the one before, for a request that showed the key of that name."""

    @property
    def listed(self) -> types.Tool:
        """What a client is told of it."""
        hints = types.ToolAnnotations(readOnlyHint=True, openWorldHint=False)
        return types.Tool(name=self.name, description=self.description, inputSchema=self.parameters, annotations=hints)

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises `InvalidInput`, naming the argument that doesn't fit."""
        wrong = best_match(Draft202012Validator(self.parameters).iter_errors(arguments))
        if wrong is not None:
            where = "".join(f"{step}: " for step in wrong.absolute_path)
            problem = f"{where}{wrong.message}"[:QUOTED]
            raise InvalidInput("These arguments don't fit: {problem}", problem=problem)


class McpServer:
    """Serves the tools to those who show a key, where there are any. An ASGI app."""

    def __init__(self, tools: Sequence[Tool], keys: Keys) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._keys = keys
        self._running: dict[tuple[str, str, types.RequestId], asyncio.Task[Any]] = {}
        self._server = Server[Any, Request]("Qwen UI", __version__, INSTRUCTIONS)
        self._server.request_handlers[types.ListToolsRequest] = self._list
        self._server.request_handlers[types.CallToolRequest] = self._call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        try:
            request.state.key = self._keys.name(request)
            body = await json_body(request) if request.method == "POST" else b""
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  whatever it is, programs are told in one shape
            await told(error).response(scope, receive, send)
            return
        if answer := self._at_once(request, body):
            await answer(scope, receive, send)
        else:
            await self._answer(scope, _again(body, receive), _in_session(request, send))

    def _at_once(self, request: Request, body: bytes) -> Response | None:
        """The answer to all but valid requests, and to what is no JSON-RPC: of those the SDK says what is wrong."""
        if request.method != "POST":
            return PlainTextResponse("Programs that speak MCP send POST here.", 405, {"allow": "POST"})
        if len(body) > MAX_BODY:
            return PlainTextResponse(f"The request is too large: {MAX_BODY // 1_000_000} MB are possible.", 413)
        try:
            message = types.JSONRPCMessage.model_validate(json.loads(body)).root  # by itself it reads the JSON 4 times
        except (ValueError, RecursionError):
            return None
        if isinstance(message, types.JSONRPCRequest):
            return _refusal(message)
        if isinstance(message, types.JSONRPCNotification):
            self._heed(request, message)
        return Response(status_code=202)

    def _heed(self, request: Request, message: types.JSONRPCNotification) -> None:
        """Ends the call that is no longer wanted, if this says so of one in its session."""
        key, session = _session(request)
        if not session or message.method != "notifications/cancelled":
            return
        number = (message.params or {}).get("requestId")
        if isinstance(number, int | str) and (call := self._running.get((key, session, number))):
            call.cancel()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has the SDK answer. What still runs when the request has ended, or its connection, ends too."""
        transport = StreamableHTTPServerTransport(None)
        options = self._server.create_initialization_options()
        async with transport.connect() as (incoming, outgoing), anyio.create_task_group() as tasks:
            tasks.start_soon(partial(self._server.run, incoming, outgoing, options, stateless=True))
            await transport.handle_request(scope, receive, send)
            tasks.cancel_scope.cancel()

    async def _list(self, request: types.ListToolsRequest) -> types.ServerResult:
        return types.ServerResult(types.ListToolsResult(tools=[tool.listed for tool in self._tools.values()]))

    async def _call(self, request: types.CallToolRequest) -> types.ServerResult:
        """The result of a tool, or why there is none."""
        try:
            result = await self._result(request.params.name, request.params.arguments or {})
        except Exception as error:  # noqa: BLE001  whatever it is, programs are told in one shape
            return _told(str(told(error)), failed=True)
        return _told(result)

    async def _result(self, name: str, arguments: dict[str, Any]) -> Any:
        """What a tool gives. Raises like it, and `InvalidInput` for one that there is not."""
        if name not in self._tools:
            names = ", ".join(self._tools)
            raise InvalidInput("There is no tool {name!r}. Choose one of {names}.", name=name[:QUOTED], names=names)
        context = self._server.request_context
        work = asyncio.create_task(_last(self._tools[name], arguments, context))
        with self._known(context, work):
            try:
                await asyncio.wait({work})
            finally:  # cancelled once, as all that generates expects; the SDK's scopes do it again and again
                work.cancel()
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({work})
        if work.cancelled():
            raise InvalidInput("The call was cancelled.")
        return work.result()

    @contextmanager
    def _known(self, context: Context, work: asyncio.Task[Any]) -> Iterator[None]:
        """Lets the call be cancelled by its number in its session, for as long as the context lasts."""
        assert context.request is not None
        call = (*_session(context.request), context.request_id)
        self._running[call] = work
        try:
            yield
        finally:
            self._running.pop(call, None)


async def _last(tool: Tool, arguments: dict[str, Any], context: Context) -> Any:
    """The last of a tool's results."""
    await in_thread(lambda checkpoint: tool.check(arguments))
    assert context.request is not None
    result, progress = "", _Progress(context)
    async with aclosing(tool.run(context.request, context.request.state.key, arguments)) as results:
        async for result in results:
            await progress.tell(result)
    return result


def _told(result: Any, failed: bool = False) -> types.ServerResult:
    """What a tool gave, as text and, where it is more than that, as it is."""
    plain = isinstance(result, str)
    text = types.TextContent(type="text", text=result if plain else json.dumps(result, ensure_ascii=False))
    structured = None if plain else result
    return types.ServerResult(types.CallToolResult(content=[text], structuredContent=structured, isError=failed))


def _refusal(message: types.JSONRPCRequest) -> Response | None:
    """What a request is answered with that the SDK would not take: it would log what was sent."""
    try:
        types.ClientRequest.model_validate(message.model_dump(by_alias=True, mode="json", exclude_none=True))
    except ValidationError:
        why = "There is no such method, or its parameters don't fit."
        error = types.ErrorData(code=types.INVALID_PARAMS, message=why)
        answer = types.JSONRPCError(jsonrpc="2.0", id=message.id, error=error)
        return JSONResponse(answer.model_dump(exclude_none=True))
    return None


class _Progress:
    """Tells who asked for it how much there is of a result, now and then: it keeps clients from giving up."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._token = context.meta.progressToken if context.meta else None
        self._told = time.monotonic()
        self._count = 0

    async def tell(self, result: Any) -> None:
        """There is this much now."""
        self._count += 1
        if self._token is None or time.monotonic() - self._told < PROGRESS_EVERY:
            return
        self._told = time.monotonic()
        size = f"{len(result):,} characters" if isinstance(result, str) else None
        number = str(self._context.request_id)
        await self._context.session.send_progress_notification(self._token, self._count, None, size, number)


def _session(request: Request) -> tuple[str, str]:
    """The key's name and the session's: a call is cancelled by who knows both."""
    return request.state.key, request.headers.get(MCP_SESSION_ID_HEADER, "")


def _in_session(request: Request, send: Send) -> Send:
    """Sends with the name of a new session, unless the request is of one."""
    if _session(request)[1]:
        return send
    session = uuid4().hex

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[MCP_SESSION_ID_HEADER] = session
        await send(message)

    return named


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives the body that was read already, and then what comes after it."""
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again
