"""The command line: what it refuses, and that it ends cleanly."""

import signal
import socket
import subprocess
import sys

import pytest

from app import environment
from qwen_ui.config import PROJECT, read
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


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        ({}, "127.0.0.1", 7860),
        ({"SPACE_ID": "someone/qwen-ui"}, "0.0.0.0", 7860),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "7001"}, "0.0.0.0", 7001),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "QWEN_UI_HOST": "127.0.0.1"}, "127.0.0.1", 7860),
    ],
)
def test_gradios_and_spaces_variables_are_honoured(variables: dict[str, str], host: str, port: int):
    settings = read([], environment(variables))
    assert (settings.host, settings.port) == (host, port)
    assert read(["--host", "::1"], environment(variables)).host == "::1"
