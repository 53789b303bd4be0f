"""One question of a dialogue: from what the user asked to the states that the page goes through. No widgets here."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.knowledge.library import Library
from qwen_ui.messages import Message
from qwen_ui.prompts import Template
from qwen_ui.server.metering import EngineSource
from qwen_ui.tasks import ask
from qwen_ui.ui.ask.sources import Basis, Evidence, fitting, look_up
from qwen_ui.ui.statistics import line, progress, statistics
from qwen_ui.ui.streaming import Answer, Running, follow
from qwen_ui.ui.texts import Say

log = logging.getLogger(__name__)

TAB = "ask"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, its answer, and the passages that the model was given for it."""

    question: str
    answer: str = ""
    passages: tuple[Evidence, ...] = ()
    from_model: bool = True
    """False for the sentence that nothing was found."""


Dialogue = tuple[Exchange, ...]


def history(dialogue: Dialogue) -> list[Message]:
    """What was asked and answered before, as the next prompt shows it."""
    pairs = [
        (Message("user", each.question), ask.for_history(each.answer))
        for each in dialogue
        if each.from_model and each.answer.strip()
    ]
    return [message for pair in pairs for message in pair]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants answered, from what, and how."""

    before: Dialogue
    """The dialogue as it was: it comes back if nothing comes of the question."""
    question: str
    basis: Basis
    template: Template
    max_new_tokens: int
    kept: Dialogue | None = None
    """What the page shows if nothing comes of it, where that is not `before`."""
    typed: bool = True
    """Whether the question was typed, and so belongs back into the box on failure."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows at one moment."""

    dialogue: Dialogue
    status: str = ""
    """HTML under the dialogue."""
    question: str | None = None
    """New content of the question's box; None leaves it alone."""
    running: bool = False


def asking(dialogue: Dialogue, question: str, basis: Basis, template: Template, max_new_tokens: int) -> Wish:
    """A new question. Raises `InvalidInput` for a blank or invalid one."""
    ask.build(template, Message("user", question).content)
    return Wish(dialogue, question, basis, template, max_new_tokens)


def asking_again(dialogue: Dialogue, basis: Basis, template: Template, max_new_tokens: int, say: Say) -> Wish:
    """The last question again. Raises `InvalidInput` when there is none."""
    if not dialogue:
        raise InvalidInput(say("ask_nothing_to_retry"))
    wish = asking(dialogue[:-1], dialogue[-1].question, basis, template, max_new_tokens)
    return replace(wish, kept=dialogue, typed=False)


async def respond(
    host: EngineSource, library: Library, running: Running, session: str, wish: Wish, say: Say
) -> AsyncGenerator[Moment, None]:
    """The moments from the question to the whole answer, or to the error that it ended with."""
    exchange, answer = Exchange(wish.question), Answer()
    try:
        engine = host.engine
        yield _going_on(wish, exchange, line(say("ask_searching"), "busy"), question="" if wish.typed else None)
        passages = await look_up(library, wish.basis, wish.question, history(wish.before), say)
        if passages == ():
            yield _not_found(wish, say)
            return
        given = fitting(engine, wish.template, wish.question, passages or (), wish.max_new_tokens)
        exchange = replace(exchange, passages=given)
        stream = engine.stream(_messages(wish, given), wish.template.sampling(max_new_tokens=wish.max_new_tokens))
        with running.track(session, TAB, stream):
            async with aclosing(follow(stream)) as answers:
                async for answer in answers:
                    exchange = replace(exchange, answer=answer.text)
                    yield _going_on(wish, exchange, progress(answer, say))
    except QwenUIError as error:
        yield failed(wish, exchange, str(error), say)
    except Exception:
        log.exception("An answer failed")
        yield failed(wish, exchange, say("unexpected"), say)
    else:
        yield _whole(wish, exchange, answer, say)


def _messages(wish: Wish, passages: Sequence[Evidence]) -> list[Message]:
    return ask.build(wish.template, wish.question, passages, history(wish.before))


def _going_on(wish: Wish, exchange: Exchange, status: str, question: str | None = None) -> Moment:
    return Moment((*wish.before, exchange), status, question, running=True)


def _not_found(wish: Wish, say: Say) -> Moment:
    exchange = Exchange(wish.question, ask.not_found(wish.question).text, from_model=False)
    return Moment((*wish.before, exchange), line(say("ask_not_asked")))


def _whole(wish: Wish, exchange: Exchange, answer: Answer, say: Say) -> Moment:
    status = statistics(answer.usage, say) if answer.usage else ""
    if not exchange.answer.strip():
        status = line(say("nothing_said"), "note") + status
    return Moment((*wish.before, exchange), status)


def failed(wish: Wish, exchange: Exchange, sentence: str, say: Say) -> Moment:
    """After an error: what was answered so far stays; if that is nothing, all is as before."""
    if exchange.answer.strip():
        return Moment((*wish.before, exchange), line(say("broken_off", error=sentence), "error"))
    shown = wish.before if wish.kept is None else wish.kept
    return Moment(shown, line(say("not_sent", error=sentence), "error"), wish.question if wish.typed else None)
