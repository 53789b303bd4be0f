"""All runs: a list with their settings, and their curves in one plot."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.finetune import charts, show
from qwen_ui.tabs.finetune.fields import summary
from qwen_ui.tabs.finetune.task import Story
from qwen_ui.tabs.finetune.watch import Watch

MOST = 8
"""Runs in one plot."""


class Compare:
    """The widgets, made where this is called."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
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
        events.on(accordion.expand, lambda event: self.offer(self._watch.stories(), event.say), (), self.shown)
        cleared = events.on(self.chosen.change, lambda event: {self.plot: gr.LinePlot(visible=False)}, (), [self.plot])
        events.on(cleared, self._compare, [self.chosen], [self.plot])

    def offer(self, stories: Sequence[Story], say: Say) -> Values:
        """All runs, and those to choose from."""
        choices = [(show.run_name(story, say), story.id) for story in stories]
        summaries = [summary(story.request.settings, say) for story in stories]
        return {self.table: show.runs_table(stories, summaries, say), self.chosen: gr.Dropdown(choices=choices)}

    def _compare(self, event: Event) -> Values:
        wanted = event[self.chosen] or []
        stories = [story for story in self._watch.stories() if story.id in wanted][:MOST]
        return {self.plot: charts.compared(stories, [show.run_name(story, event.say) for story in stories], event.say)}
