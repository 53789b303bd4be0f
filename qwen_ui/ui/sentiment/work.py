"""A file's rows, judged batch after batch: how far that is, and stopping it. No widgets here."""

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

from qwen_ui.errors import PromptTooLong
from qwen_ui.messages import Chunk
from qwen_ui.tasks.sentiment import BadRow, Classified, Row
from qwen_ui.ui.sentiment.judge import Judging, Order

FIRST_BATCH = 16
BATCH_SECONDS = 1.5
"""What one batch should take: each computes what its prompts share anew, and Stop and progress wait for its end."""
LARGEST_BATCH = 512
TOO_LONG = "longer than the model's context"


@dataclass(frozen=True, slots=True)
class Work:
    """The rows of a file, or the one text that was typed: what is judged, what is still to be, what can't be."""

    order: Order
    waiting: tuple[Row, ...] = ()
    rows: tuple[Row, ...] = ()
    results: tuple[Classified, ...] = ()
    """Of the rows, in their order."""
    bad: tuple[BadRow, ...] = ()
    has_truth: bool = False
    has_dates: bool = False
    seconds: float = 0.0
    """What judging the rows took."""

    @property
    def total(self) -> int:
        """The rows that there were to judge."""
        return len(self.waiting) + len(self.rows)


class Job:
    """Judges a work's waiting rows. Like an engine's stream it is iterated, and ended by `cancel`."""

    def __init__(self, judge: Judging, work: Work) -> None:
        self._judge = judge
        self._before = work
        self._waiting = list(work.waiting)
        self._rows: list[Row] = []
        self._results: list[Classified] = []
        self._bad: list[BadRow] = []
        self._began = time.monotonic()
        self._cancelled = False
        self._chunks = self._run()

    @property
    def work(self) -> Work:
        """The work as it is now."""
        before = self._before
        return replace(
            before,
            waiting=before.waiting[self.done :],
            rows=before.rows + tuple(self._rows),
            results=before.results + tuple(self._results),
            bad=tuple(sorted([*before.bad, *self._bad], key=lambda row: row.number)),
            seconds=before.seconds + self.seconds,
        )

    @property
    def done(self) -> int:
        """Rows that this job is through with."""
        return len(self._rows) + len(self._bad)

    @property
    def total(self) -> int:
        """Rows that this job has to go through."""
        return len(self._waiting)

    @property
    def seconds(self) -> float:
        """How long this job has run."""
        return time.monotonic() - self._began

    @property
    def speed(self) -> float:
        """Rows a second; 0 while that is not known."""
        return self.done / self.seconds if self.done else 0.0

    @property
    def cancelled(self) -> bool:
        """Whether it was stopped before its end."""
        return self._cancelled and self.done < self.total

    def __aiter__(self) -> "Job":
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    def cancel(self) -> None:
        """Begins no other batch; what is judged stays."""
        self._cancelled = True

    async def aclose(self) -> None:
        """Ends it at once."""
        await self._chunks.aclose()

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        size = FIRST_BATCH
        while self.done < self.total and not self._cancelled:
            began, batch = time.monotonic(), self._waiting[self.done : self.done + size]
            await self._do(batch)
            yield Chunk()
            size = sized(len(batch), time.monotonic() - began)

    async def _do(self, batch: Sequence[Row]) -> None:
        """Judges the rows. When one is too long for the model, halves lead to it, and it counts as bad."""
        try:
            results = await self._judge(self._before.order, [row.text for row in batch])
        except PromptTooLong:
            if len(batch) == 1:
                self._bad.append(BadRow(batch[0].number, TOO_LONG))
                return
            await self._do(batch[: len(batch) // 2])
            await self._do(batch[len(batch) // 2 :])
        else:
            self._rows += batch
            self._results += results


def sized(rows: int, seconds: float) -> int:
    """Rows of the next batch, after one of so many took so long; at most twice as many, as times vary."""
    wanted = int(rows * BATCH_SECONDS / max(seconds, 1e-3))
    return max(FIRST_BATCH // 2, min(wanted, 2 * rows, LARGEST_BATCH))
