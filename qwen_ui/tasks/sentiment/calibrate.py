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


Scores = Sequence[Sequence[float]]
"""Log-probabilities as the engine gives them: a row a text, a column a label."""


def classify(scores: Sequence[Scores], labels: Sequence[str], references: Sequence[Scores] = ()) -> list[Classified]:
    """A result for each text, from its scores in each of the scorings that `build` gave.

    ``references`` are the scores of the reference texts in the same scorings; without them the result is
    not calibrated.
    """
    if len(references) not in {0, len(scores)}:
        raise ValueError(f"{len(scores)} scorings need as many of the references, not {len(references)}")
    if not any(len(rows) for rows in scores):
        return []
    logits = np.asarray(scores, dtype=float).mean(axis=0)
    if len(references):
        logits = logits - np.asarray(references, dtype=float).mean(axis=(0, 1))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return [Classified(labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True))) for row in shares]
