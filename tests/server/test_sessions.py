"""What stays of a session in the server's memory."""

import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest

from qwen_ui.finetune.queue import RunQueue
from qwen_ui.knowledge.library import Library
from qwen_ui.page import shell
from tests.fakes import FakeEngine
from tests.pages import free_port, host_of
from tests.server.test_closing import wait_until


@pytest.fixture
def page(prompts: Path, tmp_path: Path) -> Iterator[gr.Blocks]:
    host = host_of(FakeEngine(), port=free_port(), prompts_dir=prompts, data_dir=tmp_path)
    page = shell.build(host, host.settings, Library(tmp_path / "collections"), RunQueue.of(host.settings))
    shell.launch(page, host.settings)
    yield page
    page.close(verbose=False)


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


def _of(page: gr.Blocks, name: str) -> int:
    return next(number for number, fn in page.fns.items() if fn.api_name == name)
