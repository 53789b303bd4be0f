"""Temperature, top-k and top-p in numpy, so that sliders answer at once."""

import numpy as np
from numpy.typing import NDArray


def after_sampling(
    logits: NDArray[np.float32], temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> NDArray[np.float32]:
    """(vocabulary,) logits to the probabilities that a token is picked by.

    In the order and by the rules of transformers' warpers, by which the server picks: temperature, then the ``top_k``
    likeliest (0: all), then the smallest set of likeliest ones whose probabilities reach ``top_p`` (Holtzman et al.
    2020, https://arxiv.org/abs/1904.09751). A temperature of 0 takes the likeliest for sure.
    """
    scores = logits.astype(np.float64)
    if temperature == 0:
        picked = np.zeros(len(scores), np.float32)
        picked[scores.argmax()] = 1
        return picked
    scores /= temperature
    if 0 < top_k < len(scores):
        scores[scores < np.partition(scores, -top_k)[-top_k]] = -np.inf
    probabilities = _softmax(scores)
    if top_p < 1:
        order = np.argsort(-probabilities, kind="stable")
        before = np.cumsum(probabilities[order]) - probabilities[order]
        probabilities[order[before >= top_p]] = 0  # the first always stays: nothing comes before it
        probabilities /= probabilities.sum()
    return probabilities.astype(np.float32)


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers: NDArray[np.float64] = np.exp(scores - scores.max())
    normalised: NDArray[np.float64] = powers / powers.sum()
    return normalised
