"""Running a template on the model, from its messages to the states that the page goes through. No widgets here."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from qwen_ui.engine.base import Stream
from qwen_ui.errors import QwenUIError
from qwen_ui.ui.statistics import line, progress, statistics
from qwen_ui.ui.streaming import Answer, Running, follow
from qwen_ui.ui.texts import Say

log = logging.getLogger(__name__)

TAB = "prompts"


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows of a run at one moment."""

    text: str | None
    """None leaves the last answer."""
    status: str
    """HTML."""
    running: bool = False


async def trial(begin: Callable[[], Stream], running: Running, session: str, say: Say) -> AsyncGenerator[Moment, None]:
    """The moments from the beginning of a run to its whole answer, or to the error that it ended with."""
    answer = Answer()
    try:
        stream = begin()
        with running.track(session, TAB, stream):
            async with aclosing(follow(stream)) as answers:
                async for answer in answers:
                    yield Moment(answer.text, progress(answer, say), running=True)
    except QwenUIError as error:
        yield _failed(answer, str(error), say)
    except Exception:
        log.exception("A template's run failed")
        yield _failed(answer, say("unexpected"), say)
    else:
        nothing = "" if answer.text.strip() else line(say("nothing_said"), "note")
        yield Moment(answer.text, nothing + (statistics(answer.usage, _of_this_tab(say)) if answer.usage else ""))


def _failed(answer: Answer, sentence: str, say: Say) -> Moment:
    if answer.text.strip():
        return Moment(answer.text, line(say("broken_off", error=sentence), "error"))
    return Moment(None, line(say("not_sent", error=sentence), "error"))


def _of_this_tab(say: Say) -> Say:
    """The sentences, with this tab's advice for an answer that reached its limit."""
    return lambda key, **values: say("prompts_length_reached" if key == "length_reached" else key, **values)
