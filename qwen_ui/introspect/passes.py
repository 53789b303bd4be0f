"""The pass that everything is read from: token chunk by token chunk, each within a pause of its own.

Between two chunks the batch loop computes for others; hooks and the attention function are there only within a chunk,
and taken out again whatever happens.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.masking_utils import eager_mask

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.anatomy import Anatomy, hidden_of

CHUNK = 128
"""Tokens of one part, for which running streams wait."""

Pause = Callable[[], AbstractContextManager[None]]
"""Lets nothing else be computed while it lasts; raises where nobody waits for the look any more."""


@dataclass(frozen=True, slots=True)
class Knocked:
    """What is taken out of a pass."""

    heads: frozenset[tuple[int, int]] = frozenset()
    """(layer, head): its output is taken as zero"""
    layers: frozenset[int] = frozenset()
    """The residual stream goes past them"""

    def __bool__(self) -> bool:
        return bool(self.heads or self.layers)

    def check(self, anatomy: Anatomy) -> "Knocked":
        """Raises `InvalidInput` for heads and layers that the model does not have."""
        anatomy.check_heads(self.heads)
        for layer in self.layers:
            anatomy.check_layer(layer)
        return self


@dataclass(frozen=True, slots=True)
class Attended:
    """One layer's attention in one chunk, for the queries from ``start`` on."""

    layer: int
    start: int
    queries: torch.Tensor
    """(heads, chunk, head size), turned by RoPE"""
    keys: torch.Tensor
    """(key heads, chunk's end, head size), turned by RoPE"""
    weights: torch.Tensor
    """(heads, chunk, chunk's end)"""
    scaling: float


See = Callable[[Attended], None]
NOTHING = Knocked()


def states(
    anatomy: Anatomy, ids: Sequence[int], pause: Pause, knocked: Knocked = NOTHING, see: See | None = None
) -> torch.Tensor:
    """(layers + 1, positions, hidden): the residual stream before, between and after the layers. See `parts`."""
    return torch.cat(list(parts(anatomy, ids, pause, knocked, see)), dim=1)


def parts(
    anatomy: Anatomy, ids: Sequence[int], pause: Pause, knocked: Knocked = NOTHING, see: See | None = None
) -> Iterator[torch.Tensor]:
    """The same for one chunk after the other.

    ``see`` gets each layer's attention of each chunk. Raises `InvalidInput` for a model whose attention can't be seen.
    """
    cache = DynamicCache()
    for start in range(0, len(ids), CHUNK):
        chunk = torch.tensor([ids[start : start + CHUNK]], device=anatomy.device)
        with pause(), _watched(anatomy, knocked) as stream, _attending(anatomy, knocked.heads, see, start):
            anatomy.decoder(input_ids=chunk, past_key_values=cache, use_cache=True)
            states = torch.cat(stream)
        yield states


@contextmanager
def hooked(pause: Pause, *add: Callable[[], Any]) -> Iterator[None]:
    """A pause with these hooks in it."""
    with pause(), ExitStack() as hooks:
        for hook in add:
            hooks.callback(hook().remove)
        yield


@contextmanager
def _watched(anatomy: Anatomy, knocked: Knocked) -> Iterator[list[torch.Tensor]]:
    """Notes the states (1, chunk, hidden) of what is computed within it; layers knocked out give what they got."""
    stream: list[torch.Tensor] = []

    def enter(module: Any, args: Any, kwargs: Any) -> None:
        stream.append(_given(args, kwargs))

    def leave(left_out: bool, module: Any, args: Any, kwargs: Any, output: Any) -> Any:
        if left_out:
            given = _given(args, kwargs)
            output = (given, *output[1:]) if isinstance(output, tuple) else given
        stream.append(hidden_of(output))
        return output

    with ExitStack() as hooks:
        hooks.callback(anatomy.layers[0].register_forward_pre_hook(enter, with_kwargs=True).remove)
        for number, layer in enumerate(anatomy.layers):
            hook = partial(leave, number in knocked.layers)
            hooks.callback(layer.register_forward_hook(hook, with_kwargs=True).remove)
        yield stream


def _given(args: Any, kwargs: Any) -> torch.Tensor:
    states: torch.Tensor = args[0] if args else kwargs["hidden_states"]
    return states


@contextmanager
def _attending(anatomy: Anatomy, zeroed: frozenset[tuple[int, int]], see: See | None, start: int) -> Iterator[None]:
    """Lets the model compute its attention plainly, in the open. Its own way is set back afterwards."""
    seen = set[int]()

    def attend(module: Any, query: Any, key: Any, value: Any, mask: Any, *args: Any, **kwargs: Any) -> Any:
        output, weights = _plain_attention(module)(module, query, key, value, mask, *args, **kwargs)
        layer = int(module.layer_idx)
        seen.add(layer)
        if heads := [head for at, head in zeroed if at == layer]:
            output[:, :, heads] = 0  # (batch, queries, heads, head size)
        if see is not None:
            see(Attended(layer, start, query[0], key[0], weights[0], float(kwargs["scaling"])))
        return output, weights

    model = anatomy.model
    name, before = f"look-{id(seen)}", model.config._attn_implementation
    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, eager_mask)
    try:
        model.set_attn_implementation(name)
        yield
        if (see is not None or zeroed) and len(seen) < len(anatomy.layers):
            raise InvalidInput("The attention of this kind of model can't be looked at.")
    finally:
        model.set_attn_implementation(before)
        AttentionInterface._global_mapping.pop(name)
        AttentionMaskInterface._global_mapping.pop(name)


def _plain_attention(module: Any) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """The model's own attention in plain products, which gives its weights too: it stands beside the module's class."""
    plain = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if plain is None:
        raise InvalidInput("The attention of this kind of model can't be looked at.")
    function: Callable[..., tuple[torch.Tensor, torch.Tensor]] = plain
    return function
