"""The model that is to be trained: 16-bit weights on a CPU, NF4 (QLoRA) on a GPU. A copy of this process's own.

The packed copy that serves on a CPU can't be trained: bitsandbytes repacks it at its first use, which has no gradient.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.settings import Method
from qwen_ui.models import folder, load
from qwen_ui.models.catalog import CATALOG
from qwen_ui.models.estimate import Packing, Size
from qwen_ui.models.fingerprint import fingerprint
from qwen_ui.models.hardware import Device
from qwen_ui.models.hub import Hub
from qwen_ui.models.source import ModelFiles, Report, find
from qwen_ui.settings import Settings

EMBEDDED_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The embedded model's id on the hub."""


SHORT = 128
"""Up to so many tokens plain attention is faster on a CPU than torch's own, whose backward pass is slow in bf16."""


@dataclass(frozen=True, slots=True)
class Base:
    """A model that is there to be trained, and where."""

    files: ModelFiles
    device: Device
    packing: Packing
    size: Size
    tokenizer: PreTrainedTokenizerBase
    id: str
    """Its name for others: the hub id where there is one, never a path of this machine."""
    hash: str
    """Its fingerprint."""


def choose(settings: Settings, method: Method, report: Report) -> Base:
    """Finds the model that the settings name, fetching or converting it where that is needed; no weights are read yet.

    Raises `ModelError` like `find`, and `InvalidInput` for a packed model where that can't be trained.
    """
    load.quiet()
    on_gpu = load.this_machine(replace(settings, precision="bf16")).devices[0].kind == "cuda"
    packing: Packing = "4bit" if on_gpu and method == "lora" else "bf16"
    settings = replace(settings, precision=packing)
    machine = load.this_machine(settings)
    files = find(settings, machine, Hub(), report)
    packed = folder.packed(folder.check(files.folder), files.name)
    if packed and packed != packing:
        raise InvalidInput(
            "The weights of {name} are packed in {packed} already, which can't be trained here. Choose the model's "
            "plain form.",
            name=files.name,
            packed=packed,
        )
    return Base(
        files=files,
        device=machine.devices[0],
        packing=packing,
        size=load.size_of(files.folder),
        tokenizer=load.read_tokenizer(files),
        id=_id(files, settings.model),
        hash=fingerprint(files.folder),
    )


def read(base: Base, longest: int = 0) -> PreTrainedModel:
    """The weights, frozen, for rows of so many tokens at most. Raises `ModelError`.

    Not by peft's `prepare_model_for_kbit_training`: that brings embeddings and head to fp32, a third of a 7B's memory.
    """
    packed = bool(folder.packed(folder.check(base.files.folder), base.files.name))
    model = load.read_weights(base.files.name, base.files.folder, base.packing, base.device, packed=packed)
    model.config.use_cache = False
    if base.device.kind == "cpu" and 0 < longest <= SHORT:
        model.set_attn_implementation("eager")
    model.requires_grad_(False)
    return model


def weights(model: Any, folder: Path) -> None:
    """Puts a checkpoint's weights into the model that it was made of."""
    tensors = {name: each for file in sorted(folder.glob("*.safetensors")) for name, each in load_file(file).items()}
    if isinstance(model, PeftModel):
        set_peft_model_state_dict(model, tensors)
    else:
        model.load_state_dict(tensors, strict=False)  # a head that is the embeddings once more is saved once


def computing(model: Any) -> torch.autocast:
    """Within it, products are of 16-bit numbers, whatever the weights are kept in."""
    return torch.autocast(next(model.parameters()).device.type, torch.bfloat16)


@contextmanager
def judging(model: Any) -> Iterator[None]:
    """The model as it answers: without dropout and gradients, and all of it in 16 bits, as it serves."""
    training = model.training
    precise = {parameter: parameter.data for parameter in model.parameters() if parameter.dtype == torch.float32}
    model.eval()
    for parameter in precise:
        parameter.data = parameter.data.bfloat16()
    try:
        with torch.inference_mode():
            yield
    finally:
        for parameter, data in precise.items():
            parameter.data = data
        model.train(training)


def bodies(model: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The decoder, which gives hidden states, and the head, which makes logits of them."""
    plain: PreTrainedModel = model.get_base_model() if hasattr(model, "get_base_model") else model
    return plain.get_decoder(), plain.get_output_embeddings()


def _id(files: ModelFiles, given: str) -> str:
    if files.embedded:
        return EMBEDDED_ID
    known = [known.id for known in CATALOG if known.name == files.name]
    is_id = given.count("/") == 1 and not Path(given).expanduser().exists() and not given.endswith(".gguf")
    return given if is_id else next(iter(known), files.name)
