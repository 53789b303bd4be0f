"""The app: what it refuses to start with, that nothing but an interrupt ends it, and that it ends cleanly."""

import signal
import socket
import sqlite3
import subprocess
import sys
import threading

import pytest

import app
from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.library import Library
from qwen_ui.settings import PROJECT
from tests.pages import free_port


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


def test_a_wrong_setting_is_one_line_and_status_2():
    result = run("--port", "many")
    assert result.returncode == 2
    assert result.stderr == "--port must be a whole number, not 'many'.\n"


def test_a_taken_port_is_one_line_and_status_2():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("--port", str(taken.getsockname()[1]), "--model", "/no/such/folder", "--log-level", "error")
    assert result.returncode == 2
    assert "the port is taken" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_cleanly_even_while_the_model_loads(number: signal.Signals):
    command = [sys.executable, "app.py", "--model", "embedded", "--port", str(free_port())]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Qwen UI is at http://127.0.0.1:")
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_sweep_that_fails_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    errors = [sqlite3.OperationalError("database is locked"), OSError("No space left on device"), InvalidInput("Gone.")]
    failures = iter(errors)
    interrupted = threading.Event()

    class Broken(Library):
        def __init__(self) -> None:
            pass

        def expire(self, seconds: float) -> None:
            for error in failures:
                raise error
            interrupted.set()

    monkeypatch.setattr(app, "SWEEP_SECONDS", 0)
    app._sweep_until(interrupted, Broken(), 3600)
    assert interrupted.is_set()
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == errors
