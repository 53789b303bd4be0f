"""Translate: the segments of a document, many at the same time, each with a look at what it may have lost."""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from qwen_ui.engine.base import Engine, answers
from qwen_ui.errors import Busy, PromptTooLong
from qwen_ui.messages import Ended, Message, Sampling, Usage
from qwen_ui.tabs.translate.protect import has_words, missing, prose
from qwen_ui.tabs.translate.translation import Order, Segment, State, Translation

STATES: Mapping[Ended, State] = {"stop": "done", "length": "truncated", "cancelled": "stopped"}

KEEP = "keep"
"""The variable of a template that says what a translation has lost, a line each. One without it is asked only once."""
_ALIKE = 2
"""How many times as long as the other one of two translations of the same text may be."""
_QUOTES = {'"': '"', "“": "”", "「": "」", "«": "»"}
_FENCED = re.compile(r"```\w*\n(.*?)\n?```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a translation is; the segments themselves are in it, and go on changing."""

    translation: Translation
    wanted: Sequence[int] = ()
    """The places of the segments that are to be translated."""
    streams: int = 0
    """How many segments are being written."""
    position: int | None = None
    """In the queue, while all of them wait there."""
    usage: Usage | None = None
    """Set once it has ended: all segments together, with the speed of all streams side by side."""

    @property
    def done(self) -> int:
        """How many of the wanted segments are whole."""
        return sum(self.translation.segments[place].whole for place in self.wanted)


async def translate(
    engine: Engine, translation: Translation, wanted: Sequence[int], at_once: int
) -> AsyncGenerator[Progress, None]:
    """Translates the segments in the wanted places, so many at the same time: how far it is, after each piece of news.

    Those of the same text are translated once. One that has lost a link, a number or the like is asked for once more,
    and gets back what it still lacks, as far as that is without a doubt. One that fails keeps its error, and the others
    go on; one that nothing whole comes of gets back the translation that it had, and one that its reader edits
    meanwhile stays as that is.
    """
    began, run = time.monotonic(), _Run(engine, translation, wanted)
    workers = [asyncio.create_task(run.work()) for _ in range(at_once)]
    for worker in workers:
        worker.add_done_callback(lambda _: run.news.set())
    translation.running = True
    try:
        yield run.progress
        while not all(worker.done() for worker in workers):
            await run.news.wait()
            run.news.clear()
            yield run.progress
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)  # they keep their errors with the segments
        run.settle()
        translation.running = False
    yield replace(run.progress, usage=_together(run.usages, time.monotonic() - began, engine.stopped))


class _Run:
    """The segments that wait and those that are being translated, for workers at the same time."""

    def __init__(self, engine: Engine, translation: Translation, wanted: Sequence[int]) -> None:
        self._engine = engine
        self._translation = translation
        self._before = {place: translation.segments[place] for place in wanted}
        self._at_work = 0
        self._positions: dict[int, int | None] = {}
        """In the queue, of each stream, by its first segment's place."""
        self.usages: list[Usage] = []
        self.news = asyncio.Event()
        groups: dict[str, list[int]] = {}
        for place, segment in self._before.items():
            groups.setdefault(segment.source, []).append(place)
            translation.segments[place] = Segment(segment.source)
        self._waiting = deque(groups.items())

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        positions = [position for position in self._positions.values() if position]
        in_queue = positions and len(positions) == len(self._positions)
        first = min(positions) if in_queue else None
        return Progress(self._translation, tuple(self._before), len(self._positions), first)

    async def work(self) -> None:
        """Translates text after text, for as long as some wait."""
        while self._waiting and not self._engine.stopped:
            source, places = self._waiting.popleft()
            self._at_work += 1
            try:
                await self._translate(source, places)
            except Busy as error:
                if self._at_work > 1:  # the queue is full: the other workers will come to this text
                    self._waiting.append((source, places))
                else:
                    self._waiting.clear()
                    self._put(places, Segment(source, state="failed", error=error))
                return
            finally:
                self._at_work -= 1

    async def _translate(self, source: str, places: Sequence[int]) -> None:
        """Translates the segments of one text; the first of them shows how it grows. Raises `Busy`."""
        if self._all_edited(places):
            return
        segment = Segment(source, state="writing")
        try:
            segment = await self._answered(segment, places[0])
            if lost := self._worth_asking_again(segment, places):
                segment = await self._once_more(segment, lost, places)
        except Busy:
            raise
        except Exception as error:  # noqa: BLE001  crosses over to whoever shows the segment
            segment = replace(segment, state="failed", error=error)
        finally:
            self._positions.pop(places[0], None)
        self._put(places, segment.mended())

    async def _answered(self, segment: Segment, first: int, lost: Sequence[str] = ()) -> Segment:
        """The segment with the model's translation, which grows where the first one is, unless it is asked once more
        for what got lost. Raises like `Engine.stream`.
        """
        order, source = self._translation.order, segment.source
        messages, sampling = build(order, source, lost)
        async with aclosing(answers(self._engine, messages, sampling, order.template.adapter)) as growing:
            async for answer in growing:
                self._positions[first] = answer.position
                if not lost:
                    segment = replace(segment, translation=partial(answer.text, source))
                self._put([first], segment)
        self.usages += [answer.usage] if answer.usage else []
        ended: Ended = answer.usage.ended if answer.usage else "stop"
        return replace(segment, translation=parse(answer.text, source), state=STATES[ended])

    def _worth_asking_again(self, segment: Segment, places: Sequence[int]) -> list[str]:
        """What a finished translation has lost, if a model that is told so may still write it."""
        can_be_told = KEEP in self._translation.order.template.variables
        if not segment.whole or not can_be_told or self._engine.stopped or self._all_edited(places):
            return []
        return list(dict.fromkeys(part.written for part in missing(segment.source, segment.translation)))

    async def _once_more(self, segment: Segment, lost: Sequence[str], places: Sequence[int]) -> Segment:
        """The better one of a segment's translation and of a second one, for which the model is told what got lost.

        The first one stays where there is no second one: for an error, which is kept with it, or a refusal.
        """
        try:
            again = await self._answered(replace(segment, state="writing"), places[0], lost)
        except asyncio.CancelledError:
            self._put(places, segment.mended())
            raise
        except (Busy, PromptTooLong):
            return segment
        except Exception as error:  # noqa: BLE001  crosses over to whoever shows the segment
            return replace(segment, error=error)
        return better(segment, again)

    def _all_edited(self, places: Sequence[int]) -> bool:
        return all(self._translation.segments[place].state == "edited" for place in places)

    def _put(self, places: Sequence[int], segment: Segment) -> None:
        self._translation.put(places, segment)
        self.news.set()

    def settle(self) -> None:
        """Leaves no segment in the middle. Those that did not come to their end are as before, if they were then; of
        the others, what was there before stays as a version."""
        segments = self._translation.segments
        for place, before in self._before.items():
            segment = segments[place]
            if not segment.whole and (before.whole or (before.translation and not segment.translation)):
                segments[place] = replace(before, error=segment.error)
                continue
            if segment.state == "writing":
                segment = replace(segment, state="stopped")
            segments[place] = segment.after(before)


def better(first: Segment, again: Segment) -> Segment:
    """The one of two translations that has lost less; the first one, unless the second is surely a translation."""
    source, text = again.source.strip(), again.translation.strip()
    repeats = source in text or len(text.splitlines()) != len(source.splitlines())  # the prompt, say
    if not again.whole or repeats or not has_words(text):
        return first
    said, said_again = (len(prose(segment.translation).strip()) for segment in (first, again))
    alike = said <= _ALIKE * said_again <= _ALIKE**2 * said
    if first.state == "done" and said and not (alike and again.state == "done"):  # a list of what got lost, say
        return first
    return min((first, again), key=_faults)


def _faults(segment: Segment) -> tuple[int, bool]:
    """How much a translation has lost, and whether it was cut off."""
    return len(missing(segment.source, segment.translation)), segment.state == "truncated"


def build(order: Order, text: str, lost: Sequence[str] = ()) -> tuple[list[Message], Sampling]:
    """What asks for the translation of one text, once more if it has lost something. Of the glossary only what occurs
    in the text goes in.

    Raises `InvalidInput` for what is not valid text, `TemplateError` for a broken template.
    """
    template = order.template
    messages = template.render(
        text=Message("user", text).content,
        target=order.target.full_name,
        source=order.source.full_name if order.source else "",
        tone=order.tone,
        glossary="\n".join(f"{term.source} = {term.target}" for term in order.terms.relevant(text)),
        **{KEEP: "\n".join(lost)},
    )
    # No translation is longer than this in any script: a model that loses its thread is not followed for long.
    tokens = min(template.sampling().max_new_tokens, 64 + 6 * len(text))
    return messages, template.sampling(max_new_tokens=tokens)


def parse(answer: str, text: str) -> str:
    """The translation in an answer, without the quotes or the code fence that models put around it."""
    answer = answer.strip()
    fenced = _FENCED.fullmatch(answer)
    if fenced and "```" not in text:
        answer = fenced[1].strip()
    opening = answer[:1]
    if len(answer) > 2 and opening in _QUOTES and opening not in text:
        inner = answer[1:-1]
        if answer[-1] == _QUOTES[opening] and not set(inner) & {opening, answer[-1]}:
            answer = inner.strip()
    return answer


def partial(answer: str, text: str) -> str:
    """What can be shown of an unfinished answer: nothing while `parse` may still take its opening away."""
    answer = answer.strip()
    wrapped = answer.startswith("```") or answer in {"`", "``"} or (answer[:1] in _QUOTES and answer[:1] not in text)
    return "" if wrapped else answer


def _together(usages: Sequence[Usage], seconds: float, stopped: bool) -> Usage:
    """What all segments took together; the speed is that of all streams side by side."""
    tokens = sum(usage.new_tokens for usage in usages)
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        new_tokens=tokens,
        reused_tokens=sum(usage.reused_tokens for usage in usages),
        seconds_to_first_token=min((usage.seconds_to_first_token for usage in usages), default=0.0),
        tokens_per_second=tokens / seconds if seconds else 0.0,
        ended="cancelled" if stopped else "stop",
        context_length=max((usage.context_length for usage in usages), default=0),
    )
