"""Looks inside: how long each takes for 64 tokens while nobody chats, and what one does to a chat beside it."""

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.adapters import make
from bench.chat import STORIES
from bench.report import Figure
from bench.workers import Worker, engine_worker
from qwen_ui.introspect.looks import (
    Architecture,
    Attention,
    Backward,
    Compare,
    FeedForward,
    Forward,
    Look,
    Microscope,
    Positions,
    Source,
)
from qwen_ui.settings import Settings

TOKENS = 64
GOAL = "< 2 s"
ADAPTER = "bench"
SOURCE = Source(ids=tuple(range(1_000, 1_000 + TOKENS)))
LAYER = "model.layers.3.mlp.up_proj"
IN_PARTS: dict[str, tuple[Look, str]] = {
    "the architecture": (Architecture(), ""),
    "a forward pass through the logit lens": (Forward(SOURCE), ""),
    "the same with a head knocked out": (Forward(SOURCE, frozenset({(3, 1)})), ""),
    "attention maps and the scores of all heads": (Attention(SOURCE, 3), ""),
    "attention by distance": (Positions(SOURCE), ""),
    "the units of a feed-forward part": (FeedForward(SOURCE, 20), ""),
    "a layer's 4-bit weights": (Microscope(SOURCE, LAYER), ""),
    "the model beside itself with an adapter": (Compare(SOURCE, 3), ADAPTER),
}
BESIDE: dict[str, tuple[Look, str]] = {
    "the same against 16 bits, in a process of its own": (Microscope(SOURCE, LAYER, whole=True), ""),
    "a backward pass, in a process of its own": (Backward(SOURCE, " and so it goes on"), ""),
}


def run(settings: Settings, rounds: int) -> list[Figure]:
    """The lines of the report."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        (data / "models").symlink_to(settings.data_dir / "models", target_is_directory=True)
        with Worker(engine_worker, replace(settings, data_dir=data)) as engine:
            make(data / "adapters" / ADAPTER, engine.info.base, 0)
            for look, adapter in IN_PARTS.values():  # the first of each is left out
                engine.call("look", look=look, adapter=adapter)
            seconds: dict[str, list[float]] = {name: [] for name in IN_PARTS}
            for _ in range(rounds):
                for name, (look, adapter) in IN_PARTS.items():
                    seconds[name].append(engine.call("look", look=look, adapter=adapter)["seconds"])
            beside = {name: engine.call("look", look=look)["seconds"] for name, (look, _) in BESIDE.items()}
            longest = _longest_wait(engine)
    figures = [Figure(name, f"{statistics.median(each):.2f} s", GOAL, _spread(each)) for name, each in seconds.items()]
    figures += [Figure(name, f"{each:.1f} s", "", "once") for name, each in beside.items()]
    return [*figures, longest]


def _longest_wait(engine: Worker) -> Figure:
    """How long a running stream stands still while a forward pass is looked at."""
    gaps = engine.call("gaps", prompt=STORIES[0], look=Forward(SOURCE))
    return Figure(
        "longest wait of a running stream during a forward pass",
        f"{1000 * gaps['during']:.0f} ms",
        "",
        f"{1000 * gaps['alone']:.0f} ms without",
    )


def _spread(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} to {max(seconds):.2f} s"
