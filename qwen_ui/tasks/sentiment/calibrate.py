"""From scores to probabilities that do not favour the labels a model likes to say anyway.

A label's score is its log-probability after the prompt, minus what that is on average over reference texts
(batch calibration: Zhou et al. 2023, https://arxiv.org/abs/2309.17249). Probabilities are their softmax.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Classified:
    """The likeliest label of a text, and the probability of each, in the labels' order; they sum to 1."""

    label: str
    probabilities: Mapping[str, float]

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return self.probabilities[self.label]

    def as_dict(self) -> dict[str, Any]:
        """What /sentiment gives."""
        return {"label": self.label, "probabilities": dict(self.probabilities)}


def classify(
    scores: Sequence[Sequence[float]], labels: Sequence[str], references: Sequence[Sequence[float]] = ()
) -> list[Classified]:
    """A result for each row of scores, calibrated with the references' scores if there are any.

    ``scores`` and ``references`` are natural logarithms, a row a text, a column a label.
    """
    if not scores:
        return []
    logits = np.asarray(scores, dtype=float)
    if len(references):
        logits = logits - np.asarray(references, dtype=float).mean(axis=0)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return [Classified(labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True))) for row in shares]
