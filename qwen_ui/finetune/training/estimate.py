"""How much memory and time a training will take, told before it starts."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from qwen_ui.errors import ModelTooLarge
from qwen_ui.finetune.encode import Encoded
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training import groups, strategy
from qwen_ui.finetune.training.collate import MOST_TOKENS
from qwen_ui.finetune.training.load import Base
from qwen_ui.finetune.training.trainer import steps_of
from qwen_ui.models.estimate import gigabytes, weight_bytes
from qwen_ui.models.load import LOCAL
from qwen_ui.sentences import Sentence

LIBRARIES = 900_000_000
"""Bytes that Python, torch and the rest take by themselves."""
PER_TOKEN = 3.5
"""Activations that are kept for the backward pass: bytes for each input and output of a linear layer and token.
Measured with the embedded model."""
OPTIMIZER = {"adamw": 8, "adam": 8, "sgd": 4, "adafactor": 1, "adamw8bit": 2}
"""Bytes that it keeps for each number that learns."""
EFFICIENCY = 0.12
"""The part of a plain matrix product's speed that training reaches. Measured with the embedded model."""
MEASURED_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take."""

    memory_bytes: int
    free_bytes: int
    seconds: float
    steps: int
    tokens: int
    """Of all steps together."""
    trainable: int
    parameters: int

    @property
    def fits(self) -> bool:
        return self.memory_bytes <= self.free_bytes

    @property
    def sentence(self) -> Sentence:
        return Sentence(
            "{memory} of {free} free, {trainable:,} of {parameters:,} numbers learn, {steps:,} steps",
            memory=gigabytes(self.memory_bytes),
            free=gigabytes(self.free_bytes),
            trainable=self.trainable,
            parameters=self.parameters,
            steps=self.steps,
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """What of the model and the strategy decides about memory, with no memory taken for it."""

    trainable: int
    sides: int
    """Inputs and outputs of all linear layers."""
    layers: tuple[str, ...]
    groups: tuple[str, ...]


def shape_of(base: Base, settings: TrainSettings) -> Shape:
    """Raises `InvalidInput` for a model whose layers are not known."""
    config = AutoConfig.from_pretrained(base.files.folder, **LOCAL)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        model.requires_grad_(False)
        model = strategy.prepare(model, settings, base.id)
        layers = groups.layers_of(model)
    linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    return Shape(
        trainable=sum(parameter.numel() for layer in layers for _, parameter in layer.parameters),
        sides=sum(module.in_features + module.out_features for module in linear) - base.size.vocab,
        layers=tuple(layer.name for layer in layers),
        groups=tuple(dict.fromkeys(group["name"] for group in groups.groups(layers, settings))),
    )


def estimate(base: Base, shape: Shape, settings: TrainSettings, rows: Sequence[Encoded], validation: int) -> Estimate:
    """From the model's shapes, the rows' lengths, and how fast this machine multiplies."""
    lengths = sorted((len(row.ids) for row in rows), reverse=True)
    steps = steps_of(settings, len(lengths))
    longest = lengths[0] if lengths else settings.max_length
    at_once = min(settings.batch_size * longest, max(MOST_TOKENS, longest))
    targets = max((sum(row.bears_loss) for row in rows), default=1) * max(1, at_once // longest)
    passes = steps * settings.batch_size * settings.accumulation
    tokens = round(passes * sum(lengths) / max(1, len(lengths)))
    learning = shape.trainable * (8 + OPTIMIZER[settings.optimizer])
    activations = at_once * shape.sides * (2 * PER_TOKEN / 12 if settings.checkpointing else PER_TOKEN)
    logits = targets * base.size.vocab * 12
    weights = weight_bytes(base.size, base.packing, base.device)
    evaluated = steps / max(1, settings.evaluate_every or steps / (4 * max(1.0, settings.epochs)))
    forward = validation * tokens / max(1, passes) * evaluated / 3
    return Estimate(
        memory_bytes=round(LIBRARIES + weights + learning + activations + logits),
        free_bytes=base.device.free,
        seconds=(tokens + forward)
        * 4
        * base.size.parameters
        / (EFFICIENCY * operations_per_second(base.device.torch_name)),
        steps=steps,
        tokens=tokens,
        trainable=shape.trainable,
        parameters=base.size.parameters,
    )


def check(name: str, needs: Estimate, settings: TrainSettings) -> None:
    """Raises `ModelTooLarge` with the numbers and what to change when it does not fit."""
    if needs.fits:
        return
    raise ModelTooLarge(
        "Training {name} takes about {needed} of memory and {free} are free. {change}",
        name=name,
        needed=gigabytes(needs.memory_bytes),
        free=gigabytes(needs.free_bytes),
        change=_change(settings),
    )


def _change(settings: TrainSettings) -> Sentence:
    if settings.method != "lora":
        return Sentence("Train an adapter (lora) instead of the weights themselves.")
    if settings.batch_size > 1:
        return Sentence(
            "Set the batch size to {batch} and the accumulation to {times}.",
            batch=max(1, settings.batch_size // 4),
            times=settings.accumulation * min(4, settings.batch_size),
        )
    if not settings.checkpointing:
        return Sentence("Switch gradient checkpointing on.")
    return Sentence("Lower the maximum length, or choose a smaller model.")


def operations_per_second(device: str) -> float:
    """Floating point operations of a plain product of 16-bit matrices, tried for a moment."""
    a, b = (torch.ones(512, 1024, dtype=torch.bfloat16, device=device) for _ in range(2))
    times: list[float] = []
    until = time.perf_counter() + MEASURED_SECONDS
    while time.perf_counter() < until or len(times) < 5:
        began = time.perf_counter()
        float((a @ b.T)[0, 0])
        times.append(time.perf_counter() - began)
    return 2 * 512 * 512 * 1024 / statistics.median(times)
