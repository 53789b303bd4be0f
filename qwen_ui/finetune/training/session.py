"""A run from its request to its result: what `--run` and `--plan` do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed
from transformers.utils import logging

from qwen_ui.errors import Diverged, InvalidInput, NotSaved
from qwen_ui.finetune.data import Dataset, candidates, read_dataset
from qwen_ui.finetune.encode import Encoded, Encoder
from qwen_ui.finetune.preview import preview
from qwen_ui.finetune.rendering import Example
from qwen_ui.finetune.runs import Run
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training import estimate, load, loss, publish, result, strategy, trainer
from qwen_ui.finetune.training.checkpoints import Checkpoints
from qwen_ui.finetune.training.collate import Collator, balanced
from qwen_ui.finetune.training.evaluate import Judge
from qwen_ui.finetune.training.watch import Tell, Watch
from qwen_ui.models import heap
from qwen_ui.models.source import Report
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import Settings

MOST_JUDGED = 256
"""Validation and test rows that are looked at; more take time and tell little."""
BEFORE = "before.json"
"""What the model was like before its first step, kept for when the run is continued."""

Choose = Callable[[Settings, str, Report], load.Base]


class Stopped(Exception):
    """It was told to stop before it had anything to keep."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is known before weights are read."""

    settings: TrainSettings
    prompts: PromptStore
    dataset: Dataset
    base: load.Base
    train: tuple[Encoded, ...]
    validation: tuple[Encoded, ...]
    test: tuple[Encoded, ...]
    shape: estimate.Shape
    needs: estimate.Estimate


def prepare(run: Run, app: Settings, report: Report) -> Prepared:
    """Reads the data, finds the model, and tells what the training will take.

    Raises `InvalidInput`, `TemplateError` or `ModelError` with a sentence.
    """
    request, settings = run.request, run.request.settings
    prompts = PromptStore(app.prompts_dir)
    dataset = read_dataset(request, run.file.read_bytes(), prompts)
    base = load.choose(replace(app, model=request.model), settings.method, report)
    settings = replace(settings, max_length=min(settings.max_length, base.size.context))
    train = _encoded(base, dataset.train, settings)
    if not train:
        raise InvalidInput("None of the rows has anything left to learn. Raise the maximum length.")
    judged = replace(settings, loss_on="answer")
    validation = _encoded(base, (dataset.validation or dataset.test or dataset.train)[:MOST_JUDGED], judged)
    shape = estimate.shape_of(base, settings)
    return Prepared(
        settings=settings,
        prompts=prompts,
        dataset=dataset,
        base=base,
        train=train,
        validation=validation,
        test=_encoded(base, dataset.test[:MOST_JUDGED], judged) or validation,
        shape=shape,
        needs=estimate.estimate(base, shape, settings, train, len(validation)),
    )


def plan_values(prepared: Prepared) -> dict[str, Any]:
    """The values of the ``plan`` event."""
    dataset, needs = prepared.dataset, prepared.needs
    return {
        "rows": {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")},
        "left_out": len(dataset.left_out),
        "duplicates": dataset.duplicates,
        "parameters": needs.parameters,
        "trainable": needs.trainable,
        "steps": needs.steps,
        "tokens": needs.tokens,
        "memory_bytes": needs.memory_bytes,
        "seconds": needs.seconds,
        "groups": list(prepared.shape.groups),
        "layers": list(prepared.shape.layers),
        "model": prepared.base.files.name,
        "base_hash": prepared.base.hash,
    }


def plan(run: Run, app: Settings) -> dict[str, Any]:
    """What the run would be, as JSON. Raises like `prepare`."""
    prepared = prepare(run, app, lambda progress: None)
    needs = asdict(prepared.needs) | {"fits": prepared.needs.fits, "sentence": str(prepared.needs.sentence)}
    shown = preview(prepared.base.tokenizer, prepared.dataset, prepared.settings)
    return {"preview": shown.to_json(), "estimate": needs}


def train(run: Run, app: Settings, tell: Tell, report: Report) -> None:
    """Trains the run, from its last checkpoint on if it has one, and publishes the best.

    Raises like `prepare`; `Diverged` after what was best until then has been published; `NotSaved` when the disk is
    full, with the last whole checkpoint still there; `Stopped`.
    """
    _check_name(run, app.data_dir)
    prepared = prepare(run, app, report)
    tell("plan", **plan_values(prepared))
    estimate.check(prepared.base.files.name, prepared.needs, prepared.settings)
    _stop_if_told(run)
    logging.set_verbosity_error()  # transformers' hints are for whoever writes such a loop
    set_seed(prepared.settings.seed)
    longest = max(len(row.ids) for row in prepared.train)
    model = strategy.prepare(load.read(prepared.base, longest), prepared.settings, prepared.base.id)
    _stop_if_told(run)
    judge = _judge(prepared)
    before = _before(run, model, prepared, judge)
    _stop_if_told(run)
    problem = _learn(run, model, prepared, judge, tell)
    checkpoints = Checkpoints(run)
    best = checkpoints.best()
    if isinstance(problem, NotSaved) or (problem and best is None):
        raise problem
    assert best is not None
    load.weights(model, best.folder)
    probes = result.probes_of(prepared.prompts)
    after = result.measure(model, prepared.base.tokenizer, judge, prepared.test, probes)
    card = publish.card_of(run, prepared.dataset, prepared.base, after.metrics)
    if _published(run):
        publish.remove(app.data_dir, run.request.name, prepared.settings)
    folder = publish.publish(app.data_dir, best.folder, run.request.name, card, prepared.base)
    is_adapter = prepared.settings.method == "lora"
    tell(
        "result",
        adapter=run.request.name if is_adapter else "",
        model_folder="" if is_adapter else str(folder),
        step=best.step,
        **result.compare(prepared.dataset.labels, prepared.test, probes, before, after),
    )
    if problem:
        raise problem


def _learn(run: Run, model: Any, prepared: Prepared, judge: Judge, tell: Tell) -> Diverged | NotSaved | None:
    """Trains until its end, or until it can't go on: then what was wrong."""
    settings, checkpoints = prepared.settings, Checkpoints(run)
    checkpoints.clear()
    last = checkpoints.last()
    on_cpu = prepared.base.device.kind == "cpu"
    metric = _deciding(settings, prepared.dataset)
    watch = Watch(run, settings, checkpoints, tell)
    made = trainer.AppTrainer(
        model,
        trainer.arguments(settings, checkpoints.making, len(prepared.train), metric, on_cpu, last is not None),
        settings,
        prepared.train,
        _collator(prepared),
        _numbers(prepared),
        lambda model: judge(model, prepared.validation),
        [watch, *trainer.early_stopping(settings)],
    )
    watch.trainer = made
    try:
        with heap.returned():  # batches differ in length: the holes that they leave would make twice the memory
            made.train(resume_from_checkpoint=str(last.folder) if last else None)
    except (Diverged, NotSaved) as error:
        return error
    return None


def _encoded(base: load.Base, examples: tuple[Example, ...], settings: TrainSettings) -> tuple[Encoded, ...]:
    """Those in which something is left to learn."""
    encoder = Encoder(base.tokenizer, settings)
    rows = map(encoder.encode, examples)
    return tuple(row for row in rows if any(row.bears_loss[1:]))


def _judge(prepared: Prepared) -> Judge:
    dataset = prepared.dataset
    return Judge(prepared.base.tokenizer, prepared.settings, dataset.labels, candidates(dataset))


def _numbers(prepared: Prepared) -> loss.Numbers | None:
    if prepared.settings.loss != "mean-squared-error":
        return None
    found = candidates(prepared.dataset)
    prompt = prepared.train[0].example.prompt
    return loss.numbers_of(prepared.base.tokenizer, prompt, found, prepared.dataset.labels)


def _collator(prepared: Prepared) -> Collator:
    balance = prepared.settings.class_weights == "balanced" and bool(prepared.dataset.labels)
    weights: Mapping[str, float] = balanced([row.example.label for row in prepared.train]) if balance else {}
    return Collator(weights, numbers=prepared.settings.loss == "mean-squared-error")


def _deciding(settings: TrainSettings, dataset: Dataset) -> str:
    """What tells which checkpoint is best."""
    if settings.stop_by != "metric":
        return "loss"
    return {"labels": "accuracy", "translation": "chrf"}.get(dataset.shape, "loss")


def _before(run: Run, model: Any, prepared: Prepared, judge: Judge) -> result.Measured:
    """The untrained model on the test rows and the probes: measured once, as it is gone after that."""
    file = run.folder / BEFORE
    if file.exists():
        return result.Measured.of(json.loads(file.read_text(encoding="utf-8")))
    probes = result.probes_of(prepared.prompts)
    found = result.measure(model, prepared.base.tokenizer, judge, prepared.test, probes)
    file.write_text(json.dumps(found.to_json(), ensure_ascii=False), encoding="utf-8")
    return found


def _check_name(run: Run, data_dir: Path) -> None:
    if not _published(run):
        publish.check_name(data_dir, run.request.name, run.request.settings)


def _published(run: Run) -> bool:
    """Whether what has its name is its own, of an earlier end."""
    return any(event["kind"] == "result" for event in run.events())


def _stop_if_told(run: Run) -> None:
    if run.stopping:
        raise Stopped


def set_threads(count: int) -> None:
    """Threads that compute. Beside a chat one less does more: threads that wait for each other stand still together."""
    torch.set_num_threads(count)
