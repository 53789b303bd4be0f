"""Base and adapter side by side, through the adapters' layers as they serve, against peft."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qwen_ui.adapters.files import Base
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Compare, FeedForward, Source
from qwen_ui.introspect.results import Origin
from tests.engine.adapters import make_adapter
from tests.introspect.models import IDS, ask, make, plain

SOURCE = Source(ids=IDS)
LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"]}
CLOSE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-4}


def looked_at(model: Any, folder: Path, look: Any, scale: float) -> Any:
    """The look with the adapter of the folder, as the engine asks for it."""
    import torch

    from qwen_ui.engine.local.adapters import AdapterLayers

    linear = {name: each for name, each in model.named_modules() if isinstance(each, torch.nn.Linear)}
    shapes = {name: (each.out_features, each.in_features) for name, each in linear.items() if name != "lm_head"}
    layers = AdapterLayers(model, Base("tiny", "", shapes))
    layers.load(1, folder, layers.parts(folder))

    @contextmanager
    def pause(number: int) -> Iterator[None]:
        with layers.all_tokens(number, scale):
            yield

    known: dict[str, Any] = {"pause": partial(pause, 1), "base_pause": partial(pause, 0), "changes": layers.changes(1)}
    try:
        return ask(model, look, origin=Origin("tiny", "fp32", "mine", scale), **known)
    finally:
        layers.remove()


def merged(model: Any, folder: Path, scale: float) -> Any:
    """A model whose weights are those of the base and so much of what peft's merge changes of them."""
    import torch
    from peft import PeftModel

    whole: Any = PeftModel.from_pretrained(make("Qwen2"), folder)
    whole, base = whole.merge_and_unload(), model.state_dict()
    with torch.no_grad():
        for name, parameter in whole.named_parameters():
            parameter.copy_(base[name] + scale * (parameter - base[name]))
    return whole.eval()


@pytest.mark.parametrize("config", [LORA, {**LORA, "use_dora": True}], ids=["lora", "dora"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_both_sides_are_those_of_peft(config: dict[str, Any], scale: float, tmp_path: Path):
    model = make("Qwen2")
    folder = make_adapter(model, tmp_path / "mine", seed=1, scale=0.2, **config)
    result = looked_at(model, folder, Compare(SOURCE, layer=1), scale)
    adapted = merged(model, folder, scale)
    before, after = plain(model, IDS), plain(adapted, IDS)
    np.testing.assert_allclose(result.base.next.logits, before.logits[0, -1], **CLOSE)
    np.testing.assert_allclose(result.adapted.next.logits, after.logits[0, -1], **CLOSE)
    np.testing.assert_allclose(result.base_maps, before.attentions[1][0], **CLOSE)
    np.testing.assert_allclose(result.adapted_maps, after.attentions[1][0], **CLOSE)
    moved = (after.attentions[2][0] - before.attentions[2][0]).abs().sum(dim=2).mean(dim=1) / 2
    np.testing.assert_allclose(result.heads[2], moved, **CLOSE)
    states = (after.hidden_states[1] - before.hidden_states[1])[0].norm(dim=1) / before.hidden_states[1][0].norm(dim=1)
    np.testing.assert_allclose(result.states[1], states, **CLOSE)
    assert (result.states[0] == 0).all()
    assert result.divergence > 0
    assert set(result.modules) == {"q_proj", "down_proj"}
    weights = [each.model.layers[2].mlp.down_proj.weight.detach() for each in (model, adapted)]
    at = 2, result.modules.index("down_proj")
    assert result.changes[at] == pytest.approx(float((weights[1] - weights[0]).norm()), rel=1e-3)
    assert result.relative[at] == pytest.approx(float((weights[1] - weights[0]).norm() / weights[0].norm()), rel=1e-3)


def test_an_adapter_without_effect_changes_nothing(tmp_path: Path):
    model = make("Qwen2")
    folder = make_adapter(model, tmp_path / "mine", seed=1, scale=0.2, **LORA)
    result = looked_at(model, folder, Compare(SOURCE), 0.0)
    np.testing.assert_array_equal(result.base.next.logits, result.adapted.next.logits)
    assert (result.begins == -1).all()
    assert (result.heads == 0).all()
    assert (result.changes == 0).all()


def test_units_are_read_with_what_the_adapter_changes(tmp_path: Path):
    model = make("Qwen2")
    folder = make_adapter(model, tmp_path / "mine", seed=1, scale=0.2, **LORA)
    result = looked_at(model, folder, FeedForward(SOURCE, 1), 1.0)
    expected = ask(merged(model, folder, 1.0), FeedForward(SOURCE, 1))
    assert [unit.index for unit in result.units] == [unit.index for unit in expected.units]
    assert result.units[0].promotes == expected.units[0].promotes
    np.testing.assert_allclose(result.products, expected.products, **CLOSE)


def test_without_an_adapter_there_is_nothing_to_compare():
    with pytest.raises(InvalidInput, match="Choose an adapter"):
        ask(make("Qwen2"), Compare(SOURCE))
