"""The folder of uploads and downloads. Each server has its own, and removes what those that were cut off left."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

VARIABLE = "GRADIO_TEMP_DIR"
"""Where Gradio reads which folder that is."""


@contextmanager
def own_folder(place: Path) -> Iterator[None]:
    """Has Gradio keep its files in a folder within this one until the context ends, unless its variable names another.

    A lock beside the folder tells that its server runs: however that ends, it is free then. Raises `OSError` if the
    place can't be written to.
    """
    if os.environ.get(VARIABLE):
        yield
        return
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = place / secrets.token_hex(8)
    lock = FileLock(_lock_of(folder))
    with FileLock(place / ".starting"):  # who starts meanwhile must not take this one for left behind
        for left in [path for path in place.iterdir() if path.is_dir()]:
            _remove_unless_in_use(left)
        lock.acquire()
        folder.mkdir(mode=0o700)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        lock.release()
        _remove_unless_in_use(folder)


def _remove_unless_in_use(folder: Path) -> None:
    with suppress(Timeout), FileLock(_lock_of(folder), timeout=0):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
