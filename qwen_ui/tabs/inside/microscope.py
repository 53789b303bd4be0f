"""4-bit microscope: what is left of weights in four bits."""

from collections.abc import Sequence

import gradio as gr
import numpy as np
from gradio.components import Component

from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import Against16Bits, ArchitectureResult, MicroscopeResult
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.inside.draw import Cell, Row, columns, facts, folded, number, section, table, token
from qwen_ui.tabs.inside.part import Asking, Part, drawing
from qwen_ui.tabs.inside.task import Held


class MicroscopePart(Part):
    """The histogram, a block, the errors, and the whole model against its 16-bit weights."""

    id = "microscope"
    name = marked("4-bit microscope")
    about = marked(
        "In NF4 a weight is one of sixteen levels, times the largest weight of its block of 64: the levels lie "
        "close where weights are many. Look at a layer's weights, at one block of them, and at what the rounding "
        "does to the answer."
    )
    code = "introspect/microscope.py"

    def lay_out(self) -> None:
        with gr.Row(elem_classes="inside-controls"):
            self._module = as_held(
                gr.Dropdown(
                    [], value=None, label=label("Layer's weights"), scale=3, min_width=220, elem_id="inside-module"
                )
            )
            self._block = gr.Number(
                0, label=label("Block"), precision=0, minimum=0, scale=1, min_width=110, elem_id="inside-block"
            )
        with gr.Row(elem_classes="inside-buttons"):
            self._whole = gr.Checkbox(
                False,
                label=label("Compare the whole model with its 16-bit weights (takes longer)"),
                container=False,
                elem_id="inside-whole",
            )
        self.view = drawing("inside-microscope")

    @property
    def controls(self) -> Sequence[Component]:
        return [self._module, self._block, self._whole]

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        chosen = event[self._module]
        module = chosen if chosen in model.linear else default_module(model)
        return looks.Microscope(source, module, max(int(event[self._block] or 0), 0), bool(event[self._whole]))

    def fit(self, model: ArchitectureResult) -> Values:
        return {self._module: gr.Dropdown(choices=list(model.linear), value=default_module(model))}

    def adapter(self, event: Event) -> str:
        return ""

    def connect(self, events: Events, asking: Asking) -> None:
        asking.on(events, [self._module.input, self._block.submit, self._whole.input])

    def show(self, held: Held, event: Event) -> Values:
        assert isinstance(held.result, MicroscopeResult)
        return {self.view: drawn(held.result, event.say)}


def default_module(model: ArchitectureResult) -> str:
    """A layer of the middle."""
    return model.linear[len(model.linear) // 2] if model.linear else ""


def drawn(found: MicroscopeResult, say: Say) -> str:
    """All of it, as HTML."""
    missing = line(say("{reason}", reason=Sentence(found.missing)), "note") if found.missing else ""
    return (
        missing
        + histogram(found, say)
        + block(found, say)
        + errors(found, say)
        + (against(found.against, say) if found.against else "")
    )


def histogram(found: MicroscopeResult, say: Say) -> str:
    """All weights of the layer, and where the levels lie."""
    total = int(found.counts.sum()) or 1
    described = say("{count:,} weights relative to the largest of their block, with NF4's sixteen levels.", count=total)
    drawn = columns(found.counts.tolist(), found.edges.tolist(), described, found.levels.tolist())
    used = int(found.used.sum()) or 1
    most = int(found.used.max()) or 1
    rows: list[Row] = [
        [
            str(code),
            number(float(level), ".4f"),
            number(int(count), ","),
            Cell(f"{count / used:.1%}", int(count), count / most),
        ]
        for code, (level, count) in enumerate(zip(found.levels, found.used.tolist(), strict=True))
    ]
    numbers = table([say("Code"), say("Level"), say("Weights"), say("Share")], rows, say("NF4's levels"), sortable=True)
    here = (
        say("The model has this layer in 4 bits.")
        if found.resident
        else say("The model has this layer in more bits: it was packed for this look only.")
    )
    about = say("Bars: how many weights lie there. Lines: the sixteen levels that they are rounded to.") + " " + here
    figures = facts(
        [
            (say("Shape"), "×".join(map(str, found.shape))),
            (say("Blocks of {size}", size=found.block_size), f"{found.blocks:,}"),
            (say("Bits per weight"), f"{found.bits:.2f}"),
        ]
    )
    return section(found.look.module, drawn + figures + folded(say("The numbers"), numbers), about)


def block(found: MicroscopeResult, say: Say) -> str:
    """One block: codes, scale and error."""
    error = found.unpacked - found.original
    most = float(np.nanmax(np.abs(error), initial=0)) if np.isfinite(error).any() else 0.0
    rows: list[Row] = [
        [
            str(at),
            _value(float(found.original[at])),
            Cell(f"{int(found.codes[at])}", int(found.codes[at]), (int(found.codes[at]) + 0.5) / 16),
            number(float(found.levels[found.codes[at]]), "+.4f"),
            number(float(found.unpacked[at]), "+.5f"),
            _error(float(error[at]), most),
        ]
        for at in range(len(found.codes))
    ]
    head = [say("Weight"), say("16 bits"), say("Code"), say("Level"), say("Level × scale"), say("Error")]
    listed = table(head, rows, say("The weights of the block"), sortable=True, kind="inside-tall")
    squares = "".join(
        f'<li style="--share:{(code + 0.5) / 16:.3f}" title="{at}: {weight:+.5f}">{code:X}</li>'
        for at, (code, weight) in enumerate(zip(found.codes.tolist(), found.unpacked.tolist(), strict=True))
    )
    title = say("Block {number:,}: scale {scale:.4g}", number=found.look.block, scale=found.scale)
    return section(
        title,
        f'<ol class="inside-codes" aria-hidden="true">{squares}</ol>' + folded(say("The numbers"), listed),
        say("The block as it is stored: a code of 0 to F for each weight, and one scale for all of them."),
    )


def _value(value: float) -> Cell:
    return number(value, "+.5f") if np.isfinite(value) else Cell("–", -1)


def _error(value: float, most: float) -> Cell:
    return number(value, "+.5f", abs(value) / most if most else 0.0) if np.isfinite(value) else Cell("–", -1)


def errors(found: MicroscopeResult, say: Say) -> str:
    """How far weights and outputs are off."""
    if not np.isfinite(found.weight_error):
        return ""
    output = found.output_error[np.isfinite(found.output_error)]
    figures = [(say("Error of the weights"), f"{found.weight_error:.2%}")]
    if len(output):
        figures.append((say("Error of the layer's output"), f"{float(output.mean()):.2%}"))
    rows: list[Row] = [[str(at), number(float(value), ".4f")] for at, value in enumerate(found.output_error)]
    numbers = table([say("Position"), say("Error")], rows, say("Error of the output at each token"), kind="inside-tall")
    return section(
        say("What the rounding costs"),
        facts(figures) + folded(say("The numbers"), numbers),
        say(
            "Norm of the error relative to the norm of the right output, for the inputs that the layer gets on "
            "this text."
        ),
    )


def against(found: Against16Bits, say: Say) -> str:
    """The whole model in 4 bits beside its 16-bit weights."""
    flipped = int((found.agree == 0).sum())
    figures = facts(
        [
            (say("KL, mean"), f"{float(np.nanmean(found.divergence)):.4f}"),
            (say("KL, at the last token"), f"{float(found.divergence[-1]):.4f}"),
            (say("Flipped tokens"), say("{count} of {all}", count=flipped, all=len(found.agree))),
        ]
    )
    most = float(np.nanmax(found.divergence)) or 1.0
    rows: list[Row] = [
        [
            str(at),
            Cell(token(here.token)),
            Cell(token(there.token)),
            say("yes") if same else say("no"),
            number(float(value), ".4f", float(value) / most),
        ]
        for at, (here, there, same, value) in enumerate(
            zip(found.here, found.there, found.agree.tolist(), found.divergence.tolist(), strict=True)
        )
    ]
    head = [say("Position"), say("4 bits"), say("16 bits"), say("The same"), "KL"]
    listed = table(head, rows, say("The likeliest next token at each position"), sortable=True, kind="inside-tall")
    return section(
        say("The whole model: 4 bits against 16"),
        figures + listed,
        say(
            "KL is how much the next token's distribution differs, in nats; a flipped token is one that would be "
            "another."
        ),
    )
