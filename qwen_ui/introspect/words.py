"""Tokens as a reader sees them, in rows and distributions."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from qwen_ui.introspect.results import Distribution, Piece
from qwen_ui.text.pieces import Pieces

LIKELIEST = 50
"""How many of a distribution's tokens come with their texts."""


class Words:
    """The texts of a tokenizer's tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self._text = Pieces(tokenizer)
        self.count = len(tokenizer)
        """Tokens that there are; a model may have rows for more."""

    def pieces(self, tokens: Iterable[int]) -> tuple[Piece, ...]:
        """The tokens with their texts."""
        return tuple(Piece(self._text(token), token) for token in tokens)

    def rows(self, tokens: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
        """Rows of texts for rows of tokens."""
        return tuple(tuple(self._text(token) for token in row) for row in tokens)

    def distribution(self, logits: torch.Tensor) -> Distribution:
        """(vocabulary,) logits with the texts of the likeliest."""
        order = logits.topk(min(LIKELIEST, len(logits))).indices.tolist()
        return Distribution(logits.float().cpu().numpy().copy(), self.pieces(order))
