"""The Fine-tune tab: its four steps on one page, and what answers to what."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.finetune.runs import Run
from qwen_ui.page.app import App
from qwen_ui.page.events import NOT_DONE, Buttons, Event, Events, Values
from qwen_ui.page.events import Run as Running
from qwen_ui.page.status import line
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.server.sessions import Work
from qwen_ui.tabs.finetune import look, show
from qwen_ui.tabs.finetune.adapters import Adapters
from qwen_ui.tabs.finetune.adapters import endpoints as adapter_endpoints
from qwen_ui.tabs.finetune.compare import Compare
from qwen_ui.tabs.finetune.endpoints import endpoints
from qwen_ui.tabs.finetune.fields import Fields
from qwen_ui.tabs.finetune.opening import Opening
from qwen_ui.tabs.finetune.result import Result
from qwen_ui.tabs.finetune.start import Planned, begin, plan
from qwen_ui.tabs.finetune.task import Journals, check_name
from qwen_ui.tabs.finetune.watch import Watch

NOT_STARTED = marked("Not started: {error}")
LOOKING = "finetune-looking"
LOOKED_AT = ("shape", "input", "target", "template", "split")
"""Settings whose change has the data looked at anew."""


class FinetuneTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks, place: gr.Tab) -> None:
        self._app = app
        self._journals = Journals()
        self._fields = Fields()
        with gr.Accordion(label("1 · Data"), open=True, elem_classes="finetune-step"):
            self._lay_out_data()
        with gr.Accordion(label("2 · Settings"), open=True, elem_classes="finetune-step"):
            self._lay_out_settings()
        with gr.Accordion(label("3 · Watch"), open=True, elem_classes="finetune-step"):
            self._watch = Watch(app, self._journals)
        with gr.Accordion(label("4 · Result"), open=True, elem_classes="finetune-step"):
            self._result = Result(app, self._journals, self._watch)
        with gr.Accordion(label("All runs"), open=False, elem_classes="finetune-step") as self._all:
            self._compare = Compare(app, self._journals)
        with gr.Accordion(label("All adapters"), open=False, elem_classes="finetune-step") as self._shelf:
            self._adapters = Adapters(app)
        self._wire(page, place)

    @property
    def parts(self) -> Parts:
        senders = [self._watch.ask, self._result.ask]
        return Parts(
            senders, kept=[self._fields.kept], typed=[self._fields.name, self._fields.pinned, self._result.prompt]
        )

    def _lay_out_data(self) -> None:
        with gr.Row(elem_id="finetune-data"):
            with gr.Column(elem_id="finetune-data-fields"):
                self._fields.lay_out_data()
                self._opening = Opening(self._app, self._fields)
            with gr.Column(elem_id="finetune-data-look"):
                with gr.Row(elem_id="finetune-look-buttons"):
                    self._look = gr.Button(label("Look at the data"), size="sm", scale=0, elem_id="finetune-look")
                    self._leave = gr.Button(
                        label("Stop"), size="sm", variant="stop", visible=False, scale=0, elem_id="finetune-leave"
                    )
                self._looked_status = gr.HTML(elem_id="finetune-look-status", padding=False)
                self._looked = gr.HTML(elem_id="finetune-looked", padding=False)

    def _lay_out_settings(self) -> None:
        self._fields.lay_out_settings()
        self._estimate = gr.HTML(elem_id="finetune-estimate", padding=False)
        with gr.Row(elem_id="finetune-start-row"):
            self._start = gr.Button(label("Start training"), variant="primary", scale=0, elem_id="finetune-start")
            self._unstart = gr.Button(
                label("Stop"), variant="stop", visible=False, scale=0, elem_id="finetune-stop-start"
            )
        self._status = gr.HTML(elem_id="finetune-status", padding=False)

    def _wire(self, page: gr.Blocks, place: gr.Tab) -> None:
        fields, watch, result = self._fields, self._watch, self._result
        looking = self._working(LOOKING, self._looked_status, Buttons([self._look], self._leave), NOT_DONE)
        opened = self._opening.shown
        looks = [
            looking.on([fields.file.upload, fields.file.clear], self._opening.new, fields.of_data, opened),
            looking.on(
                fields.encoding.radio.input, self._opening.decoded, [*fields.of_data, fields.encoding.radio], opened
            ),
            looking.on(fields.sheet.input, self._opening.turned, [*fields.of_data, self._opening.encoding], opened),
            looking.stopped([fields.settings[name].input for name in LOOKED_AT]),  # type: ignore[attr-defined]
        ]
        asked, found = self._opening.asked, [self._looked, self._estimate]
        for each in looks:
            looking.run(each, self._looking_anew, asked, found)
        looking.run(self._look.click, self._looking, asked, found)
        looking.stop()

        starting = self._working("finetune", self._status, Buttons([self._start], self._unstart), NOT_STARTED)
        starting.on(fields.preset.input, fields.take_preset, [fields.preset], list(fields.settings.values()))
        others = [widget.input for name, widget in fields.settings.items() if name not in LOOKED_AT]  # type: ignore[attr-defined]
        starting.on([*others, fields.preset.input], self._outdate, [self._estimate], [self._estimate])
        begun = starting.run(self._start.click, self._starting, asked, [*found, *watch.shown, *result.shown])
        starting.on(begun, self._listed, [watch.run], self._compare.shown)
        starting.stop()
        fields.wire(page)

        events = Events(self._app, "finetune", watch.status, Buttons([], self._unstart))
        shown = [*watch.shown, *result.shown]
        events.on(
            place.select,
            self._opened,
            [watch.run],
            [*shown, *self._compare.shown, fields.settings["template"]],
        )
        plots = [watch.losses, watch.metrics, watch.rates]
        events.on(events.on(watch.run.input, watch.cleared, (), plots), self._chosen, [watch.run], shown)
        events.on(watch.run.focus, self._refresh, [watch.run], [watch.run])
        events.on(watch.timer.tick, self._tick, [watch.run, watch.seen], shown)
        cleared = events.on(watch.yes.click, watch.cleared, (), plots)
        events.on(cleared, self._delete, [watch.run], [*shown, *self._compare.shown])
        watch.wire(events)
        self._compare.wire(events, self._all)
        results = Events(self._app, "finetune", result.status, Buttons([], self._unstart))
        result.wire(results)
        self._adapters.wire(
            Events(self._app, "finetune", self._adapters.status, Buttons([], self._unstart)), self._shelf
        )
        filled = [fields.file, *opened, *fields.settings.values(), fields.preset, fields.pinned]
        again = results.on(result.again.click, self._again, [watch.run], filled)
        looking.run(again, self._looking_anew, asked, found)

    def _working(self, name: str, status: gr.HTML, buttons: Buttons, refused: str) -> Events:
        """For runs that need no model."""
        return Events(self._app, name, status, buttons, admit=self._app.work, refused=refused)

    def _opened(self, event: Event) -> Values:
        """The tab was opened."""
        return (
            self._showing(event, event[self._watch.run])
            | self._compare.offer(event.say)
            | self._fields.offer_templates(self._app.prompts, event.say)
        )

    def _outdate(self, event: Event) -> Values:
        """Says of an estimate that the settings have changed since."""
        if not event[self._estimate]:
            return {}
        told = event.say(
            "The settings have changed. “Look at the data” tells anew what it will take; so does the start."
        )
        return {self._estimate: line(told)}

    def _listed(self, event: Event) -> Values:
        return self._compare.offer(event.say)

    def _showing(self, event: Event, id: str | None) -> Values:
        """The run with that id, or another one."""
        current = self._watch.current(id)
        return self._watch.open(current, event.say, event.session) | self._result.show(current, event.say)

    def _chosen(self, event: Event) -> Values:
        story = self._journals.story(self._watch.chosen(event))
        return self._watch.show(story, event.say, event.session) | self._result.show(story, event.say)

    def _refresh(self, event: Event) -> Values:
        """The runs that there are now."""
        return self._watch.offer(self._watch.current(event[self._watch.run]), event.say)

    def _tick(self, event: Event) -> Values:
        values = self._watch.tick(event)
        if self._watch.seen not in values:
            return values
        story = self._journals.story(self._watch.chosen(event))
        return values | (self._result.show(story, event.say) if story.over or story.result else {})

    def _delete(self, event: Event) -> Values:
        self._app.runs.delete(self._watch.chosen(event))
        return self._showing(event, None) | self._listed(event)

    def _looking_anew(self, event: Event) -> "Running[Planned | None]":
        """Looks at what was just opened, if anything was and it can be read."""
        if self._opening.readable(event):
            return self._looking(event)
        nothing: Values = {self._looked: "", self._estimate: ""}
        return Running(_nothing, lambda found, running: nothing, lambda found, running: "", said=lambda found: False)

    def _looking(self, event: Event) -> "Running[Planned | None]":
        say = event.say
        request, data = self._opening.request(event, "look")
        looking = line(say("Looking at the data…"), "busy")

        async def task(work: Work) -> AsyncGenerator["Planned | None", None]:
            yield None
            yield await asyncio.to_thread(plan, self._app.runs, request, data, lambda: work.stopped)

        return Running(
            task,  # type: ignore[arg-type]  # its events are admitted to work
            lambda found, running: self._found(found, say),
            lambda found, running: looking if running else "",
            said=lambda found: False,
            begun={self._looked_status: looking},
            undone={self._looked: "", self._estimate: ""},
            refused=NOT_DONE,
        )

    def _found(self, found: "Planned | None", say: Say) -> Values:
        if found is None:
            return {}
        return {self._looked: look.looked(found.preview, say), self._estimate: show.estimate(found.estimate, say)}

    def _starting(self, event: Event) -> "Running[Begun]":
        """Looks at the data, and puts the run into the queue if it can be trained."""
        fields, say = self._fields, event.say
        name = check_name(event[fields.name] or "", self._app.adapters, self._watch.stories())
        request, data = self._opening.request(event, name)
        looking = line(say("Looking at the data…"), "busy")

        async def task(work: Work) -> AsyncGenerator[Begun, None]:
            yield Begun()
            found = await asyncio.to_thread(plan, self._app.runs, request, data, lambda: work.stopped)
            yield Begun(found)
            yield Begun(found, await asyncio.to_thread(begin, self._app.runs, request, data, found))

        def shown(begun: Begun, running: bool) -> Values:
            values = self._found(begun.found, say)
            return values | self._showing(event, begun.run.id) if begun.run and not running else values

        def status(begun: Begun, running: bool) -> str:
            if running or begun.run is None:
                return looking
            return line(say("“{name}” is in the queue. Step 3 shows its progress.", name=name), "note")

        return Running(
            task,  # type: ignore[arg-type]  # its events are admitted to work
            shown,
            status,
            said=lambda begun: False,
            begun={self._status: looking},
        )

    def _again(self, event: Event) -> Values:
        """Fills steps 1 and 2 from the run that is watched."""
        return self._opening.again(event, self._watch.chosen(event))


@dataclass(frozen=True, slots=True)
class Begun:
    """How far a start is."""

    found: Planned | None = None
    run: Run | None = None


async def _nothing(work: Any) -> AsyncGenerator[None, None]:
    yield None


TAB = Tab(
    "finetune",
    marked("Fine-tune"),
    Path(__file__).parent,
    lambda app, page, place: FinetuneTab(app, page, place).parts,
    lambda app: [*endpoints(app), *adapter_endpoints(app)],
    owner_only=True,
)
