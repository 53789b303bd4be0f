"""Forward pass: from tokens to the next one, and generation by hand."""

import random
from collections.abc import Sequence
from functools import partial

import gradio as gr
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult, Distribution, ForwardResult
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.sliders import temperature_slider
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.chain import Chain
from qwen_ui.tabs.inside.draw import Mark, Word, distributions, section, strip
from qwen_ui.tabs.inside.lens import WINDOW, grid, norms
from qwen_ui.tabs.inside.part import Asking, Part, drawing, picked
from qwen_ui.tabs.inside.task import Held

CANDIDATES = 15
"""Tokens that are offered."""


class ForwardPart(Part):
    """Tokens, the next token's distribution, the logit lens, and the states' lengths."""

    id = "forward"
    name = marked("Forward pass")
    about = marked(
        "The text goes through the model once: you see its tokens, the likeliest next ones, and what the model would "
        "have said after each layer. Click a token to append it, and write a text one token at a time as the model "
        "does."
    )
    code = "introspect/forward.py"

    def lay_out(self) -> None:
        self._tokens = drawing("inside-forward-tokens")
        with gr.Row(elem_id="inside-next-row"):
            with gr.Column(elem_id="inside-next-column", min_width=0):
                self._next = drawing("inside-next")
            with gr.Column(elem_id="inside-sampling", min_width=0, visible=False) as self._sampling:
                self._temperature = temperature_slider(0.7, elem_id="inside-temperature")
                self._top_k = gr.Slider(
                    0,
                    100,
                    20,
                    step=1,
                    label=label("Top-k"),
                    info=label("Keeps so many of the likeliest tokens; 0 keeps all"),
                    elem_id="inside-top-k",
                )
                self._top_p = gr.Slider(
                    0.05,
                    1,
                    0.8,
                    step=0.05,
                    label=label("Top-p"),
                    info=label("Keeps the likeliest tokens that make up this share; 1 keeps all"),
                    elem_id="inside-top-p",
                )
                with gr.Row(elem_classes="inside-buttons"):
                    self._take = gr.Button(label("Append the likeliest"), size="sm", elem_id="inside-likeliest")
                    self._draw = gr.Button(label("Draw one"), size="sm", elem_id="inside-draw")
                    self._undo = gr.Button(label("Undo"), size="sm", elem_id="inside-undo")
        self._window = gr.Slider(
            0, 1, 0, step=1, label=label("First token shown"), visible=False, elem_id="inside-window"
        )
        self._lens = drawing("inside-lens")
        self._norms = drawing("inside-norms")

    @property
    def controls(self) -> Sequence[Component]:
        return [self._temperature, self._top_k, self._top_p, self._window]

    @property
    def shown(self) -> Sequence[Component]:
        return [self._tokens, self._next, self._sampling, self._window, self._lens, self._norms]

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        return looks.Forward(source)

    def connect(self, events: Events, asking: Asking) -> None:
        sliders = [self._temperature, self._top_k, self._top_p]
        changes = [slider.change for slider in sliders]
        events.on(changes, self._sampled, [self.held, *sliders], [self._next], trigger_mode="always_last")
        window = [self._lens, self._norms]
        events.on(self._window.change, self._windowed, [self.held, self._window], window, trigger_mode="always_last")

    def append_with(self, events: Events, asking: Asking, chain: Chain, fields: Sequence[Component]) -> None:
        """Wires what appends tokens to the text, and takes them away."""
        inputs = [self.held, chain.grown, asking.count, *fields, self._temperature, self._top_k, self._top_p]
        outputs = [chain.grown, asking.count]
        events.on(self._next.click, partial(self._append, chain, asking), inputs, outputs)
        events.on(self._take.click, partial(self._append_likeliest, chain, asking), inputs, outputs)
        events.on(self._draw.click, partial(self._append_drawn, chain, asking), inputs, outputs)
        events.on(self._undo.click, lambda event: chain.undo(event) | asking.now(event), inputs, outputs)

    def show(self, held: Held, event: Event) -> Values:
        found = held.result
        assert isinstance(found, ForwardResult)
        count, first = len(found.pieces), max(0, len(found.pieces) - WINDOW)
        hidden = count <= WINDOW
        return {
            self._tokens: tokens(found, event.say),
            self._next: self._distribution(found, event),
            self._sampling: gr.Column(visible=True),
            self._window: gr.Slider(maximum=max(first, 1), value=first, visible=not hidden),
            self._lens: grid(found, first, event.say),
            self._norms: norms(found, first, event.say),
        }

    def _distribution(self, found: ForwardResult, event: Event) -> str:
        settings = self._settings(event)
        words = candidates([found.next, found.next], [(1.0, 0, 1.0), settings])
        names = [event.say("The model’s own"), event.say("After the sliders")]
        caption = event.say("Click a token to append it")
        return section(
            event.say("The next token"),
            distributions(words, names, caption, event.say, pick="append"),
            event.say("Left, what the model says; right, what is drawn from after temperature, top-k and top-p."),
        )

    def _settings(self, event: Event) -> tuple[float, int, float]:
        return float(event[self._temperature] or 0), int(event[self._top_k] or 0), float(event[self._top_p] or 1)

    def _sampled(self, event: Event) -> Values:
        """The distribution at the sliders' new places: the model is not asked."""
        held = event[self.held]
        return {self._next: self._distribution(held.result, event)} if held else {}

    def _windowed(self, event: Event) -> Values:
        held, first = event[self.held], int(event[self._window] or 0)
        if not held:
            return {}
        return {
            self._lens: grid(held.result, first, event.say),
            self._norms: norms(held.result, first, event.say),
        }

    def _append(self, chain: Chain, asking: Asking, event: Event) -> Values:
        id = picked(event, "append")
        return {} if id is None else chain.append(event, event[self.held], id) | asking.now(event)

    def _append_likeliest(self, chain: Chain, asking: Asking, event: Event) -> Values:
        found = self._found(event)
        return chain.append(event, event[self.held], found.next.likeliest[0].id) | asking.now(event)

    def _append_drawn(self, chain: Chain, asking: Asking, event: Event) -> Values:
        """By chance, as the sliders have it; what is not among the listed tokens is not drawn."""
        found = self._found(event)
        shares = found.next.probabilities(*self._settings(event))
        ids = [piece.id for piece in found.next.likeliest]
        (id,) = random.choices(ids, [float(shares[id]) for id in ids])
        return chain.append(event, event[self.held], id) | asking.now(event)

    def _found(self, event: Event) -> ForwardResult:
        held: Held | None = event[self.held]
        if held is None or not isinstance(held.result, ForwardResult):
            raise InvalidInput("There is nothing to append yet: look first.")
        return held.result


def candidates(
    found: Sequence[Distribution], settings: Sequence[tuple[float, int, float]] = (), most: int = CANDIDATES
) -> list[Word]:
    """The likeliest tokens of the first distribution, with their probabilities in all of them.

    ``settings`` are temperature, top-k and top-p of each; without them they are the model's own.
    """
    shares = [each.probabilities(*(settings[at] if settings else ())) for at, each in enumerate(found)]
    pieces = {piece.id: piece for each in found for piece in each.likeliest[:most]}
    chosen = list(pieces.values())[: most + most // 2]
    return [Word(piece.token, piece.id, tuple(float(each[piece.id]) for each in shares)) for piece in chosen]


def tokens(found: ForwardResult, say: Say) -> str:
    """The text as the model reads it."""
    marks = [Mark(piece.token, str(piece.id)) for piece in found.pieces]
    return section(
        say("The text as tokens"),
        strip(marks, say("The text as tokens")),
        say("Each with its number in the vocabulary; ␣ is a blank, ⏎ a new line. The model sees only the numbers."),
    )
