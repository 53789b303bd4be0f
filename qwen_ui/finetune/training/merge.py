"""A model with an adapter in it, in 16 bits, as a folder that plain transformers loads."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from qwen_ui.adapters.card import Card
from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.training import load, publish
from qwen_ui.finetune.training.checkpoints import NOT_WRITTEN, not_saved
from qwen_ui.models.source import Report
from qwen_ui.settings import Settings

README = """\
---
base_model: {base}
library_name: transformers
pipeline_tag: text-generation
---
# {name}

{base} with the LoRA adapter "{name}" merged into its weights, in bf16. It loads with
`AutoModelForCausalLM.from_pretrained(folder)`.

- Trained on: {data} ({rows:,} rows{labels}), SHA-256 {data_hash}
- Prompt file of the rows: {template}
- Date: {made}
- On the test rows: {metrics}
- Base model's fingerprint: {base_hash}

The settings of the training:

```json
{settings}
```
"""


def merge(app: Settings, name: str, out: Path, report: Report) -> Path:
    """Writes the folder ``out``, in one step. The model is the adapter's own unless the app's settings name one.

    Raises `InvalidInput` when there is no such adapter, it is of another model, or the folder is there already;
    `ModelError`; `NotSaved`.
    """
    adapter = publish.adapters(app.data_dir).get(name)
    if out.exists():
        raise InvalidInput("There is something at {folder} already. Name a folder that is not there yet.", folder=out)
    base = load.choose(replace(app, model=_model(app, adapter.card)), "full", report)
    if adapter.card.base_hash not in ("", base.hash):
        raise InvalidInput(
            "The adapter {name} was trained on {theirs}; {ours} is another model. Name that one with --model.",
            name=name,
            theirs=adapter.card.base,
            ours=base.files.name,
        )
    merged: Any = PeftModel.from_pretrained(load.read(base), adapter.folder).merge_and_unload()
    merged.config.use_cache = True
    _write(out, merged, base.tokenizer, _readme(name, adapter.card, base.id))
    return out


def _model(app: Settings, card: Card) -> str:
    """What ``--model`` would have to be."""
    if app.model != "auto" or not card.base:
        return app.model
    return "embedded" if card.base == load.EMBEDDED_ID else card.base


def _write(out: Path, model: Any, tokenizer: PreTrainedTokenizerBase, readme: str) -> None:
    making = out.with_name(f".making-{out.name}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(making)
        tokenizer.save_pretrained(making)
        (making / "README.md").write_text(readme, encoding="utf-8")
        making.rename(out)
    except NOT_WRITTEN as error:
        raise not_saved(out, error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _readme(name: str, card: Card, base: str) -> str:
    return README.format(
        name=name,
        base=card.base or base,
        data=card.data or "unknown data",
        rows=card.rows,
        labels=f", labels {', '.join(card.labels)}" if card.labels else "",
        data_hash=card.data_hash or "unknown",
        template=card.template or "none",
        made=card.made or "unknown",
        metrics=_listed(card.metrics),
        base_hash=card.base_hash or "unknown",
        settings=json.dumps(dict(card.settings), ensure_ascii=False, indent=1),
    )


def _listed(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in metrics.items()) or "not measured"
