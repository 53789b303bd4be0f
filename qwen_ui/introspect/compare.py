"""The model beside itself with an adapter: the same text through both, chunk by chunk."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import forward, passes
from qwen_ui.introspect.looks import Compare, Forward
from qwen_ui.introspect.passes import Attended
from qwen_ui.introspect.results import CompareResult, Floats, ForwardResult
from qwen_ui.introspect.subject import Subject


class Difference:
    """Takes in the attention of both, chunk by chunk: keeps one layer's maps, and how far apart heads are."""

    def __init__(self, layers: int, heads: int, positions: int, kept: int) -> None:
        self._kept = kept
        self._chunk: dict[int, torch.Tensor] = {}
        self._moved = torch.zeros(layers, heads)
        self.base, self.adapted = torch.zeros(heads, positions, positions), torch.zeros(heads, positions, positions)

    def see_base(self, attended: Attended) -> None:
        self._chunk[attended.layer] = attended.weights.float().cpu()
        self._keep(attended, self.base)

    def see_adapted(self, attended: Attended) -> None:
        """Of the chunk that the base has gone through just before."""
        difference = attended.weights.float().cpu() - self._chunk.pop(attended.layer)
        self._moved[attended.layer] += difference.abs().sum(dim=(1, 2)) / 2
        self._keep(attended, self.adapted)

    @property
    def moved(self) -> Floats:
        """(layers, heads): the share of a row's weight that lies elsewhere, on average over the rows"""
        return (self._moved / self.base.shape[1]).numpy()

    def _keep(self, attended: Attended, maps: torch.Tensor) -> None:
        if attended.layer == self._kept:
            _, chunk, end = attended.weights.shape
            maps[:, attended.start : attended.start + chunk, :end] = attended.weights.float().cpu()


def compare(look: Compare, subject: Subject) -> CompareResult:
    """Both passes, and what sets them apart. Raises `InvalidInput` where no adapter was asked for."""
    if subject.base_pause is None:
        raise InvalidInput("There is nothing to compare the model with. Choose an adapter.")
    anatomy, source = subject.anatomy, look.source
    base = replace(subject, pause=subject.base_pause, origin=replace(subject.origin, adapter="", scale=1.0), changes={})
    difference = Difference(len(anatomy.layers), anatomy.heads, len(subject.ids), anatomy.check_layer(look.layer))
    both = zip(_parts(base, difference.see_base), _parts(subject, difference.see_adapted), strict=True)
    before, after = (torch.cat(parts, dim=1) for parts in zip(*both, strict=True))
    first = forward.result(Forward(source), base, before, None)
    second = forward.result(Forward(source), subject, after, None)
    modules, changes, relative = _changes(base, subject)
    return CompareResult(
        look=look,
        origin=subject.origin,
        base=first,
        adapted=second,
        base_maps=difference.base.numpy(),
        adapted_maps=difference.adapted.numpy(),
        heads=difference.moved,
        states=((after - before).float().norm(dim=-1) / before.float().norm(dim=-1)).cpu().numpy(),
        begins=_begins(first, second),
        divergence=_divergence(second, first),
        modules=modules,
        changes=changes,
        relative=relative,
    )


def _parts(subject: Subject, see: Callable[[Attended], None]) -> Iterator[torch.Tensor]:
    return passes.parts(subject.anatomy, subject.ids, subject.pause, see=see)


def _begins(base: ForwardResult, adapted: ForwardResult) -> Any:
    differ = base.lens_ids != adapted.lens_ids
    return np.where(differ.any(axis=0), differ.argmax(axis=0), -1)


def _divergence(one: ForwardResult, other: ForwardResult) -> float:
    """KL(one ‖ other) of the next token, in nats."""
    logs = [torch.from_numpy(each.next.logits).double().log_softmax(dim=-1) for each in (one, other)]
    return max(0.0, float((logs[0].exp() * (logs[0] - logs[1])).sum()))


def _changes(base: Subject, subject: Subject) -> tuple[tuple[str, ...], Floats, Floats]:
    """Kinds of modules that change, and for each layer and kind the Frobenius norms ‖ΔW‖ and ‖ΔW‖ ÷ ‖W‖."""
    anatomy = subject.anatomy
    places = {module: anatomy.place(anatomy.names[module]) for module in subject.changes}
    kinds = tuple(dict.fromkeys(name.rpartition(".")[2] for layer, name in places.values() if layer is not None))
    changes = np.full((len(anatomy.layers), len(kinds)), np.nan, np.float32)
    relative = changes.copy()
    for module, (layer, name) in places.items():
        if layer is not None:
            with base.pause():
                at = layer, kinds.index(name.rpartition(".")[2])
                changes[at] = subject.change_norm(module)
                relative[at] = changes[at] / subject.norm(module)
    return kinds, changes, relative
