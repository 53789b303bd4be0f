"""Architecture: the model as it stands in memory."""

from collections.abc import Sequence
from html import escape

from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult
from qwen_ui.introspect.results import Part as ModelPart
from qwen_ui.page.details import megabytes
from qwen_ui.page.events import Event, Values
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.draw import Cell, Row, facts, number, section, table
from qwen_ui.tabs.inside.part import Part, drawing
from qwen_ui.tabs.inside.task import Held

KINDS = {
    "embedding": marked("Embedding"),
    "attention": marked("Attention"),
    "feedforward": marked("Feed-forward"),
    "norm": marked("Norm"),
    "head": marked("Output head"),
    "other": marked("Other"),
}
ACTIVATIONS = {"silu": "SiLU", "gelu": "GELU", "relu": "ReLU", "gelu_pytorch_tanh": "GELU"}


class ArchitecturePart(Part):
    """The drawing, what is different since 2017, and the table of all parts."""

    id = "architecture"
    name = marked("Architecture")
    about = marked(
        "This is the very model that answers here, read from its parts in memory: a text goes in at the top, each "
        "layer adds to what flows down the middle, and the head turns it into the next token. The widths of the "
        "bars below show where the memory goes."
    )
    code = "introspect/architecture.py"
    needs_text = False

    def lay_out(self) -> None:
        self.view = drawing("inside-architecture")

    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        return looks.Architecture()

    def adapter(self, event: Event) -> str:
        return ""

    def show(self, held: Held, event: Event) -> Values:
        assert isinstance(held.result, ArchitectureResult)
        return {self.view: drawn(held.result, event.say)}


def drawn(found: ArchitectureResult, say: Say) -> str:
    """All of it, as HTML."""
    left = section(say("What the text goes through"), flow(found, say))
    right = section(say("Where the memory goes"), memory(found, say)) + section(
        say("What is different since 2017"),
        differences(found, say),
        say("“Attention is all you need” described another model:"),
    )
    return f'<div class="inside-two"><div>{left}</div><div>{right}</div></div>' + parts(found, say)


def flow(found: ArchitectureResult, say: Say) -> str:
    """The drawing: boxes from the text to the next token, with this model's numbers."""
    act = ACTIVATIONS.get(found.activation, found.activation)
    feedforward = say("gated ({name})", name=f"{act}·up") if found.gated else act
    positions = (
        say("positions by RoPE, base {theta:,.0f}", theta=found.rope_theta)
        if found.rope_theta is not None
        else say("positions are added to the embeddings")
    )
    shared = (
        say(
            "{heads} heads of {size}, each {group} share one of {kv} key-value heads",
            heads=found.heads,
            size=found.head_size,
            group=found.heads // max(found.kv_heads, 1),
            kv=found.kv_heads,
        )
        if found.kv_heads < found.heads
        else say("{heads} heads of {size}, each with its own keys and values", heads=found.heads, size=found.head_size)
    )
    head = say("the embeddings once more (tied)") if found.tied else say("weights of its own")
    steps = [
        _box("text", say("Text → tokens"), [say("{count:,} tokens are known", count=found.vocabulary)]),
        _box("embedding", say("Embedding"), [f"{found.vocabulary:,} × {found.hidden:,}"]),
    ]
    layer = "".join(
        [
            _box("norm", found.norm, []),
            _box("attention", say("Self-attention"), [shared, positions]),
            _plus(say),
            _box("norm", found.norm, []),
            _box(
                "feedforward",
                say("Feed-forward"),
                [f"{found.hidden:,} → {found.intermediate:,} → {found.hidden:,}", feedforward],
            ),
            _plus(say),
        ]
    )
    repeated = escape(say("{count} layers, one after the other", count=found.layers))
    steps.append(f'<li class="inside-layers"><p>{repeated}</p><ol>{layer}</ol></li>')
    steps += [
        _box("norm", found.norm, []),
        _box("head", say("Output head"), [f"{found.hidden:,} × {found.vocabulary:,}", head]),
        _box("text", say("Probabilities of the next token"), []),
    ]
    label = escape(say("What the text goes through"))
    return f'<ol class="inside-flow" aria-label="{label}">{"".join(steps)}</ol>'


def _box(kind: str, title: str, lines: Sequence[str]) -> str:
    told = "".join(f"<small>{escape(each)}</small>" for each in lines if each)
    return f'<li class="inside-box {kind}"><b>{escape(title)}</b>{told}</li>'


def _plus(say: Say) -> str:
    return f'<li class="inside-plus"><span>+</span><small>{escape(say("added to what came in"))}</small></li>'


def memory(found: ArchitectureResult, say: Say) -> str:
    """Shares of the kinds of parts, and the figures."""
    sums = {kind: sum(part.bytes for part in found.parts if part.kind == kind) for kind in KINDS}
    total = sum(sums.values()) or 1
    bars = "".join(
        f'<li class="{kind}" style="--share:{size / total:.4f}"><b>{escape(say(KINDS[kind]))}</b><i></i>'
        f"<span>{size / total:.1%} · {megabytes(size)}</span></li>"
        for kind, size in sums.items()
        if size
    )
    figures = facts(
        [
            (say("Model"), found.origin.model),
            (say("Kind"), found.family),
            (
                say("Parameters"),
                f"{found.parameters / 1e9:.2f} B" if found.parameters >= 1e9 else f"{found.parameters / 1e6:.0f} M",
            ),
            (say("Memory"), megabytes(found.bytes)),
            (say("Precision"), found.origin.precision),
            (
                say("Context"),
                say("{here:,} tokens here, {made:,} at most", here=found.context_here, made=found.context),
            ),
        ]
    )
    return f'<ul class="inside-memory">{bars}</ul>{figures}'


def differences(found: ArchitectureResult, say: Say) -> str:
    """A sentence for each thing that the transformer of 2017 had otherwise. HTML."""
    told = [say("It had an encoder and a decoder; this is a decoder alone, which reads the text and goes on with it.")]
    if found.rope_theta is not None:
        told.append(
            say(
                "It added sinusoids to the embeddings; RoPE turns queries and keys by an angle for their position "
                "instead."
            )
        )
    if found.norm != "LayerNorm":
        told.append(
            say(
                "It normalized after each part with LayerNorm; {norm} comes before each part, and takes no mean off.",
                norm=found.norm,
            )
        )
    else:
        told.append(say("It normalized after each part; here LayerNorm comes before each part."))
    name = ACTIVATIONS.get(found.activation, found.activation)
    if found.gated:
        told.append(
            say(
                "Its feed-forward part cut off at zero (ReLU); here {name} of one product gates another one.", name=name
            )
        )
    elif name != "ReLU":
        told.append(say("Its feed-forward part cut off at zero (ReLU); here {name} bends softly.", name=name))
    if found.kv_heads < found.heads:
        told.append(
            say(
                "Each of its heads had keys and values of its own; here {group} heads share them, so that less is "
                "remembered.",
                group=found.heads // max(found.kv_heads, 1),
            )
        )
    if found.attention_bias:
        told.append(say("Queries, keys and values have biases, which most models of today do without."))
    if found.sliding_window:
        told.append(say("Some layers see only {count:,} tokens back.", count=found.sliding_window))
    return f"<ul class=inside-told>{''.join(f'<li>{escape(each)}</li>' for each in told)}</ul>"


def parts(found: ArchitectureResult, say: Say) -> str:
    """The table of all parts."""
    head = [
        say("Part"),
        say("Kind"),
        say("Layer"),
        say("Shapes"),
        say("Parameters"),
        say("Precision"),
        say("Bytes"),
        say("Share"),
    ]
    rows: list[Row] = [_row(part, say) for part in found.parts]
    listed = table(head, rows, say("All parts of the model"), sortable=True, kind="inside-tall")
    return section(say("All parts, as they stand in memory"), listed)


def _row(part: ModelPart, say: Say) -> list[Cell | str]:
    shapes = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in part.shapes)
    tied = say("(shared: counted there)") if part.tied else ""
    layer = -1 if part.layer is None else part.layer
    return [
        part.name,
        say(KINDS[part.kind]),
        Cell("–" if part.layer is None else str(part.layer), layer),
        Cell(f"<small>{escape(shapes)}</small>"),
        number(part.parameters, ","),
        f"{part.precision} {tied}".strip(),
        number(part.bytes, ","),
        Cell(f"{part.share:.1%}", part.share, part.share),
    ]
