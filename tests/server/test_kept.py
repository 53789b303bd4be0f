"""What stays of sessions in the server's memory, and whose."""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import httpx
import pytest

from qwen_ui.finetune.queue import RunQueue
from qwen_ui.knowledge.library import Library
from qwen_ui.page import shell
from qwen_ui.server.kept import EACH, KEPT, KeptSessions
from tests.fakes import FakeEngine
from tests.pages import free_port, host_of
from tests.server.test_closing import wait_until


@pytest.fixture
def page(prompts: Path, tmp_path: Path) -> Iterator[gr.Blocks]:
    """A public page behind a proxy, so that a test can come from any address."""
    settings = {"public": True, "auth": "none", "trusted_proxy": "127.0.0.1", "requests_per_minute": 1000}
    host = host_of(FakeEngine(), port=free_port(), prompts_dir=prompts, data_dir=tmp_path, **settings)
    page = shell.build(host, host.settings, Library(tmp_path / "collections"), RunQueue.of(host.settings))
    shell.launch(page, host.settings)
    yield page
    page.close(verbose=False)


@contextmanager
def visitor(page: gr.Blocks, address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=str(page.local_url), timeout=60, headers={"x-forwarded-for": address}) as http:
        yield http


def call(http: httpx.Client, name: str, *values: object) -> str:
    """The events of one call."""
    event = http.post(f"/gradio_api/call/{name}", json={"data": values}).json()["event_id"]
    return http.get(f"/gradio_api/call/{name}/{event}").text


def test_a_call_that_was_read_leaves_nothing(page: gr.Blocks) -> None:
    kept = page.app.state_holder.session_data
    with httpx.Client(base_url=str(page.local_url), timeout=30) as http:
        assert '"state": "ready"' in call(http, "status")
        assert "event: error" in call(http, "chat", "", [], "", 16, 0.7, 0.8, 20)
        wait_until(lambda: not kept, 10)  # it is forgotten once its answer has gone out
        http.post(
            "/gradio_api/queue/join",
            json={"data": [], "fn_index": _of(page, "status"), "session_hash": "a-visitor"},
        )
        with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": "a-visitor"}) as events:
            said = [json.loads(line.removeprefix("data:")) for line in events.iter_lines() if line]
        assert any(event["msg"] == "process_completed" for event in said)
        assert list(kept) == ["a-visitor"]


def join(http: httpx.Client, page: gr.Blocks, session: object) -> httpx.Response:
    body = {"data": [], "fn_index": _of(page, "status"), "session_hash": session}
    return http.post("/gradio_api/queue/join", json=body)


def test_one_visitors_sessions_push_out_nobody_elses(page: gr.Blocks) -> None:
    kept = page.app.state_holder.session_data
    with visitor(page, "198.51.100.1") as mine, visitor(page, "198.51.100.2:51000") as theirs:
        assert join(mine, page, "mine").status_code == 200
        wait_until(lambda: "mine" in kept, 30)
        for number in range(EACH + 5):
            with theirs.stream("GET", f"/gradio_api/heartbeat/theirs-{number}") as beat:
                assert next(beat.iter_text()).startswith("data: ALIVE")
            if number % 4 == 0:
                call_unread = theirs.post("/gradio_api/call/status", json={"data": []})
                assert call_unread.status_code == 200
        wait_until(lambda: not page._queue.event_queue_per_concurrency_id or not any(page._queue.active_jobs), 30)
        assert join(theirs, page, "theirs-last").status_code == 200
        wait_until(lambda: "theirs-last" in kept, 30)
        assert "mine" in kept
        assert len(kept) <= EACH + 1


def test_names_of_another_form_are_refused_and_leave_nothing(page: gr.Blocks) -> None:
    with visitor(page, "198.51.100.1") as http:
        for name in ("x" * 65, "", "a b", "../x", "ä", "a\n", 7, ["x"], {"a": 1}, True):
            assert join(http, page, name).status_code in {400, 422}, name
            for path in ("run/predict", "call/status", "cancel"):
                body = {"data": [], "fn_index": 0, "session_hash": name, "event_id": "x"}
                assert http.post(f"/gradio_api/{path}", json=body).status_code in {400, 422}, (path, name)
        shouted = {"content-type": "Application/JSON"}
        content = json.dumps({"data": [], "fn_index": _of(page, "status"), "session_hash": "x" * 65})
        assert http.post("/gradio_api/queue/join", content=content, headers=shouted).status_code == 400
        for name in ("x" * 65, "a b", "ä", "a\n"):
            for path in (f"heartbeat/{quote(name)}", f"queue/data?session_hash={quote(name)}"):
                assert http.get(f"/gradio_api/{path}").status_code == 400, path
        assert http.post("/gradio_api/upload?upload_id=" + "x" * 65, files={"files": b"x"}).status_code == 400
    assert not page.app.state_holder.session_data
    assert not list(page._queue.pending_messages_per_session)


class Holder:
    """Stands in for what Gradio keeps."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session_data: OrderedDict[str, object] = OrderedDict()
        self.time_last_used: dict[str, object] = {}


def test_when_there_is_no_more_room_who_has_the_most_loses_their_oldest() -> None:
    sessions, holder = KeptSessions((), EACH), Holder()

    def use(session: str, visitor: str) -> None:
        sessions.use(session, visitor, holder)
        holder.session_data[session] = holder.time_last_used[session] = object()

    for number in range(2 * EACH):
        use(f"many-{number}", "many")
    assert list(holder.session_data) == [f"many-{number}" for number in range(EACH, 2 * EACH)]
    for number in range(KEPT):
        use(f"one-{number}", f"visitor {number}")
    use("one-0", "visitor 0")
    assert len(holder.session_data) <= KEPT
    assert sum(session.startswith("many-") for session in holder.session_data) <= 2
    assert {"one-0", f"one-{KEPT - 1}"} < set(holder.session_data)
    assert set(holder.time_last_used) == set(holder.session_data)


def _of(page: gr.Blocks, name: str) -> int:
    return next(number for number, fn in page.fns.items() if fn.api_name == name)
