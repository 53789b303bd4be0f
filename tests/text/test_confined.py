"""The process that reads a file does not outlive the one that waits for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from qwen_ui.settings import PROJECT
from tests.server.test_closing import wait_until

WAITING = """
import sys
from qwen_ui.text import confined
confined.run("tests.text.slow_reader", sys.argv[1:], b"", "slow.txt", seconds=600, memory=10**10)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for the process where Linux tells of it")
def test_a_reader_ends_with_the_server_however_that_ends(tmp_path: Path):
    told = tmp_path / "reader"
    with subprocess.Popen([sys.executable, "-c", WAITING, str(told)], cwd=PROJECT) as server:
        wait_until(lambda: told.exists() and told.read_text("utf-8").endswith("\n"), 60)
        reader = int(told.read_text("utf-8"))
        assert _runs(reader)
        server.kill()
    wait_until(lambda: not _runs(reader), 60)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
