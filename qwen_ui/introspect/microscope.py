"""What 4 bits make of one layer's weights, and of the whole model's next tokens."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from qwen_ui.engine.local.adapters import plain_weights
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import beside, lens, nf4, passes
from qwen_ui.introspect.architecture import bytes_of
from qwen_ui.introspect.looks import Microscope
from qwen_ui.introspect.results import Against16Bits, Floats, MicroscopeResult
from qwen_ui.introspect.subject import Subject
from qwen_ui.sentences import marked

BINS = 128
INDEX = "model.safetensors.index.json"
NO_FOLDER = marked("The 16-bit weights of this model are not on this machine, so there is nothing to compare with.")
NOT_PACKED = marked("The model does not run in 4 bits here: only this layer was packed, for this look.")


def microscope(look: Microscope, subject: Subject) -> MicroscopeResult:
    """The layer's weights in 4 bits. Raises `InvalidInput` for a layer or a block that there is not."""
    module = _module(look.module, subject)
    given: list[torch.Tensor] = []
    states = _states(subject, module, given)
    with subject.pause():
        resident = nf4.resident(module)
        original = _original(look.module, subject, module, packed=resident is not None)
        packed = resident or nf4.pack(plain_weights(module) if original is None else original)
        _check_block(look.block, len(packed.codes))
        known = packed.weights if original is None else original
        errors = _output_errors(torch.cat(given), known, packed.weights)
    size = packed.codes.shape[1]
    blocks = nf4.blocks_of(known, size)
    parts = (blocks / packed.scales.clamp_min(nf4.TINY)[:, None]).clamp(-1, 1).flatten()[: known.numel()]
    missing = NOT_PACKED if resident is None else NO_FOLDER if original is None else ""
    nothing = np.float32(np.nan if original is None else 0)  # added, it says that there is nothing to compare with
    return MicroscopeResult(
        look=look,
        origin=subject.origin,
        shape=(module.out_features, module.in_features),
        resident=resident is not None,
        levels=_numbers(packed.levels),
        edges=np.linspace(-1, 1, BINS + 1, dtype=np.float32),
        counts=torch.histc(parts, BINS, -1, 1).long().cpu().numpy(),
        used=torch.bincount(packed.codes.flatten()[: known.numel()], minlength=16).cpu().numpy(),
        block_size=size,
        blocks=len(packed.codes),
        codes=packed.codes[look.block].cpu().numpy(),
        scale=float(packed.scales[look.block]),
        unpacked=_numbers(nf4.blocks_of(packed.weights, size)[look.block]),
        original=_numbers(blocks[look.block]) + nothing,
        weight_error=float((packed.weights - known).norm() / known.norm() + nothing),
        output_error=errors + nothing,
        bits=8 * bytes_of(module.weight) / known.numel() if resident is not None else 4 + 32 / size,
        against=_against(subject, states) if look.whole and not missing else None,
        missing=missing,
    )


def _module(name: str, subject: Subject) -> Any:
    known = dict(subject.anatomy.linear())
    if name not in known:
        raise InvalidInput(
            "The model has no linear layer {name!r}. There are {count:,}, such as {example}.",
            name=name,
            count=len(known),
            example=next(iter(known), ""),
        )
    return known[name]


def _check_block(block: int, count: int) -> None:
    if isinstance(block, bool) or not isinstance(block, int) or not 0 <= block < count:
        raise InvalidInput(
            "The layer has {count:,} blocks, from 0 to {last:,}. There is no block {given}.",
            count=count,
            last=count - 1,
            given=block,
        )


def _states(subject: Subject, module: Any, given: list[torch.Tensor]) -> torch.Tensor:
    """(positions, hidden): the last states; ``given`` gets what goes into the layer, (chunk, inputs) each."""

    def take(module: Any, args: Any) -> None:
        given.append(args[0].reshape(-1, args[0].shape[-1]))

    def watched() -> AbstractContextManager[None]:
        return passes.hooked(subject.pause, lambda: module.register_forward_pre_hook(take))

    return passes.states(subject.anatomy, subject.ids, watched)[-1]


def _original(name: str, subject: Subject, module: Any, packed: bool) -> torch.Tensor | None:
    """The layer's weights before any packing, float32; None where they are not on this machine."""
    if not packed and module.weight.dtype.is_floating_point:
        return plain_weights(module).float()
    file = None if subject.plain is None else _file(subject.plain, f"{name}.weight")
    if file is None:
        return None
    try:
        with safe_open(file, framework="pt") as tensors:
            weights: torch.Tensor = tensors.get_tensor(f"{name}.weight")
    except (OSError, SafetensorError):  # gone, or kept under another name
        return None
    return weights.float().to(subject.anatomy.device)


def _file(folder: Path, key: str) -> Path | None:
    index = folder / INDEX
    if not index.is_file():
        return folder / "model.safetensors"
    name = json.loads(index.read_text(encoding="utf-8"))["weight_map"].get(key)
    return None if name is None else folder / name


def _output_errors(given: torch.Tensor, original: torch.Tensor, packed: torch.Tensor) -> Floats:
    """(positions,): length of the output's error in parts of the output's length, for these inputs."""
    inputs = given.float()
    expected = inputs @ original.T
    return _numbers((inputs @ packed.T - expected).norm(dim=-1) / expected.norm(dim=-1))


def _against(subject: Subject, states: torch.Tensor) -> Against16Bits:
    """The next tokens of both. The head and the norm before it are not packed: they read the 16-bit states too."""
    there = beside.states(subject).to(states)
    divergences, best, step = [], [], lens.at_once(subject.anatomy)
    for start in range(0, len(states), step):
        with subject.pause():
            rows = slice(start, start + step)
            ours, theirs = (subject.anatomy.logits(each[rows]).log_softmax(dim=-1) for each in (states, there))
            divergences.append((theirs.exp() * (theirs - ours)).sum(dim=-1).clamp_min(0))
            best.append(torch.stack([ours.argmax(dim=-1), theirs.argmax(dim=-1)]))
    here_ids, there_ids = torch.cat(best, dim=1).tolist()
    return Against16Bits(
        divergence=_numbers(torch.cat(divergences)),
        agree=(np.array(here_ids) == np.array(there_ids)).astype(np.int64),
        here=subject.words.pieces(here_ids),
        there=subject.words.pieces(there_ids),
    )


def _numbers(values: torch.Tensor) -> Floats:
    numbers: Floats = values.float().cpu().numpy()
    return numbers
