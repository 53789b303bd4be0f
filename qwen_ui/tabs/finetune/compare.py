"""All runs: a list with their settings, and their curves in one plot."""

from typing import Any

import gradio as gr

from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.finetune import charts, show
from qwen_ui.tabs.finetune.fields import summary
from qwen_ui.tabs.finetune.task import Journals

MOST = 8
"""Runs in one plot."""


class Compare:
    """The widgets, made where this is called."""

    def __init__(self, app: App, journals: Journals) -> None:
        self._store = app.runs.store
        self._journals = journals
        self.table = gr.HTML(elem_id="finetune-runs", padding=False)
        self.chosen = as_held(
            gr.Dropdown(
                [],
                label=label("Compare runs"),
                info=label("Their validation losses come into one plot."),
                multiselect=True,
                max_choices=MOST,
                elem_id="finetune-compare",
            )
        )
        self.plot = charts.plot("finetune-compared")

    @property
    def shown(self) -> list[Any]:
        """What `offer` gives the values of."""
        return [self.table, self.chosen]

    def wire(self, events: Events, accordion: gr.Accordion) -> None:
        """Lets runs be compared, and the list be read again when it is opened."""
        events.on(accordion.expand, lambda event: self.offer(event.say), (), self.shown)
        cleared = events.on(self.chosen.change, lambda event: {self.plot: gr.LinePlot(visible=False)}, (), [self.plot])
        events.on(cleared, self._compare, [self.chosen], [self.plot])

    def offer(self, say: Say) -> Values:
        """All runs, and those to choose from."""
        stories, problems = self._journals.all(self._store)
        choices = [(show.run_name(story, say), story.id) for story in stories]
        summaries = [summary(story.request.settings, say) for story in stories]
        table = show.runs_table(stories, summaries, say)
        told = "".join(line(say("{error}", error=error), "error") for error in problems)
        return {self.table: table + told, self.chosen: gr.Dropdown(choices=choices)}

    def _compare(self, event: Event) -> Values:
        wanted = event[self.chosen] or []
        stories = [story for story in self._journals.all(self._store)[0] if story.id in wanted][:MOST]
        return {self.plot: charts.compared(stories, [show.run_name(story, event.say) for story in stories], event.say)}
