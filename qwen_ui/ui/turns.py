"""One turn of the chat: from what the user did to the states that the page goes through. No widgets here."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Message, Sampling
from qwen_ui.server.metering import EngineSource
from qwen_ui.ui.conversation import Chat, fits
from qwen_ui.ui.statistics import line, progress, statistics
from qwen_ui.ui.streaming import Answer, Running, follow
from qwen_ui.ui.texts import Say

log = logging.getLogger(__name__)

TAB = "chat"
KEEP_EVERY = 3.0
"""Seconds between two savings of an unfinished answer, for whoever reloads the page in the middle of it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the user wants answered."""

    before: Chat
    """The conversation as it was: it comes back if nothing comes of the attempt."""
    asked: Chat
    """The conversation that ends with the message to answer."""
    typed: str | None = None
    """What the user typed for it, to be given back on failure; None if nothing was typed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the page shows at one moment."""

    chat: Chat
    answer: str = ""
    """The unfinished answer, on top of the chat."""
    status: str = ""
    """HTML under the conversation."""
    text: str | None = None
    """New content of the message box; None leaves it alone."""
    running: bool = False
    keep: bool = True
    """Whether the browser should keep this state."""


def sending(chat: Chat, text: str, say: Say) -> Attempt:
    """A new message. Raises `InvalidInput` for a blank or invalid one, and when the chat would grow too large."""
    if not text.strip():
        raise InvalidInput(say("empty_message"))
    return _checked(Attempt(chat, chat.asking(text), text), say)


def retrying(chat: Chat, say: Say) -> Attempt:
    """The last message again. Raises `InvalidInput` when there is none."""
    place = chat.last_question
    if place is None:
        raise InvalidInput(say("nothing_to_retry"))
    return Attempt(chat, chat.up_to(place + 1))


def editing(chat: Chat, place: int, text: str, say: Say) -> Attempt:
    """An earlier message in other words; what came after it is dropped. Raises like `sending`."""
    return Attempt(chat, sending(chat.up_to(place), text, say).asked, text)


def _checked(attempt: Attempt, say: Say) -> Attempt:
    if not fits(attempt.asked):
        raise InvalidInput(say("too_long_to_keep"))
    return attempt


async def respond(
    host: EngineSource, running: Running, session: str, attempt: Attempt, system: str, sampling: Sampling, say: Say
) -> AsyncGenerator[Turn, None]:
    """The turns from the question to the whole answer, or to the error that it ended with."""
    answer = Answer()
    try:
        stream = host.engine.stream(_prompt(system, attempt.asked), sampling)
        yield Turn(attempt.asked, status=progress(answer, say), text="" if attempt.typed else None, running=True)
        kept = time.monotonic()
        with running.track(session, TAB, stream):
            async with aclosing(follow(stream)) as answers:
                async for answer in answers:
                    due = time.monotonic() - kept > KEEP_EVERY
                    kept = time.monotonic() if due else kept
                    yield Turn(attempt.asked, answer.text, progress(answer, say), running=True, keep=due)
    except QwenUIError as error:
        yield failed(attempt, answer, str(error), say)
    except Exception:
        log.exception("An answer failed")
        yield failed(attempt, answer, say("unexpected"), say)
    else:
        yield _whole(attempt, answer, say)


def _prompt(system: str, chat: Chat) -> list[Message]:
    opening = [Message("system", system)] if system.strip() else []
    return [*opening, *chat.messages]


def _whole(attempt: Attempt, answer: Answer, say: Say) -> Turn:
    chat = attempt.asked.answered(answer.text, answer.usage)
    status = statistics(answer.usage, say) if answer.usage else ""
    if not answer.text.strip():
        status = line(say("nothing_said"), "note") + status
    return Turn(chat, status=status)


def failed(attempt: Attempt, answer: Answer, sentence: str, say: Say) -> Turn:
    """After an error: what was answered so far stays; if that is nothing, all is as before."""
    if answer.text.strip():
        return Turn(attempt.asked.answered(answer.text), status=line(say("broken_off", error=sentence), "error"))
    return Turn(attempt.before, status=line(say("not_sent", error=sentence), "error"), text=attempt.typed)
