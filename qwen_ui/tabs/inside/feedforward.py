"""Feed-forward: the gate's curve, and the units that fire for a token."""

from collections.abc import Sequence

import gradio as gr
import numpy as np
from gradio.components import Component

from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult, FeedForwardResult, Piece, Unit
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.architecture import ACTIVATIONS
from qwen_ui.tabs.inside.draw import Cell, Curve, Mark, Row, chart, folded, number, section, strip, table, token
from qwen_ui.tabs.inside.part import Asking, Part, drawing, layer_slider, middle, of_layers, picked, within
from qwen_ui.tabs.inside.task import Held


class FeedForwardPart(Part):
    """The curve beside ReLU, and what the strongest units write into the stream."""

    id = "feedforward"
    name = marked("Feed-forward")
    about = marked(
        "Each layer's feed-forward part has thousands of units that look at one token at a time: a gate decides how "
        "much of each goes through. The units that fire most are listed with the words that they make likelier."
    )
    code = "introspect/feedforward.py"

    def lay_out(self) -> None:
        self._position = gr.State(-1)
        with gr.Row(elem_classes="inside-controls"):
            self._layer = layer_slider("inside-feedforward-layer")
        self._tokens = drawing("inside-feedforward-tokens")
        self.view = drawing("inside-feedforward")

    @property
    def controls(self) -> Sequence[Component]:
        return [self._layer, self._position]

    @property
    def shown(self) -> Sequence[Component]:
        return [self._tokens, self.view]

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        return looks.FeedForward(source, within(event[self._layer], model), int(event[self._position]))

    def begin(self, model: ArchitectureResult) -> Values:
        return {self._layer: middle(model)}

    def fit(self, model: ArchitectureResult) -> Values:
        return {self._layer: of_layers(model)}

    def connect(self, events: Events, asking: Asking) -> None:
        asking.on(events, self._layer.release)

        def pick(event: Event) -> Values:
            place = picked(event, "token")
            return {} if place is None else {self._position: place} | asking.now(event)

        events.on(self._tokens.click, pick, [asking.count], [self._position, asking.count])

    def show(self, held: Held, event: Event) -> Values:
        found = held.result
        assert isinstance(found, FeedForwardResult)
        marks = [Mark(piece.token, str(at)) for at, piece in enumerate(found.pieces)]
        say = event.say
        title = say("Choose a token")
        return {
            self._tokens: section(title, strip(marks, title, found.position, "token")),
            self.view: curve(found, say) + units(found, say),
        }


def curve(found: FeedForwardResult, say: Say) -> str:
    """The activation function beside ReLU, with this token's strongest units on it."""
    name = ACTIVATIONS.get(found.activation, found.activation)
    points = list(zip(found.curve_x.tolist(), found.curve_y.tolist(), strict=True))
    relu = [(at, max(at, 0.0)) for at, _ in points]
    low, high = float(found.curve_x[0]), float(found.curve_x[-1])
    dots = [(unit.gate, unit.activation) for unit in found.units if low <= unit.gate <= high]
    described = say("{name} and ReLU from {low:.3g} to {high:.3g}.", name=name, low=low, high=high)
    drawn = chart([Curve(name, points), Curve("ReLU", relu)], say("Into the gate"), say("Out of it"), described, dots)
    step = max(1, len(points) // 20)
    rows: list[Row] = [
        [number(at, ".2f"), number(value, ".3f"), number(max(at, 0.0), ".3f")] for at, value in points[::step]
    ]
    numbers = table([say("In"), name, "ReLU"], rows, described)
    through = float(np.mean(found.gates > 0)) if len(found.gates) else 0.0
    about = say(
        "{name} bends where ReLU has an edge, so that a little also goes through below zero. Dots are the units "
        "listed below; at this token {share:.0%} of all {count:,} gates are above zero.",
        name=name,
        share=through,
        count=len(found.gates),
    )
    return section(say("The gate's curve beside ReLU"), drawn + folded(say("The numbers"), numbers), about)


def units(found: FeedForwardResult, say: Say) -> str:
    """The units that add most."""
    most = max((unit.strength for unit in found.units), default=1.0) or 1.0
    head = [say("Unit"), say("Gate"), say("After the curve"), say("Up"), say("Product"), say("Strength")]
    head += [say("Makes likelier"), say("Makes less likely")]
    rows: list[Row] = [_row(unit, most) for unit in found.units]
    listed = table(head, rows, say("The strongest units"), sortable=True, kind="inside-units")
    about = say(
        "A unit's product is its gate after the curve, times “up”; strength is the length of what it adds. The "
        "words are read straight through the output head, so that in early layers they may mean little."
    )
    title = say(
        "Units of layer {layer} that fire most at “{token}”",
        layer=found.look.layer,
        token=found.pieces[found.position].token,
    )
    return section(title, listed, about)


def _row(unit: Unit, most: float) -> list[Cell | str]:
    return [
        Cell(str(unit.index), unit.index),
        number(unit.gate),
        number(unit.activation),
        Cell("–") if unit.up is None else number(unit.up),
        number(unit.product),
        number(unit.strength, share=unit.strength / most),
        _words(unit.promotes),
        _words(unit.suppresses),
    ]


def _words(pieces: Sequence[Piece]) -> Cell:
    return Cell(" ".join(f"<span class=inside-word>{token(piece.token)}</span>" for piece in pieces))
