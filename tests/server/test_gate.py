"""What reaches Gradio, and what is refused before it."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from qwen_ui.server import gate
from qwen_ui.server.gate import MAX_BODY, SIGN_INS, UPLOADS, Gate
from qwen_ui.server.hosts import Hosts
from qwen_ui.server.marks import Marks
from qwen_ui.server.visitors import COOKIE

XFF = "x-forwarded-for"
PROXIES = (ip_network("203.0.113.0/24"),)


async def echo(request: Request) -> Response:
    """Says how long the body was, and under which name it came; signs in whoever knows the word."""
    body = await request.body()
    told = {"url": str(request.url), "cookie": request.headers.get("cookie", "")}
    return PlainTextResponse(str(len(body)), 400 if body == b"wrong" else 200, told)


def client(public: bool = True, upload_bytes: int = 1000, **options: Any) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    gate = Gate(app, Hosts(["page", "*.below"]), upload_bytes, Marks(b"key") if public else None, **options)
    transport = httpx.ASGITransport(gate, client=("203.0.113.7", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://page")


@pytest.mark.parametrize(
    "path",
    [
        *("/monitoring", "/monitoring/summary", "/logout", "/gradio_api/proxy=http://x", "/gradio_api/run/chat"),
        *("/gradio_api/dev/reload", "/gradio_api/token", "/gradio_api/vibe-edit", "/docs", "/openapi.json"),
        *("/gradio_api/mcp/sse", "/gradio_api/stream/1/2/3/playlist.m3u8", "/gradio_api/runs"),
    ],
)
async def test_what_the_page_does_not_need_is_not_there(path: str):
    async with client() as http:
        assert (await http.get(path)).status_code == 404


async def test_a_body_is_bounded_whether_or_not_it_says_how_long_it_is():
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * (MAX_BODY // 10)

    async with client() as http:
        assert (await http.post("/gradio_api/queue/join", content=b"x" * (MAX_BODY + 1))).status_code == 413
        answer = await http.post("/gradio_api/queue/join", content=endless())
        assert answer.status_code == 413
        assert "8 MB" in answer.text
        assert (await http.post("/gradio_api/queue/join", content=b"x" * 1000)).text == "1000"
        assert (await http.post("/gradio_api/upload", content=b"x" * 30_000)).status_code == 413


async def test_a_body_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.05)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async with client() as http:
        assert (await http.post("/gradio_api/queue/join", content=stuck())).status_code == 408


async def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.3)

    async def trickling() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async with client() as http:
        assert (await http.post("/gradio_api/queue/join", content=trickling())).status_code == 408


async def test_who_signs_in_slowly_takes_no_attempt_from_others():
    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async with client() as http:
        number = SIGN_INS.requests_per_minute + SIGN_INS.running
        posts = [asyncio.create_task(http.post("/login", content=stuck())) for _ in range(number)]
        for _ in range(100):
            await asyncio.sleep(0)
        assert (await http.post("/login", content=b"right")).status_code == 200
        for post in posts:
            post.cancel()


async def test_signing_in_can_be_tried_so_often_only():
    async with client() as http:
        tried = [(await http.post("/login", content=b"wrong")).status_code for _ in range(SIGN_INS.requests_per_minute)]
        assert set(tried) == {400}
        refused = await http.post("/login", content=b"right")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0


async def test_uploads_are_counted_on_a_public_page_alone():
    for public, last in ((True, 429), (False, 200)):
        async with client(public) as http:
            posts = [http.post("/gradio_api/upload", content=b"x") for _ in range(UPLOADS.requests_per_minute + 1)]
            assert [(await post).status_code for post in posts][-1] == last


async def test_a_forged_address_brings_no_new_attempts_and_a_trusted_proxy_tells_visitors_apart():
    async def tries(http: httpx.AsyncClient) -> set[int]:
        return {
            (await http.post("/login", content=b"x", headers={"x-forwarded-for": f"198.51.100.{n}"})).status_code
            for n in range(SIGN_INS.requests_per_minute + 1)
        }

    async with client() as http:
        assert 429 in await tries(http)
    async with client(trusted=PROXIES) as http:
        assert await tries(http) == {200}


async def test_what_a_proxy_says_counts_in_a_line_of_its_own_too():
    async with client(trusted=PROXIES) as http:
        answers = [
            await http.post("/login", content=b"x", headers=[(XFF, f"198.51.100.{n}"), (XFF, "192.0.2.1")])
            for n in range(SIGN_INS.requests_per_minute + 1)
        ]
        assert 429 in {answer.status_code for answer in answers}


async def test_each_browser_gets_a_mark_of_its_own_once():
    async with client() as http:
        first = await http.get("/")
        assert first.headers["x-content-type-options"] == "nosniff"
        cookie = first.headers["set-cookie"]
        assert cookie.startswith(COOKIE)
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "set-cookie" not in (await http.get("/")).headers
    async with client(trusted=PROXIES) as http:
        framed = await http.get("/", headers={"x-forwarded-proto": "https"})
        assert "SameSite=None; Secure; Partitioned" in framed.headers["set-cookie"]
    async with client() as http:
        forged = await http.get("/", headers={"x-forwarded-proto": "https"})
        assert "SameSite=Lax" in forged.headers["set-cookie"]
    async with client(public=False) as http:
        assert "set-cookie" not in (await http.get("/")).headers


async def test_nothing_is_kept_by_browsers_but_what_is_the_same_for_everybody():
    async with client() as http:
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/file=x", "/nothing"):
            assert (await http.get(path)).headers["cache-control"] == "no-store", path
        assert "cache-control" not in (await http.get("/assets/index.js")).headers


async def test_only_cookies_that_were_made_here_get_in():
    async with client() as http:
        made = (await http.get("/")).cookies[COOKIE]
    forged = [f"{made}x", made[:-1], made.partition(".")[0], "x", "session s", ".", "", f"x{made}", f'"{made}" ']
    for cookie in forged:
        async with client() as http:
            answer = await http.get("/", headers={"cookie": f"a=1; {COOKIE}={cookie}; b=2"})
            if COOKIE in answer.headers["cookie"]:  # quoted it is the same one
                assert answer.headers["cookie"] == f"a=1; b=2; {COOKIE}={made}"
            else:
                assert answer.headers["cookie"] == "a=1; b=2"
                assert answer.cookies[COOKIE] not in {made, cookie}
    async with client() as http:
        two = [("cookie", f"{COOKIE}={made}; a=1"), ("cookie", f"{COOKIE}=x")]
        assert (await http.get("/", headers=two)).headers["cookie"] == "a=1"


async def test_without_a_sign_in_nothing_is_read_and_only_the_form_answers():
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"x")
        yield b"x"

    async with client(signed_in=lambda scope: False) as http:
        for path in ("/", "/login", "/theme.css", "/assets/index.js", "/gradio_api/startup-events", "/healthz"):
            assert (await http.get(path)).status_code == 200, path
        for path in ("/config", "/gradio_api/heartbeat/x", "/gradio_api/file=x", "/gradio_api/queue/data"):
            assert (await http.get(path)).status_code == 401, path
        for path in ("cancel", "reset", "upload", "queue/join", "run/predict", "call/chat", "cancel/"):
            assert (await http.post(f"/gradio_api/{path}", content=body())).status_code == 401, path
        assert not read
