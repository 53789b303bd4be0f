"""Parameter groups: one a layer, made before the first step, so that each can have a rate of its own and be thawed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training.strategy import layer_of

EMBEDDINGS, HEAD = "embeddings", "head"


@dataclass(frozen=True, slots=True)
class Layer:
    """What learns in one of the model's layers, the embeddings, or the head with the last norm."""

    name: str
    parameters: tuple[tuple[str, nn.Parameter], ...]


def layers_of(model: nn.Module) -> tuple[Layer, ...]:
    """The layers that learn, the lowest first."""
    found: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            found.setdefault(_name(name), []).append((name, parameter))
    order = sorted(
        found,
        key=lambda name: (
            name == HEAD,
            name != EMBEDDINGS,
            int(name.rpartition(" ")[2] or 0) if name.startswith("layer") else 0,
        ),
    )
    return tuple(Layer(name, tuple(found[name])) for name in order)


def groups(layers: tuple[Layer, ...], settings: TrainSettings) -> list[dict[str, Any]]:
    """Groups for an optimizer: a layer's rate is ``layer_decay`` times that of the one above it.

    LoRA+ (Hayou et al. 2024, arXiv 2402.12354): B has ``lora_plus`` times the rate of A.
    """
    made = []
    for depth, layer in enumerate(reversed(layers)):
        rate = settings.learning_rate * settings.layer_decay**depth
        made += list(_of_layer(layer, rate, settings))
    return made[::-1]


def thawed(layers: tuple[Layer, ...], step: int, every: int) -> int:
    """How many of the layers, from the top, learn at that step: one more each so many steps, all when that is 0."""
    return min(len(layers), 1 + step // every) if every else len(layers)


def freeze_below(layers: tuple[Layer, ...], count: int) -> None:
    """Lets the top ``count`` layers learn, and no other."""
    for depth, layer in enumerate(reversed(layers)):
        for _, parameter in layer.parameters:
            parameter.requires_grad = depth < count


def _name(parameter: str) -> str:
    number = layer_of(parameter)
    if number is not None:
        return f"layer {number}"
    return EMBEDDINGS if "embed" in parameter else HEAD


def _of_layer(layer: Layer, rate: float, settings: TrainSettings) -> Iterator[dict[str, Any]]:
    plus = settings.method == "lora" and settings.lora_plus != 1
    # Norms, biases and DoRA's lengths are not drawn to zero.
    parts: dict[tuple[str, float, float], list[nn.Parameter]] = {}
    for name, parameter in layer.parameters:
        is_b = "lora_B" in name
        title = f"{layer.name} {'B' if is_b else 'A'}" if plus else layer.name
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        parts.setdefault((title, rate * settings.lora_plus if plus and is_b else rate, decay), []).append(parameter)
    for (title, lr, decay), parameters in parts.items():
        yield {"name": title, "params": parameters, "lr": lr, "weight_decay": decay}
