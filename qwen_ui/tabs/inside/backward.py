"""Loss and backward: what the model would learn from a prompt and its answer."""

from collections.abc import Sequence

import gradio as gr
import numpy as np
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult, BackwardResult
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.draw import (
    Cell,
    Mark,
    Row,
    facts,
    folded,
    legend,
    number,
    percent,
    picture,
    section,
    strip,
    table,
    token,
)
from qwen_ui.tabs.inside.part import Asking, Part, drawing
from qwen_ui.tabs.inside.picture import between, heat
from qwen_ui.tabs.inside.task import Held


class BackwardPart(Part):
    """Loss by token, gradients by layer and module, saliency, and one step of training."""

    id = "backward"
    name = marked("Loss and backward")
    about = marked(
        "The text above is the prompt: write the answer that should follow it, and see how surprised the model is "
        "by each of its tokens, and which weights and which words of the prompt would change that. One step of "
        "training is made on a copy of the 16-bit weights in a process of its own, and thrown away."
    )
    code = "introspect/backward.py"
    by_itself = False

    def lay_out(self) -> None:
        with gr.Row(elem_classes="inside-controls"):
            self.answer = gr.Textbox(
                label=label("Answer"),
                placeholder=label("What should come next, with its blank in front…"),
                value=" whale",
                lines=2,
                max_lines=4,
                scale=3,
                elem_id="inside-answer",
            )
            self._optimizer = gr.Radio(
                [("SGD", "sgd"), ("Adam", "adam")],
                value="sgd",
                label=label("Optimizer"),
                scale=1,
                min_width=140,
                elem_id="inside-optimizer",
            )
            self._rate = gr.Number(
                0.001, label=label("Learning rate"), minimum=0, scale=1, min_width=140, elem_id="inside-rate"
            )
        with gr.Row(elem_classes="inside-buttons"):
            self._compute = gr.Button(
                label("Compute the gradients"), variant="primary", scale=0, elem_id="inside-compute"
            )
        self.view = drawing("inside-backward")

    @property
    def controls(self) -> Sequence[Component]:
        return [self.answer, self._optimizer, self._rate]

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        if not (answer := event[self.answer] or "").strip():
            raise InvalidInput("Write the answer that should follow the text.")
        return looks.Backward(source, answer, event[self._optimizer], float(event[self._rate] or 0))

    def adapter(self, event: Event) -> str:
        return ""

    def connect(self, events: Events, asking: Asking) -> None:
        asking.on(events, [self._compute.click, self.answer.submit])

    def show(self, held: Held, event: Event) -> Values:
        assert isinstance(held.result, BackwardResult)
        return {self.view: drawn(held.result, event.say)}


def drawn(found: BackwardResult, say: Say) -> str:
    """All of it, as HTML."""
    return step(found, say) + losses(found, say) + saliency(found, say) + gradients(found, say)


def step(found: BackwardResult, say: Say) -> str:
    """The loss before and after one step."""
    optimizer = {"sgd": "SGD", "adam": "Adam"}[found.look.optimizer]
    figures = facts(
        [
            (say("Loss before"), f"{found.loss_before:.3f}"),
            (say("Loss after"), f"{found.loss_after:.3f}"),
            (say("Gradient norm"), f"{found.gradient:.3g}"),
            (say("Took"), say("{seconds:.1f} s", seconds=found.seconds)),
        ]
    )
    fell = found.loss_after < found.loss_before
    told = (
        say("The step made the answer likelier. It is thrown away: the model that serves is as it was.")
        if fell
        else say("The step was too large: the loss rose. Try a smaller learning rate. Nothing of it is kept.")
    )
    title = say("One step of {optimizer} at a rate of {rate:g}", optimizer=optimizer, rate=found.look.rate)
    return section(title, figures, told)


def losses(found: BackwardResult, say: Say) -> str:
    """How surprising each token of the answer is."""
    answer = found.pieces[found.prompt_tokens :]
    most = float(max(found.losses.max(initial=0), found.losses_after.max(initial=0))) or 1.0
    rows: list[Row] = [
        [
            Cell(token(piece.token), kind="inside-token"),
            _bar(before, most, f"{before:.3f}"),
            _bar(after, most, f"{after:.3f}"),
            number(float(np.exp(-before)), ".4f"),
        ]
        for piece, before, after in zip(answer, found.losses.tolist(), found.losses_after.tolist(), strict=False)
    ]
    head = [say("Token"), say("Before"), say("After one step"), say("Probability before")]
    listed = table(head, rows, say("Loss of the answer's tokens"), kind="inside-next")
    return section(
        say("Loss of each answer token"),
        listed,
        say("In nats: 0 is no surprise, 0.7 a coin's, and each 2.3 more is ten times less likely."),
    )


def _bar(value: float, most: float, text: str) -> Cell:
    return Cell(f"<i></i><span>{text}</span>", value, value / most, "inside-bar")


def saliency(found: BackwardResult, say: Say) -> str:
    """Which tokens the loss hangs on."""
    sizes = np.abs(found.saliency)
    most = float(sizes.max(initial=0)) or 1.0
    marks = [
        Mark(
            piece.token,
            f"{value:+.2g}",
            abs(value) / most,
            say("{token}: {value:+.3g}", token=piece.token, value=value),
        )
        for piece, value in zip(found.pieces, found.saliency.tolist(), strict=False)
    ]
    title = say("What the loss depends on")
    total = float(sizes.sum()) or 1.0
    rows: list[Row] = [
        [
            str(at),
            Cell(token(found.pieces[at].token)),
            number(float(found.saliency[at])),
            percent(float(sizes[at]) / total),
        ]
        for at in np.argsort(-sizes, kind="stable").tolist()
    ]
    numbers = table(
        [say("Position"), say("Token"), say("Gradient × embedding"), say("Share")], rows, title, kind="inside-tall"
    )
    return section(
        title,
        strip(marks, title) + folded(say("The numbers"), numbers),
        say(
            "Gradient × embedding of each input token: the stronger the shade, the more a small change there would "
            "matter."
        ),
    )


def gradients(found: BackwardResult, say: Say) -> str:
    """Lengths of the gradients by layer and module."""
    place, low, high = between(found.gradients)
    described = say(
        "Gradient norms: {layers} layers, modules {names}.",
        layers=len(found.gradients),
        names=", ".join(found.modules),
    )
    rows: list[Row] = [
        [Cell(str(layer), layer), *(_shaded(float(value), float(at)) for value, at in zip(values, places, strict=True))]
        for layer, (values, places) in enumerate(zip(found.gradients, place, strict=True))
    ]
    listed = table([say("Layer"), *found.modules], rows, described, sortable=True, kind="inside-tall inside-heat")
    others = facts([(name, f"{value:.3g}") for name, value in found.other_gradients])
    small = picture(heat(place.T), described, "inside-wide")
    return section(
        say("Gradients by layer and module"),
        small + legend(f"{low:.2g}", f"{high:.2g}") + folded(say("The numbers"), listed + others),
        say(
            "From left to right the layers, from top to bottom {names}: light is where the weights would change most.",
            names=", ".join(found.modules),
        ),
    )


def _shaded(value: float, place: float) -> Cell:
    return number(value, ".3g", place if np.isfinite(place) else 0.0) if np.isfinite(value) else Cell("–", -1)
