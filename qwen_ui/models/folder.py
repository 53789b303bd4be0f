"""Checks a folder of model files before anything is loaded from it. Reads headers and JSON only."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from qwen_ui.errors import ModelDamaged, ModelError, ModelNotFound
from qwen_ui.models import kinds
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
    _check_tokenizer(folder)
    return config


def _check_tokenizer(folder: Path) -> None:
    files = [folder / name for name in TOKENIZERS if (folder / name).is_file()]
    if not files:
        raise ModelDamaged(
            "{folder} has no tokenizer (tokenizer.json). Copy the model's tokenizer files into it.", folder=folder
        )
    for file in files:
        kinds.check_not_pointer(file)
    if files[0].name == "tokenizer.model" and find_spec("sentencepiece") is None:
        raise ModelDamaged(
            "{folder} has its tokenizer only as tokenizer.model, which needs sentencepiece. Add the model's "
            "tokenizer.json, or run `pip install sentencepiece`.",
            folder=folder,
        )


def read_config(folder: Path, name: str = "") -> dict[str, Any]:
    """The folder's config.json, checked to be of a causal language model. Errors say ``name``, or else the folder."""
    name = name or str(folder)
    file = folder / "config.json"
    if not file.is_file():
        raise kinds.without_config(folder, name)
    config = _json(file)
    named = config.get("architectures")
    architectures = [str(architecture) for architecture in named] if isinstance(named, list) else []
    if kinds.is_for_search(folder) or not any(name.endswith(CAUSAL) for name in architectures):
        raise _other_kind(folder, name, config, architectures)
    return config


def _other_kind(folder: Path, name: str, config: dict[str, Any], architectures: list[str]) -> ModelDamaged:
    architecture = architectures[0] if architectures else ""
    kind = architecture or Sentence("model of unknown kind")
    made_for = kinds.SEARCH if kinds.is_for_search(folder) else kinds.purpose(config, architecture)
    if made_for is None:
        return ModelDamaged(
            "{name} holds a {kind}, not a causal language model. Choose a model that generates text.",
            name=name,
            kind=kind,
        )
    return ModelDamaged(
        "{name} holds a {kind}, not a causal language model: it is made for {purpose}. "
        "Choose a model that generates text.",
        name=name,
        kind=kind,
        purpose=made_for,
    )


def packed(config: dict[str, Any], name: str) -> Packing | None:
    """The precision in which the model's files are quantised already, if they are.

    Raises `ModelError` for formats that can't be loaded here (GPTQ, AWQ and the like).
    """
    if isinstance(config.get("quantization"), dict):
        raise ModelError(
            "The weights of {name} are packed for MLX, which runs on Apple's chips alone. Choose the plain model.",
            name=name,
        )
    quantization = config.get("quantization_config")
    if not isinstance(quantization, dict) or not quantization:
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
        kinds.check_not_pointer(file)
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
        return [folder / name for name in _shards(folder, index)]
    for old, method in (("quantize_config.json", "gptq"), ("quant_config.json", "awq")):
        if (folder / old).is_file():
            packed({"quantization_config": {"quant_method": method}}, str(folder))
    if not single.is_file():
        raise kinds.without_weights(folder)
    return [single]


def _shards(folder: Path, index: Path) -> list[str]:
    """The names of the files that the index lists; every one of them is there."""
    places = _json(index).get("weight_map")
    listed: list[Any] = list(places.values()) if isinstance(places, dict) else [None]
    if not all(isinstance(name, str) and Path(name).name == name for name in listed):
        raise ModelDamaged("{file} lists no files of weights. Fetch that file again.", file=index)
    names = sorted(set(listed))
    missing = [name for name in names if not (folder / name).is_file()]
    if len(missing) == 1:
        raise ModelDamaged(
            "{folder} is not complete: {file} is missing. Fetch that file again.", folder=folder, file=missing[0]
        )
    if missing:
        raise ModelDamaged(
            "{folder} is not complete: {count} of {total} files of weights are missing, {file} for one. "
            "Fetch them again.",
            folder=folder,
            count=len(missing),
            total=len(names),
            file=missing[0],
        )
    return names


def _json(file: Path) -> dict[str, Any]:
    kinds.check_not_pointer(file)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelDamaged(
            "{file} is not readable JSON: {error}. Fetch that file again.", file=file, error=error
        ) from error
    if not isinstance(content, dict):
        raise ModelDamaged("{file} does not hold a JSON object. Fetch that file again.", file=file)
    return content
