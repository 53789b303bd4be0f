"""From the best checkpoint to what everybody can pick: an adapter with its card, or a model folder."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from qwen_ui.adapters.card import CARD, Card
from qwen_ui.adapters.files import CONFIG, WEIGHTS
from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.data import Dataset
from qwen_ui.finetune.runs import Run
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training.checkpoints import NOT_WRITTEN, not_saved
from qwen_ui.finetune.training.load import Base

NOT_OF_A_MODEL = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin")


def adapters(data_dir: Path) -> AdapterStore:
    """Those of the data folder."""
    return AdapterStore(data_dir / "adapters", data_dir / "runs")


def check_name(data_dir: Path, name: str, settings: TrainSettings) -> None:
    """Raises `InvalidInput` for a name that can't be, or is taken."""
    adapters(data_dir).check_name(name)
    if settings.method != "lora" and (data_dir / "models" / name).exists():
        raise InvalidInput("There is a model {name!r} already. Choose another name.", name=name)


def remove(data_dir: Path, name: str, settings: TrainSettings) -> None:
    """Makes room for a better one of the same run."""
    store = adapters(data_dir)
    if settings.method != "lora":
        shutil.rmtree(data_dir / "models" / name, ignore_errors=True)
    elif any(adapter.name == name for adapter in store.all()):
        store.delete(name)


def publish(data_dir: Path, checkpoint: Path, name: str, card: Card, base: Base) -> Path:
    """Puts a copy of the checkpoint in its place, in one step; an adapter's, or a whole model's with its tokenizer.

    Raises `InvalidInput` when the name has been taken meanwhile, `NotSaved`.
    """
    making = checkpoint.parent / ".publishing"
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        if (checkpoint / CONFIG).exists():
            for file in (CONFIG, WEIGHTS):
                shutil.copy2(checkpoint / file, making / file)
            _write_card(making, card)
            return adapters(data_dir).publish(making, name).folder
        shutil.copytree(checkpoint, making, ignore=shutil.ignore_patterns(*NOT_OF_A_MODEL), dirs_exist_ok=True)
        base.tokenizer.save_pretrained(making)
        _write_card(making, card)
        target = data_dir / "models" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return making.rename(target)
    except NOT_WRITTEN as error:
        raise not_saved(making, error) from error


def card_of(run: Run, dataset: Dataset, base: Base, metrics: Mapping[str, float]) -> Card:
    """What the adapter says of itself."""
    return Card(
        made=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        base=base.id,
        base_hash=base.hash,
        data=run.request.file,
        data_hash=hashlib.sha256(run.file.read_bytes()).hexdigest(),
        rows=len(dataset.train),
        shape=dataset.shape,
        template=dataset.template,
        labels=dataset.labels,
        settings=run.request.settings.to_json(),
        metrics=metrics,
        curves=_curves(run),
    )


def _curves(run: Run) -> tuple[dict[str, float], ...]:
    """Training loss by step, and what each evaluation found."""
    points: dict[int, dict[str, float]] = {}
    for event in run.events():
        if event["kind"] == "step":
            points.setdefault(event["step"], {"step": event["step"]})["loss"] = event["loss"]
        elif event["kind"] == "evaluation":
            point = points.setdefault(event["step"], {"step": event["step"]})
            point |= {"validation_loss": event["loss"], **event["metrics"]}
    return tuple(points[step] for step in sorted(points))


def _write_card(folder: Path, card: Card) -> None:
    (folder / CARD).write_text(json.dumps(card.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
