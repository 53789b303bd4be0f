"""--mcp, with the SDK's own client over HTTP.

The public conformance package, which needs Node 22, is run by hand: `npx @modelcontextprotocol/conformance server --url
http://127.0.0.1:7860/gradio_api/mcp/`. What it has for servers without its own tools, resources and prompts passes.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qwen_ui.errors import InvalidInput, TooMany
from qwen_ui.knowledge.library import Library
from qwen_ui.messages import Sampling
from qwen_ui.page.mcp import routes
from qwen_ui.server import logs, mcp
from qwen_ui.server.host import EngineHost
from qwen_ui.server.metering import Record
from qwen_ui.settings import PROJECT, Settings, read
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of, serving
from tests.server.test_closing import wait_until
from tests.tabs.ask.conftest import GUIDE, fill

KEY, OTHER = "a-long-key-of-ours", "another-key-of-ours"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
ACCEPT = {"accept": "application/json, text/event-stream"}


class Served:
    """A server over an engine without a model, which each test has say what it needs."""

    def __init__(self, serve: Serve, folder: Path) -> None:
        self.engine = FakeEngine()
        self.records: list[Record] = []
        self.folder = folder
        host = host_of(self.engine, mcp=True)
        host.observe(self.records.append)
        self.url = f"{serve(host)}gradio_api/mcp/"

    def says(self, *words: str, **given: Any) -> FakeEngine:
        """The engine as new, with these words."""
        self.engine.__init__(words or ["ok"], **given)  # type: ignore[misc]
        self.records.clear()
        return self.engine


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("data")
    with serving(PROJECT / "prompts", folder) as serve:
        yield Served(serve, folder)


@asynccontextmanager
async def connected(url: str, key: str = "") -> AsyncIterator[ClientSession]:
    """A client that has said hello."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx.AsyncClient(headers=headers, timeout=120) as http,
        streamable_http_client(url, http_client=http) as (incoming, outgoing, _),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        yield session


async def call(session: ClientSession, name: str, **arguments: Any) -> Any:
    """What a tool gives: its object, or its text. The text says the same as the object."""
    result = await session.call_tool(name, arguments)
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    assert not result.isError, content.text
    if result.structuredContent is not None:
        assert json.loads(content.text) == result.structuredContent
    return result.structuredContent or content.text


async def refusal(session: ClientSession, name: str, **arguments: Any) -> str:
    """Why a tool gives nothing."""
    result = await session.call_tool(name, arguments)
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    assert result.isError
    return content.text


def post(url: str, message: Any, **headers: str) -> httpx.Response:
    return httpx.post(url, json=message, headers=ACCEPT | headers, timeout=120)


async def test_tools_tell_what_they_do_and_what_they_take(served: Served):
    async with connected(served.url) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        capabilities = session.get_server_capabilities()
    assert list(tools) == ["chat", "ask", "search", "collections", "translate", "sentiment", "decide", "code"]
    for tool in tools.values():
        Draft202012Validator.check_schema(tool.inputSchema)
        assert tool.description is not None
        assert len(tool.description) > 40
        assert tool.annotations is not None
        assert tool.annotations.readOnlyHint
        for name, about in tool.inputSchema["properties"].items():
            assert about["description"], (tool.name, name)
            assert "type" in about, (tool.name, name)
            assert ("default" in about) != (name in tool.inputSchema["required"]), (tool.name, name)
            assert "request" not in name
    action = tools["code"].inputSchema["properties"]["action"]
    assert action["enum"] == ["generate", "explain", "fix", "improve", "tests", "translate"]
    assert action["default"] == "generate"
    assert tools["chat"].inputSchema["properties"]["temperature"]["default"] == Sampling().temperature
    assert capabilities is not None
    assert (capabilities.resources, capabilities.prompts) == (None, None)


async def test_each_task_gives_its_result_and_one_record(served: Served):
    async with connected(served.url) as session:
        engine = served.says("Because ", "of ", "light.")
        history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        asked = {"message": "Why is the sky blue?", "history": history, "system": "Be brief.", "temperature": 0}
        assert await call(session, "chat", **asked) == "Because of light."
        messages, sampling = engine.asked[0]
        assert [message.content for message in messages] == ["Be brief.", "Hi", "Hello", "Why is the sky blue?"]
        assert sampling.greedy

        served.says("Six [1].")
        answer = await call(session, "ask", question="When does the museum close?", context=GUIDE)
        assert answer["answer"] == "Six [1]."
        assert answer["citations"][0]["passage"] in GUIDE

        served.says("Guten ", "Tag.")
        assert await call(session, "translate", text="Good day.", target="German") == "Guten Tag."

        served.says(likes=lambda prompt, candidate: float("dull" in candidate))
        judged = await call(session, "sentiment", text="So-so.", labels="dull,great")
        assert judged["label"] in {"dull", "great"}
        assert sum(judged["probabilities"].values()) == pytest.approx(1)

        served.says(likes=lambda prompt, candidate: float("1" in candidate))
        scored = await call(session, "decide", question="How good is it?", text="So-so.", options=["1", "2", "3"])
        assert (scored["type"], scored["answer"], scored["calibrated"]) == ("score", 1, "reference")
        many = await call(session, "decide", question="Good?", text=["So-so."] * 16, options="yes/no")
        assert (many["calibrated"], len(many["results"])) == ("batch", 16)

        served.says("```python\n", "print(1)\n", "```")
        written = await call(session, "code", instruction="Print 1.")
        assert (written["code"], written["language"], written["valid"]) == ("print(1)", "python", True)
    (record,) = served.records
    assert (record.task, record.via, record.outcome, record.key) == ("code", "mcp", "ok", "")


async def test_collections_are_listed_searched_and_asked(served: Served, tmp_path: Path):
    engine = served.says("Seven [1].")
    fill(Library(served.folder / "collections"), "Museum guide", tmp_path, guide=GUIDE)
    async with connected(served.url) as session:
        (listed,) = (await call(session, "collections"))["collections"]
        assert (listed["name"], listed["documents"]) == ("Museum guide", 1)
        found = (await call(session, "search", query="ticket price", collection="museum guide", top=1))["passages"]
        assert [each["number"] for each in found] == [1]
        assert "seven euros" in found[0]["passage"]
        assert found[0]["source"] == "guide.md, Guide to the museum › Prices"
        nothing = await call(session, "search", query="football championship", collection="Museum guide")
        assert nothing == {"passages": []}
        assert not engine.asked
        answer = await call(session, "ask", question="What does a ticket cost?", collection="Museum guide")
        assert answer["citations"][0]["source"] == "guide.md, Guide to the museum"


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("chat", {}, "'message' is a required property"),
        ("chat", {"message": 5}, "message: 5 is not of type 'string'"),
        ("chat", {"message": " "}, "The message is empty"),
        ("chat", {"message": "x", "temperature": 99}, "Temperature"),
        ("chat", {"message": "x", "mood": "good"}, "'mood' was unexpected"),
        ("chat", {"message": "x", "history": [["y" * 9000, 1]]}, ""),
        ("chat", {"message": "x", "adapter": "../../etc"}, "adapter"),
        ("chat", {"message": "x", "request": {}}, "'request' was unexpected"),
        ("code", {"instruction": "x", "action": "run"}, "action: 'run' is not one of"),
        ("translate", {"text": "x", "target": "Martian"}, "Martian"),
        ("search", {"query": "x", "collection": "/etc"}, "no collection named '/etc'"),
        ("search", {"query": " ", "collection": "x"}, "The query is empty"),
        ("search", {"query": "x", "collection": "x", "top": 51}, "from 1 to 50"),
        ("delete", {}, "There is no tool 'delete'. Choose one of chat,"),
    ],
)
async def test_what_does_not_fit_is_refused_with_a_sentence(
    served: Served, tool: str, arguments: dict[str, Any], says: str
):
    engine = served.says()
    async with connected(served.url) as session:
        said = await refusal(session, tool, **arguments)
    assert says in said
    assert len(said) < 600
    assert not engine.asked


async def test_of_what_goes_wrong_only_sentences_are_told(served: Served, caplog: pytest.LogCaptureFixture):
    async with connected(served.url) as session:
        served.says(refusal=TooMany("Too much. Wait a while."))
        assert await refusal(session, "chat", message="x") == "Too much. Wait a while."
        served.says(error=OSError("/secret/path"))
        said = await refusal(session, "chat", message="x")
    assert "secret" not in said
    assert "server had an error" in said
    assert "A program's request failed" in caplog.text
    assert served.records[-1].outcome == "failed"


async def test_a_long_answer_is_told_of_while_it_grows(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mcp, "PROGRESS_EVERY", 0)
    engine = served.says("word ", "word ", "word", steps=1)
    told: list[tuple[float, str | None]] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message))
        engine.steps.release()

    async with connected(served.url) as session:
        result = await session.call_tool("chat", {"message": "x"}, progress_callback=tell)
    assert isinstance(result.content[0], types.TextContent)
    assert result.content[0].text == "word word word"
    assert "10 characters" in {message for _, message in told}
    assert [count for count, _ in told] == sorted({count for count, _ in told})


async def test_a_cancelled_call_frees_the_request_and_only_in_its_own_session(served: Served):
    engine = served.says("word ", "word", steps=1)
    async with connected(served.url) as session, connected(served.url) as stranger:
        calling = asyncio.create_task(session.call_tool("chat", {"message": "x"}))
        await asyncio.to_thread(wait_until, lambda: engine.active == 1, 60)
        number = session._request_id - 1
        params = types.CancelledNotificationParams(requestId=number)
        cancelled = types.ClientNotification(types.CancelledNotification(params=params))
        await stranger.send_notification(cancelled)
        post(served.url, cancelled.model_dump(by_alias=True, exclude_none=True) | {"jsonrpc": "2.0"})
        await stranger.list_tools()
        assert engine.active == 1
        await session.send_notification(cancelled)
        result = await calling
        assert result.isError
        await asyncio.to_thread(wait_until, lambda: engine.active == 0, 60)
    assert served.records[-1].outcome == "closed"


def test_a_closed_connection_frees_the_request(served: Served):
    engine = served.says("word ", "word", steps=1)
    params = {"name": "chat", "arguments": {"message": "x"}}
    with httpx.stream("POST", served.url, json={**CALL, "params": params}, headers=ACCEPT, timeout=120) as answer:
        assert answer.status_code == 200
        wait_until(lambda: engine.active == 1, 60)
    wait_until(lambda: engine.active == 0, 60)
    wait_until(lambda: [record.outcome for record in served.records] == ["closed"], 60)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "error"),
        (b"[]", 400, "error"),
        (json.dumps({**CALL, "params": {"name": "chat", "arguments": "SECRET"}}).encode(), 200, "-32602"),
        (json.dumps({**CALL, "method": "resources/list"}).encode(), 200, "-32601"),
        (json.dumps({**CALL, "method": "SECRET"}).encode(), 200, "-32602"),
        (json.dumps({"jsonrpc": "2.0", "method": "notifications/SECRET"}).encode(), 202, ""),
        (json.dumps({**CALL, "params": {"name": "SECRET"}}).encode(), 200, "There is no tool"),
        (b'"' + b"x" * mcp.MAX_BODY + b'"', 413, "too large"),
    ],
)
def test_nonsense_is_refused_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture, body: bytes, status: int, says: str
):
    headers = {**ACCEPT, "content-type": "application/json"}
    answer = httpx.post(served.url, content=body, headers=headers, timeout=120)
    assert answer.status_code == status
    assert says in answer.text
    assert "SECRET" not in caplog.text


def test_only_mcp_itself_is_served(served: Served):
    with httpx.Client(base_url=served.url, timeout=60) as http:
        for path in ("schema", "sse", "messages/", "http/", "messages/?session_id=1"):
            assert http.get(path).status_code == 404
            assert http.post(path, json={}).status_code == 404
        for method in ("GET", "DELETE", "PUT"):
            assert http.request(method, served.url).status_code == 405
    assert post(served.url.rstrip("/"), {**CALL, "method": "ping"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "evil.example"}, 421),
        ({"content-type": "text/plain"}, 400),
    ],
)
def test_other_sites_pages_can_not_call(served: Served, headers: dict[str, str], status: int):
    engine = served.says()
    body = json.dumps({**CALL, "params": {"name": "chat", "arguments": {"message": "x"}}})
    sent = {**ACCEPT, "content-type": "application/json", **headers}
    assert httpx.post(served.url, content=body, headers=sent).status_code == status
    assert not engine.asked


async def test_in_public_mode_each_key_has_its_limits_and_its_name_in_the_log(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (keys := tmp_path / "keys").write_text(f"ann {KEY}\nben {OTHER}\n")
    flags = ["--public", "--mcp", "--api-keys-file", str(keys), "--requests-per-minute", "2", "--auth", "me:secret"]
    settings = read(flags, {})
    logs.set_up(settings)
    host = EngineHost(settings, lambda settings, report: FakeEngine(["ok"]))
    host.open_here()
    host.observe(logs.RequestLog(False).observe)
    url = f"{serve(host)}gradio_api/mcp/"
    fill(Library(tmp_path / "collections"), "Mine", tmp_path, guide=GUIDE)  # the owner's
    async with connected(url, KEY) as ann, connected(url, OTHER) as ben:
        for _ in range(2):
            assert await call(ann, "chat", message="x") == "ok"
        assert "2 requests a minute" in await refusal(ann, "chat", message="x")
        assert await call(ben, "chat", message="x") == "ok"
        assert await call(ben, "collections") == {"collections": []}
        assert "no collection named 'Mine'" in await refusal(ben, "search", query="x", collection="Mine")
    hello = {**CALL, "method": "ping"}
    for headers in ({}, {"authorization": "Bearer a-wrong-key"}, {"authorization": f"Basic {KEY}"}):
        refused = post(url, hello, **headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert post(url, hello, authorization=f"Bearer {KEY}").status_code == 200
    said = capsys.readouterr().err
    assert said.count('"via": "mcp"') == said.count('"key": "ann"') + said.count('"key": "ben"') == 4
    assert KEY not in said


@pytest.mark.parametrize("given", [["--public"], ["--share"], ["--auth", "me:secret"]])
def test_strangers_need_keys(given: list[str]):
    with pytest.raises(InvalidInput, match="--mcp needs keys in public mode"):
        read(["--mcp", *given], {})
    assert read(["--mcp", *given, "--api-key", KEY], {}).mcp


def test_without_the_flag_it_says_that_it_is_off():
    with TestClient(Starlette(routes=routes({}, Settings()))) as http:
        answer = http.post("/gradio_api/mcp/", json={**CALL, "method": "ping"})
    assert (answer.status_code, "--mcp" in answer.text) == (404, True)


def test_the_readmes_client_and_settings(served: Served, tmp_path: Path):
    text = (PROJECT / "README.md").read_text("utf-8").partition("## Use it over MCP")[2].partition("\n## ")[0]
    code, settings = (re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "json"))
    assert code is not None
    assert settings is not None
    address = "http://127.0.0.1:7860/gradio_api/mcp/"
    assert json.loads(settings[1])["mcpServers"]["qwen-ui"]["url"] == address
    served.says("Guten ", "Morgen!")
    (script := tmp_path / "script.py").write_text(code[1].replace(address, served.url))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout == "Guten Morgen!\n"


async def test_a_real_model_answers(serve: Serve, embedded_host: EngineHost):
    host = host_of(embedded_host.engine, mcp=True)
    async with connected(f"{serve(host)}gradio_api/mcp/") as session:
        assert await call(session, "chat", message="Say hi.", max_new_tokens=8)
