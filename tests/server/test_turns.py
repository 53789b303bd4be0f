"""A flood of one visitor's requests, small, large or slow: the others have their turns."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from qwen_ui.server import turns
from qwen_ui.server.turns import AT_ONCE, EVENTS, Turns

UPLOAD, JOIN = "/upload", "/gradio_api/queue/join"
ONE, OTHER = ({"x-forwarded-for": f"198.51.100.{number}"} for number in (1, 2))
PROXIES = (ip_network("203.0.113.0/24"),)


class Stage:
    """An app whose answers wait until they may go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.at_work = self.most = 0
        self.waiting: list[Any] = []
        self.running: list[Any] = []
        routes = [Route("/{path:path}", self.answer, methods=["POST", "GET"])]
        turn = Middleware(Turns, running=1, apart=frozenset([UPLOAD]), trusted=PROXIES)
        app: Any = Starlette(routes=routes, middleware=[turn])
        queue = SimpleNamespace(
            event_queue_per_concurrency_id={"": SimpleNamespace(queue=self.waiting)}, active_jobs=[None, self.running]
        )
        app.get_blocks = lambda: SimpleNamespace(_queue=queue)
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://page")

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        if request.url.path != "/quick":
            await self.go_on.wait()
        self.at_work -= 1
        return PlainTextResponse(str(len(body)))

    def post(
        self, number: int, path: str = "/slow", content: Any = b"x", headers: dict[str, str] = ONE
    ) -> Sequence["asyncio.Task[httpx.Response]"]:
        send = self.http.post
        return [asyncio.create_task(send(path, content=content, headers=headers)) for _ in range(number)]

    async def until_at_work(self, number: int) -> None:
        while self.at_work < number:
            await asyncio.sleep(0)


async def steps() -> None:
    """As many as a request needs to get anywhere."""
    for _ in range(100):
        await asyncio.sleep(0)


def event(who: dict[str, str]) -> Any:
    request = SimpleNamespace(client=SimpleNamespace(host="203.0.113.7"), headers=who)
    return SimpleNamespace(request=request)


async def test_one_visitors_requests_take_turns_and_others_have_their_own():
    stage = Stage()
    posts = stage.post(AT_ONCE + 3)
    await stage.until_at_work(AT_ONCE)
    await steps()
    assert (await stage.http.post("/quick", headers=OTHER)).status_code == 200
    stage.go_on.set()
    assert {(await post).text for post in posts} == {"1"}
    assert stage.most == AT_ONCE + 1


async def test_what_comes_slowly_takes_no_turn():
    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    stage = Stage()
    posts = [post for _ in range(AT_ONCE + 3) for post in stage.post(1, content=stuck())]
    await steps()
    assert (await stage.http.post("/quick", content=b"whole", headers=ONE)).text == "5"
    for post in posts:
        post.cancel()


async def test_what_is_kept_of_one_visitors_requests_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "HELD", 1000)
    stage = Stage()
    posts = stage.post(1, content=b"x" * 600)
    await stage.until_at_work(1)
    refused = await stage.http.post("/quick", content=b"x" * 600, headers=ONE)
    assert refused.status_code == 429
    assert "too large together" in refused.json()["detail"]
    assert (await stage.http.post("/quick", content=b"x" * 600, headers=OTHER)).status_code == 200
    stage.go_on.set()
    assert (await posts[0]).status_code == 200
    assert (await stage.http.post("/quick", content=b"x" * 600, headers=ONE)).status_code == 200


@pytest.mark.parametrize("running", [0, 1, EVENTS])
async def test_one_visitors_events_leave_places_in_the_queue(running: int):
    stage = Stage()
    stage.go_on.set()
    stage.waiting += [event(ONE)] * (EVENTS - running)
    stage.running += [event(ONE)] * running
    refused = await stage.http.post(JOIN, headers=ONE)
    assert refused.status_code == 429
    assert "are waiting" in refused.json()["detail"]
    assert (await stage.http.post("/quick", headers=ONE)).status_code == 200  # to stop some, for instance
    assert (await stage.http.post(JOIN, headers=OTHER)).status_code == 200


async def test_every_request_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "A_MINUTE", 3)
    stage = Stage()
    told = [(await stage.http.post("/quick", headers=ONE)).status_code for _ in range(4)]
    assert told == [200, 200, 200, 429]
    assert (await stage.http.get("/quick", headers=ONE)).status_code == 200
    assert (await stage.http.post("/quick", headers=OTHER)).status_code == 200


async def test_uploads_go_on_as_they_come():
    stage = Stage()
    posts = stage.post(AT_ONCE + 3, UPLOAD)
    await stage.until_at_work(AT_ONCE + 3)
    stage.go_on.set()
    assert {(await post).status_code for post in posts} == {200}
