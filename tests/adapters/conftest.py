"""A tiny adapter on disk, and the model that it is for."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from qwen_ui.adapters.files import CONFIG, WEIGHTS, Base

LAYER = "model.layers.0.self_attn.q_proj"
BASE = Base("Qwen2.5-0.5B-Instruct", "f" * 64, {LAYER: (6, 4), "model.layers.1.mlp.up_proj": (8, 4)})
Make = Callable[..., Path]


def tensors(layer: str = LAYER, rank: int = 2, outputs: int = 6, inputs: int = 4) -> dict[str, Any]:
    return {
        f"base_model.model.{layer}.lora_A.weight": np.ones((rank, inputs), np.float32),
        f"base_model.model.{layer}.lora_B.weight": np.ones((outputs, rank), np.float32),
    }


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes an adapter's files into a folder."""

    def write(
        folder: Path = tmp_path / "made", weights: Mapping[str, Any] | None = None, card: Any = None, **config: Any
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        given = {"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen2.5-0.5B-Instruct", "r": 2, "lora_alpha": 8}
        (folder / CONFIG).write_text(json.dumps({**given, **config}))
        save_file(dict(tensors() if weights is None else weights), folder / WEIGHTS)
        if card is not None:
            (folder / "card.json").write_text(json.dumps(card))
        return folder

    return write
