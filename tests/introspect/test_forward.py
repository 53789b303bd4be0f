"""Forward pass, lens, attention and knock-outs against plain transformers, on small models of several kinds."""

from typing import Any

import numpy as np
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Attention, Forward, Source
from tests.introspect.models import IDS, SIZES, ask, make, plain
from tests.models.tiny import in_thread

SOURCE = Source(ids=IDS)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2 tied": ("Qwen2", {}),
    "qwen2 untied": ("Qwen2", {"tie_word_embeddings": False}),
    "llama": ("Llama", {"attention_bias": True, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
    "qwen3": ("Qwen3", {"head_dim": 32}),
    "mistral with a window": ("Mistral", {"sliding_window": 8}),
    "gpt2": ("GPT2", {}),
}
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> Any:
    kind, options = KINDS[request.param]
    return make(kind, **options)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a text goes through in several parts."""
    monkeypatch.setattr("qwen_ui.introspect.passes.CHUNK", 16)
    monkeypatch.setattr("qwen_ui.introspect.lens.at_once", lambda anatomy: 10)


def test_states_and_lens_are_those_of_plain_transformers(model: Any):
    result, expected = ask(model, Forward(SOURCE)), plain(model, IDS)
    states = [state[0].numpy() for state in expected.hidden_states[:-1]]  # transformers gives the last one normed
    np.testing.assert_allclose(result.norms[:-1], [np.linalg.norm(state, axis=1) for state in states], **CLOSE)
    logits = expected.logits[0].numpy()
    np.testing.assert_allclose(result.next.logits, logits[-1], **CLOSE)
    for layer, row in enumerate([*(_lens(model, state) for state in states), logits]):
        probabilities = np.exp(row - row.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        assert result.lens_ids[layer].tolist() == row.argmax(axis=1).tolist()
        np.testing.assert_allclose(result.lens_probabilities[layer], probabilities.max(axis=1), **CLOSE)
    for position, lead in enumerate(result.leads):
        column = result.lens_ids[:, position]
        assert (column[lead:] == column[-1]).all()
        assert lead == 0 or column[lead - 1] != column[-1]


def _lens(model: Any, state: Any) -> Any:
    import torch

    decoder = model.get_decoder()
    norm = decoder.ln_f if hasattr(decoder, "ln_f") else decoder.norm

    def read() -> Any:
        with torch.inference_mode():
            return model.lm_head(norm(torch.from_numpy(state))).numpy()

    return in_thread(read)


def test_attention_is_that_of_plain_transformers(model: Any):
    result, expected = ask(model, Attention(SOURCE, layer=1)), plain(model, IDS)
    np.testing.assert_allclose(result.maps, expected.attentions[1][0].numpy(), **CLOSE)
    np.testing.assert_allclose(result.next.logits, expected.logits[0, -1].numpy(), **CLOSE)
    for layer, weights in enumerate(each[0].numpy() for each in expected.attentions):
        size = len(IDS)
        previous = [weights[:, q, q - 1] for q in range(1, size)]
        np.testing.assert_allclose(result.previous[layer], np.mean(previous, axis=0), **CLOSE)
        np.testing.assert_allclose(result.first[layer], weights[:, 1:, 0].mean(axis=1), **CLOSE)
        places = {q: [k for k in range(q) if IDS[k] == IDS[q]] for q in range(size)}
        same = [weights[:, q, ks].sum(axis=1) for q, ks in places.items() if ks]
        np.testing.assert_allclose(result.same[layer], np.mean(same, axis=0), **CLOSE)
        after = [weights[:, q, [k + 1 for k in ks]].sum(axis=1) for q, ks in places.items() if ks]
        np.testing.assert_allclose(result.induction[layer], np.mean(after, axis=0), **CLOSE)


def test_a_knocked_out_head_is_one_whose_output_is_zero(model: Any):
    knocked = frozenset({(0, 1), (1, 3)})
    size = model.config.hidden_size // SIZES["num_attention_heads"]
    size = getattr(model.config, "head_dim", None) or size

    def zeroed() -> Any:
        hooks = []
        for layer, head in knocked:
            attention = next(c for c in _layers(model)[layer].children() if "Attention" in type(c).__name__)
            project = attention.c_proj if hasattr(attention, "c_proj") else attention.o_proj

            def cut(module: Any, args: Any, head: int = head) -> Any:
                given = args[0].clone()
                given[..., head * size : (head + 1) * size] = 0
                return (given,)

            hooks.append(project.register_forward_pre_hook(cut))
        expected = plain(model, IDS).logits[0, -1].numpy()
        for hook in hooks:
            hook.remove()
        return expected

    expected, whole = zeroed(), plain(model, IDS).logits[0, -1].numpy()
    for look in (Forward(SOURCE, knocked), Attention(SOURCE, 0, knocked)):
        result = ask(model, look)
        np.testing.assert_allclose(result.next.logits, expected, **CLOSE)
        np.testing.assert_allclose(result.untouched.logits, whole, **CLOSE)
    assert np.abs(expected - whole).max() > 0.1


def test_a_knocked_out_layer_is_one_that_is_not_there(model: Any):
    result = ask(model, Forward(SOURCE, knocked_layers=frozenset({0, 1, 2})))
    np.testing.assert_allclose(result.norms, np.repeat(result.norms[:1], 4, axis=0))


def test_the_model_is_as_before_after_a_look_and_after_one_that_broke(model: Any):
    def broken() -> Any:
        raise RuntimeError("as told")

    before, way = plain(model, IDS).logits.numpy(), model.config._attn_implementation
    hooks = _hooks(model)  # transformers' own
    ask(model, Forward(SOURCE, frozenset({(0, 0)}), frozenset({1})))
    with pytest.raises(RuntimeError, match="as told"):
        ask(model, Attention(SOURCE, 0), pause=broken)
    hook = _layers(model)[1].register_forward_pre_hook(lambda *given: broken())
    with pytest.raises(RuntimeError, match="as told"):
        ask(model, Attention(SOURCE, 0))
    hook.remove()
    assert model.config._attn_implementation == way
    assert _hooks(model) == hooks
    np.testing.assert_array_equal(plain(model, IDS).logits.numpy(), before)


def _hooks(model: Any) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def _layers(model: Any) -> Any:
    decoder = model.get_decoder()
    return decoder.h if hasattr(decoder, "h") else decoder.layers


@pytest.mark.parametrize(
    "look",
    [
        Attention(SOURCE, layer=3),
        Attention(SOURCE, layer=-1),
        Forward(SOURCE, frozenset({(0, 4)})),
        Forward(SOURCE, frozenset({(9, 0)})),
        Forward(SOURCE, knocked_layers=frozenset({3})),
        Forward(Source(ids=(100_000,))),
        Forward(Source(text="The quick brown fox. " * 300)),
    ],
)
def test_what_is_not_there_is_refused(look: Any):
    with pytest.raises(InvalidInput):
        ask(make("Qwen2"), look)
