"""8-bit layers on the CPU. bitsandbytes' own product is made for GPUs: it rounds what comes in to 8 bits as well.

The weights are bitsandbytes': whole numbers of 8 bits, and a scale for each row (LLM.int8, arXiv 2208.07339).

- For a few tokens PyTorch's kernel takes the whole numbers as they are, a quarter of what has to be read in fp32.
- Its time grows with each token. For more of them the weights are turned back, part by part while they are in the
  processor's cache, and multiplied as any others.
"""

from typing import Any

import torch

MOST_TOKENS = 32
"""With more of them the kernel is the slower way."""
KERNEL_COLUMNS = 64
"""The kernel takes multiples of what a processor's vector holds; others end the process, so they never reach it."""
_PART = 2**20
"""Weights that are turned back at a time: 4 MB in fp32."""
_LARGEST = 127


def speed_up(model: torch.nn.Module) -> int:
    """Lets the model's 8-bit layers on the CPU take these ways. Gives how many there are."""
    layers = [module for module in model.modules() if _is_packed(module)]
    for layer in layers:
        layer.forward = _Product(layer)
    return len(layers)


def _is_packed(module: Any) -> bool:
    weight: Any = getattr(module, "weight", None)
    return hasattr(weight, "SCB") and weight.dtype == torch.int8 and weight.device.type == "cpu"


class _Product:
    """Tokens (…, columns) to (…, rows)."""

    def __init__(self, layer: Any) -> None:
        weight = layer.weight
        # Its first product moves the scales from the weight to the state.
        scales = (weight.SCB if weight.SCB is not None else layer.state.SCB) / _LARGEST
        self._codes, self._bias = weight.data.detach(), layer.bias
        self._scales = {dtype: scales.to(dtype) for dtype in (torch.bfloat16, torch.float32)}
        self._parts = self._codes.split(max(1, _PART // layer.in_features))
        self._most = MOST_TOKENS if layer.in_features % KERNEL_COLUMNS == 0 else 0

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        product = self._by_kernel(rows) if len(rows) <= self._most else self._by_parts(rows)
        return (product if self._bias is None else product.add_(self._bias)).view(*x.shape[:-1], -1)

    def _by_kernel(self, rows: torch.Tensor) -> torch.Tensor:
        scales = self._scales[torch.bfloat16]
        product: torch.Tensor = torch.ops.aten._weight_int8pack_mm(rows.to(scales.dtype), self._codes, scales)
        return product.to(rows.dtype)

    def _by_parts(self, rows: torch.Tensor) -> torch.Tensor:
        room = rows.new_empty(self._parts[0].shape)  # taken anew for each part, memory costs more than the product
        products = [torch.nn.functional.linear(rows, room[: len(part)].copy_(part)) for part in self._parts]
        return torch.cat(products, dim=-1).mul_(self._scales[rows.dtype])
