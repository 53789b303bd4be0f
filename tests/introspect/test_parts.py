"""Architecture, positions and feed-forward parts of small models, against what their modules say."""

from typing import Any

import numpy as np
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Architecture, FeedForward, Positions, Source
from tests.introspect.models import IDS, ask, make, plain
from tests.models.tiny import in_thread

SOURCE = Source(ids=IDS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Qwen2", {}),
        ("Qwen2", {"tie_word_embeddings": False}),
        ("Llama", {}),
        ("Phi3", {"pad_token_id": 0}),
        ("GPT2", {}),
    ],
)
def test_the_parts_are_the_whole_model(kind: str, options: dict[str, Any]):
    model = make(kind, **options)
    result = ask(model, Architecture())
    assert result.parameters == sum(each.numel() for each in model.parameters())
    assert result.bytes == 4 * result.parameters
    assert sum(part.share for part in result.parts) == pytest.approx(1)
    assert {part.precision for part in result.parts} == {"fp32"}
    assert (result.layers, result.hidden, result.heads, result.vocabulary) == (3, 64, 4, 320)
    assert result.tied == options.get("tie_word_embeddings", True)
    assert [part.kind for part in result.parts if part.layer == 1].count("attention") == 1
    assert [part.kind for part in result.parts if part.layer == 1].count("feedforward") == 1
    assert not [part for part in result.parts if part.kind == "other"]
    (head,) = [part for part in result.parts if part.kind == "head"]
    assert (head.tied, head.bytes == 0) == (result.tied, result.tied)
    assert head.shapes == (("weight", (320, 64)),)


def test_what_makes_qwen2_another_transformer_than_that_of_2017():
    result = ask(make("Qwen2"), Architecture())
    assert (result.family, result.norm, result.activation, result.gated) == ("qwen2", "RMSNorm", "silu", True)
    assert (result.kv_heads, result.head_size, result.intermediate) == (2, 16, 128)
    assert (result.rope_theta, result.rope_scaling, result.attention_bias) == (10_000, "default", True)
    other = ask(make("GPT2"), Architecture())
    assert (other.norm, other.gated, other.rope_theta) == ("LayerNorm", False, None)


def test_angles_are_those_that_the_model_turns_by():
    import torch

    model = make("Qwen2", rope_parameters={"rope_type": "linear", "rope_theta": 10_000.0, "factor": 4.0})
    result = ask(model, Positions(SOURCE))
    rotary = model.model.rotary_emb
    cosines = in_thread(lambda: rotary(torch.zeros(1), torch.arange(512)[None]))[0][0].numpy()
    np.testing.assert_allclose(np.cos(result.angles).T, cosines[:, :8], atol=1e-4)
    assert result.frequencies[0] == pytest.approx(0.25)
    assert result.rope_scaling == "linear"
    assert (result.context, result.context_here) == (512, 512)


def test_scores_and_weights_by_distance_are_means_over_the_map():
    model = make("Qwen2")
    result, expected = ask(model, Positions(SOURCE)), plain(model, IDS)
    for layer, maps in enumerate(each[0].numpy() for each in expected.attentions):
        means = [np.mean([np.diag(head, -distance).mean() for head in maps]) for distance in range(len(IDS))]
        np.testing.assert_allclose(result.weights[layer], means, rtol=1e-4, atol=1e-5)
    seen: dict[int, Any] = {}

    def keep(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        seen[module.layer_idx] = kwargs["hidden_states"], kwargs["position_embeddings"]

    hooks = [each.self_attn.register_forward_hook(keep, with_kwargs=True) for each in model.model.layers]
    plain(model, IDS)
    for hook in hooks:
        hook.remove()
    scores = in_thread(lambda: _scores(model.model.layers[2].self_attn, *seen[2]))
    means = [np.mean([np.diag(head, -distance).mean() for head in scores]) for distance in range(len(IDS))]
    np.testing.assert_allclose(result.scores[2], means, rtol=1e-3, atol=1e-4)


def _scores(attention: Any, hidden: Any, turned: Any) -> Any:
    import torch
    from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

    with torch.inference_mode():
        queries = attention.q_proj(hidden).view(1, len(IDS), 4, 16).transpose(1, 2)
        keys = attention.k_proj(hidden).view(1, len(IDS), 2, 16).transpose(1, 2)
        queries, keys = apply_rotary_pos_emb(queries, keys, *turned)
        return (queries @ keys.repeat_interleave(2, dim=1).transpose(2, 3) / 4)[0].numpy()


@pytest.mark.parametrize("kind", ["Qwen2", "Llama", "Phi3"])
def test_units_are_those_of_the_part(kind: str):
    import torch

    model = make(kind, pad_token_id=0)
    result = ask(model, FeedForward(SOURCE, layer=1, position=-3))
    part = model.model.layers[1].mlp
    given: list[Any] = []
    hook = part.register_forward_pre_hook(lambda module, args: given.append(args[0][0, -3]))
    plain(model, IDS)
    hook.remove()

    def expected() -> tuple[Any, Any, Any]:
        with torch.inference_mode():
            both = (
                part.gate_up_proj(given[0]).chunk(2)
                if kind == "Phi3"
                else (part.gate_proj(given[0]), part.up_proj(given[0]))
            )
            return both[0], torch.nn.functional.silu(both[0]) * both[1], part.down_proj.weight.detach()

    gates, products, down = in_thread(expected)
    assert result.position == len(IDS) - 3
    assert result.gated
    np.testing.assert_allclose(result.gates, gates, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(result.products, products, rtol=1e-4, atol=1e-5)
    strength = (products.abs() * down.norm(dim=0)).numpy()
    assert [unit.index for unit in result.units] == np.argsort(-strength)[: len(result.units)].tolist()
    unit = result.units[0]
    direction = down[:, unit.index] * products[unit.index].sign() * model.model.norm.weight.detach()
    words = in_thread(lambda: (model.lm_head.weight.detach() @ direction).argsort(descending=True).tolist())
    assert [piece.id for piece in unit.promotes] == words[: len(unit.promotes)]
    assert [piece.id for piece in unit.suppresses] == words[::-1][: len(unit.suppresses)]
    assert unit.product == pytest.approx(unit.activation * (unit.up or 0), rel=1e-4)


def test_a_part_without_gates_is_shown_too():
    result = ask(make("GPT2", activation_function="relu"), FeedForward(SOURCE, layer=0, position=2))
    assert (result.gated, result.activation, result.units[0].up) == (False, "relu", None)
    np.testing.assert_array_equal(result.curve_y, np.maximum(result.curve_x, 0))
    np.testing.assert_allclose(result.products, np.maximum(result.gates, 0), rtol=1e-5)


@pytest.mark.parametrize("look", [FeedForward(SOURCE, 3), FeedForward(SOURCE, 0, 37), FeedForward(SOURCE, 0, -38)])
def test_layers_and_positions_that_are_not_there_are_refused(look: Any):
    with pytest.raises(InvalidInput):
        ask(make("Qwen2"), look)
