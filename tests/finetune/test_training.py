import json
import math
from pathlib import Path

import pytest

from qwen_ui.adapters.card import Card
from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import Diverged, InvalidInput, ModelTooLarge
from qwen_ui.finetune.runs import Run
from qwen_ui.settings import Settings
from tests.finetune.training import Told, add, in_thread, rows, settings, train


def adapter_of(run: Run) -> Path:
    return AdapterStore(run.folder.parents[1] / "adapters", run.folder.parent).get("films").folder


def test_a_run_ends_in_an_adapter_with_its_card(trained: Told):
    folder = adapter_of(trained.run)
    assert {file.name for file in folder.iterdir()} == {"adapter_config.json", "adapter_model.safetensors", "card.json"}
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"
    card = Card.read(folder)
    assert (card.labels, card.template, card.data) == (("negative", "positive"), "sentiment/trained", "films.csv")
    assert card.rows == 32 and len(card.data_hash) == len(card.base_hash) == 64
    assert card.metrics.keys() >= {"loss", "accuracy", "macro_f1"}
    assert [point["step"] for point in card.curves] == list(range(7))


def test_peft_loads_it_and_it_says_what_it_learnt(trained: Told, tiny: Path):
    def load():
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), adapter_of(trained.run))
        tokenizer = AutoTokenizer.from_pretrained(tiny)
        ids = tokenizer("Review: film 7 is great\nSentiment:", return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            adapted = model(ids).logits[0, -1]
            with model.disable_adapter():
                return adapted, model(ids).logits[0, -1]

    adapted, base = in_thread(load)
    assert not adapted.equal(base)


def test_the_events_tell_what_the_page_shows(trained: Told):
    (plan,) = trained.of("plan")
    assert plan["rows"] == {"train": 32, "validation": 4, "test": 4} and plan["steps"] == 6
    assert plan["layers"] == plan["groups"] == ["layer 0", "layer 1"] and plan["trainable"] < plan["parameters"]
    steps = trained.of("step")
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert all(step["norms"].keys() == step["rates"].keys() == {"layer 0", "layer 1"} for step in steps)
    assert all(math.isclose(step["total_norm"], math.hypot(*step["norms"].values())) for step in steps)
    assert all(step["memory_bytes"] > 0 and step["tokens_per_second"] > 0 and step["thawed"] == 2 for step in steps)
    assert [event["step"] for event in trained.of("evaluation")] == [0, 2, 4, 6]
    (result,) = trained.of("result")
    assert result["adapter"] == "films" and result["metrics"].keys() == {"base", "adapter"}
    assert sum(map(sum, result["confusion"]["adapter"])) == 4
    assert {probe["kind"] for probe in result["forgetting"]} == {"chat", "sentiment", "translation"}


def test_the_loss_falls(tmp_path: Path, tiny: Path):
    steps = train(add(tmp_path, tiny, settings(method="full", learning_rate=5e-3, steps=30, evaluate_every=30))).of(
        "step"
    )
    assert steps[-1]["loss"] < steps[0]["loss"] / 5


def test_the_best_checkpoint_is_the_result(tmp_path: Path, tiny: Path):
    told = train(add(tmp_path, tiny, settings(learning_rate=0.3, steps=8)))  # too large: it gets worse again
    losses = {event["step"]: event["loss"] for event in told.of("evaluation") if event["step"]}
    (result,) = told.of("result")
    assert losses[result["step"]] == min(losses.values())


def test_early_stopping_ends_a_run_that_gets_no_better(tmp_path: Path, tiny: Path):
    told = train(add(tmp_path, tiny, settings(learning_rate=1e-8, steps=40, stop_by="metric", patience=2)))
    assert len(told.of("step")) < 10 and told.of("result")


def test_stop_keeps_the_best(tmp_path: Path, tiny: Path):
    run = add(tmp_path, tiny, settings(steps=1000, evaluate_every=100))
    told = train(run, lambda kind, values: run.stop() if kind == "step" and values["step"] == 3 else None)
    assert len(told.of("step")) == 4 and adapter_of(run)


def test_a_loss_that_is_no_number_ends_it_and_what_was_best_is_kept(tmp_path: Path, tiny: Path, monkeypatch):
    from qwen_ui.finetune.training import loss

    whole, calls = loss.of, []

    def of(*given):
        calls.append(given)
        return whole(*given) * (float("nan") if len(calls) == 4 else 1)

    monkeypatch.setattr(loss, "of", of)
    run = add(tmp_path, tiny, settings())
    with pytest.raises(Diverged, match="no longer a number at step 4"):
        train(run)
    assert json.loads((adapter_of(run) / "card.json").read_text())["metrics"]["loss"] < math.inf


def test_a_run_that_does_not_fit_is_refused_with_the_numbers(tmp_path: Path, tiny: Path, monkeypatch):
    from qwen_ui.models import hardware, load

    monkeypatch.setattr(load, "cpu", lambda: hardware.Device("cpu", "cpu", 10_000_000))
    with pytest.raises(ModelTooLarge, match=r"takes about .* GB of memory and 0.0 GB are free. Set the batch size"):
        train(add(tmp_path, tiny, settings()))


def test_a_name_that_is_taken_is_refused_before_anything_is_read(trained: Told, tmp_path: Path):
    run = add(trained.run.folder.parents[1], tmp_path / "no model", settings(), b"no data")
    with pytest.raises(InvalidInput, match="already"):
        train(run)


@pytest.mark.parametrize("shape", ["answers", "text", "translation"])
def test_other_shapes_train_too(tmp_path: Path, tiny: Path, shape: str):
    words = [f"{number},word {number} is here,mot {number} est la" for number in range(12)]
    data = "\n".join(["number,english,french", *words]).encode()
    columns = {"input": "" if shape == "text" else "english", "target": "french"}
    told = train(add(tmp_path, tiny, settings(shape=shape, steps=2, validation=0.2, **columns), data))
    metrics = told.of("result")[0]["metrics"]["adapter"]
    assert metrics.keys() == ({"loss", "chrf"} if shape == "translation" else {"loss"})


def test_numbers_are_learnt_by_their_squared_error(tmp_path: Path, tiny: Path):
    stars = "\n".join(["text,stars", *(f"film {n} was {'o' * (n % 5)} long,{1 + n % 5}" for n in range(60))]).encode()
    chosen = settings(
        loss="mean-squared-error", method="full", steps=30, evaluate_every=30, target="stars", learning_rate=5e-3
    )
    steps = train(add(tmp_path, tiny, chosen, stars)).of("step")
    assert steps[-1]["loss"] < steps[0]["loss"] / 2


def test_rows_without_anything_to_learn_are_told(tmp_path: Path, tiny: Path):
    assert len(rows().splitlines()) == 41
    with pytest.raises(InvalidInput):
        train(add(tmp_path, tiny, settings(), b"text,label\na,good\nb,good\nc,good\nd,good\ne,good"))


def test_rows_longer_than_the_context_are_cut_there_whatever_the_settings_say(tmp_path: Path, tiny: Path):
    from qwen_ui.finetune.training import session

    long = b"\nfilm that is " + b"very " * 300 + b"good,positive"
    run = add(tmp_path, tiny, settings(max_length=32_768), rows() + long)
    prepared = in_thread(lambda: session.prepare(run, Settings(data_dir=tmp_path), lambda progress: None))
    every = [*prepared.train, *prepared.validation, *prepared.test]
    assert max(len(row.ids) for row in every) == prepared.base.size.context
    assert any(row.cut for row in every)
