"""Metrics against values that are told by hand."""

import pytest

from qwen_ui.finetune.metrics import confusion, label_metrics, number_metrics, translation_metrics


def test_labels_are_counted_and_each_one_weighs_the_same():
    gold, said = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    found = label_metrics(gold, said, ["a", "b", "never"])
    assert found == {"accuracy": 0.75, "macro_f1": pytest.approx((0.8 + 2 / 3) / 2)}
    assert confusion(gold, said, ["b", "a", "never"]) == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]


def test_a_label_that_is_never_said_costs():
    assert label_metrics(["a", "b"], ["a", "a"], ["a", "b"])["macro_f1"] == pytest.approx(1 / 3)


def test_translations_are_compared_by_their_characters():
    assert translation_metrics(["Le chat dort."], ["Le chat dort."]) == {"chrf": pytest.approx(100)}
    near, far = (translation_metrics(["猫在睡觉。"], [said])["chrf"] for said in ("猫睡觉。", "下雨了！"))
    assert 100 > near > far


def test_numbers_are_compared_by_their_distance():
    assert number_metrics([1, 2, 3], [1, 2, 6]) == {"mse": pytest.approx(3), "mae": pytest.approx(1)}
