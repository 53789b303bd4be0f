"""Requests that would leave something behind, many of them: the server's memory ends where it began."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from qwen_ui.messages import Message
from qwen_ui.settings import PROJECT
from tests.fakes import FakeEngine, FakeStream
from tests.pages import free_port

WARM, ROUNDS = 8, 12
LETTER = "\N{MATHEMATICAL BOLD CAPITAL A}"
"""Takes four bytes, and another form in the index."""
LONG = 250_000

SERVER = """
import sys
import app
from qwen_ui.settings import read
from tests.test_memory import Forgetful
sys.exit(app.serve(read(sys.argv[1:], {}), lambda settings, report: Forgetful(["ok"])))
"""


class Forgetful(FakeEngine):
    """Keeps nothing of what it was asked."""

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        self.asked.clear()
        self.adapters.clear()
        self.begun.clear()
        return super().make_stream(messages)


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, str]]:
    """Its process and its address."""
    port = free_port()
    command = [sys.executable, "-c", SERVER, "--port", str(port), "--data-dir", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Qwen UI is at ")
        try:
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def memory(process: int) -> int:
    """What the process holds, in kilobytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text("utf-8"))
    assert found
    return int(found[1])


async def call(http: httpx.AsyncClient, name: str, *data: object) -> str:
    event = (await http.post(f"/gradio_api/call/{name}", json={"data": list(data)})).json()["event_id"]
    return (await http.get(f"/gradio_api/call/{name}/{event}")).text


async def requests(address: str, number: int) -> None:
    """One of each kind, with words that were not there before."""
    word = f"w{number}" + LETTER * LONG
    async with httpx.AsyncClient(base_url=address, timeout=120) as http:
        told = [
            await call(http, "ask", 3 * word, "Ships sail.", ""),
            await call(http, "ask", "Do ships sail?", word, ""),
            await call(http, "code", "", "swift", "fix", f"let a{number} = 1 /*" + LETTER * 10_000),
            await call(http, "translate", "A ship sails.", "French", "English", f"{word[:900]} = b"),
        ]
    assert all("event: complete" in text for text in told), told


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_many_requests_leave_nothing_behind(tmp_path: Path):
    with server(tmp_path) as (process, address):
        for number in range(WARM):  # what is loaded when it is first used, and pools that fill
            await requests(address, number)
        began, ended = memory(process), []
        for number in range(WARM, WARM + ROUNDS):
            await requests(address, number)
            ended.append(memory(process))
        assert min(ended[-3:]) <= 1.1 * began  # what is freed is given back a little later at times
