"""How frequent labels are among rows is estimated from the rows alone, and results are corrected for it."""

import random

import numpy as np
import pytest

from qwen_ui.decisions.judging import Classified
from qwen_ui.decisions.own_rows import FEWEST, label_shares, recalibrated


def unsure(good: float) -> Classified:
    return Classified("good" if good > 0.5 else "bad", {"good": good, "bad": 1 - good})


def rows(count: int, share: float) -> tuple[list[Classified], list[str]]:
    """Rows of which so many are good, judged by one who takes both labels for equally frequent, and their labels."""
    draw, truths = random.Random(1), ["good" if number < share * count else "bad" for number in range(count)]
    ratios = [2 * draw.gauss(1 if truth == "good" else -1, 1) for truth in truths]
    return [unsure(1 / (1 + float(np.exp(-ratio)))) for ratio in ratios], truths


def accuracy(results: list[Classified], truths: list[str]) -> float:
    return float(np.mean([result.label == truth for result, truth in zip(results, truths, strict=True)]))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_shares_are_found_without_true_labels(share: float):
    results, _ = rows(2000, share)
    found = label_shares(np.array([[*result.probabilities.values()] for result in results]))
    assert found == pytest.approx([share, 1 - share], abs=0.03)


def test_rows_of_which_most_have_one_label_are_judged_better():
    results, truths = rows(2000, 0.1)
    assert accuracy(recalibrated(results), truths) > accuracy(results, truths) + 0.04


def test_more_than_two_labels_keep_their_order_and_sum_to_one():
    shares = {"a": 0.5, "b": 0.3, "c": 0.2}
    results = recalibrated([Classified("a", shares)] * FEWEST)
    assert [*results[0].probabilities] == ["a", "b", "c"]
    assert sum(results[0].probabilities.values()) == pytest.approx(1)
    assert results[0].label == "a"


def test_few_rows_are_left_as_they_are():
    few = [unsure(0.4)] * (FEWEST - 1)
    assert recalibrated(few) == few
    assert recalibrated([]) == []


def test_a_probability_that_was_rounded_to_nothing_is_still_one():
    results = recalibrated([unsure(1.0)] * FEWEST + [unsure(0.0)] * FEWEST)
    assert [result.label for result in results] == ["good"] * FEWEST + ["bad"] * FEWEST
