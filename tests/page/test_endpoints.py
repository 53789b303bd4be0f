"""What Gradio does with events and calls, where it has to be otherwise."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.state_holder import SessionState

from qwen_ui.engine.queue import WAITING_PER_SLOT
from qwen_ui.errors import TooMany
from qwen_ui.page import shell
from qwen_ui.page.endpoints import Page
from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import free_port, host_of, library_in, runs_in
from tests.server.test_closing import wait_until


@pytest.fixture
def host(prompts: Path, tmp_path: Path) -> EngineHost:
    limits: dict[str, Any] = {"public": True, "auth": "none", "running_per_visitor": 1, "requests_per_minute": 10_000}
    return host_of(FakeEngine(["word"] * 9, 1), port=free_port(), prompts_dir=prompts, data_dir=tmp_path, **limits)


@pytest.fixture
def page(host: EngineHost) -> Iterator[gr.Blocks]:
    folder = host.settings.data_dir
    page = shell.build(host, host.settings, library_in(folder), runs_in(folder))
    shell.launch(page, host.settings)
    gc.disable()  # it finds what nobody closes, some time
    yield page
    gc.enable()
    page.close(verbose=False)


def test_who_cancels_before_anything_was_shown_leaves_nothing_running(
    page: gr.Blocks, host: EngineHost, monkeypatch: pytest.MonkeyPatch
):
    """As with a long conversation, which Gradio takes a while to show."""
    shown = threading.Event()

    async def showing(*given: Any) -> None:
        shown.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(page, "postprocess_data", showing)
    chat = next(number for number, fn in page.fns.items() if fn.api_name == "chat")
    with httpx.Client(base_url=str(page.local_url), timeout=60) as http:
        sent = {"data": ["Hello"], "fn_index": chat, "session_hash": "me"}
        event = http.post("/gradio_api/queue/join", json=sent).json()["event_id"]
        assert shown.wait(60)
        assert not _free(host)
        left = {"event_id": event, "fn_index": chat, "session_hash": "me"}
        http.post("/gradio_api/cancel", json=left)
    wait_until(lambda: _free(host), 30)
    assert host.status()["active"] == 0


async def test_what_a_handler_leaves_as_it_is_is_not_made_anew() -> None:
    with Page() as page:
        said, left = gr.Textbox(), gr.Textbox(label="left")
        shown = gr.Button().click(lambda: {}, None, [said, left])
    event, session = page.fns[shown["id"]], SessionState(page)
    for given in ({said: "more"}, {said: "more", left: gr.skip()}):
        assert await page.postprocess_data(event, given, session) == ["more", gr.skip()]
    assert session[left._id] is left
    assert await page.postprocess_data(event, {said: gr.skip()}, session) == [gr.skip(), gr.skip()]
    assert (await page.postprocess_data(event, {left: gr.Textbox(label="other")}, session))[1]["label"] == "other"
    assert await page.postprocess_data(event, ["one", "two"], session) == ["one", "two"]


def test_answers_that_run_or_wait_take_no_place_of_other_events(page: gr.Blocks, host: EngineHost) -> None:
    answers = (1 + WAITING_PER_SLOT) * host.settings.max_concurrent
    assert page._queue.active_jobs.count(None) >= answers + 20


def _free(host: EngineHost) -> bool:
    """Whether the visitor's one place is free."""
    with suppress(TooMany), host.request("127.0.0.1", "chat"):
        return True
    return False
