"""The page's first answer is made once for all who ask for it in the same way."""

import itertools
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from qwen_ui.server.front import KEPT, FrontPage


class Site:
    """A page that says who asked for what, and how often it was made."""

    def __init__(self) -> None:
        self.made = 0
        routes = [Route("/{path:path}", self.answer, methods=["GET", "POST"])]
        app = Starlette(routes=routes, middleware=[Middleware(FrontPage, user=_user)])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page")

    async def answer(self, request: Request) -> Response:
        self.made += 1
        text = f"{request.method} {request.url.scheme} {request.url.hostname} {_user(request.scope)} 中文"
        return PlainTextResponse(text, 500 if "fail" in request.cookies else 200)


def _user(scope: Scope) -> str | None:
    return Request(scope).cookies.get("user")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with site.http:
        yield site


@pytest.mark.parametrize("path", ["/", "/?__theme=dark", "/config"])
async def test_it_is_made_once_and_sent_packed_to_who_can_unpack_it(site: Site, path: str) -> None:
    first, second = [await site.http.get(path) for _ in range(2)]
    plain = await site.http.get(path, headers={"accept-encoding": "identity"})
    assert site.made == 1
    assert {each.text for each in (first, second, plain)} == {"GET http page None 中文"}
    assert {each.headers["content-type"] for each in (first, second, plain)} == {"text/plain; charset=utf-8"}
    assert [each.headers.get("content-encoding") for each in (first, second, plain)] == ["gzip", "gzip", None]
    assert first.headers["vary"] == "accept-encoding"


async def test_each_name_each_scheme_and_each_user_has_an_answer_of_its_own(site: Site) -> None:
    ways = list(itertools.product(("http", "https"), ("one", "two"), ("Ann", "Bob")))
    for scheme, host, user in 2 * ways:
        answer = await site.http.get(f"{scheme}://{host}/", headers={"cookie": f"user={user}"})
        assert answer.text == f"GET {scheme} {host} {user} 中文"
    assert site.made == len(ways)


@pytest.mark.parametrize("path", ["/?deep_link=x", "/?page=x", "/other"])
async def test_other_answers_are_not_kept(site: Site, path: str) -> None:
    for _ in range(2):
        assert (await site.http.get(path)).text.startswith("GET")
    assert site.made == 2


async def test_what_is_posted_or_failed_is_not_kept(site: Site) -> None:
    assert (await site.http.post("/")).text.startswith("POST")
    assert (await site.http.get("/", headers={"cookie": "fail=1"})).status_code == 500
    assert (await site.http.get("/")).text.startswith("GET")
    assert site.made == 3


async def test_names_that_are_made_up_take_no_more_room_than_others(site: Site) -> None:
    for number in range(2 * KEPT):
        await site.http.get("/", headers={"host": f"host-{number}"})
        await site.http.get("/")
    assert site.made == 2 * KEPT + 1
    await site.http.get("/", headers={"host": "host-0"})
    assert site.made == 2 * KEPT + 2
