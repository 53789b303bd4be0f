"""Looks against TransformerLens, which computes a model in code of its own: another opinion than transformers'."""

from typing import Any

import numpy as np
import pytest

from qwen_ui.introspect.looks import Attention, FeedForward, Forward, Source
from tests.introspect.models import IDS, SIZES, ask, make
from tests.models.tiny import in_thread

SOURCE = Source(ids=IDS)
CLOSE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-4}
KNOCKED = 1, 2
"""A layer and its head."""


def _hooked(model: Any) -> Any:
    """The same weights as TransformerLens computes with them."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_qwen2_weights

    config = HookedTransformerConfig(
        d_model=SIZES["hidden_size"],
        d_head=SIZES["hidden_size"] // SIZES["num_attention_heads"],
        n_heads=SIZES["num_attention_heads"],
        n_key_value_heads=SIZES["num_key_value_heads"],
        d_mlp=SIZES["intermediate_size"],
        n_layers=SIZES["num_hidden_layers"],
        n_ctx=SIZES["max_position_embeddings"],
        d_vocab=model.config.vocab_size,
        eps=model.config.rms_norm_eps,
        act_fn="silu",
        gated_mlp=True,
        normalization_type="RMS",
        final_rms=True,
        positional_embedding_type="rotary",
        rotary_adjacent_pairs=False,
        rotary_dim=SIZES["hidden_size"] // SIZES["num_attention_heads"],
        rotary_base=10_000,
        original_architecture="Qwen2ForCausalLM",
        device="cpu",
    )
    hooked = HookedTransformer(config)
    hooked.load_state_dict(convert_qwen2_weights(model, config), strict=False)
    return hooked


def _seen(model: Any) -> dict[str, Any]:
    """What it sees in the text, and its logits with a head knocked out."""
    import torch

    def knock(output: Any, hook: Any) -> Any:
        output[:, :, KNOCKED[1]] = 0
        return output

    with torch.inference_mode():
        hooked, tokens = _hooked(model), torch.tensor([IDS])
        logits, cache = hooked.run_with_cache(tokens)
        residual = cache.accumulated_resid(layer=-1, incl_mid=False)
        lens = hooked.unembed(hooked.ln_final(residual[:, 0]))
        knocked = hooked.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{KNOCKED[0]}.attn.hook_z", knock)])
        seen = {"logits": logits, "knocked": knocked, "lens": lens, "norms": residual[:, 0].norm(dim=-1)}
        seen |= {"pattern": cache["pattern", 1], "gate": cache["pre", 2], "product": cache["post", 2]}
        return {name: each.numpy() for name, each in seen.items()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its next version computes with transformers' code
def test_another_implementation_sees_the_same():
    model = make("Qwen2")
    expected = in_thread(lambda: _seen(model))
    forward = ask(model, Forward(SOURCE, frozenset({KNOCKED})))
    np.testing.assert_allclose(forward.untouched.logits, expected["logits"][0, -1], **CLOSE)
    np.testing.assert_allclose(forward.next.logits, expected["knocked"][0, -1], **CLOSE)
    whole = ask(model, Forward(SOURCE))
    np.testing.assert_allclose(whole.norms, expected["norms"], **CLOSE)
    probabilities = np.exp(expected["lens"] - expected["lens"].max(axis=-1, keepdims=True))
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    assert whole.lens_ids.tolist() == expected["lens"].argmax(axis=-1).tolist()
    np.testing.assert_allclose(whole.lens_probabilities, probabilities.max(axis=-1), **CLOSE)
    np.testing.assert_allclose(ask(model, Attention(SOURCE, 1)).maps, expected["pattern"][0], **CLOSE)
    units = ask(model, FeedForward(SOURCE, 2))
    np.testing.assert_allclose(units.gates, expected["gate"][0, -1], **CLOSE)
    np.testing.assert_allclose(units.products, expected["product"][0, -1], **CLOSE)
