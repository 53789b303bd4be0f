"""Many tokens at once through 4-bit weights on the CPU: unpacked for each use, they are several times faster.

bitsandbytes repacks 4-bit weights for CPUs that know bf16, for a kernel that is best for a few tokens: its time
grows with each token. From some hundred on it is quicker to turn a layer's weights back into bf16 and to let
PyTorch multiply, which costs the unpacking once however many tokens there are.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch

log = logging.getLogger(__name__)

FEWEST_TOKENS = 384
_ROWS, _HALF = 32, 16
"""The repacked layout: blocks of 32 rows; a byte holds a weight of each half of them."""
_CLOSE = 0.02


def widen(model: torch.nn.Module) -> int:
    """Lets the model's repacked layers take the quicker way for many tokens. Gives how many do.

    Their layout is not documented: a layer is changed only if both ways agree on it.
    """
    layers = [module for module in model.modules() if _is_packed(module)]
    if not layers or not _agrees(layers[0]):
        return 0
    for layer in layers:
        layer.forward = _forward(layer, layer.forward)
    return len(layers)


def unpacked(layer: Any) -> torch.Tensor:
    """A repacked layer's weights in its compute type, (rows, columns)."""
    state = layer.weight.quant_state
    rows, columns = state.shape
    codes = layer.weight.data.view(rows // _ROWS, columns // 2, _ROWS).int()
    pairs = torch.stack([table[codes] for table in _tables(state.code, state.absmax.dtype)], dim=2)
    ordered = pairs.view(rows // _ROWS, columns // 2, 2, _HALF, 2).permute(0, 2, 3, 1, 4)
    blocks = ordered.reshape(rows, columns // state.blocksize, state.blocksize)
    weights: torch.Tensor = (blocks * state.absmax.T.unsqueeze(-1)).view(rows, columns)
    return weights


def _tables(code: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """What each byte's lower and upper four bits stand for."""
    values, codes = torch.arange(256), code.to(dtype)
    return codes[values & 15], codes[values >> 4]


def _is_packed(module: Any) -> bool:
    state: Any = getattr(getattr(module, "weight", None), "quant_state", None)
    return bool(getattr(state, "packing_format_for_cpu", False)) and state.shape[0] % _ROWS == 0


def _agrees(layer: Any) -> bool:
    """Whether the layer gives the same both ways, up to rounding."""
    tokens = torch.randn(8, layer.in_features, dtype=layer.compute_dtype, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        try:
            kernel, here = layer.forward(tokens), torch.nn.functional.linear(tokens, unpacked(layer), _bias(layer))
        except RuntimeError as error:  # another layout: the shapes do not fit
            log.warning("4-bit weights are not unpacked for long prompts, which are slower so: %s", error)
            return False
    agree = bool((kernel - here).abs().max() <= _CLOSE * kernel.abs().max())
    if not agree:
        log.warning("4-bit weights are not unpacked for long prompts, which are slower so: the layout is another one")
    return agree


def _bias(layer: Any) -> torch.Tensor | None:
    return None if layer.bias is None else layer.bias.to(layer.compute_dtype)


def _forward(layer: Any, kernel: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(x: torch.Tensor) -> torch.Tensor:
        if x.numel() < FEWEST_TOKENS * layer.in_features:
            return kernel(x)
        return torch.nn.functional.linear(x.to(layer.compute_dtype), unpacked(layer), _bias(layer)).to(x.dtype)

    return forward
