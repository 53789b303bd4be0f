"""The curves of runs as tables, thinned to what a plot can show, and the layers' gradient norms as a picture."""

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from qwen_ui.finetune.runs import Event
from qwen_ui.tabs.finetune.task import Story

POINTS = 300
"""Of one series."""
COLUMNS = 200
"""Of the picture."""
_SCALE = np.array([[24, 28, 84], [64, 67, 196], [126, 87, 222], [229, 96, 141], [250, 163, 86], [252, 236, 146]])
"""Colours from low to high, evenly spaced."""

Point = tuple[float, float, str]
"""Step, value and series."""


def thinned(events: Sequence[Event], most: int = POINTS) -> list[Event]:
    """So many of the events, evenly chosen, the last among them."""
    if len(events) <= most:
        return list(events)
    chosen = np.unique(np.linspace(0, len(events) - 1, most).round().astype(int))
    return [events[at] for at in chosen]


def losses(story: Story, training: str, validation: str) -> list[Point]:
    """The loss over the steps on both parts, which are called so."""
    learned: list[Point] = [(each["step"], each["loss"], training) for each in thinned(story.steps)]
    judged: list[Point] = [(each["step"], each["loss"], validation) for each in thinned(story.evaluations)]
    return finite([*learned, *judged])


def metrics(story: Story, names: Mapping[str, str]) -> list[Point]:
    """The metrics over the steps, by their names."""
    return finite(
        (event["step"], value, names.get(name, name))
        for event in thinned(story.evaluations)
        for name, value in event.get("metrics", {}).items()
    )


def rates(story: Story) -> list[Point]:
    """The learning rate of each group. Groups that learn at the same rate all along are one, from … to."""
    events = [event for event in thinned(story.steps) if event.get("rates")]
    names = dict.fromkeys(name for event in events for name in event["rates"])
    alike: dict[tuple[float | None, ...], list[str]] = {}
    for name in names:
        alike.setdefault(tuple(event["rates"].get(name) for event in events), []).append(name)
    return finite(
        (event["step"], rate, " … ".join(dict.fromkeys((same[0], same[-1]))))
        for rates, same in alike.items()
        for event, rate in zip(events, rates, strict=True)
        if rate is not None
    )


def finite(points: Iterable[Point]) -> list[Point]:
    """Those that a plot can show."""
    return [point for point in points if point[1] is not None and math.isfinite(point[1])]


@dataclass(frozen=True, slots=True)
class Heat:
    """The gradient norm of each layer over the steps, as a picture: a column a step, the first layer at the bottom."""

    picture: str
    """A data address of a PNG."""
    layers: tuple[str, ...]
    """From the first to the last."""
    first: int
    last: int
    """Steps."""
    low: float
    high: float
    """Norms, on a logarithmic scale between them."""
    strongest: str
    """The layer with the largest norm in the last step."""
    strength: float


def heat(story: Story) -> Heat | None:
    """The picture; None while there is nothing to show. A layer that does not learn is left clear."""
    events = [event for event in thinned(story.steps, COLUMNS) if event.get("norms")]
    if not events:
        return None
    layers = tuple(story.plan.get("layers") or dict.fromkeys(name for event in events for name in event["norms"]))
    norms = np.array([[event["norms"].get(layer) or 0.0 for event in events] for layer in layers], dtype=float)
    known = np.isfinite(norms) & (norms > 0)
    if not known.any():
        return None
    low, high = float(norms[known].min()), float(norms[known].max())
    width = max(math.log(high) - math.log(low), 1e-9)
    place = (np.log(np.where(known, norms, low)) - math.log(low)) / width
    red, green, blue = (np.interp(place, np.linspace(0, 1, len(_SCALE)), _SCALE[:, part]) for part in range(3))
    pixels = np.stack([red, green, blue, np.where(known, 255, 0)], axis=-1).astype(np.uint8)[::-1]
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, "PNG")
    last = np.where(known[:, -1], norms[:, -1], -1)
    at = int(last.argmax())
    return Heat(
        "data:image/png;base64," + base64.b64encode(out.getvalue()).decode(),
        layers,
        int(events[0]["step"]),
        int(events[-1]["step"]),
        low,
        high,
        layers[at],
        float(last[at]),
    )
