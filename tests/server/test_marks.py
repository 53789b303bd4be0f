"""The key that visitors' cookies are signed with."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qwen_ui.errors import NotSaved
from qwen_ui.server.marks import KEY_BYTES, key_in


def test_it_is_made_once_by_whoever_comes_first_and_its_owners_alone(tmp_path: Path):
    folder = tmp_path / "data"
    with ThreadPoolExecutor(8) as threads:
        (key,) = set(threads.map(key_in, [folder] * 32))
    assert len(key) == KEY_BYTES
    assert key_in(folder) == key
    if sys.platform != "win32":
        assert (folder / "visitors.key").stat().st_mode & 0o777 == 0o600
    assert key_in(tmp_path / "other") != key


def test_a_folder_that_can_not_be_written_to_is_said(tmp_path: Path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(NotSaved, match="can't be saved"):
        key_in(tmp_path / "data")
