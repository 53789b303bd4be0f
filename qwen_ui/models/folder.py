"""Checks a folder of model files before anything is loaded from it. Reads headers and JSON only."""

import json
import struct
from pathlib import Path
from typing import Any

from qwen_ui.errors import ModelDamaged, ModelError, ModelNotFound
from qwen_ui.models.estimate import Packing

CAUSAL = ("ForCausalLM", "LMHeadModel")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
LARGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""


def check(folder: Path) -> dict[str, Any]:
    """The folder's configuration, once it holds a whole causal language model in safetensors, with its tokenizer.

    Raises `ModelNotFound` without such a folder, `ModelDamaged` when something in it is missing, cut off or of
    another kind.
    """
    if not folder.is_dir():
        raise ModelNotFound(f"There is no folder {folder}. Set --model to a folder with a model, or to a hub id.")
    config = read_config(folder)
    check_weights(folder)
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelDamaged(f"{folder} has no tokenizer (tokenizer.json). Copy the model's tokenizer files into it.")
    return config


def read_config(folder: Path, name: str = "") -> dict[str, Any]:
    """The folder's config.json, checked to be of a causal language model. Errors say ``name``, or else the folder."""
    name = name or str(folder)
    file = folder / "config.json"
    if not file.is_file():
        raise ModelNotFound(f"{name} holds no model: it has no config.json. Set --model to a model's own folder.")
    config = _json(file)
    architectures = config.get("architectures") or []
    if not any(str(name).endswith(CAUSAL) for name in architectures):
        what = f"a {architectures[0]}" if architectures else "a model of unknown kind"
        raise ModelDamaged(f"{name} holds {what}, not a causal language model. Choose a model that generates text.")
    return config


def packed(config: dict[str, Any], name: str) -> Packing | None:
    """The precision in which the model's files are quantised already, if they are.

    Raises `ModelError` for formats that can't be loaded here (GPTQ, AWQ and the like).
    """
    quantization = config.get("quantization_config")
    if not quantization:
        return None
    method = quantization.get("quant_method", "bitsandbytes")
    if method != "bitsandbytes":
        raise ModelError(
            f"The weights of {name} are packed with {method}, which is not supported. "
            "Choose the model without that ending: it is brought to 4 bits here."
        )
    return "8bit" if quantization.get("load_in_8bit") else "4bit"


def check_weights(folder: Path) -> None:
    """Raises `ModelDamaged` unless all weight files are there and of the right length."""
    for file in _weights(folder):
        check_safetensors(file)


def check_safetensors(file: Path) -> None:
    """Compares the file's length with what its header promises.

    The format: 8 bytes of header length, little-endian; a JSON header with each tensor's ``data_offsets``;
    the tensors (github.com/huggingface/safetensors). Raises `ModelDamaged`.
    """
    length = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        header_length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < header_length <= min(length - 8, LARGEST_HEADER):
            raise _cut_off(file, "its header is not whole")
        try:
            tensors = json.loads(stream.read(header_length))
            end = max((spec["data_offsets"][1] for name, spec in tensors.items() if name != "__metadata__"), default=0)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise _cut_off(file, "its header is not readable") from error
    if length != 8 + header_length + end:
        raise _cut_off(file, f"it has {length:,} bytes and should have {8 + header_length + end:,}")


def _cut_off(file: Path, how: str) -> ModelDamaged:
    return ModelDamaged(f"{file.name} in {file.parent} is damaged: {how}. Fetch that file again.")


def _weights(folder: Path) -> list[Path]:
    """The safetensors files that make up the model; every one of them is there."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.is_file():
        names = set((_json(index).get("weight_map") or {}).values())
        for name in sorted(names):
            if not (folder / name).is_file():
                raise ModelDamaged(f"{folder} is not complete: {name} is missing. Fetch that file again.")
        return [folder / name for name in sorted(names)]
    if not single.is_file():
        raise ModelDamaged(
            f"{folder} has no weights in the safetensors format (model.safetensors). "
            "Other formats can run code when they are opened, so they are not read."
        )
    return [single]


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelDamaged(f"{file} is not readable JSON: {error}. Fetch that file again.") from error
    if not isinstance(content, dict):
        raise ModelDamaged(f"{file} does not hold a JSON object. Fetch that file again.")
    return content
