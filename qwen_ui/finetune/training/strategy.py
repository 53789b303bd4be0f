"""What is trained: an adapter beside the frozen weights, the last layers' own weights, or all of them."""

import re
from typing import Any

from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.settings import Modules, TrainSettings

ATTENTION = r"self_attn\.(q|k|v|o|qkv)_proj"
FEED_FORWARD = r"mlp\.(gate|up|down|gate_up)_proj"
_PARTS: dict[Modules, str] = {
    "all": f"({ATTENTION}|{FEED_FORWARD})",
    "attention": ATTENTION,
    "feed-forward": FEED_FORWARD,
}
LAYER = re.compile(r"\blayers\.(\d+)\.")
"""The number of a parameter's layer within its name."""


def prepare(model: PreTrainedModel, settings: TrainSettings, base_id: str) -> Any:
    """The model with what is to learn switched on, in fp32: small steps are lost on 16-bit numbers.

    Raises `InvalidInput` for a model whose layers have other names than the ones that are known here.
    """
    count = layer_count(model)
    first = max(0, count - settings.layers) if settings.layers else 0
    if settings.method == "lora":
        return _with_adapter(model, settings, range(first, count), base_id)
    for name, parameter in model.named_parameters():
        number = layer_of(name)
        if settings.method == "full" or (number is not None and number >= first):
            parameter.data = parameter.data.float()
            parameter.requires_grad = True
    return model


def layer_count(model: nn.Module) -> int:
    """How many decoder layers there are."""
    numbers = {layer_of(name) for name, _ in model.named_parameters()} - {None}
    if not numbers:
        raise InvalidInput("The layers of this model are not named as is known here. Choose another model.")
    return len(numbers)


def layer_of(name: str) -> int | None:
    """The number of the layer that a parameter or module belongs to; None for embeddings, last norm and head."""
    match = LAYER.search(name)
    return int(match[1]) if match else None


def _with_adapter(model: PreTrainedModel, settings: TrainSettings, layers: range, base_id: str) -> Any:
    pattern = re.compile(_PARTS[settings.modules])
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and layer_of(name) in layers and pattern.search(name)
    ]
    if not names:
        raise InvalidInput("The layers of this model are not named as is known here. Choose another model.")
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # fractions are fine
        lora_dropout=settings.dropout,
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        target_modules=sorted({name.rpartition(".")[2] for name in names}),
        layers_to_transform=sorted(layers) if settings.layers else None,
    )
    adapted = get_peft_model(model, config)
    module: Any
    for module in adapted.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False  # autocast does: else each layer's input is kept in fp32 as well
    adapted.peft_config["default"].base_model_name_or_path = base_id
    return adapted
