"""4-bit layers on the CPU, with less around each multiplication than bitsandbytes has.

bitsandbytes repacks 4-bit weights for CPUs that know bf16, for a kernel (gemv) that is best for a few tokens.

- gemv: for a few tokens the kernel is called at once. On its way there, a layer asks anew what it is, which took a
  seventh of a step with 210 layers on two cores.
- dequantize: the kernel's time grows with each token. From some hundred on it is quicker to turn a layer's weights back
  into bf16 and to let PyTorch multiply, which costs that once however many tokens there are.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch

log = logging.getLogger(__name__)

DEQUANTIZE_TOKENS = 384
"""From so many on, dequantizing is quicker."""
_ROWS, _HALF = 32, 16
"""The repacked layout: blocks of 32 rows; a byte holds a weight of each half of them."""
_CLOSE = 0.02

Multiply = Callable[[torch.Tensor], torch.Tensor]
"""Tokens (…, columns) to (…, rows)."""


def speed_up(model: torch.nn.Module) -> int:
    """Lets the model's repacked layers take the quicker ways. Gives how many do.

    Neither their layout nor the kernel's arguments are documented: layers are changed only if all ways agree on one.
    """
    layers = [module for module in model.modules() if _is_packed(module)]
    if not layers or not _agrees(layers[0]):
        return 0
    for layer in layers:
        layer.forward = _forward(layer)
    return len(layers)


def dequantize(layer: Any) -> torch.Tensor:
    """A repacked layer's weights in its compute type, (rows, columns)."""
    state = layer.weight.quant_state
    rows, columns = state.shape
    packed = layer.weight.data.view(rows // _ROWS, columns // 2, _HALF, 2)  # put in order while they are still bytes
    codes = packed.transpose(1, 2).reshape(-1).int()
    lower, upper = (table.index_select(0, codes) for table in _tables(state.code, state.absmax.dtype))
    ordered = torch.stack([lower.view(rows // _ROWS, -1), upper.view(rows // _ROWS, -1)], dim=1)
    blocks = ordered.view(rows, columns // state.blocksize, state.blocksize)
    weights: torch.Tensor = blocks.mul_(state.absmax.T.unsqueeze(-1)).view(rows, columns)
    return weights


def _tables(code: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """What each byte's lower and upper four bits stand for."""
    values, codes = torch.arange(256), code.to(dtype)
    return codes[values & 15], codes[values >> 4]


def _is_packed(module: Any) -> bool:
    state: Any = getattr(getattr(module, "weight", None), "quant_state", None)
    return bool(getattr(state, "packing_format_for_cpu", False)) and state.shape[0] % _ROWS == 0


def _agrees(layer: Any) -> bool:
    """Whether the layer gives the same all ways, up to rounding."""
    tokens = torch.randn(8, layer.in_features, dtype=layer.compute_dtype, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        try:
            theirs, *ours = layer.forward(tokens), _by_gemv(layer)(tokens), _by_dequantizing(layer)(tokens)
        except (RuntimeError, AttributeError) as error:  # another layout, whose shapes do not fit, or another kernel
            log.warning("4-bit layers are left as they are, which is slower: %s", error)
            return False
    agree = all(bool((theirs - each).abs().max() <= _CLOSE * theirs.abs().max()) for each in ours)
    if not agree:
        log.warning("4-bit layers are left as they are, which is slower: their layout is another one")
    return agree


def _forward(layer: Any) -> Multiply:
    gemv, dequantizing, bound = _by_gemv(layer), _by_dequantizing(layer), DEQUANTIZE_TOKENS * layer.in_features

    def forward(x: torch.Tensor) -> torch.Tensor:
        return gemv(x) if x.numel() < bound else dequantizing(x)

    return forward


def _by_gemv(layer: Any) -> Multiply:
    kernel, state, dtype, bias = torch.ops.bitsandbytes.gemv_4bit.default, *_parts(layer)
    weights, absmax, shape = layer.weight.data.detach(), state.absmax.to(torch.bfloat16), list(state.shape)

    def multiply(x: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = kernel(x.to(dtype), weights, shape, absmax, state.code, state.blocksize)
        return (product if bias is None else product.add_(bias)).to(x.dtype)

    return multiply


def _by_dequantizing(layer: Any) -> Multiply:
    _, dtype, bias = _parts(layer)

    def multiply(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x.to(dtype), dequantize(layer), bias).to(x.dtype)

    return multiply


def _parts(layer: Any) -> tuple[Any, torch.dtype, torch.Tensor | None]:
    """How its weights are packed, what it computes in, and its bias in that."""
    bias = None if layer.bias is None else layer.bias.to(layer.compute_dtype)
    return layer.weight.quant_state, layer.compute_dtype, bias
