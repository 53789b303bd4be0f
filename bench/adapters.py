"""Adapters: sixteen streams over four of them against sixteen streams of the base, and how long loading one takes."""

import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bench.chat import NEW_TOKENS, STORIES
from bench.report import Figure
from bench.workers import Worker, engine_worker
from qwen_ui.adapters.files import CONFIG, WEIGHTS, Base
from qwen_ui.settings import Settings

NAMES = ("first", "second", "third", "fourth")
RANK = 16


def run(settings: Settings, rounds: int) -> list[Figure]:
    """The lines of the report."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "models").symlink_to(settings.data_dir / "models", target_is_directory=True)
        with Worker(engine_worker, replace(settings, data_dir=data)) as engine:
            for seed, name in enumerate(NAMES):
                make(data / "adapters" / name, engine.info.base, seed)
            return _figures(engine, rounds)


def make(folder: Path, base: Base, seed: int) -> None:
    """Writes an adapter with weights by chance for all linear layers: too small to change what is said much."""
    numbers = np.random.default_rng(seed)
    weights = {}
    for layer, (outputs, inputs) in base.layers.items():
        weights[f"base_model.model.{layer}.lora_A.weight"] = numbers.standard_normal((RANK, inputs), np.float32)
        weights[f"base_model.model.{layer}.lora_B.weight"] = numbers.standard_normal((outputs, RANK), np.float32) * 1e-5
    folder.mkdir(parents=True)
    save_file(weights, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": RANK, "lora_alpha": RANK}))


def _figures(engine: Worker, rounds: int) -> list[Figure]:
    loads = [engine.call("load", adapter=name)["seconds"] for name in NAMES]
    ways = {"base": ("",), "one": NAMES[:1], "four": NAMES, "half": ("", NAMES[0])}
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):  # by turns, for the machine's speed changes within minutes; the first is left out
        for way, names in ways.items():
            chosen = [names[index % len(names)] for index in range(len(STORIES))]
            call = {"prompts": STORIES, "new_tokens": NEW_TOKENS // 2 if turn else 4, "temperature": 0.7}
            speed = engine.call("run", **call, adapters=chosen)["tokens_per_second"]
            if turn:
                speeds[way].append(speed)
    base = statistics.median(speeds["base"])
    ratios = {way: statistics.median(speeds[way]) for way in ways}

    def figure(way: str, what: str, goal: str = "") -> Figure:
        from_ = f"{ratios[way]:.1f} and {base:.1f} tokens/s"
        return Figure(f"{what} ÷ sixteen of the base", f"{ratios[way] / base:.2f}", goal, from_)

    return [
        figure("four", "sixteen streams over four adapters", "≥ 0.8"),
        figure("one", "sixteen streams of one adapter"),
        figure("half", "eight streams of one adapter and eight of the base"),
        Figure("loading an adapter of rank 16", f"{statistics.median(loads):.2f} s", "< 2 s", f"{len(loads)} of them"),
    ]
