"""What a server that was cut off left of uploads is removed by the next one, and nothing of one that runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from gradio.utils import get_upload_folder

from qwen_ui.server.uploads import VARIABLE, own_folder
from qwen_ui.settings import PROJECT

RUNNING = """
import sys
from pathlib import Path
from gradio.utils import get_upload_folder
from qwen_ui.server.uploads import own_folder
with own_folder(Path(sys.argv[1])):
    file = Path(get_upload_folder(), "secret.txt")
    file.write_text("secret")
    print(file, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_what_is_left_behind_goes_and_what_is_in_use_stays(tmp_path: Path):
    command = [sys.executable, "-c", RUNNING, str(tmp_path / "uploads")]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        file = Path(other.stdout.readline().strip())
        with own_folder(tmp_path / "uploads"):
            assert file.read_text("utf-8") == "secret"
        other.kill()
    assert file.exists()
    with own_folder(tmp_path / "uploads"):
        assert not file.exists()
        own = Path(get_upload_folder())
        assert own.is_relative_to(tmp_path)
        (own / "upload.txt").write_text("x", "utf-8")
    assert not own.exists()
    assert [path.name for path in (tmp_path / "uploads").iterdir()] in ([".starting"], [])


def test_a_folder_that_the_owner_names_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    with own_folder(tmp_path / "uploads"):
        assert get_upload_folder() == str(tmp_path / "mine")
    assert not (tmp_path / "uploads").exists()
