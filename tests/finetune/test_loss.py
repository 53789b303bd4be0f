"""Losses, batches and scores, beside the plain ways to compute them."""

from pathlib import Path
from typing import Any

import pytest

from qwen_ui.finetune.encode import Encoded
from qwen_ui.finetune.rendering import Example
from tests.finetune.training import in_thread, settings


def encoded(ids: list[int], answer: int, label: str = "a") -> Encoded:
    """The last ``answer`` tokens bear loss."""
    bears_loss = [place >= len(ids) - answer for place in range(len(ids))]
    return Encoded(ids, bears_loss, False, Example(1, label=label), len(ids))


ROWS = [encoded([5, 6, 7, 8, 9], 2), encoded([9, 8, 7], 1, "b"), encoded([4, 3, 2, 1, 5, 6, 7, 8], 3)]


@pytest.fixture(scope="module")
def model(tiny: Path) -> Any:
    def load() -> Any:
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(tiny).float()

    return in_thread(load)


def losses(model: Any, most_tokens: int, weights: dict[str, float] | None = None, smoothing: float = 0.0) -> Any:
    """The loss of a batch in such parts, and the gradient of the embeddings."""
    from qwen_ui.finetune.training import loss
    from qwen_ui.finetune.training.collate import Collator

    def compute() -> Any:
        model.zero_grad()
        parts = Collator(weights or {}, most_tokens=most_tokens)(ROWS)["parts"]
        found = [loss.of(model, part, settings(smoothing=smoothing), None) for part in parts]
        sum(found).backward()
        return len(parts), sum(found).item(), model.get_input_embeddings().weight.grad.clone()

    return in_thread(compute)


def test_the_loss_is_the_models_own(model: Any):
    def own() -> float:
        import torch

        total, count = 0.0, 0
        for row in ROWS:
            labels = [token if bears else -100 for token, bears in zip(row.ids, row.bears_loss, strict=True)]
            targets = sum(row.bears_loss)
            found = model(input_ids=torch.tensor([row.ids]), labels=torch.tensor([labels])).loss
            total += found.item() * targets
            count += targets
        return total / count

    assert losses(model, 1000)[1] == pytest.approx(in_thread(own), rel=1e-5)


def test_parts_of_a_batch_have_the_loss_and_the_gradients_of_all_of_it(model: Any):
    whole, parts = losses(model, 1000), losses(model, 8)
    assert (whole[0], parts[0]) == (1, 3)
    assert parts[1] == pytest.approx(whole[1], rel=1e-5)
    assert parts[2].allclose(whole[2], atol=1e-6)


def test_a_rare_label_counts_by_its_weight(model: Any):
    from qwen_ui.finetune.training.collate import balanced

    weights = balanced(["a", "a", "a", "b"])
    assert weights == {"a": pytest.approx(2 / 3), "b": 2}
    assert losses(model, 1000, weights)[1] != pytest.approx(losses(model, 1000)[1], rel=1e-3)


def test_scores_are_those_of_each_sequence_alone(model: Any):
    from qwen_ui.finetune.training.evaluate import log_probabilities

    asked = [[([5, 6, 7], 2), ([5, 6, 8, 9], 2), ([5, 6, 7, 4], 2)], [([9, 1, 2, 3, 4], 3), ([9, 1, 2, 5], 3)]]

    def alone(ids: list[int], start: int) -> list[float]:
        import torch

        with torch.inference_mode():
            logs = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        return [float(logs[place - 1, ids[place]]) for place in range(start, len(ids))]

    found = in_thread(lambda: log_probabilities(model, asked))
    for row, scores in zip(asked, found, strict=True):
        for (ids, start), score in zip(row, scores, strict=True):
            assert score == pytest.approx(in_thread(lambda ids=ids, start=start: alone(ids, start)), abs=1e-4)


def test_an_epochs_order_is_all_rows_once_and_the_same_for_a_seed():
    from qwen_ui.finetune.training.collate import ByLength

    lengths = [number % 37 for number in range(203)]
    first, same, other = ByLength(lengths, 8, 7), ByLength(lengths, 8, 7), ByLength(lengths, 8, 8)
    assert sorted(first) == list(range(203)) and list(first) == list(same) != list(other)
    before = list(first)
    first.set_epoch(1)
    assert list(first) != before
    batches = [before[at : at + 8] for at in range(0, 200, 8)]
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    assert sum(spread) / len(spread) < 10  # of 37: little padding


def test_numbers_need_tokens_of_their_own(tokenizer: Any):
    from qwen_ui.errors import InvalidInput
    from qwen_ui.finetune.training.loss import numbers_of

    found = in_thread(lambda: numbers_of(tokenizer, "Stars:", (" 1", " 2", " 5"), ("1", "2", "5")))
    assert tokenizer.convert_ids_to_tokens(found.tokens.tolist()) == ["1", "2", "5"]
    assert (found.values.tolist(), found.skipped) == ([1.0, 2.0, 5.0], 1)
    with pytest.raises(InvalidInput, match="differ in their first digit"):
        numbers_of(tokenizer, "Stars:", (" 1", " 2", " 10"), ("1", "2", "10"))
