"""Calibration with a file's own rows: how frequent each label is among them, estimated without true labels.

Results that were calibrated against reference texts take all labels for equally frequent. The shares of the labels are
those that the rows' probabilities have on average once they are corrected for these very shares
(Saerens, Latinne and Decaestecker 2002, https://doi.org/10.1162/089976602753284446).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qwen_ui.decisions.judging import Classified

FEWEST = 16
"""Rows; fewer say too little of how frequent a label is."""
_ROUNDS = 200
_CLOSE = 1e-6
_SMALLEST = 1e-6
"""Of a probability: where results were rounded to nothing, other labels could never come back."""


def recalibrated(results: Sequence[Classified]) -> list[Classified]:
    """The same results, corrected for how frequent each label is among them. As they are where they are too few."""
    if len(results) < FEWEST:
        return list(results)
    labels = [*results[0].probabilities]
    given = np.array([[result.probabilities[label] for label in labels] for result in results])
    corrected = _corrected(given, label_shares(given))
    return [Classified(labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True))) for row in corrected]


def label_shares(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """How frequent each label (column) is among the rows, from 0 to 1; from probabilities that take all for equal."""
    count = probabilities.shape[1]
    shares = np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        before, shares = shares, _corrected(probabilities, shares).mean(axis=0)
        if np.abs(shares - before).max() < _CLOSE:
            break
    return shares


def _corrected(probabilities: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    weighted = probabilities.clip(_SMALLEST) * shares
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))
