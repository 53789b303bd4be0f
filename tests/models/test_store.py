"""What the app makes for itself appears whole or not at all."""

import os
import threading
import time

import pytest

from qwen_ui.errors import ModelError
from qwen_ui.models import store
from qwen_ui.settings import Settings


def write(made, work):
    made.mkdir()
    (made / "file").write_text("whole")


def refuse(made, work):
    raise AssertionError("made twice")


def test_a_folder_is_made_once(tmp_path):
    target = tmp_path / "model"
    store.make_once(target, write)
    store.make_once(target, refuse)
    assert (target / "file").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_nothing(tmp_path):
    def fail(made, work):
        write(made, work)
        raise ModelError("broken off")

    with pytest.raises(ModelError, match="broken off"):
        store.make_once(tmp_path / "model", fail)
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_do_not_disturb_each_other(tmp_path):
    both = threading.Barrier(2)
    errors = []

    def slow(made, work):
        write(made, work)
        both.wait()

    def run():
        try:
            store.make_once(tmp_path / "model", slow)
        except ModelError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_process_left_is_removed_later(tmp_path):
    old, young = tmp_path / ".making-old", tmp_path / ".making-young"
    old.mkdir()
    young.mkdir()
    yesterday = time.time() - 2 * 24 * 3600
    os.utime(old, (yesterday, yesterday))
    store.make_once(tmp_path / "model", write)
    assert not old.exists()
    assert young.exists()


def test_a_data_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="--data-dir"):
        store.models_folder(Settings(data_dir=tmp_path / "file"))


def test_a_packed_copy_belongs_to_the_files_it_was_made_from(tiny_copy, tmp_path):
    settings = Settings(data_dir=tmp_path)
    first = store.packed_copy(settings, tiny_copy, bf16=True)
    assert store.packed_copy(settings, tiny_copy, bf16=True) == first
    assert store.packed_copy(settings, tiny_copy, bf16=False) != first
    os.utime(tiny_copy / "config.json", (1, 1))
    assert store.packed_copy(settings, tiny_copy, bf16=True) != first


def test_a_damaged_packed_copy_is_removed(tiny_copy):
    assert store.usable(tiny_copy)
    (tiny_copy / "model.safetensors").write_bytes(b"cut")
    assert not store.usable(tiny_copy)
    assert not tiny_copy.exists()
