"""Under which names the page is served, and which requests are another site's."""

import socket
from ipaddress import ip_network

import httpx
import pytest

from qwen_ui.server.hosts import Hosts, own_names
from qwen_ui.settings import read
from tests.server.test_gate import PROXIES, client

PATHS = ("/", "/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=s", "/gradio_api/file=x", "/assets/x")
EVIL = "http://evil.example"


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:7860", "LocalHost.:7860", "app.localhost", "127.0.0.1:7860", "[::1]:7860", "0.0.0.0"),
        *("192.168.1.5:7860", "[fe80::1%eth0]:7860", "10.0.0.1", "chat.example.com", "CHAT.example.com:443"),
        *("a.example.org", "a.b.example.org", socket.gethostname(), f"{socket.gethostname().split('.')[0]}.local:7860"),
    ],
)
def test_own_names_addresses_and_those_that_are_allowed(host: str):
    settings = read(["--allowed-host", "chat.example.com, *.example.org"], {})
    assert Hosts([*own_names(settings.host), *settings.hosts]).serve(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "example.org", ""),
        *("chat.example.com.evil.example", "evil-example.org", "user@localhost", "localhost/", "localhost:7860:7860"),
        *(
            "localhost evil",
            "[::1",
            "::1",
            "[evil.example]",
            "x.gradio.live",
            "x.hf.space",
            f"{socket.gethostname()}.evil",
        ),
    ],
)
def test_other_names_are_another_sites(host: str):
    settings = read(["--allowed-host", "chat.example.com, *.example.org"], {})
    assert not Hosts([*own_names(settings.host), *settings.hosts]).serve(host)


def test_links_of_share_and_spaces_are_served_where_they_are():
    assert Hosts(read(["--share"], {}).hosts).serve("0123456789abcdef.gradio.live")
    assert Hosts(read([], {"SPACE_ID": "me/qwen-ui"}).hosts).serve("me-qwen-ui.hf.space")


async def test_a_name_that_is_not_ours_is_served_nothing_but_probes():
    async with client() as http:
        for path in PATHS:
            assert (await http.get(path, headers={"host": "evil.example"})).status_code == 421, path
        for path in ("/healthz", "/readyz"):
            assert (await http.get(path, headers={"host": "evil.example"})).status_code == 200
        twice = [("host", "page"), ("host", "evil.example")]
        assert (await http.get("/config", headers=twice)).status_code == 421
        nameless = http.build_request("GET", "/config")
        del nameless.headers["host"]
        assert (await http.send(nameless)).status_code == 421


async def test_another_sites_page_reads_and_changes_nothing_whatever_the_method():
    async with client() as http:
        for origin in (EVIL, "null", "", "http://page:8080", "http://page.evil.example", "http://[", "page"):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                for path in PATHS:
                    answer = await http.request(method, path, headers={"origin": origin})
                    assert answer.status_code == 403, (origin, method, path)
        two = [("origin", "http://page"), ("origin", EVIL)]
        assert (await http.post("/gradio_api/queue/join", headers=two)).status_code == 403


async def test_what_another_site_loads_blindly_is_refused_where_browsers_tell():
    async with client() as http:
        for site in ("cross-site", "same-site"):
            loads = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
            assert (await http.get("/gradio_api/heartbeat/x", headers=loads)).status_code == 403
            followed = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
            assert (await http.get("/", headers=followed)).status_code == 200  # a link, or the frame on Spaces
            for origin in ({}, {"origin": "null"}, {"origin": "http://page"}):
                assert (await http.post("/login", headers={**followed, **origin})).status_code == 403


async def test_the_pages_own_requests_and_scripts_go_through():
    async with client() as http:
        own: list[dict[str, str]] = [
            {},  # curl, gradio_client
            {"origin": "http://page"},
            {"origin": "http://page", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
            {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
            {"host": "page:443", "origin": "https://page"},  # some proxies write the port out
        ]
        for headers in own:
            assert (await http.post("/gradio_api/queue/join", headers=headers)).status_code == 200, headers
            assert (await http.get("/config", headers=headers)).status_code == 200, headers


async def test_what_a_stranger_says_of_forwarding_does_not_reach_the_page():
    forged = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-gradio-server": EVIL}
    async with client() as http:
        assert (await http.get("/config", headers=forged)).headers["url"] == "http://page/config"


async def test_a_trusted_proxy_tells_name_and_scheme_and_only_of_names_that_are_ours():
    async with client(trusted=PROXIES) as http:

        async def asked(host: str, origin: str) -> httpx.Response:
            headers = {
                "host": "10.0.0.2:7860",
                "x-forwarded-host": host,
                "x-forwarded-proto": "https",
                "origin": origin,
            }
            return await http.get("/config", headers=headers)

        assert (await asked("me.below", "https://me.below")).headers["url"] == "https://me.below/config"
        assert (await asked("evil.example", "https://evil.example")).status_code == 421
        assert (await asked("me.below", "https://evil.example")).status_code == 403


def test_a_relay_that_speaks_through_an_own_address_is_believed():
    assert ip_network("192.168.1.5/32") in read(["--share", "--host", "192.168.1.5"], {}).proxies
    assert ip_network("127.0.0.0/8") in read(["--share"], {}).proxies
