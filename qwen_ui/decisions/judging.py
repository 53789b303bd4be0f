"""Judging texts: which of some labels fits best, with calibrated probabilities.

A label's score is its log-probability after the prompt, minus what that is on average over calibration texts
(batch calibration: Zhou et al. 2023, https://arxiv.org/abs/2309.17249). Probabilities are their softmax.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qwen_ui.decisions.prompt import Order, build
from qwen_ui.engine.base import Engine

FIRST_BATCH = 16
BATCH_SECONDS = 1.5
"""What one batch should take: each computes what its prompts share anew, and Stop and progress wait for its end."""
LARGEST_BATCH = 512
KEPT_CALIBRATIONS = 64

Scores = Sequence[Sequence[float]]
"""Log-probabilities as the engine gives them: a row a text, a column a label."""


@dataclass(frozen=True, slots=True)
class Classified:
    """The likeliest label of a text, and the probability of each, in the labels' order; they sum to 1."""

    label: str
    probabilities: Mapping[str, float]

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return self.probabilities[self.label]


class Calibration:
    """The scores of calibration texts. Keeps those for the orders that came last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, ...], list[Scores]] = OrderedDict()

    async def scores(self, engine: Engine, order: Order) -> list[Scores]:
        """In each of the scorings that `build` gives; nothing when the result is not to be calibrated.

        They are computed when a template, as it is in its file now, first meets the labels, the model and the adapter.
        """
        texts = order.calibration_texts
        if not texts:
            return []
        judge = order.adapter.stamp if order.adapter else ()
        model = (engine.info.model, engine.info.device)
        key = (order.template.source, order.labels, order.question, model, order.adapter, judge)
        if key not in self._kept:
            self._kept[key] = await score(engine, order, texts)
            while len(self._kept) > KEPT_CALIBRATIONS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


async def classify(engine: Engine, order: Order, texts: Sequence[str], calibration: Calibration) -> list[Classified]:
    """A result for each text.

    Raises `InvalidInput` for a text that can't be judged, `TemplateError` for a broken template, and like
    `Engine.score`: `PromptTooLong` among it.
    """
    scores = await score(engine, order, texts)
    return await asyncio.to_thread(decide, scores, order.labels, await calibration.scores(engine, order))


async def score(engine: Engine, order: Order, texts: Sequence[str]) -> list[Scores]:
    """The engine's scores for the texts in each of the scorings that `build` gives. Raises like `classify`."""
    scorings = await asyncio.to_thread(build, order.template, texts, order.labels, order.question)
    adapter = order.adapter.name if order.adapter else ""
    return [await engine.score(scoring.prompts, scoring.candidates, adapter) for scoring in scorings]


def decide(scores: Sequence[Scores], labels: Sequence[str], calibration: Sequence[Scores] = ()) -> list[Classified]:
    """A result for each text, from its scores in each of the scorings that `build` gave.

    ``calibration`` are the scores of the calibration texts in the same scorings; without them the result is
    not calibrated.
    """
    if len(calibration) not in {0, len(scores)}:
        raise ValueError(f"{len(scores)} scorings need as many of the calibration texts, not {len(calibration)}")
    if not any(len(rows) for rows in scores):
        return []
    logits = np.asarray(scores, dtype=float).mean(axis=0)
    if len(calibration):
        logits = logits - np.asarray(calibration, dtype=float).mean(axis=(0, 1))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return [Classified(labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True))) for row in shares]


def next_size(rows: int, seconds: float) -> int:
    """Rows of the next batch, after one of so many took so long; at most twice as many, as times vary."""
    wanted = int(rows * BATCH_SECONDS / max(seconds, 1e-3))
    return max(FIRST_BATCH // 2, min(wanted, 2 * rows, LARGEST_BATCH))
