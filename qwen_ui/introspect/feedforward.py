"""A layer's feed-forward part at one token: its gate, and the units that add most to the residual stream.

SwiGLU (Shazeer 2020, https://arxiv.org/abs/2002.05202): down(silu(gate(x)) · up(x)). Each unit adds its product times
its column of the last layer, and what that promotes is read as the head reads it (Geva et al. 2022,
https://arxiv.org/abs/2203.14680), through the final norm's weights. What later layers make of it is not in that.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.activations import ACT2FN

from qwen_ui.engine.local.adapters import plain_weights
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import passes
from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.architecture import activation_name
from qwen_ui.introspect.looks import FeedForward
from qwen_ui.introspect.passes import Pause
from qwen_ui.introspect.results import FeedForwardResult, Unit
from qwen_ui.introspect.subject import Subject

SHOWN = 12
"""Units that are shown."""
WORDS = 8
"""Words that each one promotes and suppresses."""
CURVE = np.linspace(-6, 6, 121, dtype=np.float32)


@dataclass(slots=True)
class Inside:
    """What is computed in the part, of the last chunk that went through: (chunk, units) each."""

    gate: torch.Tensor | None = None
    up: torch.Tensor | None = None
    product: torch.Tensor | None = None


def feedforward(look: FeedForward, subject: Subject, pause: Pause) -> FeedForwardResult:
    """The layer's units at the position. Raises `InvalidInput` for a layer or position that there is not."""
    anatomy = subject.anatomy
    part = anatomy.feedforward(anatomy.check_layer(look.layer))
    position = _position(look.position, len(subject.ids))
    ids = subject.ids[: position + 1]  # what comes after it changes nothing there
    inside = Inside()

    @contextmanager
    def watching() -> Iterator[None]:
        with pause(), _watched(part, inside):
            yield

    passes.states(anatomy, ids, watching)
    activation = ACT2FN[activation_name(anatomy.config)]
    gates, products = _last(inside.gate), _last(inside.product)
    ups = None if inside.up is None else _last(inside.up)
    with pause():
        down = _columns(_down(part))
        strength = products.abs() * down.norm(dim=0)
        order = strength.topk(min(SHOWN, len(strength))).indices.tolist()
        likelier = _promoted(anatomy, down[:, order] * products[order].sign())
    units = tuple(
        Unit(
            index=unit,
            gate=float(gates[unit]),
            activation=float(activation(gates[unit])),
            up=None if ups is None else float(ups[unit]),
            product=float(products[unit]),
            strength=float(strength[unit]),
            promotes=subject.words.pieces(row.topk(WORDS).indices.tolist()),
            suppresses=subject.words.pieces(row.topk(WORDS, largest=False).indices.tolist()),
        )
        for unit, row in zip(order, likelier, strict=True)
    )
    return FeedForwardResult(
        look=look,
        origin=subject.origin,
        pieces=subject.pieces,
        position=position,
        activation=activation_name(anatomy.config),
        gated=ups is not None,
        curve_x=CURVE,
        curve_y=activation(torch.from_numpy(CURVE)).numpy(),
        gates=gates.cpu().numpy(),
        products=products.cpu().numpy(),
        units=units,
    )
