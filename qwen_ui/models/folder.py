"""Checks a folder of model files before anything is loaded from it. Reads headers and JSON only."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from qwen_ui.errors import ModelDamaged, ModelError, ModelNotFound
from qwen_ui.models.estimate import Packing
from qwen_ui.sentences import Sentence

CAUSAL = ("ForCausalLM", "LMHeadModel")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


def check(folder: Path) -> dict[str, Any]:
    """The folder's configuration, once it holds a whole causal language model in safetensors, with its tokenizer.

    Raises `ModelNotFound` without such a folder, `ModelDamaged` when something in it is missing, cut off or of
    another kind.
    """
    if not folder.is_dir():
        raise ModelNotFound(
            "There is no folder {folder}. Set --model to a folder with a model, or to a hub id.", folder=folder
        )
    config = read_config(folder)
    check_weights(folder)
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelDamaged(
            "{folder} has no tokenizer (tokenizer.json). Copy the model's tokenizer files into it.", folder=folder
        )
    return config


def read_config(folder: Path, name: str = "") -> dict[str, Any]:
    """The folder's config.json, checked to be of a causal language model. Errors say ``name``, or else the folder."""
    name = name or str(folder)
    file = folder / "config.json"
    if not file.is_file():
        raise ModelNotFound(
            "{name} holds no model: it has no config.json. Set --model to a model's own folder.", name=name
        )
    config = _json(file)
    architectures = config.get("architectures") or []
    if not any(str(name).endswith(CAUSAL) for name in architectures):
        raise ModelDamaged(
            "{name} holds a {kind}, not a causal language model. Choose a model that generates text.",
            name=name,
            kind=architectures[0] if architectures else Sentence("model of unknown kind"),
        )
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
            "The weights of {name} are packed with {method}, which is not supported. "
            "Choose the model without that ending: it is brought to 4 bits here.",
            name=name,
            method=method,
        )
    return "8bit" if quantization.get("load_in_8bit") else "4bit"


def check_weights(folder: Path) -> None:
    """Raises `ModelDamaged` unless all weight files are there, each as long as its header promises."""
    for file in _weights(folder):
        try:
            with safe_open(file, framework="numpy"):  # reads the header, no weights
                pass
        except (SafetensorError, OSError) as error:
            raise ModelDamaged(
                "{file} in {folder} is damaged: {error}. Fetch that file again.",
                file=file.name,
                folder=file.parent,
                error=error,
            ) from error


def _weights(folder: Path) -> list[Path]:
    """The safetensors files that make up the model; every one of them is there."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.is_file():
        names = set((_json(index).get("weight_map") or {}).values())
        for name in sorted(names):
            if not (folder / name).is_file():
                raise ModelDamaged(
                    "{folder} is not complete: {file} is missing. Fetch that file again.", folder=folder, file=name
                )
        return [folder / name for name in sorted(names)]
    if not single.is_file():
        raise ModelDamaged(
            "{folder} has no weights in the safetensors format (model.safetensors). "
            "Other formats can run code when they are opened, so they are not read.",
            folder=folder,
        )
    return [single]


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelDamaged(
            "{file} is not readable JSON: {error}. Fetch that file again.", file=file, error=error
        ) from error
    if not isinstance(content, dict):
        raise ModelDamaged("{file} does not hold a JSON object. Fetch that file again.", file=file)
    return content
