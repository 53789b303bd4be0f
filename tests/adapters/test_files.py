"""What an adapter's files hold, and which of them a model can't use."""

import json
from pathlib import Path

import numpy as np
import pytest

from qwen_ui.adapters.files import CONFIG, WEIGHTS, parts
from qwen_ui.errors import InvalidInput
from tests.adapters.conftest import BASE, LAYER, Make, tensors


def refusal(folder: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        parts(folder, BASE)
    return str(caught.value)


def test_a_lora_has_rank_and_scaling(make: Make):
    part = parts(make(), BASE)[LAYER]
    assert (part.rank, part.scaling, part.dora) == (2, 4.0, False)


def test_rank_stabilized_ones_scale_by_the_root(make: Make):
    assert parts(make(use_rslora=True), BASE)[LAYER].scaling == pytest.approx(8 / 2**0.5)


@pytest.mark.parametrize(
    ("pattern", "alpha"),
    [("q_proj", 2), ("self_attn.q_proj", 2), (f"^{LAYER}", 2), ("k_proj", 8), ("roj", 8), ("^q_proj", 8)],
)
def test_alpha_may_differ_by_layer_as_peft_has_it(make: Make, pattern: str, alpha: float):
    assert parts(make(alpha_pattern={pattern: 2}), BASE)[LAYER].scaling == alpha / 2


def test_peft_reads_patterns_alike(make: Make):
    from peft.utils.other import get_pattern_key

    for pattern in ("q_proj", "self_attn.q_proj", f"^{LAYER}", "k_proj", "roj", "^q_proj"):
        theirs = get_pattern_key([pattern], LAYER) == pattern
        ours = parts(make(alpha_pattern={pattern: 2}), BASE)[LAYER].scaling == 1
        assert theirs == ours, pattern


def test_a_pattern_that_is_a_regular_expression_is_refused(make: Make):
    assert "pattern that can't be used" in refusal(make(alpha_pattern={"(a+)+$": 2}))


def test_a_dora_brings_its_lengths(make: Make):
    lengths = {f"base_model.model.{LAYER}.lora_magnitude_vector": np.ones(6, np.float32)}
    assert parts(make(weights=tensors() | lengths, use_dora=True), BASE)[LAYER].dora


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen2.5-0.5B-Instruct",
        "unsloth/Qwen2.5-0.5B-Instruct-bnb-4bit",
        "unsloth/qwen2.5-0.5b-instruct-unsloth-bnb-4bit",
        "/home/me/models/mine",
        "./here",
        None,
    ],
)
def test_copies_of_the_base_and_paths_may_be_the_base(make: Make, name: str | None):
    assert parts(make(base_model_name_or_path=name), BASE)


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-7B-Instruct", "HuggingFaceTB/SmolLM2-135M"])
def test_another_base_is_refused_with_both_names(make: Make, name: str):
    said = refusal(make(base_model_name_or_path=name))
    assert name in said
    assert BASE.name in said


def test_a_card_with_the_bases_hash_decides_whatever_the_name_says(make: Make):
    card = {"base": "my-copy", "base_hash": BASE.fingerprint}
    assert parts(make(card=card, base_model_name_or_path="somebody/else"), BASE)
    assert "another model, my-copy" in refusal(make(card=card | {"base_hash": "0" * 64}))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"peft_type": "IA3"}, "of the kind IA3"),
        ({"peft_type": None}, "of the kind None"),
        ({"bias": "all"}, "bias: all"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save: ['lm_head']"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights: pissa"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"lora_alpha": "much"}, "alpha is no number"),
    ],
)
def test_kinds_that_change_more_of_the_model_are_refused_by_name(make: Make, config: dict[str, object], said: str):
    assert said in refusal(make(**config))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, "is empty"),
        (tensors(inputs=5), "does not fit Qwen2.5-0.5B-Instruct"),
        (tensors(outputs=7), "does not fit"),
        (tensors("model.layers.99.self_attn.q_proj"), "for a layer that Qwen2.5-0.5B-Instruct has not"),
        (tensors() | {"base_model.model.lm_head.weight": np.ones(3, np.float32)}, "a part that is not known here"),
        ({f"base_model.model.{LAYER}.lora_A.weight": np.ones((2, 4), np.float32)}, "does not fit"),
        (tensors() | {f"base_model.model.{LAYER}.lora_magnitude_vector": np.ones(5, np.float32)}, "does not fit"),
    ],
)
def test_weights_that_do_not_fit_are_refused(make: Make, weights: dict[str, object], said: str):
    assert said in refusal(make(weights=weights))


def test_damaged_and_missing_files_are_told_apart(make: Make):
    folder = make()
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-4])
    assert "is damaged" in refusal(folder)
    (folder / WEIGHTS).unlink()
    assert "they can hold programs" in refusal(folder)
    (folder / CONFIG).write_text("{")
    assert f"{CONFIG} can't be read" in refusal(folder)
    (folder / CONFIG).write_text(json.dumps([1]))
    assert "holds no settings" in refusal(folder)
    (folder / CONFIG).write_text("[" * 100_000)
    assert "can't be read" in refusal(folder)
    (folder / CONFIG).unlink()
    assert f"There is no {CONFIG}" in refusal(folder)
