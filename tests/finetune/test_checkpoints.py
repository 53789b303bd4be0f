import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qwen_ui.errors import NotSaved
from qwen_ui.finetune.runs import Run
from qwen_ui.settings import PROJECT
from tests.finetune.test_training import adapter_of
from tests.finetune.training import Told, add, settings, train


class Killed(Exception):
    """The process is gone."""


def test_an_interrupted_run_ends_with_the_same_weights(trained: Told, tmp_path: Path, tiny: Path):
    def kill(kind, values):
        if kind == "step" and values["step"] == 5:  # after the checkpoint of step 4, in the middle of an epoch
            raise Killed

    run = add(tmp_path, tiny, settings(dropout=0.2))
    with pytest.raises(Killed):
        train(run, kill)
    again = train(run)
    assert [event["step"] for event in again.of("step")] == [5, 6]
    weights = "adapter_model.safetensors"
    assert (adapter_of(run) / weights).read_bytes() == (adapter_of(trained.run) / weights).read_bytes()


def test_the_best_and_the_last_two_stay(tmp_path: Path, tiny: Path):
    run = add(tmp_path, tiny, settings(learning_rate=0.3, steps=10))
    told = train(run)
    best = told.of("result")[0]["step"]
    assert {each.step for each in run.checkpoints()} == {best, 8, 10}
    assert [event["step"] for event in told.of("checkpoint")] == [2, 4, 6, 8, 10]


def test_a_full_disk_ends_it_with_the_last_whole_checkpoint(tmp_path: Path, tiny: Path, monkeypatch):
    import torch

    save = torch.save
    full: list[bool] = []

    def out_of_space(*given, **options):
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return save(*given, **options)

    monkeypatch.setattr(torch, "save", out_of_space)
    run = add(tmp_path, tiny, settings())
    with pytest.raises(NotSaved, match=r"No space left on device. Make room on the disk, then continue the run."):
        train(run, lambda kind, values: full.append(True) if kind == "checkpoint" else None)
    assert [each.step for each in run.checkpoints()] == [2]
    full.clear()
    monkeypatch.undo()
    assert [event["step"] for event in train(run).of("step")] == [3, 4, 5, 6]
    assert adapter_of(run)


def test_a_killed_process_is_continued(tmp_path: Path, tiny: Path):
    run = add(tmp_path, tiny, settings(steps=400, evaluate_every=3))
    command = [sys.executable, "-m", "qwen_ui.finetune", "--run", str(run.folder), "--nice", "0", "--threads", "1"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(run, "checkpoint")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run.state == "interrupted"
    done = last_checkpoint(run)
    again = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(run, "checkpoint", after=sum(1 for _ in run.events()))
    again.send_signal(signal.SIGTERM)
    _, said = again.communicate(timeout=120)
    assert (again.returncode, run.state) == (130, "stopped"), said
    starts = [index for index, event in enumerate(run.events()) if event["kind"] == "plan"]
    first = next(event for event in list(run.events())[starts[-1] :] if event["kind"] == "step")
    assert first["step"] == done + 1
    assert adapter_of(run)


def wait_for(run: Run, kind: str, after: int = 0) -> None:
    """Until such an event comes."""
    until = time.monotonic() + 200
    while not any(event["kind"] == kind for event in run.events(after)):
        assert time.monotonic() < until, list(run.events())[-1:]
        time.sleep(0.05)


def last_checkpoint(run: Run) -> int:
    return run.checkpoints()[-1].step
