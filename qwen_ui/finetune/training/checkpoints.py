"""Checkpoints on disk: written whole or not at all, with all that is needed to go on as if nothing had happened."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError

from qwen_ui.errors import NotSaved
from qwen_ui.finetune.runs import Checkpoint, Run

KEPT = 2
"""The last so many stay beside the best."""
STATE = "trainer_state.json"
NOT_WRITTEN = (OSError, RuntimeError, SafetensorError)
"""What libraries raise when a file can't be written; torch has no kind of its own for it."""


class Checkpoints:
    """The checkpoints of one run. They are made beside the others, and moved there in one step."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.making = run.folder / "checkpoints" / ".making"

    def clear(self) -> None:
        """Removes what a killed process left half-made."""
        shutil.rmtree(self.making, ignore_errors=True)
        self.making.mkdir(parents=True)

    def keep(self, made: Path, step: int, best: int) -> Path:
        """Moves a finished one to its place, and removes those that are neither the best nor among the last.

        Raises `NotSaved`.
        """
        folder = self._run.folder / "checkpoints" / f"step-{step:06d}"
        try:
            if folder.exists():  # of an earlier time, before the run was continued
                shutil.rmtree(folder)
            made.rename(folder)
        except OSError as error:
            raise not_saved(folder, error) from error
        for old in self._run.checkpoints()[:-KEPT]:
            if old.step != best:
                with suppress(OSError):  # the next one tries again
                    shutil.rmtree(old.folder)
        return folder

    def last(self) -> Checkpoint | None:
        """The one to go on from."""
        return next(reversed(self._run.checkpoints()), None)

    def best(self) -> Checkpoint | None:
        """The best one so far, as the last one knows it; the last one itself if that one is gone."""
        last = self.last()
        if last is None:
            return None
        step = json.loads((last.folder / STATE).read_text(encoding="utf-8")).get("best_global_step")
        return next((each for each in self._run.checkpoints() if each.step == step), last)


def not_saved(path: Path, error: BaseException) -> NotSaved:
    """The sentence for what could not be written."""
    cause = (getattr(error, "strerror", None) or str(error)).splitlines()
    return NotSaved(
        "{path} can't be written: {error}. Make room on the disk, then continue the run.",
        path=path,
        error=cause[0][:200] if cause else type(error).__name__,
    )
