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

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import passes
from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.architecture import activation_name
from qwen_ui.introspect.looks import FeedForward
from qwen_ui.introspect.results import FeedForwardResult, Unit
from qwen_ui.introspect.subject import Subject

SHOWN = 12
"""Units that are shown."""
WORDS = 8
"""Words that each one promotes and suppresses."""
GATE, UP, BOTH = ("gate_proj", "w1"), ("up_proj", "w3", "fc1", "c_fc", "dense_h_to_4h"), ("gate_up_proj",)
DOWN = ("down_proj", "w2", "fc2", "c_proj", "dense_4h_to_h")
"""What transformers' models call these layers."""
CURVE = np.linspace(-6, 6, 121, dtype=np.float32)


@dataclass(slots=True)
class Inside:
    """What is computed in the part, of the last chunk that went through: (chunk, units) each."""

    gate: torch.Tensor | None = None
    up: torch.Tensor | None = None
    product: torch.Tensor | None = None


def feedforward(look: FeedForward, subject: Subject) -> FeedForwardResult:
    """The layer's units at the position. Raises `InvalidInput` for a layer or position that there is not."""
    anatomy = subject.anatomy
    part = anatomy.feedforward(anatomy.check_layer(look.layer))
    position = _position(look.position, len(subject.ids))
    ids = subject.ids[: position + 1]  # what comes after it changes nothing there
    inside = Inside()

    @contextmanager
    def watching() -> Iterator[None]:
        with subject.pause(), _watched(part, inside):
            yield

    passes.states(anatomy, ids, watching)
    activation = ACT2FN[activation_name(anatomy.config)]
    gates, products = _last(inside.gate), _last(inside.product)
    ups = None if inside.up is None else _last(inside.up)
    with subject.pause():
        down = subject.weights(_down(part))  # (hidden, units)
        strength = products.abs() * down.norm(dim=0, dtype=torch.float32)
        order = strength.topk(min(SHOWN, len(strength))).indices.tolist()
        likelier = _promoted(anatomy, down[:, order] * products[order].sign())[:, : subject.words.count]
    units = tuple(  # by their strength
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


@contextmanager
def _watched(part: Any, inside: Inside) -> Iterator[None]:
    """Notes what is computed in the part within it."""
    names = {name.rpartition(".")[2]: module for name, module in part.named_modules()}

    def found(known: tuple[str, ...]) -> Any | None:
        return next((names[name] for name in known if name in names), None)

    both, gate, up, down = found(BOTH), found(GATE), found(UP), _down(part)
    if both is None and up is None:
        raise _unknown()

    def take_both(module: Any, args: Any, output: torch.Tensor) -> None:
        inside.gate, inside.up = output[0].chunk(2, dim=-1)

    def take_gate(module: Any, args: Any, output: torch.Tensor) -> None:
        inside.gate = output[0]

    def take_up(module: Any, args: Any, output: torch.Tensor) -> None:
        inside.up = output[0]

    def take_product(module: Any, args: Any) -> None:
        inside.product = args[0][0]

    with ExitStack() as hooks:
        hooks.callback(down.register_forward_pre_hook(take_product).remove)
        if both is not None:
            hooks.callback(both.register_forward_hook(take_both).remove)
        if gate is not None:
            hooks.callback(gate.register_forward_hook(take_gate).remove)
        if up is not None:  # without a gate, what the activation function is applied to
            hooks.callback(up.register_forward_hook(take_gate if gate is None else take_up).remove)
        yield


def _down(part: Any) -> Any:
    """The part's last layer."""
    for name, module in part.named_modules():
        if name.rpartition(".")[2] in DOWN:
            return module
    raise _unknown()


def _promoted(anatomy: Anatomy, columns: torch.Tensor) -> torch.Tensor:
    """(hidden, units) directions to (units, vocabulary): what the head reads in each, without its bias."""
    dtype = anatomy.final_norm.weight.dtype
    read = anatomy.logits(torch.cat([columns.T, torch.zeros_like(columns[:, :1]).T]).to(dtype))
    return read[:-1] - read[-1]


def _last(values: torch.Tensor | None) -> torch.Tensor:
    """(units,) at the last position."""
    if values is None:
        raise _unknown()
    return values[-1].float()


def _position(given: int, count: int) -> int:
    """Counted from 0. Raises `InvalidInput` for one that there is not."""
    if isinstance(given, bool) or not isinstance(given, int) or not -count <= given < count:
        raise InvalidInput(
            "The text has {count:,} tokens, at positions 0 to {last:,}. There is no position {given}.",
            count=count,
            last=count - 1,
            given=given,
        )
    return given % count


def _unknown() -> InvalidInput:
    return InvalidInput("The feed-forward part of this kind of model is built in another way than is known here.")
