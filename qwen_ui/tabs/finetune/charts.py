"""The curves as the page's plots."""

from collections.abc import Sequence

import gradio as gr
import pandas as pd

from qwen_ui.page.words import Say
from qwen_ui.tabs.finetune import curves
from qwen_ui.tabs.finetune.curves import Point
from qwen_ui.tabs.finetune.task import Story
from qwen_ui.tabs.finetune.words import METRICS, NAMES, PARTS

HEIGHT = 250
LEGEND = 5
"""Series that are named under a plot."""
_GOLDEN_ANGLE = 137.508


def plot(elem_id: str) -> gr.LinePlot:
    """A place for curves, not seen until there are some."""
    return gr.LinePlot(visible=False, height=HEIGHT, buttons=[], elem_id=elem_id)


def losses(story: Story, say: Say) -> gr.LinePlot:
    """Training and validation loss, from the first step on: a plot can't take in another series later."""
    if not story.steps:
        return gr.LinePlot(visible=False)
    points = curves.losses(story, say(PARTS["train"]), say(PARTS["validation"]))
    return _drawn(points, say("Loss"), say("Loss"), say("Part"), say)


def metrics(story: Story, say: Say) -> gr.LinePlot:
    """The metrics on the validation rows."""
    names = {**NAMES, **{name: say(title) for name, title in METRICS.items()}}
    return _drawn(curves.metrics(story, names), say("Value"), say("Metrics on the validation rows"), say("Metric"), say)


def rates(story: Story, say: Say) -> gr.LinePlot:
    """The learning rate of each group."""
    return _drawn(curves.rates(story), say("Rate"), say("Learning rate of each group"), say("Group"), say)


def compared(stories: Sequence[Story], names: Sequence[str], say: Say) -> gr.LinePlot:
    """The validation losses of several runs."""
    points = [
        (step, value, name)
        for story, name in zip(stories, names, strict=True)
        for step, value, part in curves.losses(story, "", "validation")
        if part
    ]
    return _drawn(points, say("Loss"), say("Validation loss of each run"), say("Training run"), say)


def _drawn(points: Sequence[Point], y: str, title: str, series: str, say: Say) -> gr.LinePlot:
    x = say("Step")
    frame = pd.DataFrame(points, columns=[x, y, series])
    names = list(dict.fromkeys(frame[series]))
    return gr.LinePlot(
        frame,
        x=x,
        y=y,
        color=series,
        color_map=_colours(names),
        colors_in_legend=[names[at] for at in _spread(len(names))],
        title=title,
        visible=not frame.empty,
    )


def _colours(names: Sequence[str]) -> dict[str, str]:
    """Far apart where they are few; where they are many, as layers are, those beside each other are alike."""
    turn = _GOLDEN_ANGLE if len(names) <= LEGEND else 300 / len(names)
    return {name: f"hsl({(245 + place * turn) % 360:.0f}, 55%, 58%)" for place, name in enumerate(names)}


def _spread(count: int) -> list[int]:
    """So many places as there is room for in a legend, the first and the last among them."""
    if count <= LEGEND:
        return list(range(count))
    return [round(at * (count - 1) / (LEGEND - 1)) for at in range(LEGEND)]
