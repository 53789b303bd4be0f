"""How the model tells positions apart: RoPE's angles, and how attention falls with distance on a text.

RoPE (Su et al. 2021, https://arxiv.org/abs/2104.09864) turns each pair of a head's dimensions by position × frequency,
θ^(−2i/d) for pair i unless its scaling changes that. So a score depends on the distance of two positions alone.
"""

from typing import Any

import numpy as np
import torch

from qwen_ui.introspect import passes
from qwen_ui.introspect.looks import Positions
from qwen_ui.introspect.passes import Attended
from qwen_ui.introspect.results import Floats, PositionsResult
from qwen_ui.introspect.subject import Subject

SHOWN = 512
"""Distances that angles are given for, from 0 on."""


class ByDistance:
    """Takes in attention chunk by chunk: means by the distance of query and key, over heads and places."""

    def __init__(self, layers: int, positions: int) -> None:
        self._scores = torch.zeros(layers, positions)
        self._weights = torch.zeros(layers, positions)
        self._counts = torch.zeros(layers, positions)

    def see(self, attended: Attended) -> None:
        queries, keys = attended.queries.float(), attended.keys.float()
        keys = keys.repeat_interleave(len(queries) // len(keys), dim=0)  # grouped queries share their key head
        scores = (queries @ keys.transpose(1, 2) * attended.scaling).mean(dim=0).cpu()
        weights = attended.weights.float().mean(dim=0).cpu()
        at = torch.arange(attended.start, attended.start + scores.shape[0])[:, None] - torch.arange(scores.shape[1])
        past = at >= 0
        for sums, values in ((self._scores, scores), (self._weights, weights), (self._counts, torch.ones(at.shape))):
            sums[attended.layer].index_add_(0, at[past], values[past])

    @property
    def scores(self) -> Floats:
        """(layers, positions) before the softmax"""
        return (self._scores / self._counts).numpy()

    @property
    def weights(self) -> Floats:
        """(layers, positions)"""
        return (self._weights / self._counts).numpy()


def positions(look: Positions, subject: Subject) -> PositionsResult:
    """RoPE's angles, and scores and weights by distance on the text."""
    anatomy, count = subject.anatomy, len(subject.ids)
    means = ByDistance(len(anatomy.layers), count)
    passes.states(anatomy, subject.ids, subject.pause, see=means.see)
    frequencies = _frequencies(anatomy.rotary)
    distances = np.arange(SHOWN)
    return PositionsResult(
        look=look,
        origin=subject.origin,
        pieces=subject.pieces,
        frequencies=frequencies,
        distances=distances,
        angles=(frequencies[:, None] * distances[None, :]).astype(np.float32),
        scores=means.scores,
        weights=means.weights,
        context=anatomy.context or subject.context_here,
        context_here=subject.context_here,
        rope_theta=anatomy.rope.get("rope_theta"),
        rope_scaling=anatomy.rope_scaling,
    )


def _frequencies(rotary: Any) -> Floats:
    """(pairs,): radians a token; as the module has them, its scaling included."""
    if rotary is None:
        return np.zeros(0, np.float32)
    frequencies: Floats = rotary.inv_freq.float().cpu().numpy().copy()
    return frequencies
