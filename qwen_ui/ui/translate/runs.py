"""One run of translating: the moments that the page goes through. No widgets here."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from qwen_ui.tasks.translate import Finding
from qwen_ui.ui.streaming import Answer, Running, follow
from qwen_ui.ui.texts import Say
from qwen_ui.ui.translate.batch import TASK, Batch
from qwen_ui.ui.translate.view import outcome, underway
from qwen_ui.ui.translate.work import Work

TABLE_EVERY = 1.5
"""Seconds between two updates of the table of segments."""
LARGE = 300
"""Pieces from which on the table comes only when all is done: it would be too much to send again and again."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows of a work at one moment."""

    work: Work
    status: str
    """HTML."""
    running: bool = False
    in_order: bool = False
    """Whether the text grows from its beginning, and is to be shown as far as it is."""
    table: bool = True
    """Whether the table of segments is to be brought up to date."""
    findings: tuple[tuple[int, Finding], ...] | None = None
    """What the translation may have lost; None while that is not known."""


async def run(
    running: Running, session: str, batch: Batch, say: Say, in_order: bool = True
) -> AsyncGenerator[Moment, None]:
    """The moments from the start of the batch to its end, whatever that is. The pieces' errors stay with them."""

    def moment(answer: Answer, table: bool) -> Moment:
        return Moment(batch.work, underway(batch.work, answer, batch.running, say), True, in_order, table)

    answer, shown = Answer(), time.monotonic()
    yield moment(answer, table=True)
    with running.track(session, TASK, batch):
        async with aclosing(follow(batch)) as answers:
            async for answer in answers:
                now = time.monotonic()
                table = len(batch.work.pieces) < LARGE and now - shown > TABLE_EVERY
                shown = now if table else shown
                yield moment(answer, table)
    yield await settled(batch.work, outcome(batch.work, answer.usage, say))


async def settled(work: Work, status: str) -> Moment:
    """The work at rest, checked."""
    return Moment(work, status, findings=tuple(await asyncio.to_thread(work.findings)))
