"""transformers' Trainer with this app's groups, losses, evaluation and checkpoints."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from qwen_ui.finetune.encode import Encoded
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training import groups, loss, optim
from qwen_ui.finetune.training.checkpoints import NOT_WRITTEN, not_saved
from qwen_ui.finetune.training.collate import ByLength, Collator
from qwen_ui.finetune.training.evaluate import Judged
from qwen_ui.finetune.training.load import computing

EVALUATIONS_PER_EPOCH = 4
Evaluate = Callable[[Any], Judged]
"""Judges the model on the validation rows."""


class AppTrainer(Trainer):
    """Trains what `strategy.prepare` switched on."""

    def __init__(
        self,
        model: Any,
        arguments: TrainingArguments,
        settings: TrainSettings,
        rows: Sequence[Encoded],
        collate: Collator,
        numbers: loss.Numbers | None,
        evaluate: Evaluate,
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        self.layers = groups.layers_of(model)
        self.tokens = 0
        """So many were computed until now."""
        self.judged: Judged | None = None
        """The latest evaluation."""
        self._settings, self._rows, self._numbers, self._evaluate_rows = settings, rows, numbers, evaluate
        super().__init__(model, arguments, collate, train_dataset=rows, eval_dataset=rows, callbacks=list(callbacks))
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False  # the loss is each batch's mean

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if self.optimizer is None:
            self.optimizer = optim.make(groups.groups(self.layers, self._settings), self._settings)
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        return ByLength([len(row.ids) for row in self._rows], self.args.train_batch_size, self.args.seed)

    def floating_point_ops(self, inputs: Any) -> int:
        return 0  # nobody asks, and it would look for tokens outside the parts

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """A batch in parts, as its activations may not fit into memory together: the sum of theirs is its loss."""
        parts = inputs["parts"]
        return torch.stack([super(AppTrainer, self).training_step(model, part) for part in parts]).sum()

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        self.tokens += inputs["input_ids"].numel()
        with computing(model):
            return loss.of(model, inputs, self._settings, self._numbers)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        self.judged = self._evaluate_rows(self.model)
        found = {"eval_loss": self.judged.loss} | {f"eval_{name}": value for name, value in self.judged.metrics.items()}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights and configuration alone; without asking the hub about the base model's embeddings."""
        model: Any = self.model
        model.save_pretrained(
            output_dir, **({"save_embedding_layers": False} if self._settings.method == "lora" else {})
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        try:
            super()._save_checkpoint(model, trial)
        except NOT_WRITTEN as error:
            raise not_saved(Path(str(self.args.output_dir)), error) from error


SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def arguments(
    settings: TrainSettings, folder: Path, rows: int, metric: str, on_cpu: bool, continued: bool
) -> TrainingArguments:
    """What transformers is told: the schedule, and to evaluate and save each so many steps. ``metric`` decides."""
    every = evaluate_every(settings, rows)
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        num_train_epochs=settings.epochs,
        max_steps=settings.steps or -1,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        lr_scheduler_type=SCHEDULES[settings.schedule],
        warmup_steps=settings.warmup,
        max_grad_norm=0,  # `Watch` measures and clips in one
        activation_checkpointing=settings.checkpointing,
        seed=settings.seed,
        use_cpu=on_cpu,
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=every,
        save_steps=every,
        eval_on_start=not continued,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        metric_for_best_model=metric,
        greater_is_better=metric != "loss",
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        report_to="none",
        disable_tqdm=True,
    )


def evaluate_every(settings: TrainSettings, rows: int) -> int:
    """Steps between two evaluations."""
    return settings.evaluate_every or max(1, round(steps_of_epoch(settings, rows) / EVALUATIONS_PER_EPOCH))


def steps_of_epoch(settings: TrainSettings, rows: int) -> int:
    """Batches of an epoch, those that are added up counted as one."""
    return math.ceil(math.ceil(rows / settings.batch_size) / settings.accumulation)


def steps_of(settings: TrainSettings, rows: int) -> int:
    """All steps of a run."""
    return settings.steps or math.ceil(settings.epochs * steps_of_epoch(settings, rows))


def early_stopping(settings: TrainSettings) -> list[TrainerCallback]:
    """The callback for it, where it is wanted."""
    return [] if settings.stop_by == "none" else [EarlyStoppingCallback(settings.patience)]
