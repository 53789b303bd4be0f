"""What a signal does to a server that people are using."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from openai import OpenAI
from playwright.sync_api import expect

from qwen_ui.settings import PROJECT, Settings
from tests.pages import START_SECONDS, OpenPage, free_port

ENDLESS = [sys.executable, "-m", "tests.fake_app", "3"]


@contextmanager
def running(command: list[str], *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; ended in any case."""
    address = f"http://127.0.0.1:{(port := free_port())}/"
    command = [*command, "--port", str(port), *flags]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Qwen UI is at {address}\n"
        try:
            yield process, address
        finally:
            process.kill()


def wait_until(state: Callable[[], bool], seconds: float) -> None:
    patience = threading.Event()
    for _ in range(int(seconds * 10)):
        if state():
            return
        patience.wait(0.1)
    raise AssertionError("It did not come to that")


def ready(address: str) -> tuple[int, str]:
    response = httpx.get(f"{address}readyz")
    return response.status_code, response.json()["status"]


def test_a_running_answer_is_finished_and_new_ones_are_refused(embedded_settings: Settings, tmp_path: Path):
    (tmp_path / "models").symlink_to(embedded_settings.data_dir / "models")
    flags = ["--model", "embedded", "--data-dir", str(tmp_path), "--grace", "300"]
    with running([sys.executable, "app.py"], *flags) as (process, address):
        client = Client(address, verbose=False)
        wait_until(lambda: ready(address) == (200, "ready"), START_SECONDS)
        answer = client.submit("Tell me a story about the sea.", temperature=0, max_new_tokens=96, api_name="/chat")
        first = next(iter(answer))
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: ready(address) == (503, "closing"), 10)
        with pytest.raises(Exception, match="The server is shutting down"):
            client.predict("Hello", api_name="/chat")
        assert len(answer.result(timeout=300)) > len(first)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "unfinished" not in errors
    assert "Traceback" not in errors


def test_an_answer_that_takes_too_long_is_kept_as_far_as_it_is(open_page: OpenPage):
    with running(ENDLESS, "--grace", "1") as (process, address):
        page = open_page(address)
        page.locator("#message textarea").fill("Begin")
        page.locator("#message textarea").press("Enter")
        answer = page.locator("#chat .bot").get_by_text("wordwordword")
        expect(answer).to_be_visible()
        process.send_signal(signal.SIGTERM)
        expect(page.get_by_text("stopped")).to_be_visible()
        expect(answer).to_be_visible()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Answers are stopped unfinished after 1 s of grace: 1" in errors
    assert "Traceback" not in errors


def test_a_script_that_asked_for_too_much_does_not_hold_the_server_up():
    with running(ENDLESS, "--grace", "1") as (process, address):
        event = httpx.post(f"{address}gradio_api/call/chat", json={"data": ["Begin", [], "", 99, 0, 1, 20]}).json()[
            "event_id"
        ]
        with httpx.stream("GET", f"{address}gradio_api/call/chat/{event}", timeout=60) as response:
            lines = response.iter_lines()
            assert any("word" in line for line in lines)
            process.send_signal(signal.SIGTERM)
            *_, end, said = (line for line in lines if line)
            _, errors = process.communicate(timeout=60)
    assert (end, said) == ("event: complete", 'data: ["wordwordword"]')  # what there is of it
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_program_that_asked_for_too_much_gets_what_there_is():
    with running(ENDLESS, "--grace", "1") as (process, address):
        client = OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0)
        model = client.models.list().data[0].id
        asked: Any = {"model": model, "messages": [{"role": "user", "content": "Begin"}]}
        stream = client.chat.completions.create(**asked, stream=True)
        said = ""
        while said != "wordwordword":
            said += next(stream).choices[0].delta.content or ""
        process.send_signal(signal.SIGTERM)
        *_, last = stream
        _, errors = process.communicate(timeout=60)
    assert last.choices[0].finish_reason == "length"
    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at the first")
def test_a_second_signal_ends_it_at_once():
    with running(ENDLESS, "--grace", "3600") as (process, address):
        client = Client(address, verbose=False)
        answer = client.submit("Begin", api_name="/chat")
        next(iter(answer))
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: ready(address) == (503, "closing"), 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM


def test_metrics_have_a_port_of_their_own_until_the_end():
    port = free_port()
    with running(ENDLESS, "--metrics-port", str(port)) as (process, address):
        assert "qwen_ui_ready 1.0" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert "qwen_ui_ready" not in httpx.get(f"{address}metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_a_taken_metrics_port_is_one_line_and_status_2():
    with running(ENDLESS) as (_, address):
        taken = address.rstrip("/").rpartition(":")[2]
        command = [*ENDLESS, "--port", str(free_port()), "--metrics-port", taken, "--log-level", "error"]
        result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert "Choose others with --metrics-port and --metrics-host." in result.stderr
    assert "Traceback" not in result.stderr


LEAVING = """
import threading, time
import app
from types import SimpleNamespace
threading.Thread(target=time.sleep, args=[600]).start()
app._leave(SimpleNamespace(wait=lambda seconds: True), 3, ended=False)
"""


def test_the_process_ends_whatever_is_still_at_work():
    command = [sys.executable, "-c", LEAVING]
    assert subprocess.run(command, cwd=PROJECT, timeout=120, check=False).returncode == 3
