"""The whole app as on ZeroGPU: the ``spaces`` package with its emulation and its workers, and a stand-in for Spaces."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from gradio_client import Client

from qwen_ui.settings import PROJECT, Settings


@dataclass
class Platform:
    """What lends the GPU on Spaces, as the package speaks to it."""

    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def of(self, path: str) -> list[dict[str, str]]:
        return [query for asked, query in self.asked if asked == path]


class _Handler(BaseHTTPRequestHandler):
    platform: Platform

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        self.platform.asked.append((url.path, {name: values[0] for name, values in parse_qs(url.query).items()}))
        lent = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "token"}
        body = json.dumps(lent if url.path == "/schedule" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if url.path == "/release":
            self.platform.released.set()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    platform = Platform()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"platform": platform})) as server:
        platform.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield platform
        server.shutdown()
        thread.join()


@dataclass
class Space:
    client: Client
    pid: int


@pytest.fixture(scope="module")
def space(platform: Platform, embedded_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": platform.url,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(PROJECT),
        "QWEN_UI_DATA_DIR": str(embedded_settings.data_dir),
        "QWEN_UI_MODEL": "embedded",
        "QWEN_UI_AUTH": "none",
        "QWEN_UI_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    script = Path(__file__).with_name("zero_space.py")
    with subprocess.Popen(
        [sys.executable, script],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        lines: list[str] = []
        for line in server.stdout:
            lines.append(line)
            if line.startswith("Qwen UI is at"):
                break
        else:
            pytest.fail("".join(lines))
        reader = threading.Thread(target=lambda out=server.stdout: lines.extend(out))
        reader.start()
        try:
            yield Space(Client(f"http://127.0.0.1:{port}", verbose=False), server.pid)
        finally:
            server.terminate()
            reader.join(60)
            print("".join(lines))


def test_the_engine_for_zero_gpu_is_there_before_the_page(space: Space, platform: Platform) -> None:
    status = space.client.predict(api_name="/status")
    assert (status["state"], status["engine"], status["precision"]) == ("ready", "transformers on ZeroGPU", "bf16")
    assert status["device"] == "NVIDIA H200 (ZeroGPU)"
    assert len(platform.of("/startup-report")) == 1


def test_an_answer_streams_from_a_worker_with_the_time_it_needs(space: Space, platform: Platform) -> None:
    platform.asked.clear()
    job = space.client.submit("Name one river.", max_new_tokens=50, temperature=0, api_name="/chat")
    assert "river" in job.result(timeout=120).lower()  # so the weights are whole
    assert len(job.outputs()) > 1
    (scheduled,) = platform.of("/schedule")
    assert 10 < int(scheduled["durationSeconds"]) < 30
    (allowed,) = platform.of("/allow")
    assert int(allowed["pid"]) != space.pid
    assert platform.of("/release") == [{"allowToken": "token", "fail": "false"}]


def test_scores_come_from_a_worker(space: Space) -> None:
    result = space.client.predict("I love this product!", api_name="/sentiment")
    assert sum(result["probabilities"].values()) == pytest.approx(1)


def test_a_stopped_answer_gives_the_gpu_back_and_its_worker_goes_on(space: Space, platform: Platform) -> None:
    platform.released.clear()
    platform.asked.clear()
    job = space.client.submit("Write a very long story.", max_new_tokens=1500, api_name="/chat")
    next(iter(job))
    job.cancel()
    assert platform.released.wait(60)
    assert space.client.predict("Name one river.", max_new_tokens=10, api_name="/chat")
    assert platform.of("/release") == [{"allowToken": "token", "fail": "false"}] * 2
    assert not platform.of("/allow")  # no new worker
