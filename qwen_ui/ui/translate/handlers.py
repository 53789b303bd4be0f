"""What the events of the Translate tab do: values of widgets in, values of widgets out."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.translate import Document, columns, detect, find, read
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import Say, speaker
from qwen_ui.ui.translate.batch import TASK, Batch, starter
from qwen_ui.ui.translate.orders import AUTO, detected, ordered, sample
from qwen_ui.ui.translate.runs import Moment, run, settled
from qwen_ui.ui.translate.view import checks, recognized, rows, text_of, worded
from qwen_ui.ui.translate.work import Order, Piece, Work, begin, translated, typed
from qwen_ui.ui.visitors import visit

log = logging.getLogger(__name__)

MAX_BYTES = 5_000_000
Page = tuple[Any, ...]
"""Values for: result, status, checks, table, work, translation being edited, Translate, Translate file, Stop,
Translate the missing ones, the row of what can be done with a translation, the segments."""
KEEP: Page = (gr.skip(),) * 12


def page(moment: Moment, say: Say, editing: int | None = None) -> Page:
    """The moment as values for the widgets."""
    work, at_rest = moment.work, not moment.running
    text = text_of(work, moment.running) if at_rest or moment.in_order else gr.skip()
    result = gr.Textbox(value=text, rtl=work.order.target.right_to_left) if isinstance(text, str) else text
    return (
        result,
        moment.status,
        checks(work, moment.findings, say),
        rows(work, moment.findings or (), say) if moment.table else gr.skip(),
        work,
        gr.skip() if editing is None else work.pieces[editing].translation,
        *buttons(moment.running),
        gr.Button(visible=at_rest and bool(work.missing) and len(work.missing) < len(work.pieces)),
        gr.Row(visible=at_rest and bool(text)),
        gr.Accordion(visible=bool(work.pieces)),
    )


def buttons(running: bool) -> tuple[gr.Button, gr.Button, gr.Button]:
    """Translate, Translate file and Stop."""
    return gr.Button(visible=not running), gr.Button(visible=not running), gr.Button(visible=running)


def refused(error: Exception, say: Say) -> Page:
    """All as it is, with the error under it."""
    return (
        KEEP[0],
        line(say("translate_failed", error=worded(error, say)), "error"),
        *KEEP[2:6],
        *buttons(False),
        *KEEP[9:],
    )


def order_of(texts: Sequence[str], controls: Sequence[Any]) -> Order:
    """How to translate the texts, from the widgets' values. Raises `InvalidInput` for what can't work."""
    source, target, tone, template, glossary = controls
    return ordered(texts, target, source, tone, template or "", glossary)


def opened(path: str | None, wanted: Sequence[str] | None) -> Document:
    """The uploaded file. Raises `InvalidInput` when there is none or it can't be translated."""
    if not path:
        raise InvalidInput("There is no file to translate. Add one first.")
    return read(Path(path).name, data_of(path), wanted if path.lower().endswith(".csv") else None)


def data_of(path: str) -> bytes:
    """The file's bytes. Raises `InvalidInput` when they are too many."""
    if Path(path).stat().st_size > MAX_BYTES:
        raise InvalidInput(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Split it.")
    return Path(path).read_bytes()


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running streams."""

    def __init__(self, host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> None:
        self._host = host
        self._prompts = prompts
        self._running = running
        self._at_once = settings.pieces_at_once

    async def start(self, request: gr.Request, text: str, *controls: Any) -> AsyncGenerator[Page, None]:
        """Translates the typed text."""

        def make() -> Batch:
            return self._all(request, typed(text), controls)

        async with aclosing(self._pages(request, make)) as pages:
            async for values in pages:
                yield values

    async def start_file(
        self, request: gr.Request, path: str | None, wanted: list[str] | None, *controls: Any
    ) -> AsyncGenerator[Page, None]:
        """Translates the uploaded file; of a CSV the chosen columns."""

        def make() -> Batch:
            return self._all(request, opened(path, wanted), controls)

        async with aclosing(self._pages(request, make)) as pages:
            async for values in pages:
                yield values

    async def rest(self, request: gr.Request, work: Work, *controls: Any) -> AsyncGenerator[Page, None]:
        """Translates the pieces that are not yet translated."""

        def make() -> Batch:
            return self._some(request, work, work.missing, controls)

        async with aclosing(self._pages(request, make, in_order=False)) as pages:
            async for values in pages:
                yield values

    async def retry(self, request: gr.Request, work: Work, place: int, *controls: Any) -> AsyncGenerator[Page, None]:
        """Translates one piece again, with the tone, style and glossary of now."""

        def make() -> Batch:
            return self._some(request, work, [place], controls)

        async with aclosing(self._pages(request, make, in_order=False, editing=place)) as pages:
            async for values in pages:
                yield values

    def _all(self, request: gr.Request, document: Document, controls: Sequence[Any]) -> Batch:
        work = begin(document, order_of(document.texts, controls))
        return self._batch(request, work, range(len(work.pieces)))

    def _some(self, request: gr.Request, work: Work, wanted: Sequence[int], controls: Sequence[Any]) -> Batch:
        order = replace(order_of((), controls), source=work.order.source, target=work.order.target)
        return self._batch(request, replace(work, order=order), wanted)

    def _batch(self, request: gr.Request, work: Work, wanted: Sequence[int]) -> Batch:
        source = visit(self._host, request, TASK)
        return Batch(work, wanted, starter(source, self._prompts, work.order), self._at_once)

    async def _pages(
        self, request: gr.Request, make: Callable[[], Batch], in_order: bool = True, editing: int | None = None
    ) -> AsyncGenerator[Page, None]:
        say, session = speaker(request), request.session_hash or ""
        try:
            async with aclosing(self._moments(session, make, say, in_order)) as moments:
                async for moment in moments:
                    yield page(moment, say, editing)
        except QwenUIError as error:
            yield refused(error, say)
        except Exception as error:
            log.exception("A translation failed")
            yield refused(error, say)

    async def _moments(
        self, session: str, make: Callable[[], Batch], say: Say, in_order: bool = True
    ) -> AsyncGenerator[Moment, None]:
        if self._running.busy(session, TASK):
            raise InvalidInput(say("still_writing"))
        batch = await asyncio.to_thread(make)
        async with aclosing(run(self._running, session, batch, say, in_order)) as moments:
            async for moment in moments:
                yield moment

    async def stop(self, request: gr.Request) -> None:
        """Ends what is being translated; what there is of it stays."""
        self._running.stop(request.session_hash or "", TASK)

    async def back(self, request: gr.Request, work: Work | None, source: str) -> AsyncGenerator[Page, None]:
        """Translates the translation back: text, status, Translate, Translate file, Stop."""
        say, session = speaker(request), request.session_hash or ""

        def make() -> Batch:
            return self._reversed(request, work, source, say)

        try:
            async with aclosing(self._moments(session, make, say)) as moments:
                async for moment in moments:
                    text = text_of(moment.work, moment.running)
                    box = gr.Textbox(value=text, visible=True, rtl=moment.work.order.target.right_to_left)
                    yield box, moment.status, *buttons(moment.running)
        except QwenUIError as error:
            yield gr.skip(), line(say("translate_failed", error=error), "error"), *buttons(False)

    def _reversed(self, request: gr.Request, work: Work | None, source: str, say: Say) -> Batch:
        if work is None:
            raise InvalidInput(say("translate_nothing"))
        language = work.order.source or (find(source) if source != AUTO else detected(work.document.texts))
        if language is None:
            raise InvalidInput(say("translate_back_unknown"))
        reverse = translated(work, Order(language, work.order.target, template=work.order.template))
        return self._batch(request, reverse, range(len(reverse.pieces)))

    async def keep(self, request: gr.Request, work: Work, place: int, translation: str) -> Page:
        """Takes an edited translation of one piece."""
        say, source = speaker(request), work.pieces[place].source
        piece = Piece(source, translation.strip(), "done" if translation.strip() else "waiting")
        moment = await settled(work.with_piece(place, piece), line(say("translate_kept", number=place + 1)))
        return page(moment, say)

    async def save(self, work: Work) -> str:
        """The translation's file for the page's script: JSON with its name and its bytes in base 64."""
        data = await asyncio.to_thread(work.file)
        name = PurePath(work.document.name or "translation.txt")
        code = work.order.target.code
        return json.dumps({"name": f"{name.stem}.{code}{name.suffix}", "data": base64.b64encode(data).decode()})

    async def look(self, request: gr.Request, text: str, source: str) -> tuple[str, gr.Dataset]:
        """Which language the typed text is in; and the examples, as long as there is no text."""
        detection = await asyncio.to_thread(detect, sample([text]))
        return recognized(detection, source or AUTO, speaker(request)), gr.Dataset(visible=not text.strip())

    async def open(self, request: gr.Request, path: str | None) -> tuple[gr.CheckboxGroup, str]:
        """What is in an uploaded file: the columns to choose from, and a line about it."""
        say, none = speaker(request), gr.CheckboxGroup(choices=[], value=[], visible=False)
        if not path:
            return none, ""
        try:
            document = await asyncio.to_thread(opened, path, None)
            names = columns(document.name, data_of(path)) if path.lower().endswith(".csv") else []
        except QwenUIError as error:
            return none, line(say("error", error=error), "error")
        characters = f"{sum(map(len, document.texts)):,}"
        facts = say("translate_file_facts", name=document.name, count=len(document.texts), characters=characters)
        chosen = gr.CheckboxGroup(choices=names, value=names, visible=len(names) > 1)
        return chosen, line(facts) + line(say("translate_file_shown"))

    async def swap(self, request: gr.Request, text: str, work: Work | None, source: str, target: str) -> Page:
        """Swaps the languages, and the text with its translation: source, target, text, and the page's values."""
        if source == AUTO:
            known = work.order.source if work else None
            language = known or await asyncio.to_thread(detected, [text])
            source = language.code if language else target
        result = text_of(work) if work and not work.is_file else ""
        if not result:
            return target, source, gr.skip(), *KEEP
        empty = (text, "", "", rows(None, (), speaker(request)), None, "", *buttons(False))
        hidden = (gr.Button(visible=False), gr.Row(visible=False), gr.Accordion(visible=False))
        return target, source, result, *empty, *hidden
