"""Work on the 16-bit weights, in a process of its own: `python -m qwen_ui.introspect`, as the server calls it.

The resident model may be packed, which has no gradient, and it serves. The process has a low priority, one runs at a
time, and none outlives the look that it computes for.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.finetune.told import read_error
from qwen_ui.introspect.__main__ import JOB, RESULT
from qwen_ui.introspect.subject import Subject
from qwen_ui.settings import PROJECT

LOOK = 0.1
"""Seconds between two looks whether anybody still waits."""
SECONDS = 600
"""What a look may take; most of it is reading the weights."""

Arrays = dict[str, NDArray[Any]]


def states(subject: Subject) -> torch.Tensor:
    """(positions, hidden): the last states of the text on the 16-bit weights. Raises like `compute`."""
    return torch.from_numpy(compute(subject, {"kind": "states", "ids": subject.ids})["states"])


def compute(subject: Subject, job: dict[str, Any]) -> Arrays:
    """What the process makes of the job.

    Raises `InvalidInput` where the 16-bit weights are not there, or when it takes too long, `ModelError` when they do
    not fit into memory, and what the checkpoint raises.
    """
    if subject.plain is None:
        raise InvalidInput("The 16-bit weights of this model are not on this machine, so this can't be computed.")
    while not subject.beside.acquire(timeout=LOOK):
        subject.checkpoint()
    try:
        with tempfile.TemporaryDirectory(prefix="qwen-ui-look-", ignore_cleanup_errors=True) as folder:
            (Path(folder) / JOB).write_text(json.dumps({**job, "model": str(subject.plain)}), encoding="utf-8")
            _run(subject, folder)
            with np.load(Path(folder) / RESULT, allow_pickle=False) as made:
                return {name: made[name] for name in made.files}
    finally:
        subject.beside.release()


def _run(subject: Subject, folder: str) -> None:
    command = [sys.executable, "-m", "qwen_ui.introspect", folder]
    options: dict[str, Any] = {"cwd": PROJECT, "env": {**os.environ}, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        try:
            out, said = _wait(process, subject)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        _fail(process.returncode, out, said)


def _wait(process: "subprocess.Popen[bytes]", subject: Subject) -> tuple[bytes, bytes]:
    end = time.monotonic() + SECONDS
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK)
        subject.checkpoint()
        if time.monotonic() > end:
            raise InvalidInput(
                "This took more than {minutes:.0f} minutes. Try a shorter text, or a smaller model.",
                minutes=SECONDS / 60,
            )


def _fail(code: int, out: bytes, said: bytes) -> None:
    """Raises what the process told before it ended."""
    told: Any = None
    with suppress(ValueError, IndexError):
        told = json.loads(out.decode().splitlines()[-1])
    if told:
        raise read_error(told)
    cause = said.decode(errors="replace").strip().splitlines() or [f"it ended with {code}"]
    raise EngineFailed("The process that computes on the 16-bit weights broke off: {cause}", cause=cause[-1][-300:])
