"""The routes of /v1."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from functools import partial
from typing import Protocol

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.decisions.deciding import TASK, Decisions
from qwen_ui.engine.base import Engine
from qwen_ui.engine.threads import in_thread
from qwen_ui.server.host import EngineHost
from qwen_ui.server.offer import Offer, Picked
from qwen_ui.server.v1.chat import Chat
from qwen_ui.server.v1.completions import Texts
from qwen_ui.server.v1.decide import Decide
from qwen_ui.server.v1.errors import ApiError, told
from qwen_ui.server.v1.keys import Keys
from qwen_ui.server.v1.names import Names
from qwen_ui.server.v1.requests import ChatRequest, CompletionRequest, DecideRequest, json_body, read
from qwen_ui.server.v1.requests import Request as Asked
from qwen_ui.server.v1.streams import Events, Left, Whole, unless_left
from qwen_ui.server.visitors import asking
from qwen_ui.settings import Settings

ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
GONE = 499
"""The status of an answer that nobody reads."""


class Job(Protocol):
    """A request that was found to be one that can be tried."""

    async def whole(self, engine: Engine) -> BaseModel:
        """The answer in one piece."""


class StreamedJob(Job, Protocol):
    """One whose answer can come in pieces."""

    @property
    def asked(self) -> Asked:
        """What is asked."""

    def pieces(self, engine: Engine) -> AsyncGenerator[BaseModel, None]:
        """The answer as it comes: nothing before it is sure not to be refused."""


Admit = Callable[[], AbstractContextManager[Engine]]
"""Lets a request in, and gives it the engine."""
Handle = Callable[[Request, str], Awaitable[Response]]
"""Answers a request that showed the key of that name."""


def routes(host: EngineHost, settings: Settings, adapters: AdapterStore) -> list[Route]:
    """What answers below /v1; where the API is off, that it is."""
    if not settings.serves_api:
        return [Route("/v1/{path:path}", _off, methods=ANY)]
    api, keys = _Api(host, settings, adapters), Keys(settings.api_keys, settings.proxies)

    def route(path: str, handle: Handle, *methods: str) -> Route:
        async def answer(request: Request) -> Response:
            try:
                return await handle(request, keys.name(request))
            except (Left, ClientDisconnect):
                return Response(status_code=GONE)
            except Exception as error:  # noqa: BLE001  whatever it is, programs are told in one shape
                return told(error).response

        return Route(path, answer, methods=list(methods))

    return [
        route("/v1/models", api.models, "GET"),
        route("/v1/models/{name:path}", api.model, "GET"),
        route("/v1/chat/completions", api.chat, "POST"),
        route("/v1/completions", api.texts, "POST"),
        route("/v1/decide", api.decide, "POST"),
        route("/v1/{path:path}", _nothing, *ANY),
    ]


class _Api:
    """What the routes do."""

    def __init__(self, host: EngineHost, settings: Settings, adapters: AdapterStore) -> None:
        self._host = host
        self._settings = settings
        self._names = Names(Offer(host, adapters))
        self._decisions = Decisions.of(settings, adapters)

    async def models(self, request: Request, key: str) -> Response:
        """All models that a request can name."""
        data = [model.to_dict() for model in await self._names.all()]
        return JSONResponse({"object": "list", "data": data})

    async def model(self, request: Request, key: str) -> Response:
        """One of them."""
        return Whole(await self._names.one(request.path_params["name"]))

    async def chat(self, request: Request, key: str) -> Response:
        """The answer to a conversation."""
        body = await json_body(request)
        at_once = self._settings.segments_at_once
        job = await in_thread(lambda checkpoint: Chat(read(ChatRequest, body), at_once))
        return await self._answer(request, key, "chat", job)

    async def texts(self, request: Request, key: str) -> Response:
        """How a text goes on."""
        body = await json_body(request)
        at_once = self._settings.segments_at_once
        job = await in_thread(lambda checkpoint: Texts(read(CompletionRequest, body), at_once))
        return await self._answer(request, key, "completions", job)

    async def decide(self, request: Request, key: str) -> Response:
        """Which of some options fits a text."""
        body = await json_body(request)
        asked = await in_thread(lambda checkpoint: read(DecideRequest, body))
        picked = await self._names.find(asked.model)
        job = Decide(asked, self._decisions, picked.adapter)
        return Whole(await unless_left(request.receive, _whole(self._admit(request, key, TASK, picked), job)))

    def _admit(self, request: Request, key: str, task: str, picked: Picked) -> Admit:
        visitor = asking(request, key, self._settings.proxies)
        return partial(self._host.request, visitor, task, "v1", picked.adapter, key, picked.model)

    async def _answer(self, request: Request, key: str, task: str, job: StreamedJob) -> Response:
        admit = self._admit(request, key, task, await self._names.find(job.asked.model))
        if not job.asked.stream:
            return Whole(await unless_left(request.receive, _whole(admit, job)))
        pieces = _pieces(admit, job)
        try:
            return Events(await unless_left(request.receive, _first(pieces)), pieces)
        except BaseException:
            await pieces.aclose()
            raise


async def _whole(admit: Admit, job: Job) -> BaseModel:
    with admit() as engine:
        return await job.whole(engine)


async def _pieces(admit: Admit, job: StreamedJob) -> AsyncGenerator[BaseModel, None]:
    with admit() as engine:
        async with aclosing(job.pieces(engine)) as pieces:
            async for piece in pieces:
                yield piece


async def _first(pieces: AsyncGenerator[BaseModel, None]) -> BaseModel:
    return await anext(pieces)


async def _nothing(request: Request, key: str) -> Response:
    message = f"Unknown request URL: {request.method} {request.url.path[:200]}."
    raise ApiError(404, message, "unknown_url")


async def _off(request: Request) -> Response:
    message = "The API for other programs is off. Start the app with --api, and in public mode with --api-key."
    return ApiError(404, message, "api_off").response
