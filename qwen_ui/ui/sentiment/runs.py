"""One run of judging: the moments that the page goes through. No widgets here."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.ui.sentiment import show
from qwen_ui.ui.sentiment.judge import TASK
from qwen_ui.ui.sentiment.work import Job, Work
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running, follow
from qwen_ui.ui.texts import Say

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows at one moment."""

    status: str
    """HTML."""
    running: bool = False
    work: Work | None = None
    """Set once the run is over and has come to something."""


async def judged(running: Running, session: str, job: Job, say: Say) -> AsyncGenerator[Moment, None]:
    """The moments from the job's start to its end, whatever that is. What is judged by then stays."""
    alone = job.total == 1
    try:
        if running.busy(session, TASK):
            raise InvalidInput(say("still_writing"))
        with running.track(session, TASK, job):
            async with aclosing(follow(job)) as updates:
                async for _ in updates:
                    yield Moment(_underway(job, alone, say), running=True)
    except Exception as error:
        if not isinstance(error, QwenUIError):
            log.exception("Judging failed")
        yield Moment(show.failed(error, say, kept=job.done > 0), work=job.work if job.done else None)
        return
    yield Moment(_outcome(job, alone, say), work=job.work)


def _underway(job: Job, alone: bool, say: Say) -> str:
    return line(say("sentiment_judging"), "busy") if alone else show.underway(job, say)


def _outcome(job: Job, alone: bool, say: Say) -> str:
    if not alone:
        return show.outcome(job.work, say)
    return show.judged(job.work.order, job.seconds, say) if job.work.rows else line(say("stopped"))
