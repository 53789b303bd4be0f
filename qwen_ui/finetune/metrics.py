"""How good answers are: labels, translations and numbers against those of the file."""

from collections.abc import Sequence

from sacrebleu.metrics.chrf import CHRF
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
)


def label_metrics(gold: Sequence[str], said: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """``accuracy``, and ``macro_f1`` over the labels that there are, from 0 to 1.

    A label that none of the rows has and nobody said does not count.
    """
    used = [label for label in labels if label in {*gold, *said}]
    f1 = f1_score(gold, said, labels=used, average="macro", zero_division=0)
    return {"accuracy": float(accuracy_score(gold, said)), "macro_f1": float(f1)}


def confusion(gold: Sequence[str], said: Sequence[str], labels: Sequence[str]) -> list[list[int]]:
    """How often each label (rows) was taken for which (columns), in the labels' order."""
    matrix: list[list[int]] = confusion_matrix(gold, said, labels=list(labels)).tolist()
    return matrix


def translation_metrics(references: Sequence[str], said: Sequence[str]) -> dict[str, float]:
    """``chrf`` over all texts together, from 0 to 100 (chrF2: Popović 2015, https://aclanthology.org/W15-3049)."""
    return {"chrf": float(CHRF().corpus_score(list(said), [list(references)]).score)}


def number_metrics(gold: Sequence[float], said: Sequence[float]) -> dict[str, float]:
    """``mse`` and ``mae``, the mean squared and the mean absolute error."""
    return {"mse": float(mean_squared_error(gold, said)), "mae": float(mean_absolute_error(gold, said))}
