"""How a tab answers to what people do: events with values by component, and the one runner of streams."""

import asyncio
import inspect
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar, cast

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.events import Dependency

from qwen_ui.engine.base import Engine
from qwen_ui.errors import QwenUIError
from qwen_ui.messages import Answer
from qwen_ui.page.app import App
from qwen_ui.page.pace import EVERY, paced
from qwen_ui.page.status import UNEXPECTED, finished, line, progress
from qwen_ui.page.words import Say
from qwen_ui.sentences import Sentence, marked

log = logging.getLogger(__name__)

R = TypeVar("R")
Values = dict[Any, Any]
"""New values by component; what is not named stays as it is."""

NOT_SENT = marked("Not sent: {error}")
NOT_DONE = marked("Not done: {error}")
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Of events that answer at once and need no queue."""
STREAMING: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""Of events that stream: any number at once, for the engine has its own queue."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a visitor did, and what the event's inputs held then."""

    request: gr.Request
    say: Say
    given: Mapping[Block, Any]
    data: Any = None
    """What the event itself brings (`gradio.EventData`), for handlers that asked for it."""

    def __getitem__(self, component: Block) -> Any:
        return self.given[component]

    @property
    def session(self) -> str:
        return self.request.session_hash or ""

    def having(self, values: Values) -> "Event":
        """The same, as if its inputs had held these values."""
        return replace(self, given={**self.given, **values})


def brought(data: Any) -> Mapping[str, Any]:
    """What an event brings of its own, by name; nothing where that is no mapping. It comes from the browser."""
    given = getattr(data, "_data", data)
    return given if isinstance(given, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Run(Generic[R]):
    """A task to run, and how its results are shown."""

    task: Callable[[Engine], AsyncIterator[R]]
    show: Callable[[R, bool], Values]
    """The values for a result so far; whether it is still running."""
    status: Callable[[R, bool], str]
    """The status line that goes with it."""
    said: Callable[[R], bool]
    """Whether there is anything in a result: it stays then if the run breaks off."""
    begun: Values = field(default_factory=dict)
    """What is shown before the first result."""
    undone: Values = field(default_factory=dict)
    """What comes back when nothing has come of it."""
    refused: str = ""
    """What the status line says when nothing has come of it, unless it is what the tab always says."""
    broken: str = marked("The answer broke off: {error}")
    stopping: Callable[[R], str] | None = None
    """The status line between Stop and the end, for a task that goes on to the end of a step."""
    every: float = EVERY
    """Seconds between two updates."""


def answering(
    say: Say, task: Callable[[Engine], AsyncIterator[Answer]], show: Callable[[Answer, bool], Values], **more: Any
) -> Run[Answer]:
    """A run whose results are an answer that grows."""

    def status(answer: Answer, running: bool) -> str:
        return progress(answer, say) if running else finished(answer, say)

    return Run(task, show, **{"status": status, "said": lambda answer: bool(answer.text.strip()), **more})


@dataclass(frozen=True, slots=True)
class Buttons:
    """The buttons that begin a run, and the one that stops it: they take turns."""

    start: Sequence[gr.Button]
    stop: gr.Button

    def running(self, running: bool) -> Values:
        """The one or the others."""
        return {button: gr.Button(visible=not running) for button in self.start} | {
            self.stop: gr.Button(visible=running)
        }


class Events:
    """Wires a tab's events. Handlers get an `Event` and give `Values`; what they raise becomes the status line."""

    def __init__(
        self,
        app: App,
        tab: str,
        status: Component,
        buttons: Buttons,
        *,
        admit: Callable[[gr.Request, str], AbstractContextManager[Any]] | None = None,
        refused: str = NOT_SENT,
    ) -> None:
        """``admit`` lets runs in and gives what their tasks get: by default what is picked, for one request.

        ``refused`` is what the status line says of a run that did not begin.
        """
        self._app = app
        self._tab = tab
        self._status = status
        self._buttons = buttons
        self._admit = admit
        self._refused = refused
        self._showing = defaultdict[str, set[asyncio.Event]](set)

    def on(
        self,
        triggers: Any,
        handler: Callable[[Event], Values] | Callable[[Event], Awaitable[Values]],
        inputs: Iterable[Component] = (),
        outputs: Iterable[Block] = (),
        *,
        refused: str = NOT_DONE,
        **options: Any,
    ) -> Dependency:
        """Answers to events at once. A handler that is not async may block: it gets a thread.

        ``triggers`` may be what `run` or `on` gave: then it comes after that. ``refused`` is what the status line says
        when the handler raises.
        """

        async def handle(request: gr.Request, data: gr.EventData, given: Mapping[Block, Any]) -> Values:
            return await self._answer(Event(request, self._app.say(request), given, data), handler, refused)

        shown = list(dict.fromkeys([*outputs, self._status]))
        return cast(Dependency, _listener(triggers)(handle, set(inputs), shown, **{**QUIET, **options}))

    async def _answer(
        self, event: Event, handler: Callable[[Event], Values] | Callable[[Event], Awaitable[Values]], refused: str
    ) -> Values:
        """What a handler answers, or why not."""
        try:
            values = await _call(handler, event)
        except Exception as error:  # noqa: BLE001  is told to the visitor or logged
            values = {self._status: line(event.say(refused, error=told(error)), "error")}
        return values or {self._status: gr.skip()}

    def run(
        self,
        triggers: Any,
        begin: Callable[[Event], Run[Any]],
        inputs: Iterable[Component],
        outputs: Iterable[Block],
        *,
        join: Callable[[Event], Awaitable[Values]] | None = None,
        **options: Any,
    ) -> Dependency:
        """Runs what ``begin`` makes of an event, in a thread, and shows its results as they grow.

        What ``begin`` raises is told, and nothing on the page changes. ``triggers`` are as for `on`. ``join`` answers
        instead while a run of the tab is under way: it may have that run do more.
        """

        async def handle(
            request: gr.Request, data: gr.EventData, given: Mapping[Block, Any]
        ) -> AsyncGenerator[Values, None]:
            event = Event(request, self._app.say(request), given, data)
            if join is not None and self._app.running.busy(event.session, self._tab):
                yield await self._answer(event, join, self._refused)
                return
            with self._shown(request):
                async with aclosing(self.updates(event, begin)) as updates:
                    async for values in updates:
                        yield values

        shown = list(dict.fromkeys([*outputs, *self._buttons.start, self._buttons.stop, self._status]))
        more = {} if join is None else {"trigger_mode": "multiple"}  # else the page keeps what comes during a run
        given = {**STREAMING, **more, **options}
        return cast(Dependency, _listener(triggers)(handle, {*inputs, self._app.picker}, shown, **given))

    def stop(self) -> None:
        """Lets the Stop button end what runs; what there is of it stays."""
        self._buttons.stop.click(self._end, None, None, **QUIET)

    def stopped(self, triggers: Any) -> Dependency:
        """To go on from once what runs was stopped, and the page shows the last of it: see `on`.

        Gradio's own way, ``cancels``, lets an update that is under way come after what is done next.
        """

        async def ended(request: gr.Request) -> None:
            await self._end(request)
            for end in tuple(self._showing.get(request.session_hash or "", ())):
                await end.wait()

        return cast(Dependency, _listener(triggers)(ended, None, None, **QUIET))

    async def _end(self, request: gr.Request) -> None:
        self._app.running.stop(request.session_hash or "", self._tab)

    @contextmanager
    def _shown(self, request: gr.Request) -> Iterator[None]:
        """Knows that updates come for as long as the context lasts."""
        session, end = request.session_hash or "", asyncio.Event()
        self._showing[session].add(end)
        try:
            yield
        finally:
            end.set()
            self._showing[session].discard(end)
            if not self._showing[session]:
                del self._showing[session]

    async def updates(self, event: Event, begin: Callable[[Event], Run[R]]) -> AsyncGenerator[Values, None]:
        """What a run shows, from its beginning to its end, whatever that is."""
        run: Run[R] | None = None
        last: list[R] = []
        try:
            with self._admitted(event) as engine:
                run = await asyncio.to_thread(begin, event)
                reading = {self._status: line(event.say("Reading the prompt…"), "busy")}
                yield reading | run.begun | self._buttons.running(True)
                async with aclosing(paced(run.task(engine), run.every)) as results:
                    async for result in results:
                        last = [result]
                        halting = run.stopping if engine.stopped else None
                        status = halting(result) if halting else run.status(result, True)
                        yield run.show(result, True) | {self._status: status}
        except Exception as error:  # noqa: BLE001  is told to the visitor or logged
            broken = await asyncio.to_thread(self._broken, event, error, run, last)
            yield broken | self._buttons.running(False) if run is not None else broken
        else:
            yield await asyncio.to_thread(self._whole, run, last[0]) | self._buttons.running(False)

    def _admitted(self, event: Event) -> AbstractContextManager[Any]:
        if self._admit is not None:
            return self._admit(event.request, self._tab)
        return self._app.request(event.request, self._tab, event.given.get(self._app.picker) or "")

    def _whole(self, run: Run[R], result: R) -> Values:
        """The end of a run. It may take a while: what came of a long task is summed up only now."""
        return run.show(result, False) | {self._status: run.status(result, False)}

    def _broken(self, event: Event, error: Exception, run: Run[R] | None, last: list[R]) -> Values:
        """After an error: what was said so far stays; if that is nothing, all is as before."""
        if run is not None and last and run.said(last[0]):
            return run.show(last[0], False) | {self._status: line(event.say(run.broken, error=told(error)), "error")}
        refused, undone = (run.refused, run.undone) if run is not None else ("", {})
        return undone | {self._status: line(event.say(refused or self._refused, error=told(error)), "error")}


async def _call(handler: Callable[[Event], Values] | Callable[[Event], Awaitable[Values]], event: Event) -> Values:
    if inspect.iscoroutinefunction(handler):
        values: Values = await handler(event)
        return values
    return cast(Values, await asyncio.to_thread(handler, event))


def told(error: Exception) -> Exception | Sentence:
    """What visitors are told of an error: its own sentence if it has one. Others are logged."""
    if isinstance(error, QwenUIError):
        return error
    log.error("An event failed", exc_info=error)
    return UNEXPECTED


def _listener(triggers: Any) -> Callable[..., Any]:
    if isinstance(triggers, Dependency):
        then: Callable[..., Any] = triggers.then
        return then
    return partial(gr.on, list(triggers) if isinstance(triggers, list | tuple) else [triggers])
