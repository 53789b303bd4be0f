"""The whole app as its users meet it: start, first token, speed through a client, memory."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO
from urllib.error import URLError

import psutil
from gradio_client import Client

from bench.workers import peak_memory
from qwen_ui.settings import PROJECT

START_SECONDS = 300


@dataclass(slots=True)
class Server:
    """A running app, and when it came up (seconds from its start)."""

    process: psutil.Process
    client: Client
    page_seconds: float

    def status(self) -> dict[str, Any]:
        """What /status says."""
        status: dict[str, Any] = self.client.predict(api_name="/status")
        return status

    def wait_until_loaded(self) -> None:
        """Returns once the model is there, or has failed."""
        while self.status()["state"] == "loading":
            time.sleep(0.1)

    def peak_memory(self) -> int:
        """Bytes of memory at the highest so far, where the system tells; else now."""
        return peak_memory(self.process.pid)


@contextmanager
def running(port: int, *flags: str, log: TextIO | None = None) -> Iterator[Server]:
    """The app in a process of its own. ``log`` takes what it logs; by default it is shown."""
    started = time.perf_counter()
    command = [sys.executable, str(PROJECT / "app.py"), "--port", str(port), "--log-level", "warning", *flags]
    with subprocess.Popen(command, cwd=PROJECT, stderr=log) as process:
        try:
            _wait_for_page(f"http://127.0.0.1:{port}/", process)
            yield connect(port, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()


def connect(port: int, pid: int, page_seconds: float = 0.0) -> Server:
    """The app that runs there already, in the process of that number."""
    return Server(psutil.Process(pid), Client(f"http://127.0.0.1:{port}", verbose=False), page_seconds)


def first_token_seconds(port: int, *flags: str) -> tuple[float, float]:
    """Seconds from the start of the app until its page is there, and until the first token of a chat."""
    started = time.perf_counter()
    with running(port, *flags) as server:
        server.wait_until_loaded()
        job = server.client.submit("Hi", max_new_tokens=4, api_name="/chat")
        next(iter(job))
        return server.page_seconds, time.perf_counter() - started


def client_seconds(server: Server, prompt: str, new_tokens: int) -> float:
    """Seconds that one client waits for a whole greedy answer."""
    started = time.perf_counter()
    server.client.predict(prompt, max_new_tokens=new_tokens, temperature=0, api_name="/chat")
    return time.perf_counter() - started


def _wait_for_page(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except URLError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"No page at {url} after {START_SECONDS} s, or it has ended.")
