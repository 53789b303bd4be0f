"""Which module of a model is what: read from the modules, so that it holds for any causal decoder that loads.

transformers names parts alike in all its models: a list of layers, each with one module of attention and one that feeds
forward. What a look needs and does not find is a model that can't be looked into that way, and said so.
"""

from collections.abc import Iterator
from typing import Any

import torch

from qwen_ui.errors import InvalidInput


class Anatomy:
    """The parts of a causal language model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.config: Any = model.config.get_text_config()
        self.decoder: Any = model.get_decoder()
        self.embedding: Any = model.get_input_embeddings()
        self.head: Any = model.get_output_embeddings()
        self.layers = _layers(self.decoder, self.config.num_hidden_layers)
        self.final_norm: Any = _last_norm(self.decoder)
        if self.head is None or self.final_norm is None:
            raise _unknown()
        self.names = {module: name for name, module in model.named_modules()}
        """Of every module, in the model"""

    @property
    def tied(self) -> bool:
        """Whether the head is the embeddings once more."""
        return bool(self.head.weight.data_ptr() == self.embedding.weight.data_ptr())

    @property
    def heads(self) -> int:
        return int(self.config.num_attention_heads)

    @property
    def rotary(self) -> Any | None:
        """What gives RoPE's angles; None in a model without."""
        return next((each for each in self.decoder.modules() if hasattr(each, "inv_freq")), None)

    @property
    def rope(self) -> dict[str, Any]:
        """``rope_theta``, ``rope_type`` and more; empty for a model without RoPE. Of several kinds, full attention's.

        Su et al. 2021, https://arxiv.org/abs/2104.09864
        """
        given = getattr(self.config, "rope_parameters", None) or {}
        return dict(given.get("full_attention", given)) if self.rotary is not None else {}

    @property
    def rope_scaling(self) -> str:
        """The kind of its scaling, "default" without any; empty for a model without RoPE."""
        return str(self.rope.get("rope_type", "default")) if self.rotary is not None else ""

    @property
    def context(self) -> int | None:
        """Tokens that the model was made for, where its configuration says so."""
        return getattr(self.config, "max_position_embeddings", None)

    @property
    def device(self) -> torch.device:
        device: torch.device = self.embedding.weight.device
        return device

    def attention(self, layer: int) -> Any:
        """The layer's attention. Raises `InvalidInput` for a layer that has none."""
        return _only(self.layers[layer], is_attention)

    def feedforward(self, layer: int) -> Any:
        """The layer's feed-forward part. Raises `InvalidInput` for a layer that has none."""
        return _only(self.layers[layer], is_feedforward)

    def place(self, name: str) -> tuple[int | None, str]:
        """The layer that something of that name in the model is in, if any, and its name there."""
        for number, layer in enumerate(self.layers):
            if name.startswith(f"{self.names[layer]}."):
                return number, name.removeprefix(f"{self.names[layer]}.")
        return None, name

    def linear(self) -> Iterator[tuple[str, Any]]:
        """The linear layers within the layers, by their names in the model."""
        for layer in self.layers:
            for module in layer.modules():
                if isinstance(module, torch.nn.Linear):
                    yield self.names[module], module

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """(…, hidden) states before the final norm to (…, vocabulary) float32 logits: what the head reads in them."""
        logits: torch.Tensor = self.head(self.final_norm(states)).float()
        if scaling := getattr(self.config, "logits_scaling", None):  # Granite
            logits = logits / scaling
        if scale := getattr(self.config, "logit_scale", None):  # Cohere
            logits = logits * scale
        cap = getattr(self.config, "final_logit_softcapping", None)  # Gemma
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def check_layer(self, layer: int) -> int:
        """Raises `InvalidInput` for a layer that the model does not have."""
        if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < len(self.layers):
            raise InvalidInput(
                "The model has {count:,} layers, from 0 to {last:,}. There is no layer {given}.",
                count=len(self.layers),
                last=len(self.layers) - 1,
                given=layer,
            )
        return layer

    def check_heads(self, heads: frozenset[tuple[int, int]]) -> None:
        """Raises `InvalidInput` for a head that the model does not have."""
        for layer, head in heads:
            self.check_layer(layer)
            if not 0 <= head < self.heads:
                raise InvalidInput(
                    "Each layer has {count:,} heads, from 0 to {last:,}. There is no head {given}.",
                    count=self.heads,
                    last=self.heads - 1,
                    given=head,
                )


def is_norm(module: Any) -> bool:
    """Whether it normalises: RMSNorm, LayerNorm and their kin."""
    return "norm" in type(module).__name__.lower()


def is_attention(module: Any) -> bool:
    """Whether it is a layer's attention."""
    return "attention" in type(module).__name__.lower() and not is_norm(module)


def is_feedforward(module: Any) -> bool:
    """Whether it is a layer's feed-forward part; one with several experts too."""
    name = type(module).__name__.lower()
    is_other = is_norm(module) or is_attention(module)
    return any(part in name for part in ("mlp", "feedforward", "moe")) and not is_other


def hidden_of(given: Any) -> torch.Tensor:
    """The hidden states of what a module gives, alone or the first of several."""
    states: torch.Tensor = given[0] if isinstance(given, tuple) else given
    return states


def _layers(decoder: Any, count: int) -> Any:
    for module in decoder.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == count:
            return module
    raise _unknown()


def _last_norm(decoder: Any) -> Any | None:
    norms = [child for child in decoder.children() if is_norm(child)]
    return norms[-1] if norms else None


def _only(layer: Any, kind: Any) -> Any:
    found = [child for child in layer.children() if kind(child)]
    if len(found) != 1:
        raise _unknown()
    return found[0]


def _unknown() -> InvalidInput:
    return InvalidInput("This kind of model is built in another way than is known here, so this can't be shown of it.")
