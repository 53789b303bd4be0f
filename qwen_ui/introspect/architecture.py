"""The model as it stands in memory: every part's shapes, parameters, precision and bytes, read from its modules."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from qwen_ui.introspect.anatomy import Anatomy, is_attention, is_feedforward, is_norm
from qwen_ui.introspect.looks import Architecture
from qwen_ui.introspect.results import ArchitectureResult, Part, PartKind
from qwen_ui.introspect.subject import Subject

PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16", torch.int8: "8bit"}
GATES = ("gate_proj", "gate_up_proj", "w3")
"""Names that feed-forward parts with a gate have (SwiGLU: Shazeer 2020, https://arxiv.org/abs/2002.05202)."""


def architecture(look: Architecture, subject: Subject) -> ArchitectureResult:
    """The model as it stands in memory. Computes nothing, so nobody has to wait for it."""
    anatomy, context_here = subject.anatomy, subject.context_here
    config: Any = anatomy.config
    parts = _with_shares(list(_parts(anatomy)))
    first = anatomy.layers[0]
    inner = next((each for each in first.children() if is_feedforward(each)), first)
    attention = next((each for each in first.children() if is_attention(each)), first)
    return ArchitectureResult(
        look=look,
        origin=subject.origin,
        family=str(config.model_type),
        layers=len(anatomy.layers),
        hidden=int(config.hidden_size),
        heads=anatomy.heads,
        kv_heads=int(getattr(config, "num_key_value_heads", None) or anatomy.heads),
        head_size=int(getattr(config, "head_dim", None) or config.hidden_size // anatomy.heads),
        intermediate=_intermediate(config, inner),
        vocabulary=int(config.vocab_size),
        context=anatomy.context or context_here,
        context_here=context_here,
        rope_theta=anatomy.rope.get("rope_theta"),
        rope_scaling=anatomy.rope_scaling,
        norm=_norm_name(anatomy.final_norm),
        norm_epsilon=_epsilon(anatomy.final_norm),
        activation=activation_name(config),
        gated=is_gated(inner),
        attention_bias=any(name.endswith("bias") for name, _ in attention.named_parameters()),
        tied=anatomy.tied,
        sliding_window=getattr(config, "sliding_window", None),
        parameters=sum(part.parameters for part in parts),
        bytes=sum(part.bytes for part in parts),
        parts=parts,
        linear=tuple(name for name, _ in anatomy.linear()),
    )


def is_gated(feedforward: Any) -> bool:
    """Whether a feed-forward part multiplies by a gate."""
    return any(name.rpartition(".")[2] in GATES for name, _ in feedforward.named_modules())


def activation_name(config: Any) -> str:
    """The activation function's name in the configuration."""
    names = ("hidden_activation", "hidden_act", "activation_function")
    return str(next((given for name in names if (given := getattr(config, name, None))), ""))


def shape_of(module: Any, name: str, tensor: torch.Tensor) -> tuple[int, ...]:
    """A tensor's shape as it is computed with; of packed weights the state that they are unpacked with knows it."""
    state = getattr(tensor, "quant_state", None)
    if state is not None:
        return tuple(state.shape)
    if isinstance(module, torch.nn.Linear) and name == "weight":
        return module.out_features, module.in_features
    return tuple(tensor.shape)


def precision_of(tensor: torch.Tensor) -> str:
    """One of fp32, bf16, fp16, 8bit, 4bit; other types by torch's name."""
    if getattr(tensor, "quant_state", None) is not None:
        return "4bit"
    return PRECISIONS.get(tensor.dtype, str(tensor.dtype).removeprefix("torch."))


def bytes_of(tensor: torch.Tensor) -> int:
    """What a tensor takes in memory, with the scales of packed weights (and the scales of those)."""
    state = getattr(tensor, "quant_state", None)
    scales = [getattr(state, "absmax", None), getattr(getattr(state, "state2", None), "absmax", None)]
    scales.append(getattr(tensor, "SCB", None))
    return sum(int(each.nbytes) for each in (tensor, *scales) if each is not None)


def _parts(anatomy: Anatomy) -> Iterator[Part]:
    """All parts, the embeddings first; every tensor of the model is in one of them."""
    counted = set[int]()
    yield _part(anatomy, anatomy.embedding, "embedding", None, counted)
    for number, layer in enumerate(anatomy.layers):
        for child in layer.children():
            if _has_parameters(child):
                yield _part(anatomy, child, _kind(child), number, counted)
    for child in anatomy.decoder.children():
        if child not in (anatomy.embedding, anatomy.layers) and _has_parameters(child):
            yield _part(anatomy, child, _kind(child), None, counted)
    yield _part(anatomy, anatomy.head, "head", None, counted)
    if rest := [each for each in anatomy.model.parameters() if id(each) not in counted]:
        numel, size = sum(each.numel() for each in rest), sum(bytes_of(each) for each in rest)
        precisions = " + ".join(sorted({precision_of(each) for each in rest}))
        yield Part("", "other", None, (), numel, precisions, size, 0.0)


def _kind(module: Any) -> PartKind:
    if isinstance(module, torch.nn.Embedding):
        return "embedding"
    known: list[tuple[PartKind, Callable[[Any], bool]]] = [
        ("attention", is_attention),
        ("feedforward", is_feedforward),
        ("norm", is_norm),
    ]
    return next((kind for kind, fits in known if fits(module)), "other")


def _has_parameters(module: Any) -> bool:
    return next(module.parameters(), None) is not None


def _part(anatomy: Anatomy, module: Any, kind: PartKind, layer: int | None, counted: set[int]) -> Part:
    shapes, parameters, size, precisions, tied = [], 0, 0, set(), False
    for inner_name, inner in module.named_modules():
        for name, tensor in inner.named_parameters(recurse=False):
            shape = shape_of(inner, name, tensor)
            shapes.append((f"{inner_name}.{name}".removeprefix("."), shape))
            precisions.add(precision_of(tensor))
            tied = tied or id(tensor) in counted
            if id(tensor) not in counted:
                counted.add(id(tensor))
                parameters += torch.Size(shape).numel()
                size += bytes_of(tensor)
    precision = " + ".join(sorted(precisions))
    return Part(anatomy.names[module], kind, layer, tuple(shapes), parameters, precision, size, 0.0, tied)


def _with_shares(parts: list[Part]) -> tuple[Part, ...]:
    total = sum(part.bytes for part in parts)
    return tuple(replace(part, share=part.bytes / total) for part in parts)


def _intermediate(config: Any, feedforward: Any) -> int:
    given = getattr(config, "intermediate_size", None)
    sizes = [each.out_features for each in feedforward.modules() if isinstance(each, torch.nn.Linear)]
    return int(given or max(sizes, default=4 * config.hidden_size))


def _norm_name(norm: Any) -> str:
    name = type(norm).__name__
    return next((known for known in ("RMSNorm", "LayerNorm") if known in name), name)


def _epsilon(norm: Any) -> float:
    names = ("variance_epsilon", "eps", "epsilon")
    return float(next((given for name in names if (given := getattr(norm, name, None)) is not None), float("nan")))
