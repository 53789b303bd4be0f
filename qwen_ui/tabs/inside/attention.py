"""Attention: where the heads look, and what becomes of the next token without some of them."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult, AttentionResult
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.heads import effect, large, scores, small
from qwen_ui.tabs.inside.part import Asking, Part, drawing, layer_slider, middle, of_layers, picked, within
from qwen_ui.tabs.inside.task import Held

Knocked = frozenset[tuple[int, int]]


class AttentionPart(Part):
    """Small maps of a layer's heads, a large one, every head's scores, and knocking heads out."""

    id = "attention"
    name = marked("Attention")
    about = marked(
        "A head looks from each token back at earlier ones and carries over what it finds there; each row of a map "
        "is a token, each column one that it looks at. Knock a head or a layer out to see what the model says "
        "without it."
    )
    code = "introspect/attention.py"

    def lay_out(self) -> None:
        self._head, self._query = gr.State(0), gr.State(-1)
        self._knocked, self._layers = gr.State(frozenset()), gr.State(frozenset())
        with gr.Row(elem_classes="inside-controls"):
            self._layer = layer_slider("inside-attention-layer")
            with gr.Row(elem_classes="inside-buttons"):
                self._out = gr.Button(label("Knock out this head"), size="sm", elem_id="inside-knock-head")
                self._layer_out = gr.Button(label("Knock out this layer"), size="sm", elem_id="inside-knock-layer")
                self._back = gr.Button(label("Restore all"), size="sm", elem_id="inside-knock-none")
        self._effect = drawing("inside-effect")
        self._small = drawing("inside-heads")
        self._large = drawing("inside-head")
        self._scores = drawing("inside-scores")

    @property
    def controls(self) -> Sequence[Component]:
        return [self._layer, self._head, self._query, self._knocked, self._layers]

    @property
    def shown(self) -> Sequence[Component]:
        return [self._layer, self._effect, self._small, self._large, self._scores]

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        """What was knocked out in a model with more layers or heads is left out."""
        knocked = frozenset(each for each in event[self._knocked] if each[0] < model.layers and each[1] < model.heads)
        layers = frozenset(layer for layer in event[self._layers] if layer < model.layers)
        return looks.Attention(source, within(event[self._layer], model), knocked, layers)

    def begin(self, model: ArchitectureResult) -> Values:
        return {self._layer: middle(model)}

    def fit(self, model: ArchitectureResult) -> Values:
        return {self._layer: of_layers(model)}

    def connect(self, events: Events, asking: Asking) -> None:
        inputs = [self.held, asking.count, *self.controls]
        drawn = [*self.shown, self._head, self._query, asking.count]
        for view in (self._small, self._large, self._scores):
            events.on(view.click, lambda event: self._pick(asking, event), inputs, drawn)
        asking.on(events, self._layer.release)
        for button, knock in ((self._out, self._without_head), (self._layer_out, self._without_layer)):
            events.on(button.click, self._then(knock, asking), inputs, [self._knocked, self._layers, asking.count])
        none: Values = {self._knocked: frozenset(), self._layers: frozenset()}
        events.on(
            self._back.click,
            lambda event: none | asking.now(event),
            inputs,
            [self._knocked, self._layers, asking.count],
        )

    def _then(self, change: Any, asking: Asking) -> Any:
        return lambda event: change(event) | asking.now(event)

    def show(self, held: Held, event: Event) -> Values:
        found = held.result
        assert isinstance(found, AttentionResult)
        say = event.say
        head = min(max(event[self._head], 0), len(found.maps) - 1)
        count = len(found.pieces)
        query = event[self._query] if 0 <= event[self._query] < count else count - 1
        return {
            self._effect: effect(found, say),
            self._small: small(found, head, say),
            self._large: large(found, head, query, say),
            self._scores: scores(found, head, say),
        }

    def _pick(self, asking: Asking, event: Event) -> Values:
        """A head, a token, or a head of any layer was picked."""
        held: Held | None = event[self.held]
        if held is None or not isinstance(held.result, AttentionResult):
            return {}
        chosen: Values = {}
        if (head := picked(event, "head")) is not None:
            chosen = {self._head: head}
        elif (query := picked(event, "query")) is not None:
            chosen = {self._query: query}
        elif (number := picked(event, "score")) is not None:
            layer, head = divmod(number, held.result.previous.shape[1])
            chosen = {self._head: head}
            if layer != held.result.look.layer:
                return chosen | {self._layer: gr.Slider(value=layer)} | asking.now(event)
        return chosen | self.show(held, event.having(chosen)) if chosen else {}

    def _without_head(self, event: Event) -> Values:
        return {self._knocked: event[self._knocked] | {(int(event[self._layer]), event[self._head])}}

    def _without_layer(self, event: Event) -> Values:
        return {self._layers: event[self._layers] | {int(event[self._layer])}}
