"""What the tests of the models package share."""

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.models.tiny import make_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with the two-layer model. Not to be changed: take `tiny_copy` for that."""
    return make_tiny(tmp_path_factory.mktemp("tiny") / "tiny-qwen2")


@pytest.fixture
def tiny_copy(tiny, tmp_path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


@pytest.fixture
def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class FakeHub:
    """A server that answers as the model hub does: look-up, list of files, files."""

    url: str = ""
    models: dict[str, Path] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    status: int = 200
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_GET(self) -> None:
        self._serve(body=True)

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self, body: bool) -> None:
        self.hub.asked.append(self.path)
        if self.hub.status != 200:
            return self._send(self.hub.status, b"<html>a page</html>", {}, body)
        parts = self.path.partition("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        model_id = "/".join(parts[2:4] if api else parts[:2])
        if model_id in self.hub.gated and not api:
            return self._send(403, b"", {"X-Error-Code": "GatedRepo"}, body)
        if model_id not in self.hub.models:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
        folder = self.hub.models[model_id]
        if not api:
            return self._file(folder / "/".join(parts[4:]), body)
        files = [{"path": f.name, "size": f.stat().st_size, "oid": f.name, "type": "file"} for f in folder.iterdir()]
        if "tree" in parts:
            return self._send(200, json.dumps(files).encode(), {}, body)
        siblings = [{"rfilename": f["path"], "size": f["size"], "blobId": f["oid"]} for f in files]
        info = {"id": model_id, "modelId": model_id, "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0}
        return self._send(200, json.dumps(info).encode(), {}, body)

    def _file(self, file: Path, body: bool) -> None:
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{file.name}"'}
        self._send(200, file.read_bytes(), headers, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def fake_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub})) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield hub
        server.shutdown()
        thread.join()
