"""NF4 in plain arithmetic (QLoRA: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, section 3 and appendix E).

Sixteen levels, the quantiles of a normal distribution, brought to −1 … 1; a block's weights are divided by the largest
of them, and each takes the nearest level.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import torch

from qwen_ui.engine.local.adapters import plain_weights

BLOCK = 64
TINY = 1e-30
"""Instead of the scale of a block of zeros, to divide by"""
_EDGE = 0.9677083
"""The outermost quantile, between 1 and 1 − 1/32, as bitsandbytes has it"""


@dataclass(frozen=True, slots=True)
class Packed:
    """A layer's weights in 4 bits, block by block along the rows."""

    levels: torch.Tensor
    """(16,)"""
    codes: torch.Tensor
    """(blocks, block size), 0 to 15"""
    scales: torch.Tensor
    """(blocks,)"""
    weights: torch.Tensor
    """(outputs, inputs): what they stand for, float32"""


def levels() -> torch.Tensor:
    """(16,) NF4's levels: eight above zero, seven below, and zero itself."""
    quantile = NormalDist().inv_cdf
    above = [quantile(_EDGE + (0.5 - _EDGE) * step / 8) for step in range(8)]
    below = [-quantile(_EDGE + (0.5 - _EDGE) * step / 7) for step in range(7)]
    values = torch.tensor(sorted([*above, 0.0, *below]))
    return values / values.max()


def pack(weights: torch.Tensor) -> Packed:
    """What NF4 makes of the weights (outputs, inputs). The scales stay as they are: bitsandbytes packs them too."""
    blocks = blocks_of(weights, BLOCK)
    scales = blocks.abs().amax(dim=1)
    codes = _nearest(blocks / scales.clamp_min(TINY)[:, None], levels().to(weights.device))
    return _packed(weights.shape, levels().to(weights.device), codes, scales)


def resident(module: Any) -> Packed | None:
    """A layer's weights as they are packed in memory; None where they are not, or in another way.

    How the codes lie there differs from machine to machine. They are read from the unpacked weights, which are the
    levels times the scales, but for the rounding to 16 bits: a fraction of what lies between two levels.
    """
    state = getattr(module.weight, "quant_state", None)
    if state is None:
        return None
    weights = plain_weights(module).float()
    blocks = blocks_of(weights, state.blocksize)
    scales = _scales(state, blocks.device)
    values = state.code.float().to(blocks.device)
    codes = _nearest(blocks / scales.clamp_min(TINY)[:, None], values)
    return Packed(values, codes, scales, weights)


def blocks_of(weights: torch.Tensor, size: int) -> torch.Tensor:
    """(outputs, inputs) to (blocks, size) float32, the last one filled up with zeros."""
    flat = weights.float().flatten()
    return torch.nn.functional.pad(flat, (0, -len(flat) % size)).view(-1, size)


def _scales(state: Any, device: torch.device) -> torch.Tensor:
    """(blocks,): each block's largest weight, unpacked where it is packed into 8 bits itself."""
    scales: torch.Tensor = state.absmax
    if getattr(state, "packing_format_for_cpu", False):
        scales = scales.T  # (blocks of a row, rows)
    elif state.nested:
        from bitsandbytes.functional import dequantize_blockwise  # noqa: PLC0415  not on every machine

        scales = dequantize_blockwise(scales, state.state2) + state.offset
    return scales.float().flatten().to(device)


def _nearest(parts: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The level that each is nearest to."""
    return torch.bucketize(parts, (values[1:] + values[:-1]) / 2)


def _packed(shape: torch.Size, values: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> Packed:
    weights = (values[codes] * scales[:, None]).flatten()[: shape.numel()].view(shape)
    return Packed(values, codes, scales, weights)
