"""Connections that say nothing, or too much at once: others are served, and the health is told."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from qwen_ui.server import connections
from qwen_ui.server.connections import RESERVE, RESERVE_OF_ONE, Connections, room
from tests.pages import free_port
from tests.server.test_closing import wait_until

PATIENCE = 60.0
HERE = ip_network("127.0.0.0/8")
HALF = b"GET / HTTP/1.1\r\nHos"


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def endless(request: Request) -> Response:
    async def events() -> Any:
        while True:
            yield b"."
            await asyncio.sleep(0.05)

    return StreamingResponse(events())


Listen = Callable[..., int]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Serves a page over connections with such bounds; gives its port."""
    with ExitStack() as ends:

        def serve(*bounds: Any) -> int:
            routes = [Route(path, hello, methods=["GET", "POST"]) for path in ("/", "/healthz")]
            app = Starlette(routes=[*routes, Route("/endless", endless)])
            port = free_port()
            kind: Any = Connections(*bounds).protocol
            config = uvicorn.Config(app, port=port, http=kind, log_config=None, timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run)
            thread.start()
            ends.callback(thread.join)
            ends.callback(setattr, server, "should_exit", True)
            wait_until(lambda: server.started, PATIENCE)
            return port

        yield serve


class Silent:
    """Somebody with many connections, on none of which a request is ever whole."""

    def __init__(self, port: int, number: int, said: bytes = HALF) -> None:
        self.sockets = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(number)]
        for each in self.sockets:
            try:
                each.sendall(said)
            except OSError:  # cut already
                continue

    @property
    def open(self) -> int:
        return sum(map(_is_open, self.sockets))

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.parametrize("bounds", [(1000, 10), (10,), (10, 1000), (10, 5, [HERE])])
def test_who_waits_longest_gives_way(listen: Listen, bounds: tuple[Any, ...]):
    port = listen(*bounds)
    silent = Silent(port, 40)
    wait_until(lambda: silent.open <= 10, PATIENCE)
    assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE).text == "hello"
    assert silent.open > 5  # as many as there is room for stay
    silent.close()


def test_connections_of_a_proxy_are_many_peoples(listen: Listen):
    port = listen(100, 5, [HERE])
    silent = Silent(port, 40)
    assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE).text == "hello"
    assert silent.open == 40
    silent.close()


@pytest.mark.parametrize(
    "said",
    [
        *(b"", HALF, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + HALF),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",  # it is answered without its body
    ],
)
def test_a_request_that_is_never_whole_is_cut_off(listen: Listen, monkeypatch: pytest.MonkeyPatch, said: bytes):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", listen(100)), PATIENCE) as connection:
        connection.sendall(said)
        while True:
            try:
                if not connection.recv(1000):
                    break
            except ConnectionResetError:
                break


def test_a_connection_is_used_again_and_again(listen: Listen):
    with httpx.Client(base_url=f"http://127.0.0.1:{listen(100, 20)}", timeout=PATIENCE) as http:
        assert {http.get("/").text for _ in range(50)} == {"hello"}


@pytest.mark.parametrize("bounds", [(1000, RESERVE_OF_ONE + 2), (RESERVE + 2, 1000)])
def test_the_health_is_told_whatever_is_answered_at_once(listen: Listen, bounds: tuple[int, int]):
    base = f"http://127.0.0.1:{listen(*bounds)}"
    with httpx.Client(base_url=base, timeout=PATIENCE) as http, ExitStack() as streams:
        parts = [streams.enter_context(http.stream("GET", "/endless")).iter_raw() for _ in range(2)]
        assert [next(part)[:1] for part in parts] == [b".", b"."]
        refused = http.get("/")
        assert refused.status_code == 503
        assert refused.json()["detail"].startswith("Too many requests")
        assert http.get("/healthz").text == "hello"
    wait_until(lambda: httpx.get(base, timeout=PATIENCE).status_code == 200, PATIENCE)


def test_visitors_behind_a_proxy_are_told_apart(listen: Listen):
    base = f"http://127.0.0.1:{listen(1000, RESERVE_OF_ONE + 1, [HERE])}"
    with httpx.Client(base_url=base, timeout=PATIENCE) as http:
        first, second = ({"x-forwarded-for": f"198.51.100.{number}"} for number in (1, 2))
        with http.stream("GET", "/endless", headers=first) as stream:
            parts = stream.iter_raw()  # the stream ends with it
            assert next(parts)
            assert http.get("/", headers=first).status_code == 503
            assert http.get("/", headers=second).status_code == 200


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets are no files")
def test_there_are_files_for_as_many_connections_as_there_may_be():
    import resource

    most = room()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < most <= soft / 2 or soft >= most + connections.OTHER_FILES
