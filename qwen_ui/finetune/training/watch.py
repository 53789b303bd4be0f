"""Watches a training: writes what happens as the run's events, clips gradients, thaws layers, and stops it."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from qwen_ui.errors import Diverged
from qwen_ui.finetune.runs import Run
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training import groups
from qwen_ui.finetune.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from qwen_ui.finetune.training.trainer import AppTrainer

Tell = Callable[..., None]
"""Like `Run.tell`."""


class Watch(TrainerCallback):
    """For one run. ``trainer`` is set once that is made."""

    trainer: "AppTrainer"

    def __init__(self, run: Run, settings: TrainSettings, checkpoints: Checkpoints, tell: Tell) -> None:
        self._run, self._settings, self._checkpoints, self._tell = run, settings, checkpoints, tell
        self._began = self._step_began = 0.0
        self._first_step = 0
        self._seen_tokens = 0
        self._step: dict[str, Any] = {}
        self.stopped = False
        """Whether it was told to stop."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._began, self._first_step = time.monotonic(), state.global_step

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._step_began, self._seen_tokens = time.monotonic(), self.trainer.tokens
        layers = self.trainer.layers
        thawed = groups.thawed(layers, state.global_step, self._settings.unfreeze_every)
        groups.freeze_below(layers, thawed)
        self._step = {"thawed": thawed}

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Measures the gradients of each layer, and cuts them to the wanted length. Raises `Diverged`."""
        norms = {layer.name: _norm([parameter for _, parameter in layer.parameters]) for layer in self.trainer.layers}
        total = math.hypot(*norms.values())
        if not math.isfinite(total):
            raise _diverged(state.global_step + 1)
        if self._settings.clip and total > self._settings.clip:
            for layer in self.trainer.layers:
                for _, parameter in layer.parameters:
                    if parameter.grad is not None:
                        parameter.grad.mul_(self._settings.clip / total)
        rates = {group["name"]: group["lr"] for group in given["optimizer"].param_groups}
        self._step |= {"norms": norms, "total_norm": total, "rates": rates}

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        seconds = time.monotonic() - self._step_began
        self._step["tokens_per_second"] = (self.trainer.tokens - self._seen_tokens) / max(seconds, 1e-6)
        if self._run.stopping:
            self.stopped = control.should_training_stop = control.should_save = True
            control.should_evaluate = state.best_global_step is None or control.should_evaluate
        elif state.global_step >= state.max_steps:
            control.should_evaluate = control.should_save = True

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """A step's loss is known here."""
        logs: dict[str, Any] = given["logs"]
        if "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise _diverged(state.global_step)
        done = state.global_step - self._first_step
        each = (time.monotonic() - self._began) / max(1, done)
        self._tell(
            "step",
            step=state.global_step,
            epoch=round(state.epoch or 0.0, 4),
            loss=logs["loss"],
            **self._step,
            memory_bytes=memory_bytes(),
            seconds_left=each * (state.max_steps - state.global_step),
        )

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        judged = self.trainer.judged
        assert judged is not None
        self._tell("evaluation", step=state.global_step, part="validation", loss=judged.loss, metrics=judged.metrics)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        step, best = state.global_step, state.best_global_step or state.global_step
        folder = self._checkpoints.keep(self._checkpoints.making / f"checkpoint-{step}", step, best)
        self._tell("checkpoint", step=step, folder=folder.name, best=step == best)


def _diverged(step: int) -> Diverged:
    return Diverged(
        "The loss is no longer a number at step {step:,}, so the training ended there. Lower the learning rate; the "
        "best checkpoint until then is kept.",
        step=step,
    )


def memory_bytes() -> int:
    """What this process takes: the GPU's memory at its most where it trains there, else the main memory now."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return int(psutil.Process().memory_info().rss)


def _norm(parameters: list[torch.nn.Parameter]) -> float:
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
