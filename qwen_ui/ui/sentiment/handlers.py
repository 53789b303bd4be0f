"""What the events of the Sentiment tab do: values of widgets in, values of widgets out."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, PromptTooLong, QwenUIError
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.sentiment import Row, Rows, select
from qwen_ui.ui import assistants
from qwen_ui.ui.sentiment import columns, orders, show
from qwen_ui.ui.sentiment.judge import TASK, Judge, Judging, Order
from qwen_ui.ui.sentiment.report import Wanted, report, saved, table
from qwen_ui.ui.sentiment.runs import Moment, judged
from qwen_ui.ui.sentiment.work import TOO_LONG, Job, Work
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import Say, reads_chinese, speaker
from qwen_ui.ui.visitors import visit

Page = tuple[Any, ...]
REPORTED = 10


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running jobs."""

    def __init__(self, host: EngineHost, prompts: PromptStore, running: Running) -> None:
        self._host = host
        self._judge = Judge()
        self._prompts = prompts
        self._running = running

    async def start(self, request: gr.Request, text: str, *how: Any) -> AsyncGenerator[Page, None]:
        """Judges the typed text: result, status, the buttons."""
        say = speaker(request)

        def make() -> Job:
            if not text.strip():
                raise InvalidInput(say("empty_message"))
            return Job(self._for(request), Work(self._order(*how), (Row(1, text),)))

        async with aclosing(self._moments(request, make)) as moments:
            async for moment in moments:
                yield _single(moment, say), _status(moment, say), *buttons(moment.running)

    async def start_file(
        self, request: gr.Request, path: str | None, text: str, truth: str, date: str, *how: Any
    ) -> AsyncGenerator[Page, None]:
        """Judges the file's rows: the work, status, the buttons, Judge the rest."""
        say = speaker(request)

        def make() -> Job:
            return Job(self._for(request), _work(path, columns.Columns(text, truth, date), self._order(*how), say))

        async with aclosing(self._of_file(request, make)) as pages:
            async for page in pages:
                yield page

    async def rest(self, request: gr.Request, work: Work | None) -> AsyncGenerator[Page, None]:
        """Judges the rows that are not judged yet, as those before them: values as from `start_file`."""
        say = speaker(request)

        def make() -> Job:
            if work is None:
                raise InvalidInput(say("sentiment_no_file"))
            return Job(self._for(request), work)

        async with aclosing(self._of_file(request, make)) as pages:
            async for page in pages:
                yield page

    async def _of_file(self, request: gr.Request, make: Callable[[], Job]) -> AsyncGenerator[Page, None]:
        async with aclosing(self._moments(request, make)) as moments:
            async for moment in moments:
                rest = gr.skip()
                if moment.running or moment.work:
                    rest = gr.Button(visible=not moment.running and bool(moment.work and moment.work.waiting))
                yield moment.work or gr.skip(), moment.status, *buttons(moment.running), rest

    async def _moments(self, request: gr.Request, make: Callable[[], Job]) -> AsyncGenerator[Moment, None]:
        say = speaker(request)
        try:
            job = await asyncio.to_thread(make)
        except QwenUIError as error:
            yield Moment(show.failed(error, say))
            return
        async with aclosing(judged(self._running, request.session_hash or "", job, say)) as moments:
            async for moment in moments:
                yield moment

    def _for(self, request: gr.Request) -> Judging:
        return partial(self._judge, visit(self._host, request, TASK))

    def _order(self, template: Any, labels: Any, calibrated: Any) -> Order:
        return orders.ordered(self._prompts, template, labels, calibrated)

    async def stop(self, request: gr.Request) -> None:
        """Ends what is being judged; what there is of it stays."""
        self._running.stop(request.session_hash or "", TASK)

    async def report(self, request: gr.Request, work: Work | None) -> Page:
        """The results of a file: their column, and what `report` gives."""
        if work is None or not (work.rows or work.bad):
            return gr.Column(visible=False), *(gr.skip(),) * REPORTED
        return gr.Column(visible=True), *await asyncio.to_thread(report, work, speaker(request))

    async def filter(self, request: gr.Request, work: Work | None, label: str, low: float, high: float) -> Page:
        """The table with the wanted rows, and how many there are."""
        if work is None:
            return gr.skip(), gr.skip()
        return await asyncio.to_thread(table, work, Wanted(label or "", low, high), speaker(request))

    async def open(self, request: gr.Request, path: str | None, labels: str) -> Page:
        """A new file: its columns with a guess which to use, and the line that tells what is in it."""
        say = speaker(request)
        if not path:
            return *(gr.Dropdown(choices=[], value=None, visible=False) for _ in range(3)), ""
        try:
            there = await asyncio.to_thread(columns.opened, path)
            guess = await asyncio.to_thread(columns.guessed, there, orders.known(labels))
        except QwenUIError as error:
            return *(gr.Dropdown(choices=[], value=None, visible=False) for _ in range(3)), show.failed(error, say)
        names = [(name, name) for name in there.columns]
        optional = [(say("sentiment_none"), ""), *names]
        return (
            gr.Dropdown(choices=names, value=guess.text, visible=True),
            gr.Dropdown(choices=optional, value=guess.truth, visible=len(names) > 1),
            gr.Dropdown(choices=optional, value=guess.date, visible=len(names) > 1),
            _facts(select(there, guess.text), say),
        )

    async def look(self, request: gr.Request, path: str | None, text: str | None) -> str:
        """How many rows of the chosen column can be judged."""
        say = speaker(request)
        if not path or not text:
            return ""
        try:
            rows = select(await asyncio.to_thread(columns.opened, path), text)
        except QwenUIError as error:
            return show.failed(error, say)
        return _facts(rows, say)

    async def restore(self, request: gr.Request, kept: Any) -> Page:
        """Broken files, the picker, the labels, the examples. ``kept`` is what the browser kept of the choices."""
        listing = self._prompts.list(TASK)
        templates = orders.own_first(listing.templates, reads_chinese(request))
        first, labels = orders.restored(templates, kept)
        samples = orders.examples(templates)
        return (
            assistants.problems(listing, speaker(request)),
            orders.picker(templates, first.id if first else None),
            labels,
            gr.Dataset(samples=samples, sample_labels=[text for _, text in samples], visible=bool(samples)),
        )

    async def refresh(self, request: gr.Request, id: str | None) -> Page:
        """The broken files and the templates that there are now."""
        listing = self._prompts.list(TASK)
        templates = orders.own_first(listing.templates, reads_chinese(request))
        return assistants.problems(listing, speaker(request)), orders.picker(templates, id)

    async def pick(self, request: gr.Request, id: str | None, labels: str) -> Page:
        """The problem with the template, if there is one, the picker, and the labels that go with it."""
        templates = orders.own_first(self._prompts.list(TASK).templates, reads_chinese(request))
        try:
            template = self._prompts.load(TASK, id or "")
        except QwenUIError as error:
            return line(speaker(request)("sentiment_not_picked", error=error), "error"), gr.skip(), gr.skip()
        return "", orders.picker(templates, id), orders.labels_for(template, labels, templates)

    async def example(self, request: gr.Request, chosen: list[str]) -> Page:
        """A clicked example: the text, the problem with its template, the picker, the template's labels."""
        id, text = chosen
        return text, *await self.pick(request, id, "")


def save(work: Work | None, button: gr.DownloadButton) -> gr.DownloadButton:
    """The button with the file of all results behind it."""
    return gr.DownloadButton(value=saved(work, button)) if work else gr.DownloadButton()


def buttons(running: bool) -> tuple[gr.Button, gr.Button, gr.Button]:
    """Judge, Judge the file and Stop."""
    return gr.Button(visible=not running), gr.Button(visible=not running), gr.Button(visible=running)


def _single(moment: Moment, say: Say) -> Any:
    return show.bars(moment.work.results[0], say) if moment.work and moment.work.results else gr.skip()


def _status(moment: Moment, say: Say) -> str:
    """A text that is too long for the model was put among the bad rows: of a single text that is an error."""
    if moment.work and moment.work.bad:
        return show.failed(PromptTooLong(f"The text is {TOO_LONG}. Shorten it."), say)
    return moment.status


def _work(path: str | None, chosen: columns.Columns, order: Order, say: Say) -> Work:
    if not path:
        raise InvalidInput(say("sentiment_no_file"))
    rows = select(columns.opened(path), chosen.text or "", chosen.truth or None, chosen.date or None)
    if not rows.good:
        raise InvalidInput(say("sentiment_no_rows"))
    return replace(Work(order, rows.good, bad=rows.bad), has_truth=bool(chosen.truth), has_dates=bool(chosen.date))


def _facts(rows: Rows, say: Say) -> str:
    """How many rows can be judged. Those that can't are listed with the results, or here when there will be none."""
    counts = say("sentiment_facts", rows=f"{len(rows.good):,}", bad=f"{len(rows.bad):,}")
    return line(counts) + ("" if rows.good else show.bad_rows(rows.bad, say))
