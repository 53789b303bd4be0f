"""The folders of models that the app itself makes and keeps under its data folder."""

import hashlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from qwen_ui.errors import ModelDamaged, ModelError
from qwen_ui.models import folder
from qwen_ui.settings import Settings

log = logging.getLogger(__name__)

LEFTOVER_SECONDS = 24 * 3600
"""After that long, a half-made folder belongs to a process that died."""


def models_folder(settings: Settings) -> Path:
    """The folder of models that the app made."""
    path = settings.data_dir / "models"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            "{folder} can't be made: {error}. Set --data-dir to a folder to write to.",
            folder=path,
            error=error.strerror or error,
        ) from error
    return path


def make_once(target: Path, make: Callable[[Path, Path], None]) -> None:
    """Has ``make(made, work)`` fill the folder ``made``, then moves that to ``target`` in one step.

    Nothing half-made is ever seen there, whatever happens meanwhile; of two processes, the first to end wins.
    """
    if target.is_dir():
        return
    _sweep(target.parent)
    try:
        with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent, ignore_cleanup_errors=True) as work:
            made = Path(work) / "made"
            make(made, Path(work))
            _move(made, target)
    except OSError as error:
        raise ModelError(
            "{folder} can't be written: {error}. Set --data-dir elsewhere.",
            folder=target,
            error=error.strerror or error,
        ) from error


def _move(made: Path, target: Path) -> None:
    try:
        made.replace(target)
    except OSError:
        if not target.is_dir():  # else another process was first, with the same content
            raise


def _sweep(models: Path) -> None:
    """Removes what processes that were killed left half-made."""
    for leftover in models.glob(".making-*"):
        with suppress(FileNotFoundError):  # its own process may remove it just now
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)


def packed_copy(settings: Settings, source: Path, *, bf16: bool) -> Path:
    """Where the 4-bit copy of that model folder is kept, its other numbers in bf16 or fp32.

    Another place as soon as its files change.
    """
    digest = hashlib.sha256(f"{source.resolve()}{'' if bf16 else ' fp32'}".encode())
    for file in sorted([*source.glob("*.safetensors"), *source.glob("*config.json")]):
        stat = file.stat()
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return models_folder(settings) / f"nf4-{digest.hexdigest()[:12]}"


def usable(copy: Path) -> bool:
    """Whether the packed copy is there and whole; a damaged one is removed."""
    if not copy.is_dir():
        return False
    try:
        folder.check_weights(copy)
    except ModelDamaged as error:
        log.warning("The 4-bit copy is made again: %s", error)
        shutil.rmtree(copy)
        return False
    return True
