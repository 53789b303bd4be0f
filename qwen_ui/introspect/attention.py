"""Where heads look, and what kind of head each one is.

Scores are mean attention weights, as in Elhage et al. 2021 (https://transformer-circuits.pub/2021/framework) and, for
induction heads, Olsson et al. 2022 (https://arxiv.org/abs/2209.11895): the weight on tokens that followed an earlier
place of the same token ("prefix matching"). Means are over the positions where there is such a token.
"""

from collections.abc import Sequence

import numpy as np
import torch

from qwen_ui.introspect import passes
from qwen_ui.introspect.forward import next_token, untouched
from qwen_ui.introspect.looks import Attention
from qwen_ui.introspect.passes import Attended, Knocked
from qwen_ui.introspect.results import AttentionResult, Floats
from qwen_ui.introspect.subject import Subject

KINDS = ("previous", "first", "itself", "same", "induction")


class Maps:
    """Takes in attention chunk by chunk: keeps one layer's maps, and of all layers only the scores."""

    def __init__(self, ids: Sequence[int], layers: int, heads: int, kept: int) -> None:
        self._targets = targets(ids)
        self._kept = kept
        self.map = torch.zeros(heads, len(ids), len(ids))
        self._sums = torch.zeros(len(KINDS), layers, heads)

    def see(self, attended: Attended) -> None:
        weights = attended.weights.float().cpu()
        rows = slice(attended.start, attended.start + weights.shape[1])
        columns = slice(0, weights.shape[2])
        if attended.layer == self._kept:
            self.map[:, rows, columns] = weights
        looked = torch.einsum("hqk,sqk->sh", weights, self._targets[:, rows, columns])
        self._sums[:, attended.layer] += looked

    @property
    def scores(self) -> dict[str, Floats]:
        """(layers, heads) by kind."""
        places = self._targets.any(dim=2).sum(dim=1)  # (kinds,): positions that have such a token
        means = self._sums / torch.where(places > 0, places, torch.nan).view(-1, 1, 1)
        return {kind: mean.numpy() for kind, mean in zip(KINDS, means, strict=True)}


def attention(look: Attention, subject: Subject) -> AttentionResult:
    """One layer's maps, every head's scores, and the next token."""
    anatomy = subject.anatomy
    knocked = Knocked(look.knocked, look.knocked_layers).check(anatomy)
    maps = Maps(subject.ids, len(anatomy.layers), anatomy.heads, anatomy.check_layer(look.layer))
    states = passes.states(anatomy, subject.ids, subject.pause, knocked, maps.see)
    return AttentionResult(
        look=look,
        origin=subject.origin,
        pieces=subject.pieces,
        maps=maps.map.numpy(),
        next=next_token(subject, states),
        untouched=untouched(subject, knocked),
        **maps.scores,
    )


def targets(ids: Sequence[int]) -> torch.Tensor:
    """(kinds, queries, keys): 1 at the keys that a head of the kind would look at, in `KINDS`' order.

    The first position has nothing but itself to look at, so it counts for none.
    """
    tokens, count = np.array(ids), len(ids)
    query, key = np.arange(count)[:, None], np.arange(count)[None, :]
    same = (tokens[:, None] == tokens[None, :]) & (key < query)
    followed = np.zeros_like(same)
    followed[:, 1:] = same[:, :-1]  # the key after one of the same token; at most the query itself
    kinds = [key == query - 1, (key == 0) & (query > 0), (key == query) & (query > 0), same, followed & (key <= query)]
    return torch.from_numpy(np.stack(kinds).astype(np.float32))
