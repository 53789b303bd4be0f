"""The training command, ``python -m qwen_ui.finetune``, as the server calls it: always in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.runs import Run
from qwen_ui.finetune.told import read_error
from qwen_ui.settings import PROJECT, Settings, variable_of

PLAN_SECONDS = 180
"""What a look at the data may take: most of it is loading the tokenizer's library."""
LOOK = 0.2
"""Seconds between two looks whether planning was stopped."""
LOG = "log.txt"
"""What the process of a run says, in the run's folder."""
_TOLD = 300
"""Characters of a log's end that are told."""


@dataclass(frozen=True, slots=True)
class Command:
    """How the command is called."""

    argv: Sequence[str] = (sys.executable, "-m", "qwen_ui.finetune")
    environ: Mapping[str, str] = field(default_factory=dict)
    """What it is told beside what this process was."""

    @classmethod
    def of(cls, settings: Settings) -> "Command":
        """For a server with these settings: with the same folders."""
        folders = {name: str(getattr(settings, name)) for name in ("data_dir", "prompts_dir")}
        return cls(environ={variable_of(name): folder for name, folder in folders.items()})

    def start(self, run: Run) -> "subprocess.Popen[bytes]":
        """Trains the run. The process outlives this one. Raises `OSError` when it can't be started."""
        with (run.folder / LOG).open("ab") as log:
            return self._open(["--run", str(run.folder)], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def plan(self, run: Run, stopped: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """What the run would train on, and what it would take: ``preview`` and ``estimate``.

        Raises `InvalidInput` for what can't be trained on, when it takes too long, and when it was ``stopped``.
        """
        with self._open(["--plan", str(run.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            out, said = _read(process, stopped)
        found: dict[str, Any] = {}
        with suppress(ValueError, IndexError):
            found = json.loads(out.decode().splitlines()[-1])
        if "error" in found:
            raise read_error(found["error"])
        if process.returncode or not found:
            raise RuntimeError(f"The plan ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}")
        return found

    def merge(self, name: str, out: Path) -> "subprocess.Popen[bytes]":
        """Writes the adapter of that name and its base as one model, and says meanwhile how far that is."""
        return self._open(["--merge", name, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _open(self, argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        environ = {**os.environ, **self.environ}
        return subprocess.Popen([*self.argv, *argv], cwd=PROJECT, env=environ, stdin=subprocess.DEVNULL, **options)


def _read(process: "subprocess.Popen[bytes]", stopped: Callable[[], bool]) -> tuple[bytes, bytes]:
    """What a process that is planning says, to its end. Raises `InvalidInput` when that does not come in time."""
    end = time.monotonic() + PLAN_SECONDS
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK)
        if stopped():
            process.kill()
            raise InvalidInput("Looking at the data was stopped.")
        if time.monotonic() > end:
            process.kill()
            raise InvalidInput(
                "Looking at the data took more than {seconds:.0f} seconds. Use fewer rows.", seconds=PLAN_SECONDS
            )


def last_words(run: Run) -> str:
    """The end of what a run's process said; empty when there is nothing."""
    file = run.folder / LOG
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines() if file.exists() else []
    return lines[-1][-_TOLD:] if lines else ""
