"""Made-up results of looks, always the same ones: a model of four layers whose words are those of the text."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import numpy as np

from qwen_ui.engine.base import EngineInfo
from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import (
    Against16Bits,
    AnyResult,
    ArchitectureResult,
    AttentionResult,
    BackwardResult,
    CompareResult,
    Distribution,
    FeedForwardResult,
    ForwardResult,
    MicroscopeResult,
    Origin,
    Part,
    Piece,
    PositionsResult,
    Unit,
)
from tests.fakes import INFO, FakeEngine

LAYERS, HEADS, KV_HEADS, SIZE = 4, 6, 2, 16
WORDS = [" the", " cat", " sat", " on", " <b>mat</b>", "\n", "<0xE4>", " 鸟", " Paris", " fromage", ".", " and"]
"""The vocabulary; what the text says besides comes after it."""
ORIGIN = Origin("made/Up-1B", "4bit")
LEVELS = np.linspace(-1, 1, 16).astype(np.float32) ** 3


class LookingEngine(FakeEngine):
    """A fake that can be looked into."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.looks: list[tuple[Look, str, float]] = []
        """What was asked, with which adapter, at what scale. Each takes one of the steps."""

    @property
    def info(self) -> EngineInfo:
        return replace(INFO, abilities=frozenset({"tokens", "introspect"}))

    async def look(self, look: Look, adapter: str = "", scale: float = 1.0) -> AnyResult:
        await self.steps.acquire()
        self.looks.append((look, adapter, scale))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return made_up(look, replace(ORIGIN, adapter=adapter, scale=scale))


def pieces_of(source: Source) -> tuple[Piece, ...]:
    """A piece a word, with the blank before it."""
    if source.ids:
        return tuple(Piece(WORDS[id % len(WORDS)], id) for id in source.ids)
    text = source.text or source.messages[-1].content
    return tuple(
        Piece(word, len(WORDS) + at) for at, word in enumerate(re.findall(r"\s?\S+|\s", text)[: looks.MAX_TOKENS])
    )


def distribution(seed: int = 0) -> Distribution:
    logits = np.random.default_rng(seed).normal(0, 2, len(WORDS)).astype(np.float32)
    order = np.argsort(-logits)
    return Distribution(logits, tuple(Piece(WORDS[at], int(at)) for at in order))


def maps_of(count: int, seed: int = 0) -> Any:
    """Weights that add up to 1 over what can be seen."""
    scores = np.random.default_rng(seed).normal(0, 1.5, (HEADS, count, count))
    scores[:, :, 0] += 2
    weights = np.exp(np.where(np.tri(count, dtype=bool), scores, -np.inf))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def made_up(look: Look, origin: Origin = ORIGIN) -> AnyResult:
    """The result of a look."""
    if isinstance(look, looks.Architecture):
        return architecture(look, origin)
    pieces = pieces_of(look.source)
    makers: dict[type, Any] = {
        looks.Forward: forward,
        looks.Attention: attention,
        looks.Positions: positions,
        looks.FeedForward: feedforward,
        looks.Backward: backward,
        looks.Microscope: microscope,
        looks.Compare: compare,
    }
    result: AnyResult = makers[type(look)](look, origin, pieces)
    return result


def architecture(look: looks.Architecture, origin: Origin) -> ArchitectureResult:
    parts = [Part("model.embed_tokens", "embedding", None, (("weight", (3000, 96)),), 288_000, "bf16", 576_000, 0.5)]
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        parts += [
            Part(f"{name}.self_attn", "attention", layer, (("q_proj.weight", (96, 96)),), 9216, "4bit", 5000, 0.05),
            Part(f"{name}.mlp", "feedforward", layer, (("up_proj.weight", (256, 96)),), 24_576, "4bit", 13_000, 0.07),
            Part(f"{name}.input_layernorm", "norm", layer, (("weight", (96,)),), 96, "bf16", 192, 0.001),
        ]
    parts.append(Part("lm_head", "head", None, (("weight", (3000, 96)),), 288_000, "bf16", 0, 0.0, tied=True))
    linear = tuple(f"model.layers.{layer}.mlp.up_proj" for layer in range(LAYERS))
    return ArchitectureResult(
        look, origin, "qwen2", LAYERS, 96, HEADS, KV_HEADS, SIZE, 256, 3000, 32768, 4096, 1e6, "default", "RMSNorm",
        1e-6, "silu", True, True, True, None, 423_000, 650_000, tuple(parts), linear,
    )  # fmt: skip


def forward(look: looks.Forward, origin: Origin, pieces: tuple[Piece, ...], seed: int = 0) -> ForwardResult:
    count, random = len(pieces), np.random.default_rng(seed)
    ids = random.integers(0, len(WORDS), (LAYERS + 1, count))
    ids[-2:] = ids[-1]
    return ForwardResult(
        look,
        origin,
        pieces,
        np.exp(random.normal(3, 1, (LAYERS + 1, count))).astype(np.float32),
        ids,
        tuple(tuple(WORDS[id] for id in row) for row in ids),
        random.random((LAYERS + 1, count)).astype(np.float32),
        np.full(count, LAYERS - 1),
        distribution(count + seed),
        None,
    )


def attention(look: looks.Attention, origin: Origin, pieces: tuple[Piece, ...]) -> AttentionResult:
    previous, first, itself, same, induction = np.random.default_rng(0).random((5, LAYERS, HEADS)).astype(np.float32)
    knocked = bool(look.knocked or look.knocked_layers)
    maps = maps_of(len(pieces), look.layer)
    return AttentionResult(
        look,
        origin,
        pieces,
        maps,
        previous,
        first,
        itself,
        same,
        induction,
        distribution(1 if knocked else 0),
        distribution() if knocked else None,
    )


def positions(look: looks.Positions, origin: Origin, pieces: tuple[Piece, ...]) -> PositionsResult:
    frequencies = (1e6 ** -(np.arange(SIZE // 2) / (SIZE // 2))).astype(np.float32)
    distances, count = np.arange(0, 256, 2), len(pieces)
    falling = np.exp(-np.arange(count) / 8)[None] * np.linspace(1, 2, LAYERS)[:, None]
    return PositionsResult(
        look, origin, pieces, frequencies, distances, np.outer(frequencies, distances).astype(np.float32),
        falling.astype(np.float32), (falling / 4).astype(np.float32), 32768, 4096, 1e6, "default",
    )  # fmt: skip


def feedforward(look: looks.FeedForward, origin: Origin, pieces: tuple[Piece, ...]) -> FeedForwardResult:
    x = np.linspace(-6, 6, 121).astype(np.float32)
    words = tuple(Piece(word, at) for at, word in enumerate(WORDS[:5]))
    units = tuple(Unit(at * 7, 3.0 - at, 2.9 - at, 1.5, 4.4 - at, 5.0 - at / 2, words, words[::-1]) for at in range(8))
    position = look.position % len(pieces)
    gates = np.random.default_rng(position).normal(-1, 1, 256).astype(np.float32)
    return FeedForwardResult(
        look, origin, pieces, position, "silu", True, x, x / (1 + np.exp(-x)), gates, gates * 2, units
    )


def backward(look: looks.Backward, origin: Origin, pieces: tuple[Piece, ...]) -> BackwardResult:
    answer = pieces_of(Source(text=look.answer))
    random = np.random.default_rng(0)
    losses = random.random(len(answer)).astype(np.float32) * 3
    gradients = np.exp(random.normal(0, 1, (LAYERS, 3))).astype(np.float32)
    saliency = random.normal(0, 1, len(pieces) + len(answer) - 1).astype(np.float32)
    return BackwardResult(
        look, origin, (*pieces, *answer), len(pieces), losses, losses * 0.8, float(losses.mean()),
        float(losses.mean()) * 0.8, saliency, ("q_proj", "o_proj", "up_proj"), gradients,
        (("model.norm", 0.5),), 4.2, 3.5,
    )  # fmt: skip


def microscope(look: looks.Microscope, origin: Origin, pieces: tuple[Piece, ...]) -> MicroscopeResult:
    random = np.random.default_rng(look.block)
    original = random.normal(0, 0.02, 64).astype(np.float32)
    scale = float(np.abs(original).max())
    codes = np.abs(original[:, None] / scale - LEVELS).argmin(1)
    edges = np.linspace(-1, 1, 61).astype(np.float32)
    counts = (np.exp(-(((edges[:-1] + edges[1:]) / 2) ** 2) * 6) * 1000).astype(np.int64)
    words = (Piece(WORDS[4], 4), *distribution(3).likeliest)
    here = tuple(words[at % 3] for at in range(len(pieces)))
    there = tuple(words[at % 4] for at in range(len(pieces)))
    agree = np.array([int(one == other) for one, other in zip(here, there, strict=True)])
    against = (
        Against16Bits((random.random(len(pieces)) / 10).astype(np.float32), agree, here, there) if look.whole else None
    )
    return MicroscopeResult(
        look, origin, (256, 96), True, LEVELS, edges, counts, np.bincount(codes, minlength=16) * 384, 64, 384, codes,
        scale,
        (LEVELS[codes] * scale).astype(np.float32), original, 0.09, (random.random(len(pieces)) / 5).astype(np.float32),
        4.13, against, "",
    )  # fmt: skip


def compare(look: looks.Compare, origin: Origin, pieces: tuple[Piece, ...]) -> CompareResult:
    random, plain = np.random.default_rng(5), looks.Forward(look.source)
    changes = (random.random((LAYERS, 2)) * origin.scale).astype(np.float32)
    changes[0, 0] = np.nan
    return CompareResult(
        look, origin, forward(plain, ORIGIN, pieces), forward(plain, origin, pieces, 1), maps_of(len(pieces), 0),
        maps_of(len(pieces), 1), random.random((LAYERS, HEADS)).astype(np.float32),
        random.random((LAYERS + 1, len(pieces))).astype(np.float32), np.arange(len(pieces)) % (LAYERS + 1) - 1, 0.25,
        ("q_proj", "v_proj"), changes,
        (changes / 10).astype(np.float32),
    )  # fmt: skip
