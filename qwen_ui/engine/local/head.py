"""The output head on a CPU that computes in fp32, where each token has to read all of it.

A copy in 8 bits, a quarter of that to read, names the tokens that are in question; only their scores are computed with
the head itself. So the best few and their scores are exact, as long as they are among those: see docs/benchmarks.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from qwen_ui.engine.local.linear8bit import KERNEL_COLUMNS

CANDIDATES = 256
"""Tokens whose scores are computed exactly."""
MOST_ROWS = 4
"""With more of them the head itself is as quick: it is read once for all."""
_LARGEST = 127


class NarrowHead:
    """A model's output head that can leave unlikely tokens out. In other precisions, and on a GPU, it never does."""

    def __init__(self, model: Any) -> None:
        self._head = model.get_output_embeddings()
        self._whole = self._head.forward
        self._narrow = False
        weights = self._head.weight
        plain = weights.device.type == "cpu" and weights.dtype == torch.float32 and self._head.bias is None
        if plain and len(weights) > 4 * CANDIDATES and weights.shape[1] % KERNEL_COLUMNS == 0:
            self._copy, self._scales = _in_8_bits(weights.detach())
            self._head.forward = self._forward

    @contextmanager
    def narrow(self, wanted: bool) -> Iterator[None]:
        """Where it is wanted, scores are computed for the best tokens only, and -inf for all others."""
        self._narrow = wanted
        try:
            yield
        finally:
            self._narrow = False

    def _forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(…, hidden size) to scores (…, vocabulary)."""
        rows = hidden.reshape(-1, hidden.shape[-1])
        if not self._narrow or not 0 < len(rows) <= MOST_ROWS:
            return self._whole(hidden)  # type: ignore[no-any-return]
        guessed = torch.ops.aten._weight_int8pack_mm(rows.to(torch.bfloat16), self._copy, self._scales)
        tokens = guessed.topk(CANDIDATES, sorted=False).indices
        exact = torch.bmm(self._head.weight[tokens], rows.unsqueeze(-1)).squeeze(-1)
        scores = torch.full(guessed.shape, -torch.inf).scatter_(-1, tokens, exact)
        return scores.view(*hidden.shape[:-1], -1)


def _in_8_bits(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights (rows, columns) as whole numbers, and each row's scale, as PyTorch's product takes them."""
    scales = weights.abs().amax(dim=1).clamp(min=1e-12) / _LARGEST
    copy = torch.empty(weights.shape, dtype=torch.int8)
    for start in range(0, len(weights), 4096):  # in parts: a whole copy in fp32 would be as large as the head
        part = slice(start, start + 4096)
        copy[part] = (weights[part] / scales[part, None]).round_()
    return copy, scales.to(torch.bfloat16)
