"""Several adapters and none in one batch: each token of a step gets its own request's adapter.

A linear layer that an adapter has a part for computes its base product for all tokens as ever, and then adds B·A·x for
the tokens of each adapter (LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685). A DoRA also scales the outputs by
its own lengths (Liu et al. 2024, https://arxiv.org/abs/2402.09353). Tokens without an adapter stay as they are, bit for
bit; nothing of the model is changed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch.nn.utils.rnn import pad_sequence

from qwen_ui.adapters.files import WEIGHTS, Base, Part, parts
from qwen_ui.engine.local import linear4bit

BATCHED_PLACES = 256
"""Up to so many, all adapters of a step are computed in one batched product, filled up to the longest one's tokens."""

NO_ADAPTER = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """An adapter's part for one layer."""

    a: torch.Tensor
    """(rank, inputs)"""
    b: torch.Tensor
    """(outputs, rank), with the scaling in it"""
    lengths: torch.Tensor | None = None
    """(outputs,): a DoRA's factor of each output"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a step's tokens stand when those of each adapter are put together, filled up to the same number."""

    tokens: torch.Tensor
    """(adapters · most,): the token at each place"""
    empty: torch.Tensor
    """(adapters, most, 1): where there is none"""
    of_tokens: torch.Tensor
    """(tokens,): each one's place, an empty one for those of no adapter"""


class Step:
    """Which tokens belong to which adapter. ``spans`` gives an adapter and its number of tokens, in their order."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._owners = [adapter for adapter, count in spans for _ in range(count)]
        self._counts = Counter(self._owners)
        self.adapters = sorted(self._counts.keys() - {NO_ADAPTER})
        self._rows: dict[int, torch.Tensor] = {}
        self._places: dict[tuple[tuple[int, ...], int], Places] = {}

    def all_of(self, adapter: int, tokens: int) -> bool:
        """Whether so many tokens, what pads them too, are the adapter's."""
        return self._counts[adapter] == tokens

    def batched(self, adapters: Sequence[int]) -> bool:
        """Whether filling up to the longest one's tokens costs little."""
        return len(adapters) * max(self._counts[adapter] for adapter in adapters) <= BATCHED_PLACES

    def rows(self, adapter: int, device: torch.device) -> torch.Tensor:
        """The positions of the adapter's tokens."""
        if adapter not in self._rows:
            self._rows[adapter] = torch.tensor(self._rows_of(adapter), device=device)
        return self._rows[adapter]

    def places(self, adapters: tuple[int, ...], tokens: int, device: torch.device) -> Places:
        """Of so many tokens; those after the step's own are of no adapter."""
        key = adapters, tokens
        if key not in self._places:
            self._places[key] = self._lay_out(adapters, tokens, device)
        return self._places[key]

    def _rows_of(self, adapter: int) -> list[int]:
        return [row for row, owner in enumerate(self._owners) if owner == adapter]

    def _lay_out(self, adapters: tuple[int, ...], tokens: int, device: torch.device) -> Places:
        of = {adapter: self._rows_of(adapter) for adapter in adapters}
        longest = max(len(rows) for rows in of.values())
        most = longest + (sum(len(rows) for rows in of.values()) < tokens)  # an empty place for those of none
        places, at = [most - 1] * tokens, []
        for number, rows in enumerate(of.values()):
            for place, row in enumerate(rows, start=number * most):
                places[row] = place
            at += rows + [rows[0]] * (most - len(rows))
        empty = [[[place >= len(rows)] for place in range(most)] for rows in of.values()]
        return Places(*(torch.tensor(each, device=device) for each in (at, empty, places)))


class Layer:
    """A linear layer of the model, with the parts of the adapters that have one for it."""

    def __init__(self, module: Any, owner: "AdapterLayers") -> None:
        self.parts: dict[int, Weights] = {}
        self._owner = owner
        self._module = module
        self._base = module.forward
        self._bias = module.bias
        self._stacked: tuple[list[int], torch.Tensor, torch.Tensor] | None = None
        module.forward = self.forward

    def drop(self, number: int) -> None:
        """Forgets an adapter's part, and the stack that it may stand in."""
        if self.parts.pop(number, None) is not None:
            self._stacked = None

    def remove(self) -> None:
        """Gives the module its own way back."""
        self._module.forward = self._base

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, inputs) to (…, outputs)."""
        product: torch.Tensor = self._base(x)
        adapters = [adapter for adapter in self._owner.adapters if adapter in self.parts]
        if adapters:
            self._add(adapters, x.reshape(-1, x.shape[-1]), product.view(-1, product.shape[-1]))
        return product

    def _add(self, adapters: list[int], x: torch.Tensor, product: torch.Tensor) -> None:
        step = self._owner.step
        if step is None:
            self._own_scaled(self.parts[adapters[0]], x, product)
        elif step.all_of(adapters[0], len(x)):
            self._own(self.parts[adapters[0]], x, product)
        elif step.batched(adapters) and not any(self.parts[each].lengths is not None for each in adapters):
            self._add_batched(adapters, x, product, step.places(tuple(adapters), len(x), x.device))
        else:
            for adapter in adapters:
                rows = step.rows(adapter, x.device)
                own = product[rows]
                self._own(self.parts[adapter], x[rows], own)
                product.index_copy_(0, rows, own)

    def _own_scaled(self, weights: Weights, x: torch.Tensor, product: torch.Tensor) -> None:
        """Like `_own`, with as much of what the adapter changes as was asked for."""
        scale = self._owner.scale
        if scale == 1:
            self._own(weights, x, product)
            return
        adapted = product.clone()
        self._own(weights, x, adapted)
        product.add_(adapted - product, alpha=scale)

    def _own(self, weights: Weights, x: torch.Tensor, product: torch.Tensor) -> None:
        """Puts the adapter into the product, where all tokens are its own."""
        added = (x.to(weights.a.dtype) @ weights.a.T) @ weights.b.T
        if weights.lengths is None:
            product.add_(added.to(product.dtype))
            return
        bias = 0 if self._bias is None else self._bias.to(product.dtype)
        product.sub_(bias).add_(added.to(product.dtype)).mul_(weights.lengths.to(product.dtype)).add_(bias)

    def _add_batched(self, adapters: list[int], x: torch.Tensor, product: torch.Tensor, places: Places) -> None:
        a, b = self._stack(adapters)
        own = x.index_select(0, places.tokens).to(a.dtype).view(len(adapters), -1, x.shape[1])
        added = torch.bmm(torch.bmm(own, a).masked_fill_(places.empty, 0), b).view(-1, product.shape[1])
        in_order = added.to(product.dtype).index_select(0, places.of_tokens)  # mixed types take three times as long
        product.add_(in_order)

    def _stack(self, adapters: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """(adapters, inputs, rank) and (adapters, rank, outputs): filled up with zeros to the largest rank."""
        if self._stacked is None or self._stacked[0] != adapters:
            parts = [self.parts[adapter] for adapter in adapters]
            a = pad_sequence([part.a for part in parts], batch_first=True).transpose(1, 2)
            b = pad_sequence([part.b.T for part in parts], batch_first=True)
            self._stacked = adapters, a, b
        return self._stacked[1:]


class AdapterLayers:
    """The adapters that are in the model's memory, by numbers from 1 on. Nothing is changed until the first one."""

    def __init__(self, model: torch.nn.Module, base: Base) -> None:
        self._model = model
        self._base = base
        self._layers: dict[str, Layer] = {}
        self.step: Step | None = None
        """Whose tokens are computed now; None where all are of one adapter."""
        self.adapters: Sequence[int] = ()
        """Those that are in the step."""
        self.scale = 1.0
        """How much of what an adapter changes counts, where all tokens are of one."""

    def parts(self, folder: Path) -> dict[str, Part]:
        """What the adapter in the folder has for each layer. Raises `InvalidInput` for one that can't be used."""
        return parts(folder, self._base)

    def load(self, number: int, folder: Path, found: Mapping[str, Part]) -> None:
        """Reads the parts that were found in the folder into memory, under that number."""
        with torch.inference_mode():
            read = dict(self._read(folder / WEIGHTS, found))
        for name, weights in read.items():
            if name not in self._layers:
                self._layers[name] = Layer(self._model.get_submodule(name), self)
            self._layers[name].parts[number] = weights

    def bytes_of(self, found: Mapping[str, Part]) -> int:
        """What an adapter of these parts will take in memory."""
        total = 0
        for name, part in found.items():
            module: Any = self._model.get_submodule(name)
            sides = module.in_features + module.out_features
            total += part.rank * sides * _compute_dtype(module).itemsize + 4 * module.out_features * part.dora
        return total

    def drop(self, number: int) -> None:
        """Takes the adapter out of memory. To be called while nothing is computed."""
        for layer in self._layers.values():
            layer.drop(number)

    def remove(self) -> None:
        """Gives the model its own layers back."""
        for layer in self._layers.values():
            layer.remove()
        self._layers.clear()

    @contextmanager
    def tokens_of(self, spans: Sequence[tuple[int, int]]) -> Iterator[None]:
        """Computes one step's tokens while the context lasts: so many of each adapter, in their order."""
        step = Step(spans)
        with self._computing(step, step.adapters):
            yield

    @contextmanager
    def all_tokens(self, number: int, scale: float = 1.0) -> Iterator[None]:
        """Computes with one adapter, or none, while the context lasts; 1 is its whole effect."""
        self.scale = scale
        try:
            with self._computing(None, [number] if number else []):
                yield
        finally:
            self.scale = 1.0

    def changes(self, number: int) -> dict[torch.nn.Module, Weights]:
        """An adapter's part for each layer that it has one for."""
        found = {name: layer.parts[number] for name, layer in self._layers.items() if number in layer.parts}
        return {self._model.get_submodule(name): part for name, part in found.items()}

    @contextmanager
    def _computing(self, step: Step | None, adapters: Sequence[int]) -> Iterator[None]:
        self.step, self.adapters = step, adapters
        try:
            yield
        finally:
            self.step, self.adapters = None, ()

    def _read(self, file: Path, found: Mapping[str, Part]) -> Iterator[tuple[str, Weights]]:
        with safe_open(file, framework="pt") as tensors:
            for name, part in found.items():
                module: Any = self._model.get_submodule(name)
                dtype, device = _compute_dtype(module), module.weight.device
                given = {key: tensors.get_tensor(place).to(torch.float32) for key, place in part.keys.items()}
                a, b = given["A"], given["B"] * part.scaling
                lengths = None
                if part.dora:
                    lengths = _lengths(given["magnitude_vector"].to(device), module, a.to(device), b.to(device))
                yield name, Weights(a.to(device, dtype), b.to(device, dtype), lengths)


def _compute_dtype(module: Any) -> torch.dtype:
    """What the layer computes in; fp32 on a CPU, where products of so few numbers take half the time of bf16's."""
    if module.weight.device.type == "cpu":
        return torch.float32
    dtype: torch.dtype | None = getattr(module, "compute_dtype", None)
    return dtype or (module.weight.dtype if module.weight.dtype.is_floating_point else torch.bfloat16)


def _lengths(magnitude: torch.Tensor, module: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(outputs,): how much longer or shorter a DoRA wants each row of W + B·A."""
    lengths: torch.Tensor = magnitude / (plain_weights(module).float() + b @ a).norm(dim=1)
    return lengths


def plain_weights(module: Any) -> torch.Tensor:
    """A linear layer's weights (outputs, inputs), unpacked where they are packed by bitsandbytes."""
    state = getattr(module.weight, "quant_state", None)
    if getattr(state, "packing_format_for_cpu", False):
        return linear4bit.dequantize(module)
    if state is not None or hasattr(module.weight, "SCB"):
        from peft.utils.integrations import dequantize_module_weight  # noqa: PLC0415  heavy, and seldom needed

        weights: torch.Tensor = dequantize_module_weight(module)
        return weights
    return module.weight.detach()  # type: ignore[no-any-return]
