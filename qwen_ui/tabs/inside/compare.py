"""With an adapter: the model beside itself."""

from collections.abc import Sequence
from html import escape

import gradio as gr
import numpy as np
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult, CompareResult
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.draw import (
    Cell,
    Row,
    distributions,
    facts,
    folded,
    legend,
    number,
    picture,
    section,
    table,
    token,
)
from qwen_ui.tabs.inside.forward import candidates
from qwen_ui.tabs.inside.heads import shade
from qwen_ui.tabs.inside.lens import WINDOW, grid, states
from qwen_ui.tabs.inside.part import Asking, Part, drawing, layer_slider, middle, of_layers, within
from qwen_ui.tabs.inside.picture import Matrix, between, heat
from qwen_ui.tabs.inside.task import Asked, Held


class ComparePart(Part):
    """Where base and adapter begin to differ, how much the adapter changes, and its scale."""

    id = "compare"
    name = marked("With an adapter")
    about = marked(
        "The model beside itself with the adapter that is picked in the page's head: what it says next, where the "
        "two begin to differ, and how much of each layer the adapter changes. The slider makes its effect weaker or "
        "stronger, for this look only."
    )
    code = "introspect/compare.py"

    def lay_out(self) -> None:
        with gr.Row(elem_classes="inside-controls"):
            self._scale = gr.Slider(
                0,
                3,
                1,
                step=0.1,
                label=label("Strength of the adapter"),
                info=label("0 is the base, 1 as it was trained"),
                scale=1,
                min_width=220,
                elem_id="inside-scale",
            )
            self._layer = layer_slider("inside-compare-layer")
        self.view = drawing("inside-compare")

    @property
    def controls(self) -> Sequence[Component]:
        return [self._scale, self._layer]

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        return looks.Compare(source, within(event[self._layer], model))

    def asked(self, event: Event, source: Source, model: ArchitectureResult) -> Asked:
        if not (adapter := self.adapter(event)):
            raise InvalidInput(
                "Pick an adapter in the page's head first. Where there is none to pick, train one in “Fine-tune”."
            )
        return Asked(self.wanted(event, source, model), adapter, float(event[self._scale]))

    def begin(self, model: ArchitectureResult) -> Values:
        return {self._layer: middle(model)}

    def fit(self, model: ArchitectureResult) -> Values:
        return {self._layer: of_layers(model)}

    def connect(self, events: Events, asking: Asking) -> None:
        asking.on(events, [self._layer.release, self._scale.release])

    def show(self, held: Held, event: Event) -> Values:
        assert isinstance(held.result, CompareResult)
        return {self.view: drawn(held.result, event.say)}


def drawn(found: CompareResult, say: Say) -> str:
    """All of it, as HTML."""
    return (
        next_token(found, say) + begins(found, say) + lenses(found, say) + attention(found, say) + changes(found, say)
    )


def next_token(found: CompareResult, say: Say) -> str:
    """What both say next."""
    words = candidates([found.base.next, found.adapted.next], most=10)
    named = found.origin.adapter or say("Adapter")
    listed = distributions(words, [say("Base model"), named], say("The next token of both"), say)
    told = say("KL {value:.4f} nats from the base to the adapter.", value=found.divergence)
    return section(say("The next token"), listed, told)


def begins(found: CompareResult, say: Say) -> str:
    """Where the two begin to differ at each token."""
    names = states(len(found.states), say)
    place, low, high = between(found.states)
    described = say("How far the states of both are apart, from {low:.2g} to {high:.2g}.", low=low, high=high)
    rows: list[Row] = [
        [
            str(at),
            Cell(token(piece.token)),
            Cell("–", len(names)) if begin < 0 else Cell(names[begin], int(begin)),
            number(float(found.states[-1, at]), ".3f", min(float(found.states[-1, at]), 1.0)),
        ]
        for at, (piece, begin) in enumerate(zip(found.base.pieces, found.begins.tolist(), strict=True))
    ]
    head = [say("Position"), say("Token"), say("Differ from"), say("Apart at the end")]
    listed = table(head, rows, say("Where base and adapter begin to differ"), sortable=True, kind="inside-tall")
    return section(
        say("Where they begin to differ"),
        picture(heat(place), described, "inside-wide") + legend(f"{low:.2g}", f"{high:.2g}") + listed,
        say(
            "From top to bottom the layers, from left to right the tokens: light where the adapter has moved the "
            "state far."
        ),
    )


def lenses(found: CompareResult, say: Say) -> str:
    """Both logit lenses."""
    first = max(0, len(found.base.pieces) - WINDOW)
    sides = [(say("Base model"), found.base), (found.origin.adapter or say("Adapter"), found.adapted)]
    return "".join(folded(say("Logit lens: {name}", name=name), grid(side, first, say)) for name, side in sides)


def attention(found: CompareResult, say: Say) -> str:
    """How much the heads look elsewhere."""
    difference = np.abs(found.adapted_maps - found.base_maps)
    maps = "".join(
        f"<li><span class=inside-still>{picture(heat(shade(weights), 96), '')}"
        f"<span>{escape(say('Head {head}', head=head))}</span></span></li>"
        for head, weights in enumerate(difference)
    )
    caption = say("Share of the weight that lies elsewhere, by layer and head")
    return section(
        say("Attention: what the adapter moves"),
        f"<ol class=inside-heads>{maps}</ol>"
        + legend("0", "1")
        + folded(caption, _by_layer(found.heads, None, caption, say)),
        say(
            "The heads of layer {layer}: light where the weight differs between base and adapter.",
            layer=found.look.layer,
        ),
    )


def changes(found: CompareResult, say: Say) -> str:
    """‖ΔW‖ by layer and module."""
    known = found.changes[np.isfinite(found.changes)]
    total = float(np.sqrt((known**2).sum())) if len(known) else 0.0
    figures = facts([(say("‖ΔW‖ of all"), f"{total:.3g}"), (say("Modules"), ", ".join(found.modules))])
    absolute = _by_layer(found.changes, found.modules, say("‖ΔW‖ by layer and module"), say)
    relative = _by_layer(found.relative, found.modules, say("‖ΔW‖ ÷ ‖W‖ by layer and module"), say)
    return section(
        say("How much the adapter changes the weights"),
        figures + absolute + folded(say("Relative to the weights: ‖ΔW‖ ÷ ‖W‖"), relative),
        say("The norm of what the adapter adds to each module's weights, at this strength."),
    )


def _by_layer(values: Matrix, names: Sequence[str] | None, caption: str, say: Say) -> str:
    most = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    titles = names or [say("Head {head}", head=head) for head in range(values.shape[1])]
    rows: list[Row] = [
        [Cell(str(layer), layer), *(_cell(float(value), most) for value in row)] for layer, row in enumerate(values)
    ]
    return table([say("Layer"), *titles], rows, caption, sortable=True, kind="inside-tall inside-heat")


def _cell(value: float, most: float) -> Cell:
    return number(value, ".3g", value / most if most else 0.0) if np.isfinite(value) else Cell("–", -1)
