"""The one runner of streams: what a visitor sees, and that nothing stays behind wherever a request is left."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from gradio.events import Dependency

from qwen_ui.engine.base import answers
from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.messages import Answer, Message, Sampling
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Run, Values, answering
from qwen_ui.server.metering import Record
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

LIMITED = {"public": True, "running_per_visitor": 1, "requests_per_minute": 10_000}


class Stage:
    """A tab with nothing but an answer."""

    def __init__(self, engine: FakeEngine, **settings: Any) -> None:
        self.app: App = app_of(engine, **settings)
        self.records: list[Record] = []
        self.app.host.observe(self.records.append)
        with gr.Blocks() as self.page:
            self.box, self.answer, self.status = gr.Textbox(), gr.Textbox(), gr.HTML()
            self.send, self.stop = gr.Button(), gr.Button()
        self.events = Events(self.app, "chat", self.status, Buttons([self.send], self.stop))

    def begin(self, event: Event) -> Run[Answer]:
        if not event[self.box]:
            raise InvalidInput("Write something first.")
        return answering(
            event.say,
            lambda engine: answers(engine, [Message("user", event[self.box])], Sampling()),
            lambda answer, running: {self.answer: answer.text},
            begun={self.box: ""},
            undone={self.box: event[self.box]},
        )

    def updates(self, text: str = "hello", language: str = "en-US") -> AsyncGenerator[Values, None]:
        return self.events.updates(event_of(self.app, {self.box: text}, language), self.begin)

    async def shown(self, text: str = "hello", language: str = "en-US") -> list[Values]:
        return [values async for values in self.updates(text, language)]


def visible(stage: Stage, values: Values) -> tuple[bool, bool]:
    return values[stage.send].visible, values[stage.stop].visible


async def test_an_answer_grows_and_the_buttons_take_turns():
    stage = Stage(FakeEngine(["Good", " day"]))
    first, *growing, last = await stage.shown()
    assert (first[stage.box], visible(stage, first)) == ("", (False, True))
    assert (last[stage.answer], visible(stage, last)) == ("Good day", (True, False))
    assert "2 tokens" in last[stage.status]
    assert growing[-1][stage.answer] == "Good day"
    assert all(stage.send not in values for values in growing)


async def test_what_can_not_begin_changes_nothing_but_the_status():
    stage = Stage(FakeEngine())
    (values,) = await stage.shown("")
    assert "Not sent: Write something first." in values.pop(stage.status)
    assert not values


@pytest.mark.parametrize("error", [Busy("The queue is full."), RuntimeError("secret")])
async def test_what_was_typed_comes_back_when_nothing_is_answered(error: Exception):
    stage = Stage(FakeEngine([], error=error))
    *_, last = await stage.shown()
    assert last[stage.box] == "hello"
    assert "Not sent" in last[stage.status]
    assert "secret" not in last[stage.status]


async def test_what_was_answered_before_an_error_stays():
    stage = Stage(FakeEngine(["half"], error=EngineFailed("It died.")))
    *_, last = await stage.shown()
    assert last[stage.answer] == "half"
    assert "The answer broke off: It died." in last[stage.status]
    assert stage.box not in last


async def test_an_empty_answer_says_so():
    stage = Stage(FakeEngine([]))
    *_, last = await stage.shown()
    assert "empty answer" in last[stage.status]


async def test_errors_come_in_the_readers_language():
    stage = Stage(FakeEngine())
    (values,) = await stage.shown("", "zh-CN")
    assert "未发送：请先输入内容。" in values[stage.status]


async def test_a_second_request_of_the_tab_waits_for_the_first():
    engine = FakeEngine(["never"], steps=0)
    stage = Stage(engine)
    async with aclosing(stage.updates()) as updates:
        await anext(updates)
        (refused,) = await stage.shown()
        assert "Stop it first" in refused[stage.status]
        assert stage.stop not in refused
    engine.steps.release()
    assert (await stage.shown())[-1][stage.answer] == "never"


async def test_stop_keeps_what_there_is():
    stage = Stage(FakeEngine(["half ", "never"], steps=1))
    async for values in stage.updates():
        if values.get(stage.answer):
            stage.app.running.stop("me", "chat")
    assert values[stage.answer] == "half "
    assert "stopped" in values[stage.status]
    assert [record.outcome for record in stage.records] == ["stopped"]


async def test_a_closed_page_ends_its_requests():
    stage = Stage(FakeEngine(["half ", "never"], steps=1))
    async for values in stage.updates():
        if values.get(stage.answer):
            stage.app.running.close_session("me")
    assert [record.outcome for record in stage.records] == ["closed"]


async def test_what_goes_on_after_a_run_was_stopped_comes_after_its_last_update():
    stage = Stage(FakeEngine(["half ", "never"], steps=1))
    with stage.page:
        send = stage.events.run(stage.send.click, stage.begin, [stage.box], [stage.box, stage.answer])
        stopped = stage.events.stopped(stage.stop.click)
    order: list[str] = []
    request = event_of(stage.app, {}).request

    async def run() -> None:
        async for values in handler(stage, send)(request, None, {stage.box: "hello"}):
            if values.get(stage.answer):
                order.append(values[stage.answer])

    async def stop() -> None:
        await handler(stage, stopped)(request)
        order.append("went on")

    running = asyncio.create_task(run())
    while not order:
        await asyncio.sleep(0)
    await stop()
    await running
    assert order[0] == "half "
    assert order.count("half ") > 1
    assert order[-1] == "went on"


def handler(stage: Stage, wired: Dependency) -> Any:
    """What an event calls."""
    return stage.page.fns[wired["id"]].fn


async def check_nothing_is_left(stage: Stage, engine: FakeEngine) -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    assert engine.active == 0
    assert not stage.app.running.busy("me", "chat")
    with stage.app.host.request("", "chat"):  # the visitor's one place is free again
        pass


async def test_a_request_that_is_cancelled_at_any_step_leaves_nothing_behind():
    """It is cancelled after each number of steps of the event loop that it takes, one after the other."""
    engine = FakeEngine(["one ", "two"], positions=[2, 1])
    stage, steps, whole = Stage(engine, **LIMITED), 0, False
    while not whole:
        task = asyncio.create_task(_read(stage.updates()))
        for _ in range(steps):
            await asyncio.sleep(0)
        whole = task.done()
        task.cancel()
        await asyncio.wait({task})
        await check_nothing_is_left(stage, engine)
        steps += 1
    assert steps > 10
    assert {record.outcome for record in stage.records} == {"closed", "ok"}


async def test_a_page_that_is_closed_after_any_update_leaves_nothing_behind():
    engine = FakeEngine(["one ", "two"], positions=[2, 1])
    stage = Stage(engine, **LIMITED)
    updates = len(await stage.shown())
    for number in range(1, updates):
        async with aclosing(stage.updates()) as left:
            for _ in range(number):
                await anext(left)
        await check_nothing_is_left(stage, engine)
    assert updates > 2


async def _read(updates: AsyncIterator[Values]) -> None:
    async for _ in updates:
        pass


async def test_one_request_is_one_record_also_when_it_is_refused():
    stage = Stage(FakeEngine(refusal=Busy("The queue is full.")))
    await stage.shown()
    assert [(record.task, record.outcome, record.error) for record in stage.records] == [("chat", "refused", "Busy")]


async def test_limits_count_before_any_work_is_done():
    stage = Stage(FakeEngine(["x"]), public=True, requests_per_minute=1)
    await stage.shown()
    begun: list[Event] = []

    def begin(event: Event) -> Run[Answer]:
        begun.append(event)
        return replace(stage.begin(event))

    event = event_of(stage.app, {stage.box: "again"})
    (values,) = [values async for values in stage.events.updates(event, begin)]
    assert "1 request a minute" in values[stage.status]
    assert not begun


async def test_what_joins_a_run_is_answered_by_it_and_without_one_begins_one():
    stage = Stage(FakeEngine(["Good", " day"], steps=1))
    joined: list[str] = []

    async def join(event: Event) -> Values:
        joined.append(event[stage.box])
        if event[stage.box] == "no":
            raise InvalidInput("There is no room.")
        return {}

    with stage.page:
        stage.events.run(stage.send.click, stage.begin, [stage.box], [stage.answer], join=join)
    handle = list(stage.page.fns.values())[-1].fn

    def send(text: str) -> AsyncGenerator[Values, None]:
        event = event_of(stage.app, {stage.box: text, stage.app.picker: ""})
        made: AsyncGenerator[Values, None] = handle(event.request, gr.EventData(None, None), event.given)
        return made

    first = send("first")
    while (await anext(first)).get(stage.answer) != "Good":
        pass
    assert [values async for values in send("second")] == [{stage.status: gr.skip()}]
    (refused,) = [values async for values in send("no")]
    assert "Not sent: There is no room." in refused[stage.status]
    stage.events._app.running.stop("me", "chat")
    assert [values async for values in first][-1][stage.answer] == "Good"
    assert joined == ["second", "no"]
