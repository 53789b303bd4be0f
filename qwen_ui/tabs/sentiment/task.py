"""Sentiment: which of some labels fits a text, with calibrated probabilities; for one text, or for a file's rows.

A label's score is its log-probability after the prompt, minus what that is on average over calibration texts
(batch calibration: Zhou et al. 2023, https://arxiv.org/abs/2309.17249). Probabilities are their softmax.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qwen_ui.adapters.store import Adapter
from qwen_ui.engine.base import Engine
from qwen_ui.errors import PromptTooLong
from qwen_ui.prompts import Template
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.sentiment.prompt import build, calibration_texts
from qwen_ui.tabs.sentiment.rows import Columns, Row
from qwen_ui.text.tables import SkippedRow, Table

FIRST_BATCH = 16
BATCH_SECONDS = 1.5
"""What one batch should take: each computes what its prompts share anew, and Stop and progress wait for its end."""
LARGEST_BATCH = 512
KEPT_CALIBRATIONS = 64
TOO_LONG = Sentence("longer than the model's context")

Scores = Sequence[Sequence[float]]
"""Log-probabilities as the engine gives them: a row a text, a column a label."""


@dataclass(frozen=True, slots=True)
class Order:
    """How texts are to be judged."""

    template: Template
    labels: tuple[str, ...]
    calibrated: bool = True
    adapter: Adapter | None = None
    """The one that judges; None for the model itself."""

    @property
    def calibration_texts(self) -> tuple[str, ...]:
        """The texts that the result is calibrated against; none when it isn't."""
        return calibration_texts(self.template) if self.calibrated else ()


@dataclass(frozen=True, slots=True)
class Classified:
    """The likeliest label of a text, and the probability of each, in the labels' order; they sum to 1."""

    label: str
    probabilities: Mapping[str, float]

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return self.probabilities[self.label]


Judged = tuple[Row, Classified]
"""A row of a file and what was found for it."""


@dataclass(frozen=True, slots=True)
class Work:
    """The rows of a file, and how far they are judged."""

    order: Order
    columns: Columns
    rows: tuple[Row, ...]
    unusable: tuple[SkippedRow, ...] = ()
    """What can't be judged of the file."""
    outcomes: tuple[Classified | Sentence, ...] = ()
    """Of the first of the rows: the result, or why there is none."""
    seconds: float = 0.0
    """What judging took so far."""
    table: Table = field(default=Table((), (), ()))
    """The file, with the columns that judging does not look at."""

    @property
    def done(self) -> int:
        """How many rows are through."""
        return len(self.outcomes)

    @property
    def waiting(self) -> int:
        """How many rows are still to be judged."""
        return len(self.rows) - len(self.outcomes)

    @property
    def judged(self) -> list[Judged]:
        """The rows that have a result."""
        pairs = zip(self.rows, self.outcomes, strict=False)
        return [(row, result) for row, result in pairs if isinstance(result, Classified)]

    @property
    def skipped(self) -> list[SkippedRow]:
        """The rows that can't have one, in the file's order."""
        pairs = zip(self.rows, self.outcomes, strict=False)
        refused = [SkippedRow(row.number, reason) for row, reason in pairs if isinstance(reason, Sentence)]
        return sorted([*self.unusable, *refused], key=lambda row: row.number)


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
        key = (order.template.source, order.labels, model, order.adapter, judge)
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


async def classify_one(engine: Engine, order: Order, text: str, calibration: Calibration) -> Classified:
    """The result for one text. Raises like `classify`."""
    try:
        (result,) = await classify(engine, order, [text], calibration)
    except PromptTooLong as error:
        raise PromptTooLong("The text is longer than the model's context. Shorten it.") from error
    return result


async def judge(engine: Engine, work: Work, calibration: Calibration) -> AsyncGenerator[Work, None]:
    """The work as it is, then after each batch of its waiting rows: until none is left, or the engine is stopped.

    A row that is too long for the model is skipped. Raises like `classify`.
    """
    yield work
    size = FIRST_BATCH
    while work.waiting and not engine.stopped:
        began, batch = time.monotonic(), work.rows[work.done : work.done + size]
        outcomes = (*work.outcomes, *await _judge_batch(engine, work.order, batch, calibration))
        seconds = time.monotonic() - began
        work = replace(work, outcomes=outcomes, seconds=work.seconds + seconds)
        yield work
        size = next_size(len(batch), seconds)


async def score(engine: Engine, order: Order, texts: Sequence[str]) -> list[Scores]:
    """The engine's scores for the texts in each of the scorings that `build` gives. Raises like `classify`."""
    scorings = await asyncio.to_thread(build, order.template, texts, order.labels)
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


async def _judge_batch(
    engine: Engine, order: Order, batch: Sequence[Row], calibration: Calibration
) -> list[Classified | Sentence]:
    """What comes of each row. When one is too long for the model, halves lead to it."""
    try:
        return [*await classify(engine, order, [row.text for row in batch], calibration)]
    except PromptTooLong:
        if len(batch) == 1:
            return [TOO_LONG]
        middle = len(batch) // 2
        first = await _judge_batch(engine, order, batch[:middle], calibration)
        return first + await _judge_batch(engine, order, batch[middle:], calibration)
