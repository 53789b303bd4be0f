"""Step 3: a run while it learns, from its folder, so that it can be watched by whoever opens the page."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from typing import Any

import gradio as gr

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.queue import CONTINUED
from qwen_ui.finetune.runs import Run
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import NOT_DONE, Buttons, Event, Events, Values
from qwen_ui.page.events import Run as Running
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.server.metering import MeteredEngine
from qwen_ui.tabs.finetune import charts, learned, show
from qwen_ui.tabs.finetune.answers import Reply, Told, ask_all, way_of
from qwen_ui.tabs.finetune.curves import heat
from qwen_ui.tabs.finetune.task import Journals, Story

TICK = 1.5
LEARNING = "finetune-learning"
"""The name of the run that answers the pinned prompts; it goes on beside the tab's other one."""


def admitting(app: App) -> Callable[[gr.Request, str], AbstractContextManager[MeteredEngine]]:
    """Lets requests in that name adapters themselves, whatever the page's header names."""

    def admit(request: gr.Request, name: str) -> AbstractContextManager[MeteredEngine]:
        return app.request_here(request, name, "finetune")

    return admit


class Watch:
    """The widgets, made where this is called, and what they do."""

    def __init__(self, app: App, journals: Journals) -> None:
        self._app = app
        self._journals = journals
        self._lay_out_run()
        self._lay_out_curves()
        self._lay_out_learned()
        self.timer = gr.Timer(TICK, active=False)
        self.seen = gr.State(("", -1, ""))
        """Id, number of events and state of what is shown: what has not changed is not sent again."""
        self.due = gr.Textbox(visible="hidden", container=False, elem_id="finetune-due")
        """The latest checkpoint whose answers are wanted: a change of it begins them."""

    def _lay_out_run(self) -> None:
        with gr.Row(elem_id="finetune-run-row"):
            self.run = as_held(gr.Dropdown([], label=label("Training run"), elem_id="finetune-run", scale=1))
            with gr.Row(elem_id="finetune-run-buttons"):
                self.stop = gr.Button(
                    label("Stop training"), size="sm", variant="stop", visible=False, elem_id="finetune-stop"
                )
                self.go_on = gr.Button(label("Continue"), size="sm", visible=False, elem_id="finetune-continue")
                self.delete = gr.Button(label("Delete…"), size="sm", visible=False, elem_id="finetune-delete")
        with gr.Column(visible=False, elem_id="finetune-deleting") as self.deleting:
            self.sure = gr.HTML(elem_id="finetune-sure", padding=False)
            with gr.Row():
                self.yes = gr.Button(label("Delete"), size="sm", variant="stop", elem_id="finetune-delete-yes")
                self.no = gr.Button(label("Cancel"), size="sm")
        self.progress = gr.HTML(elem_id="finetune-progress", padding=False)
        self.status = gr.HTML(elem_id="finetune-watch-status", padding=False)

    def _lay_out_curves(self) -> None:
        with gr.Row(elem_id="finetune-charts"):
            self.losses = charts.plot("finetune-losses")
            self.metrics = charts.plot("finetune-metrics")
            self.rates = charts.plot("finetune-rates")
            self.heat = gr.HTML(elem_id="finetune-norms", padding=False)

    def _lay_out_learned(self) -> None:
        with gr.Column(visible=False, elem_id="finetune-learned") as self.learning:
            self.title = gr.HTML(elem_id="finetune-learned-title", padding=False)
            self.answers = gr.HTML(elem_id="finetune-answers", padding=False)
            with gr.Row(elem_id="finetune-learned-buttons"):
                self.ask = gr.Button(
                    label("Answer now"), size="sm", interactive=False, scale=0, elem_id="finetune-answer"
                )
                self.hush = gr.Button(
                    label("Stop"), size="sm", variant="stop", visible=False, scale=0, elem_id="finetune-hush"
                )
            self.said = gr.HTML(elem_id="finetune-learned-status", padding=False)

    @property
    def shown(self) -> list[Any]:
        """What `show` gives the values of."""
        of_run = [self.run, self.stop, self.go_on, self.delete, self.deleting, self.progress]
        curves = [self.losses, self.metrics, self.rates, self.heat]
        return [*of_run, *curves, self.learning, self.title, self.answers, self.timer, self.seen, self.due]

    def cleared(self, event: Event) -> Values:
        """No plots: they can't take in other series than those that they came with, so they have to come anew."""
        return {each: gr.LinePlot(visible=False) for each in (self.losses, self.metrics, self.rates)}

    def wire(self, events: Events) -> None:
        """Connects the buttons: ``events`` are the tab's own, with this step's status line."""
        events.on(self.stop.click, self._stop, [self.run], self.shown)
        events.on(self.go_on.click, self._go_on, [self.run], self.shown)
        events.on(self.delete.click, self._ask_sure, [self.run], [self.deleting, self.sure])
        events.on(self.no.click, lambda event: {self.deleting: gr.Column(visible=False)}, (), [self.deleting])
        answering = Events(
            self._app, LEARNING, self.said, Buttons([self.ask], self.hush), admit=admitting(self._app), refused=NOT_DONE
        )
        answering.run([self.due.change, self.ask.click], self._answering, [self.run], [self.answers])
        answering.stop()

    def stories(self) -> list[Story]:
        """All runs that can be read, the latest first."""
        return self._journals.all(self._app.runs.store)[0]

    def chosen(self, event: Event) -> Run:
        """The run that is watched. Raises `InvalidInput` when there is none any more."""
        run = self._app.runs.store.get(event[self.run] or "")
        if run is None:
            raise InvalidInput("There is no such run any more. Choose another one.")
        return run

    def current(self, id: str | None) -> Story | None:
        """The run with that id, or else the latest one that is not over, or the latest."""
        stories = self.stories()
        known = next((each for each in stories if each.id == id), None)
        return known or next((each for each in stories if not each.over), next(iter(stories), None))

    def open(self, current: Story | None, say: Say, session: str) -> Values:
        """The runs to choose from, and everything of the current one."""
        return self.offer(current, say) | (self.show(current, say, session) if current else self._none(say))

    def offer(self, current: Story | None, say: Say) -> Values:
        """The runs to choose from."""
        choices = [(show.run_name(each, say), each.id) for each in self.stories()]
        return {self.run: gr.Dropdown(choices=choices, value=current.id if current else None)}

    def _none(self, say: Say) -> Values:
        buttons = (self.stop, self.go_on, self.delete)
        return {
            **{button: gr.Button(visible=False) for button in buttons},
            **{each: gr.LinePlot(visible=False) for each in (self.losses, self.metrics, self.rates)},
            self.deleting: gr.Column(visible=False),
            self.progress: line(say("There is no run yet. Choose a file and settings above, then start one.")),
            self.heat: "",
            self.learning: gr.Column(visible=False),
            self.timer: gr.Timer(active=False),
            self.seen: ("", -1, ""),
        }

    def show(self, story: Story, say: Say, session: str) -> Values:
        """Everything of the run."""
        run = Run(self._app.runs.store.folder / story.id)
        answers = learned.read(run)
        busy = self._app.running.busy(session, LEARNING)
        return {
            self.stop: gr.Button(visible=not story.over),
            self.go_on: gr.Button(visible=story.state in CONTINUED),
            self.delete: gr.Button(visible=story.state != "running"),
            self.deleting: gr.Column(visible=False),
            self.progress: show.progress(story, say),
            self.losses: charts.losses(story, say),
            self.metrics: charts.metrics(story, say),
            self.rates: charts.rates(story, say),
            self.heat: show.heatmap(heat(story), say),
            self.learning: gr.Column(visible=bool(story.request.pinned)),
            self.title: f"<h3>{say('Watch it learn')}</h3>",
            self.timer: gr.Timer(active=not story.over),
            self.seen: self._mark(story),
            **({} if busy else {self.answers: show.learned(story, answers, {}, say), **self._due(run, story, answers)}),
        }

    def _due(self, run: Run, story: Story, answers: learned.Answers) -> Values:
        """Lets the answers begin that are missing."""
        wanted = learned.missing(run, story, answers) if story.state != "waiting" and self._app.here.ready else []
        return {self.due: f"{story.id}@{max(step for step, _ in wanted)}"} if wanted else {}

    def _mark(self, story: Story) -> tuple[str, int, str]:
        count = len(story.steps) + len(story.evaluations) + len(story.checkpoints) + bool(story.result)
        return story.id, count, story.state

    def tick(self, event: Event) -> Values:
        """What is new of the run."""
        run = self.chosen(event)
        story = self._journals.story(run)
        if self._mark(story) != tuple(event[self.seen]):
            return self.offer(story, event.say) | self.show(story, event.say, event.session)
        if story.request.pinned and not self._app.running.busy(event.session, LEARNING):
            return self._due(run, story, learned.read(run))
        return {}

    def _stop(self, event: Event) -> Values:
        run = self.chosen(event)
        self._app.runs.stop(run)
        return self.open(self._journals.story(run), event.say, event.session)

    def _go_on(self, event: Event) -> Values:
        run = self.chosen(event)
        self._app.runs.go_on(run)
        return self.open(self._journals.story(run), event.say, event.session)

    def _ask_sure(self, event: Event) -> Values:
        story = self._journals.story(self.chosen(event))
        question = event.say(
            "Delete the run “{name}” with its data and checkpoints? Its adapter stays.", name=story.request.name
        )
        return {self.deleting: gr.Column(visible=True), self.sure: line(question, "note")}

    def _answering(self, event: Event) -> Running[Told]:
        """Answers the pinned prompts by the base and by the latest checkpoint, as far as that is not done."""
        run = self.chosen(event)
        story, answers, say = self._journals.story(run), learned.read(run), event.say
        way = way_of(run, self._app.prompts)
        left = learned.missing(run, story, answers)
        wanted = {learned.ask_of(story, step, prompt): (step, prompt) for step, prompt in left}
        if not wanted:
            raise InvalidInput("All pinned prompts are answered, by the base and by the latest checkpoint.")

        async def ask(engine: Engine) -> AsyncGenerator[Told, None]:
            async for told in ask_all(engine, list(wanted), way):
                yield told

        def shown(told: Told, running: bool) -> Values:
            growing = {wanted[each]: found for each, found in told.items()}
            whole = {key: found.text for key, found in growing.items() if isinstance(found, Reply) and found.whole}
            if not running and whole:
                learned.keep(run, whole)
            return {self.answers: show.learned(story, {**answers, **whole}, growing, say)}

        return Running(
            ask,
            shown,
            status=lambda told, running: line(say("Answering…"), "busy") if running else "",
            said=bool,
            begun={self.said: line(say("Answering…"), "busy")},
        )
