"""What a look looks into: the model with what has to be known of it, and the text's tokens."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from qwen_ui.engine.local.adapters import Weights, plain_weights
from qwen_ui.engine.threads import Checkpoint
from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.passes import Pause
from qwen_ui.introspect.results import Origin, Piece
from qwen_ui.introspect.words import Words


@dataclass(frozen=True)
class Subject:
    """The model, its adapter, and the text."""

    anatomy: Anatomy
    words: Words
    origin: Origin
    pause: Pause
    """Within it, the model computes for the look alone, with the adapter at the scale that were asked for"""
    context_here: int
    """Tokens that a prompt and its answer may have here"""
    ids: tuple[int, ...] = ()
    prompt_tokens: int = 0
    """Of ids, those before an answer, where there is one"""
    base_pause: Pause | None = None
    """Within it, it computes without the adapter; None where none was asked for"""
    changes: Mapping[Any, Weights] = field(default_factory=dict)
    """The adapter's part for each module that it changes"""
    plain: Path | None = None
    """The folder of the model's 16-bit weights; None where there is none"""
    checkpoint: Checkpoint = field(default=lambda: None)
    """Raises where nobody waits for the look any more"""
    beside: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one look that another process computes for"""
    norms: dict[Any, float] = field(default_factory=dict)
    """‖W‖ of modules that were measured: they take a while to unpack, and never change"""

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The text's tokens as the reader sees them."""
        return self.words.pieces(self.ids)

    def weights(self, module: Any) -> torch.Tensor:
        """A linear layer's weights (outputs, inputs), unpacked, with what the adapter changes."""
        plain = plain_weights(module)
        if not isinstance(module, torch.nn.Linear):  # GPT-2's layers have them the other way around
            return plain.T
        change = self.change(module)
        return plain if change is None else plain + change.to(plain.dtype)

    def change(self, module: Any) -> torch.Tensor | None:
        """ΔW (outputs, inputs) float32 of the adapter at its scale; None where it changes nothing.

        LoRA: B·A (Hu et al. 2021, https://arxiv.org/abs/2106.09685). DoRA: lengths · (W + B·A) − W (Liu et al. 2024,
        https://arxiv.org/abs/2402.09353).
        """
        part = self.changes.get(module)
        if part is None:
            return None
        added = part.b.float() @ part.a.float()
        if part.lengths is not None:
            plain = plain_weights(module).float()
            added = part.lengths.float()[:, None] * (plain + added) - plain
        return added * self.origin.scale

    def norm(self, module: Any) -> float:
        """‖W‖, Frobenius, without what the adapter changes."""
        if module not in self.norms:
            self.norms[module] = float(plain_weights(module).norm(dtype=torch.float32))
        return self.norms[module]

    def change_norm(self, module: Any) -> float:
        """‖ΔW‖, Frobenius. Of B·A without making it: ‖BA‖² is the sum of BᵀB ∘ AAᵀ, of the rank's size."""
        part = self.changes[module]
        if part.lengths is not None:
            change = self.change(module)
            return float(change.norm()) if change is not None else 0.0
        a, b = part.a.double(), part.b.double()
        return float(((b.T @ b) * (a @ a.T)).sum().clamp_min(0).sqrt()) * self.origin.scale
