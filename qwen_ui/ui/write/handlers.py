"""What the events of the Write tab do: values of widgets in, values of widgets out."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks import write
from qwen_ui.ui import assistants
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import reads_chinese, speaker
from qwen_ui.ui.visitors import visit
from qwen_ui.ui.write.versions import MOST, TASK, Moment, Order, Part, checked, written

Page = tuple[Any, ...]
"""Values for: the work, the versions' boxes, their lines, their columns, the status, Write, Stop."""

EXAMPLES = 6


@dataclass(frozen=True, slots=True)
class Work:
    """What the versions on the page came from."""

    order: Order
    endings: tuple[str, ...] = ("",) * MOST
    """The texts at which the model came to an end of its own; an edited version is no such text any more."""

    def with_endings(self, moment: Moment) -> "Work":
        """The work after the moment."""
        now = enumerate(self.endings)
        return Work(self.order, tuple(_ending(moment, place, before) for place, before in now))


def _ending(moment: Moment, place: int, before: str) -> str:
    version = moment.versions.get(place)
    if version is None:
        return before
    return version.text if version.ended else ""


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running streams."""

    def __init__(self, host: EngineHost, prompts: PromptStore, running: Running) -> None:
        self._host = host
        self._prompts = prompts
        self._running = running

    async def start(self, request: gr.Request, *fields: Any) -> AsyncGenerator[Page, None]:
        """Writes the versions that the fields ask for."""

        def begin() -> tuple[Work, list[Part]]:
            work = Work(checked(read(*fields), speaker(request)))
            return work, [Part(place) for place in range(work.order.versions)]

        async with aclosing(self._write(request, begin)) as pages:
            async for values in pages:
                yield values

    async def again(self, request: gr.Request, work: Work | None, place: int) -> AsyncGenerator[Page, None]:
        """Writes one version anew."""
        async with aclosing(self._write(request, lambda: (_there(work), [Part(place)]))) as pages:
            async for values in pages:
                yield values

    async def go_on(self, request: gr.Request, work: Work | None, place: int, text: str) -> AsyncGenerator[Page, None]:
        """Writes more of one version, from the end of what its box holds."""

        def begin() -> tuple[Work, list[Part]]:
            there = _there(work)
            return there, [Part(place, text, ended=text == there.endings[place])]

        async with aclosing(self._write(request, begin)) as pages:
            async for values in pages:
                yield values

    async def _write(
        self, request: gr.Request, begin: Callable[[], tuple[Work, list[Part]]]
    ) -> AsyncGenerator[Page, None]:
        say, session = speaker(request), request.session_hash or ""
        try:
            if self._running.busy(session, TASK):
                raise InvalidInput(say("still_writing"))
            work, parts = begin()
        except QwenUIError as error:
            yield page(None, Moment({}, line(say("not_sent", error=error), "error")))
            return
        fresh = len(parts) == work.order.versions and not any(part.draft for part in parts)
        shown = work.order.versions if fresh else None
        source = visit(self._host, request, TASK)
        moments = written(source, self._prompts, self._running, session, work.order, parts, say)
        async with aclosing(moments):
            async for moment in moments:
                yield page(work, moment, shown)

    async def stop(self, request: gr.Request) -> None:
        """Ends the versions that are being written; what there is of them stays."""
        self._running.stop(request.session_hash or "", TASK)

    async def insert(self, work: Work | None, text: str, version: str) -> tuple[Any, ...]:
        """Makes a version the text to work on; a continuation goes to the text's end. The text before, and Undo."""
        new = version
        if work is not None and self._appends(work.order.template):
            new = text if text.endswith(version) else text + version
        return new, text, gr.Button(visible=new != text)

    def _appends(self, id: str) -> bool:
        try:
            return write.continues(self._prompts.load(TASK, id))
        except QwenUIError:  # gone or broken by now: then the version simply replaces the text, and Undo is there
            return False

    async def undo(self, before: str) -> tuple[Any, ...]:
        """The text as it was before the last insertion."""
        return before, gr.Button(visible=False)

    async def restore(self, request: gr.Request) -> tuple[Any, ...]:
        """The picker and what belongs to it, and the examples."""
        listing = self._prompts.list(TASK)
        templates = _own_first(listing.templates, reads_chinese(request))
        first = templates[0] if templates else None
        temperature = first.sampling().temperature if first else gr.skip()
        picker = gr.Dropdown(choices=choices(templates), value=first.id if first else None)
        return assistants.problems(listing, speaker(request)), picker, temperature, examples(templates)

    async def refresh(self, request: gr.Request) -> tuple[Any, ...]:
        """The broken files and the templates that there are now."""
        listing = self._prompts.list(TASK)
        templates = _own_first(listing.templates, reads_chinese(request))
        return assistants.problems(listing, speaker(request)), gr.Dropdown(choices=choices(templates))

    async def pick(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        """The problem with the template, if there is one, and its temperature."""
        try:
            return "", self._prompts.load(TASK, id or "").sampling().temperature
        except QwenUIError as error:
            return line(speaker(request)("write_not_picked", error=error), "error"), gr.skip()

    async def example(self, request: gr.Request, chosen: list[str]) -> tuple[Any, ...]:
        """A clicked example: the text, the template, the problem with it, its temperature."""
        id, text = chosen
        return text, id, *await self.pick(request, id)


def read(text: str, template: str | None, words: Any, temperature: Any, versions: Any) -> Order:
    """The order, from the widgets' values. Raises `InvalidInput` for what can't work."""
    if not isinstance(versions, int) or not 1 <= versions <= MOST:
        raise InvalidInput(f"There can be 1 to {MOST} versions.")
    if words is not None and (not isinstance(words, int | float) or words != int(words)):
        raise InvalidInput("The length must be a whole number of words.")
    return Order(text, template or "", int(words) if words else None, temperature, versions)


def page(work: Work | None, moment: Moment, shown: int | None = None) -> Page:
    """The moment as values for the widgets. ``shown`` is how many versions there are from now on, if that changes."""
    places, skip = range(MOST), gr.skip()
    there = [moment.versions.get(place) for place in places]
    known = work is not None and bool(moment.versions)
    return (
        work.with_endings(moment) if known and work is not None else skip,
        *(version.text if version else skip for version in there),
        *(version.status if version else skip for version in there),
        *(gr.Column(visible=place < shown) if known and shown else skip for place in places),
        moment.status,
        gr.Button(visible=not moment.running),
        gr.Button(visible=moment.running),
    )


def choices(templates: Sequence[Template]) -> list[tuple[str, str]]:
    """Names with descriptions, and ids, for the picker."""
    return [(" · ".join(filter(None, (template.name, template.description))), template.id) for template in templates]


def examples(templates: Sequence[Template]) -> gr.Dataset:
    """The samples of a few templates, some in the other language too, each as id and text."""
    own = [template for template in templates if template.language == templates[0].language]
    other = [template for template in templates if template not in own]
    offered = [t for t in [*own[: EXAMPLES - 2], *other[:2]] if "text" in t.inputs and t.inputs["text"].sample.strip()]
    samples = [[template.id, template.inputs["text"].sample] for template in offered]
    labels = [f"{template.name} · {template.inputs['text'].sample}" for template in offered]
    return gr.Dataset(samples=samples, sample_labels=labels, visible=bool(samples))


def _own_first(templates: Sequence[Template], chinese: bool) -> list[Template]:
    return sorted(templates, key=lambda template: template.language.lower().startswith("zh") != chinese)


def _there(work: Work | None) -> Work:
    if work is None:
        raise InvalidInput("There is no version to go on with yet. Write one first.")
    return work
