"""An adapter's files, in peft's format: what they hold, and whether a model can use that.

Format: adapter_config.json and adapter_model.safetensors as peft saves a LoRA (peft, docs, "PEFT checkpoint format").
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from qwen_ui.adapters.card import Card
from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MAX_CONFIG_BYTES = 1_000_000

_KEY = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<part>A|B|magnitude_vector)(\.weight)?")
_NEUTRAL_INITS = (None, True, False, "gaussian", "eva", "orthogonal")
"""Ways to begin that leave the base model as it is; others, such as PiSSA, take a part of it away."""
_UNKNOWN = ("modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters", "fan_in_fan_out")
_UNKNOWN_TOO = ("lora_bias", "use_qalora", "alora_invocation_tokens", "arrow_config", "use_bdlora", "corda_config")
_COPIES = re.compile(r"[-_](unsloth|bnb|4bit|8bit|nf4|awq|gptq|int4|int8|gguf)\b.*")
"""What copies of a model in other packings add to its name."""


@dataclass(frozen=True, slots=True)
class Base:
    """The model that adapters are for."""

    name: str
    fingerprint: str
    """See `qwen_ui.models.fingerprint`."""
    layers: Mapping[str, tuple[int, int]]
    """Its linear layers: outputs and inputs, by name."""


@dataclass(frozen=True, slots=True)
class Part:
    """What an adapter has for one linear layer."""

    rank: int
    scaling: float
    """The factor of B·A: alpha ÷ rank, or alpha ÷ √rank."""
    dora: bool
    """Whether it has lengths of its own for the layer's outputs."""
    keys: Mapping[str, str]
    """The names of its tensors in the file, by "A", "B" and "magnitude_vector"."""


def parts(folder: Path, base: Base) -> dict[str, Part]:
    """What the adapter in the folder has for each of the model's layers.

    Raises `InvalidInput` for files that can't be read, and for an adapter that the model can't use.
    """
    config = _config(folder)
    _check_config(config)
    _check_base(config, Card.read(folder), base)
    shapes = _shapes(folder / WEIGHTS)
    return dict(_parts(config, shapes, base))


def _config(folder: Path) -> Mapping[str, Any]:
    file = folder / CONFIG
    try:
        if file.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError("it is too large")
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(
            "There is no {file}. An adapter is a folder with {config} and {weights}, as peft saves it.",
            file=CONFIG,
            config=CONFIG,
            weights=WEIGHTS,
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput("{file} can't be read: {error}", file=CONFIG, error=error) from error
    if not isinstance(config, dict):
        raise InvalidInput("{file} can't be read: {error}", file=CONFIG, error=Sentence("it holds no settings"))
    return config


def _check_config(config: Mapping[str, Any]) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise InvalidInput("This adapter is of the kind {kind}. Only LoRA adapters can be used here.", kind=kind)
    unknown = [name for name in (*_UNKNOWN, *_UNKNOWN_TOO) if config.get(name)]
    if config.get("bias", "none") != "none":
        unknown.append("bias")
    if config.get("init_lora_weights") not in _NEUTRAL_INITS:
        unknown.append("init_lora_weights")
    if unknown:
        raise InvalidInput(
            "This adapter also changes other parts of the model ({names}), which can't be had beside other adapters. "
            "Train it without, or merge it into its model.",
            names=", ".join(f"{name}: {config[name]}"[:80] for name in unknown),
        )


def _check_base(config: Mapping[str, Any], card: Card, base: Base) -> None:
    trained_on = card.base or str(config.get("base_model_name_or_path") or "")
    fits = card.base_hash == base.fingerprint if card.base_hash else _may_be(trained_on, base.name)
    if not fits:
        raise InvalidInput(
            "This adapter was trained on another model, {theirs}; here runs {ours}. Start the app with "
            "--model {theirs}, or train it anew.",
            theirs=trained_on,
            ours=base.name,
        )


def _may_be(theirs: str, ours: str) -> bool:
    """Whether both names may mean one model. A path on somebody's disk may be any; then only the shapes tell."""
    path = theirs.count("/") != 1 or theirs.startswith((".", "/", "~"))
    return path or _plain(theirs) == _plain(ours)


def _plain(name: str) -> str:
    name = name.rpartition("/")[2].lower().removesuffix(" (embedded)")
    return _COPIES.sub("", name)


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors by their names, from the file's head."""
    try:
        with safe_open(file, framework="np") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise InvalidInput(
            "There is no {file}. Weights in other formats, such as .bin, are not read here: they can hold programs. "
            "Save the adapter with safetensors.",
            file=WEIGHTS,
        ) from None
    except (OSError, SafetensorError) as error:
        raise InvalidInput("{file} is damaged: {error}. Fetch it again.", file=WEIGHTS, error=error) from error


def _parts(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], base: Base) -> Iterator[tuple[str, Part]]:
    found: dict[str, dict[str, str]] = {}
    for key in shapes:
        match = _KEY.fullmatch(key)
        if not match:
            raise InvalidInput(
                "This adapter has a part that is not known here: {name}. Only LoRA on linear layers can be used.",
                name=key[:100],
            )
        found.setdefault(match["layer"], {})[match["part"]] = key
    if not found:
        raise InvalidInput("{file} is empty: there is nothing in this adapter.", file=WEIGHTS)
    for layer, keys in found.items():
        rank = _rank(layer, {part: shapes[key] for part, key in keys.items()}, base)
        yield layer, Part(rank, _scaling(config, layer, rank), "magnitude_vector" in keys, keys)


def _rank(layer: str, shapes: Mapping[str, tuple[int, ...]], base: Base) -> int:
    """Of the layer's part, once its shapes are right."""
    if layer not in base.layers:
        raise InvalidInput("This adapter is for a layer that {model} has not: {layer}.", model=base.name, layer=layer)
    outputs, inputs = base.layers[layer]
    a, b = shapes.get("A", ()), shapes.get("B", ())
    rank = a[0] if a else 0
    lengths = shapes.get("magnitude_vector", (outputs,))
    if not rank or (a, b, lengths) != ((rank, inputs), (outputs, rank), (outputs,)):
        raise InvalidInput(
            "This adapter does not fit {model}: for {layer} it has {theirs}, and the layer is {ours}. It was trained "
            "on another model.",
            model=base.name,
            layer=layer,
            theirs=f"A {a}, B {b}",
            ours=(outputs, inputs),
        )
    return rank


def _scaling(config: Mapping[str, Any], layer: str, rank: int) -> float:
    alpha = _of_pattern(config, "alpha_pattern", layer, config.get("lora_alpha", 8))
    scaling = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    if not math.isfinite(scaling):
        raise InvalidInput("{file} can't be read: {error}", file=CONFIG, error=Sentence("its alpha is no number"))
    return scaling


def _of_pattern(config: Mapping[str, Any], name: str, layer: str, default: Any) -> float:
    """The value for a layer: the first of the patterns that is the end of its name, as peft has it, else the default.

    A pattern is taken by its words alone: one with other signs is a regular expression of somebody else's.
    """
    patterns = config.get(name) or {}
    for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
        if not re.fullmatch(r"\^?[\w.]+", pattern):
            raise InvalidInput("{file} has a pattern that can't be used here: {pattern}", file=CONFIG, pattern=pattern)
        words = pattern.removeprefix("^")
        if layer == words or (not pattern.startswith("^") and layer.endswith(f".{words}")):
            return _number(value)
    return _number(default)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
