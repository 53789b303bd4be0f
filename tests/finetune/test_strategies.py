from pathlib import Path
from typing import Any

import pytest

from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.settings import Settings
from tests.finetune.training import add, in_thread, settings, train


def parameters_that_learn(tiny: Path, chosen: TrainSettings) -> list[str]:
    def names() -> list[str]:
        return [name for name, each in prepared(tiny, chosen).named_parameters() if each.requires_grad]

    return list(in_thread(names))


def prepared(tiny: Path, chosen: TrainSettings) -> Any:
    from qwen_ui.finetune.training import load, strategy

    base = load.choose(Settings(model=str(tiny)), chosen.method, lambda progress: None)
    return strategy.prepare(load.read(base), chosen, base.id)


@pytest.mark.parametrize(
    ("chosen", "count", "has", "has_not"),
    [
        (settings(), 28, "lora_B", "norm"),
        (settings(modules="attention"), 16, "self_attn", "mlp"),
        (settings(modules="feed-forward"), 12, "mlp", "self_attn"),
        (settings(layers=1), 14, "layers.1.", "layers.0."),
        (settings(dora=True), 42, "magnitude", "norm"),
        (settings(method="layers", layers=1), 12, "layers.1.", "layers.0."),
        (settings(method="full"), 26, "embed_tokens", "lora"),
    ],
)
def test_only_what_was_chosen_learns(tiny: Path, chosen: TrainSettings, count: int, has: str, has_not: str):
    names = parameters_that_learn(tiny, chosen)
    assert len(names) == count
    assert any(has in name for name in names) and not any(has_not in name for name in names)


def groups_of(tiny: Path, chosen: TrainSettings) -> dict[str, float]:
    def made() -> dict[str, float]:
        from qwen_ui.finetune.training import groups

        found = groups.groups(groups.layers_of(prepared(tiny, chosen)), chosen)
        return {group["name"]: group["lr"] for group in found}

    return dict(in_thread(made))


def test_each_layer_learns_slower_than_the_one_above(tiny: Path):
    rates = groups_of(tiny, settings(method="full", layer_decay=0.5, learning_rate=1))
    assert rates == {"embeddings": 0.125, "layer 0": 0.25, "layer 1": 0.5, "head": 1}


def test_with_lora_plus_b_learns_faster_than_a(tiny: Path):
    rates = groups_of(tiny, settings(lora_plus=16, learning_rate=0.01, layers=1))
    assert rates == {"layer 1 A": pytest.approx(0.01), "layer 1 B": pytest.approx(0.16)}


def test_layers_are_thawed_from_the_top(tmp_path: Path, tiny: Path):
    steps = train(add(tmp_path, tiny, settings(unfreeze_every=3))).of("step")
    assert [step["thawed"] for step in steps] == [1, 1, 1, 2, 2, 2]
    assert [step["norms"]["layer 0"] > 0 for step in steps] == [False] * 3 + [True] * 3
    assert all(step["norms"]["layer 1"] > 0 for step in steps)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adafactor"])
def test_every_optimizer_takes_steps(tiny: Path, optimizer: str):
    def moved() -> bool:
        import torch

        from qwen_ui.finetune.training import groups, load, optim

        chosen = settings(optimizer=optimizer, method="layers", layers=1)
        model = prepared(tiny, chosen)
        layers = groups.layers_of(model)
        made = optim.make(groups.groups(layers, chosen), chosen)
        before = [each.detach().clone() for layer in layers for _, each in layer.parameters]
        with load.computing(model):
            found = model(input_ids=torch.tensor([[5, 6, 7]]), labels=torch.tensor([[5, 6, 7]])).loss
        found.backward()
        made.step()
        after = [each for layer in layers for _, each in layer.parameters]
        return any(not old.equal(new) for old, new in zip(before, after, strict=True))

    assert in_thread(moved)


@pytest.mark.parametrize("method", ["layers", "full"])
def test_the_models_own_weights_become_a_model_folder(tmp_path: Path, tiny: Path, method: str):
    told = train(add(tmp_path, tiny, settings(method=method, layers=1, steps=2, learning_rate=1e-3)))
    (result,) = told.of("result")
    assert Path(result["model_folder"]) == tmp_path / "models" / "films"

    def load() -> str:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        AutoTokenizer.from_pretrained(result["model_folder"])
        loaded: Any = AutoModelForCausalLM.from_pretrained(result["model_folder"], output_loading_info=True)
        return str(loaded[1]["missing_keys"])

    assert in_thread(load) in ("[]", "set()")


@pytest.mark.parametrize("chosen", [settings(accumulation=2, checkpointing=True), settings(class_weights="balanced")])
def test_other_ways_to_train(tmp_path: Path, tiny: Path, chosen: TrainSettings):
    assert train(add(tmp_path, tiny, chosen)).of("result")
