"""Versions of a text that are written at the same time, and going on with one of them. No widgets here."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

from qwen_ui.engine.base import Stream
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.metering import EngineSource
from qwen_ui.tasks import write
from qwen_ui.ui.statistics import line, progress, statistics
from qwen_ui.ui.streaming import EVERY, Answer, Running, follow
from qwen_ui.ui.texts import Say

log = logging.getLogger(__name__)

TASK = "write"
MOST = 4
"""Versions at once."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written. Every version of it comes from the same order, also when it goes on later."""

    text: str
    template: str
    words: int | None = None
    """The wanted length; None is any."""
    temperature: float | None = None
    """None: what the template says."""
    versions: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """What one stream writes: a whole version, or more of one."""

    place: int
    """Which version, counted from 0."""
    draft: str = ""
    """The version so far."""
    ended: bool = False
    """Whether the model had come to an end of its own there."""

    def joined(self, more: str) -> str:
        """The version with what the stream wrote. Within a sentence the model itself writes the space."""
        return write.join(self.draft, more) if self.ended else self.draft + more


@dataclass(frozen=True, slots=True)
class Version:
    """One version at one moment."""

    text: str
    status: str = ""
    """HTML under it."""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows at one moment: the versions that are being written, by their places."""

    versions: dict[int, Version]
    status: str = ""
    """HTML above them."""
    running: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of a stream so far."""

    answer: Answer
    error: BaseException | None = None


def checked(order: Order, say: Say) -> Order:
    """The order. Raises `InvalidInput` where it makes no sense."""
    if not order.text.strip():
        raise InvalidInput(say("write_empty"))
    if order.temperature == 0 and order.versions > 1:
        raise InvalidInput(say("write_all_the_same"))
    return order


def messages(template: Template, order: Order, part: Part) -> list[Message]:
    """What to send. A text that broke off is continued as it is; after an end, the model is asked to go on."""
    return write.build(template, order.text, words=order.words, draft=part.draft, ended=part.ended)


def sampling(template: Template, order: Order) -> Sampling:
    """How to write it: a wanted length sets the new tokens, else the template does."""
    tokens = write.tokens_for(order.words, template.language) if order.words else None
    return template.sampling(temperature=order.temperature, max_new_tokens=tokens)


async def begin(host: EngineSource, prompts: PromptStore, order: Order, parts: Sequence[Part]) -> list[Stream]:
    """Starts a stream for each part: all of them, or none. Raises `QwenUIError`."""
    template = prompts.load(TASK, order.template)
    streams: list[Stream] = []
    try:
        for part in parts:
            streams.append(host.engine.stream(messages(template, order, part), sampling(template, order)))
    except BaseException:
        await asyncio.gather(*(stream.aclose() for stream in streams))
        raise
    return streams


async def together(streams: Sequence[Stream]) -> AsyncGenerator[tuple[Outcome, ...], None]:
    """How far each stream is, again and again until all have ended; at the pace of `follow` for one.

    A stream's error is in its outcome, and the others go on. Closing it closes the streams.
    """
    answers = [Answer() for _ in streams]
    news = asyncio.Event()

    async def read(place: int, stream: Stream) -> None:
        try:
            async with aclosing(follow(stream)) as growing:
                async for answers[place] in growing:
                    news.set()
        finally:
            news.set()

    readers = [asyncio.create_task(read(place, stream)) for place, stream in enumerate(streams)]
    try:
        while not all(reader.done() for reader in readers):
            await news.wait()  # `follow` has news every half second at least
            news.clear()
            yield tuple(map(_outcome, answers, readers))
            await asyncio.wait(readers, timeout=EVERY)
        yield tuple(map(_outcome, answers, readers))
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)  # their errors are in the outcomes
        await asyncio.gather(*(stream.aclose() for stream in streams))  # a reader may not have begun


def _outcome(answer: Answer, reader: asyncio.Task[None]) -> Outcome:
    return Outcome(answer, reader.exception() if reader.done() else None)


async def written(
    host: EngineSource,
    prompts: PromptStore,
    running: Running,
    session: str,
    order: Order,
    parts: Sequence[Part],
    say: Say,
) -> AsyncGenerator[Moment, None]:
    """The moments from the order to its versions, or to the error that it ended with."""
    try:
        streams = await begin(host, prompts, order, parts)
    except QwenUIError as error:
        yield Moment({}, line(say("not_sent", error=error), "error"))
        return
    except Exception:
        log.exception("Versions could not be begun")
        yield Moment({}, line(say("not_sent", error=say("unexpected")), "error"))
        return
    outcomes: tuple[Outcome, ...] = tuple(Outcome(Answer()) for _ in parts)
    async with aclosing(together(streams)) as news:
        with ExitStack() as tracked:
            for stream in streams:
                tracked.enter_context(running.track(session, TASK, stream))
            async for outcomes in news:
                yield Moment(_versions(parts, outcomes, say), running=True)
    yield Moment(_versions(parts, outcomes, say))


def _versions(parts: Sequence[Part], outcomes: Sequence[Outcome], say: Say) -> dict[int, Version]:
    return {part.place: _version(part, outcome, say) for part, outcome in zip(parts, outcomes, strict=True)}


def _version(part: Part, outcome: Outcome, say: Say) -> Version:
    answer, text = outcome.answer, part.joined(outcome.answer.text)
    if outcome.error is not None:
        return Version(text, line(say("broken_off", error=_sentence(outcome.error, say)), "error"))
    if answer.usage is None:
        return Version(text, progress(answer, say))
    status = statistics(answer.usage, _of_this_tab(say))
    if not answer.text.strip():
        status = line(say("nothing_said"), "note") + status
    return Version(text, status, answer.usage.ended == "stop")


def _sentence(error: BaseException, say: Say) -> str:
    if isinstance(error, QwenUIError):
        return str(error)
    log.error("A version failed", exc_info=error)
    return say("unexpected")


def _of_this_tab(say: Say) -> Say:
    """The sentences, with this tab's advice for a text that reached its limit."""
    return lambda key, **values: say("write_length_reached" if key == "length_reached" else key, **values)
