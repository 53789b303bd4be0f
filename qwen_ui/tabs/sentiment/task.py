"""Sentiment: which of some labels fits a text, with calibrated probabilities; for one text, or for a file's rows."""

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from qwen_ui.decisions.judging import FIRST_BATCH, Calibration, Classified, classify, next_size
from qwen_ui.decisions.own_rows import recalibrated
from qwen_ui.decisions.prompt import Order
from qwen_ui.engine.base import Engine
from qwen_ui.errors import PromptTooLong
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.sentiment.rows import Columns, Row
from qwen_ui.text.tables import SkippedRow, Table

TOO_LONG = Sentence("longer than the model's context")

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
    own_rows: bool = False
    """Whether results are calibrated with the file's own rows too."""

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
        found = self._found
        if not self.own_rows:
            return found
        results = recalibrated([result for _, result in found])
        return [(row, result) for (row, _), result in zip(found, results, strict=True)]

    @property
    def _found(self) -> list[Judged]:
        """The rows that have a result, as the model gave it."""
        pairs = zip(self.rows, self.outcomes, strict=False)
        return [(row, result) for row, result in pairs if isinstance(result, Classified)]

    @property
    def skipped(self) -> list[SkippedRow]:
        """The rows that can't have one, in the file's order."""
        pairs = zip(self.rows, self.outcomes, strict=False)
        refused = [SkippedRow(row.number, reason) for row, reason in pairs if isinstance(reason, Sentence)]
        return sorted([*self.unusable, *refused], key=lambda row: row.number)


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
