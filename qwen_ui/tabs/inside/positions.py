"""Positions: how RoPE tells them apart, and how attention falls with distance on this text."""

import numpy as np

from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult, PositionsResult
from qwen_ui.page.events import Event, Values
from qwen_ui.page.status import line
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.draw import Cell, Curve, Row, chart, facts, folded, legend, number, picture, section, table
from qwen_ui.tabs.inside.part import Part, drawing
from qwen_ui.tabs.inside.picture import between, heat
from qwen_ui.tabs.inside.task import Held

LISTED = 64
"""Distances in the table."""


class PositionsPart(Part):
    """RoPE's angles, attention by distance, and how long a text may be."""

    id = "positions"
    name = marked("Positions")
    about = marked(
        "RoPE turns each pair of a query's and a key's dimensions by an angle that grows with the position, so that "
        "their product depends on how far apart two tokens are. Quick pairs tell neighbours apart, slow ones whole "
        "pages."
    )
    code = "introspect/positions.py"

    def lay_out(self) -> None:
        self.view = drawing("inside-positions")

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        return looks.Positions(source)

    def show(self, held: Held, event: Event) -> Values:
        assert isinstance(held.result, PositionsResult)
        return {self.view: drawn(held.result, event.say)}


def drawn(found: PositionsResult, say: Say) -> str:
    """All of it, as HTML."""
    return angles(found, say) + decay(found, say) + context(found, say)


def angles(found: PositionsResult, say: Say) -> str:
    """The cosine of each pair's angle by distance, and its wavelength."""
    if not len(found.frequencies):
        return line(say("This model has no RoPE: it learns its positions in another way."), "note")
    turned = (np.cos(found.angles) + 1) / 2
    described = say(
        "The cosine of {pairs} pairs' angles at {count} distances up to {most:,} tokens.",
        pairs=len(found.angles),
        count=len(found.distances),
        most=int(found.distances[-1]),
    )
    wavelengths = 2 * np.pi / np.maximum(found.frequencies, 1e-12)
    rows: list[Row] = [
        [str(pair), number(float(frequency), ".3g"), number(float(wave), ",.1f"), *_turns(found, pair)]
        for pair, (frequency, wave) in enumerate(zip(found.frequencies, wavelengths, strict=True))
    ]
    few = _few(found)
    head = [say("Pair"), say("Radians per token"), say("Tokens per turn")]
    head += [say("Angle at {distance:,}", distance=int(found.distances[at])) for at in few]
    numbers = table(head, rows, say("RoPE's pairs"), sortable=True, kind="inside-tall")
    about = say(
        "From top to bottom the pairs of dimensions, from left to right the distance of two tokens (0 to {most:,}); "
        "light where the pair points the same way, dark where it points the other way.",
        most=int(found.distances[-1]),
    )
    return section(
        say("RoPE's angles"),
        picture(heat(turned), described, "inside-wide")
        + legend("cos −1", "cos 1")
        + folded(say("The numbers"), numbers),
        about,
    )


def _few(found: PositionsResult) -> list[int]:
    count = len(found.distances)
    return sorted({min(1, count - 1), count // 2, count - 1})


def _turns(found: PositionsResult, pair: int) -> list[Cell | str]:
    return [number(float(found.angles[pair, at]), ",.2f") for at in _few(found)]


def decay(found: PositionsResult, say: Say) -> str:
    """Attention by distance: the mean of all layers, and layer by layer."""
    count = found.scores.shape[1]
    if count < 2:
        return ""
    distances = range(count)
    scores, weights = _mean(found.scores), _mean(found.weights)
    deepest = len(found.scores) - 1
    lines = [
        Curve(say("All layers"), list(zip(distances, scores, strict=True))),
        Curve(say("Layer {layer}", layer=0), _points(found.scores[0])),
        Curve(say("Layer {layer}", layer=deepest), _points(found.scores[deepest])),
    ]
    described = say("Mean attention score by distance on this text.")
    drawn = chart(lines, say("Distance in tokens"), say("Score before the softmax"), described)
    place, low, high = between(found.weights)
    picture_ = picture(heat(place), say("Mean weight by distance, a row a layer."), "inside-wide")
    rows: list[Row] = [
        [str(at), number(float(scores[at]), ".3f"), number(float(weights[at]), ".4f", min(float(weights[at]), 1.0))]
        for at in list(distances)[:LISTED]
    ]
    numbers = table([say("Distance"), say("Mean score"), say("Mean weight")], rows, described, kind="inside-tall")
    return section(
        say("How attention falls with distance"),
        drawn + folded(say("The numbers"), numbers),
        say("Measured on this text: the mean of q·k/√d over heads and places, by how far the two tokens are apart."),
    ) + section(
        say("Weight by distance, layer by layer"),
        picture_ + legend(f"{low:.1g}", f"{high:.1g}"),
        say(
            "From top to bottom the layers, from left to right the distance: 0 is the token itself; at the far end "
            "is the first token, where heads look that look for nothing."
        ),
    )


def _mean(values: object) -> list[float]:
    array = np.asarray(values, dtype=float)
    known = np.isfinite(array)
    return list(np.where(known, array, 0).sum(0) / np.maximum(known.sum(0), 1))


def _points(row: object) -> list[tuple[float, float]]:
    return [(at, float(value)) for at, value in enumerate(np.asarray(row)) if np.isfinite(value)]


def context(found: PositionsResult, say: Say) -> str:
    """How long a text may be."""
    theta = "–" if found.rope_theta is None else f"{found.rope_theta:,.0f}"
    figures = facts(
        [
            (say("Made for"), say("{count:,} tokens", count=found.context)),
            (say("Here, prompt and answer"), say("{count:,} tokens", count=found.context_here)),
            (say("RoPE's base"), theta),
            (say("RoPE's scaling"), found.rope_scaling or "–"),
        ]
    )
    return section(say("How long a text may be"), figures)
