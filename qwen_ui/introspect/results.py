"""What comes back of a look: numbers in numpy arrays, words as the reader sees them. No torch here.

Layers count from 0. "States" are the residual stream: state 0 is the embeddings, state n what layer n - 1 leaves,
before the final norm. Probabilities are of 0 to 1, logarithms natural. ``nan``: there is nothing to measure.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qwen_ui.introspect import looks
from qwen_ui.introspect.codec import plain
from qwen_ui.introspect.sampling import after_sampling

FORMAT = "qwen-ui-look"
VERSION = 1
"""Of traces"""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
PartKind = Literal["embedding", "attention", "feedforward", "norm", "head", "other"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What was looked into."""

    model: str
    precision: str
    """fp32, bf16, 8bit or 4bit, as it serves; "16bit" for what was computed on its plain weights"""
    adapter: str = ""
    scale: float = 1.0
    """The adapter's effect, 1 as it was trained."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as the reader sees it; one that is only part of a character shows as its bytes do ("<0xE4>")."""

    token: str
    id: int


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """What comes next."""

    logits: Floats
    """(vocabulary,)"""
    likeliest: tuple[Piece, ...]
    """The likeliest ones, in their order, which no temperature, top-k or top-p changes."""

    def probabilities(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Floats:
        """(vocabulary,): after these samplers, as the server's own ones do it."""
        return after_sampling(self.logits, temperature, top_k, top_p)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the model: the embeddings, a layer's attention, …"""

    name: str
    """In the model, such as model.layers.0.self_attn"""
    kind: PartKind
    layer: int | None
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    """Of its tensors, by their names within the part: (outputs, inputs) for a linear layer, packed or not."""
    parameters: int
    precision: str
    """fp32, bf16, fp16, 8bit, 4bit; several, where they are mixed: "4bit + bf16"."""
    bytes: int
    share: float
    """Of the model's bytes"""
    tied: bool = False
    """Whether its tensors are those of another part, which counts them."""


class Result:
    """Every result: what was asked, of what, and to and from a trace."""

    __slots__ = ()
    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The trace, for `json.dumps`: numbers are rounded to a few digits. `traces.from_json` opens it again."""
        return {"format": FORMAT, "version": VERSION, "kind": self.kind, **plain(self)}


@dataclass(frozen=True, slots=True, eq=False)
class ArchitectureResult(Result):
    """The model as it stands in memory."""

    kind: ClassVar[str] = "architecture"
    look: looks.Architecture
    origin: Origin
    family: str
    """transformers' name of it, such as qwen2"""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    context: int
    """Tokens that the model was made for"""
    context_here: int
    """Tokens that a prompt and its answer may have here"""
    rope_theta: float | None
    """None for a model without RoPE"""
    rope_scaling: str
    """Its kind; "default" without any, empty without RoPE"""
    norm: str
    """RMSNorm, LayerNorm, …"""
    norm_epsilon: float
    activation: str
    """silu, gelu, …"""
    gated: bool
    """Whether the feed-forward part multiplies by a gate: SwiGLU and its kin"""
    attention_bias: bool
    """Whether queries, keys and values have biases"""
    tied: bool
    """Whether the head is the embeddings once more"""
    sliding_window: int | None
    """Tokens back that some layers' attention is limited to"""
    parameters: int
    bytes: int
    parts: tuple[Part, ...]
    linear: tuple[str, ...]
    """Names of the layers that `looks.Microscope` can be pointed at"""


@dataclass(frozen=True, slots=True, eq=False)
class ForwardResult(Result):
    """The pass from tokens to the next one."""

    kind: ClassVar[str] = "forward"
    look: looks.Forward
    origin: Origin
    pieces: tuple[Piece, ...]
    norms: Floats
    """(layers + 1, positions): length of each state"""
    lens_ids: Ints
    """(layers + 1, positions): the likeliest next token, were the head to read the state: the logit lens"""
    lens_tokens: tuple[tuple[str, ...], ...]
    """The same as the reader sees them"""
    lens_probabilities: Floats
    """(layers + 1, positions): theirs"""
    leads: Ints
    """(positions,): the first state from which on the final token leads, to the end"""
    next: Distribution
    untouched: Distribution | None
    """Without what was knocked out; None where nothing was"""


@dataclass(frozen=True, slots=True, eq=False)
class AttentionResult(Result):
    """Where heads look. Scores are means over the positions where there is such a token, from the second one on."""

    kind: ClassVar[str] = "attention"
    look: looks.Attention
    origin: Origin
    pieces: tuple[Piece, ...]
    maps: Floats
    """(heads, queries, keys): weights of the layer, each row adds up to 1"""
    previous: Floats
    """(layers, heads): weight on the previous token"""
    first: Floats
    """(layers, heads): on the first token"""
    itself: Floats
    """(layers, heads): on the position itself"""
    same: Floats
    """(layers, heads): on earlier places of the same token; nan where no token comes twice"""
    induction: Floats
    """(layers, heads): on what followed the same token before; nan where no token comes twice"""
    next: Distribution
    untouched: Distribution | None


@dataclass(frozen=True, slots=True, eq=False)
class PositionsResult(Result):
    """RoPE's angles, and how attention falls with distance on this text."""

    kind: ClassVar[str] = "positions"
    look: looks.Positions
    origin: Origin
    pieces: tuple[Piece, ...]
    frequencies: Floats
    """(pairs,): radians a token by which each pair of a head's dimensions turns; empty for a model without RoPE"""
    distances: Ints
    """(shown,): tokens between two positions"""
    angles: Floats
    """(pairs, shown): radians, whole turns included"""
    scores: Floats
    """(layers, positions): mean score q·k/√d by distance 0, 1, …, over heads and places; before the softmax"""
    weights: Floats
    """(layers, positions): mean attention weight by distance"""
    context: int
    context_here: int
    rope_theta: float | None
    rope_scaling: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a feed-forward part at one token."""

    index: int
    gate: float
    """Before the activation function"""
    activation: float
    """After it"""
    up: float | None
    """What the gate multiplies; None in a part without gates"""
    product: float
    strength: float
    """Length of what it adds to the residual stream"""
    promotes: tuple[Piece, ...]
    """Words that it makes likelier with this sign, read through the final norm's weights and the head"""
    suppresses: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FeedForwardResult(Result):
    """A layer's feed-forward part at one token."""

    kind: ClassVar[str] = "feedforward"
    look: looks.FeedForward
    origin: Origin
    pieces: tuple[Piece, ...]
    position: int
    """Counted from 0"""
    activation: str
    gated: bool
    curve_x: Floats
    """(points,): values before the activation function"""
    curve_y: Floats
    """(points,): after it"""
    gates: Floats
    """(units,): values before the activation function at this token"""
    products: Floats
    """(units,): what goes into the layer's last product"""
    units: tuple[Unit, ...]
    """Those that add most, the strongest first"""


@dataclass(frozen=True, slots=True, eq=False)
class BackwardResult(Result):
    """An answer's loss, its gradients, and one step. Losses are in nats a token."""

    kind: ClassVar[str] = "backward"
    look: looks.Backward
    origin: Origin
    pieces: tuple[Piece, ...]
    """The prompt's tokens, then the answer's"""
    prompt_tokens: int
    losses: Floats
    """(answer tokens,)"""
    losses_after: Floats
    """(answer tokens,): after the step"""
    loss_before: float
    """Their means"""
    loss_after: float
    saliency: Floats
    """(positions,): gradient × embedding of each token, added up; 0 for the last, which nothing is learnt after"""
    modules: tuple[str, ...]
    """The kinds of a layer's modules, such as q_proj"""
    gradients: Floats
    """(layers, modules): length of the gradient"""
    other_gradients: tuple[tuple[str, float], ...]
    """Length of the gradient of what is in no layer: embeddings, final norm, head"""
    gradient: float
    """Length of the whole gradient"""
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Against16Bits:
    """The model in 4 bits against its 16-bit weights, on the text."""

    divergence: Floats
    """(positions,): KL(16 bits ‖ 4 bits) of the next token, in nats"""
    agree: Ints
    """(positions,): 1 where both find the same token likeliest"""
    here: tuple[Piece, ...]
    """The likeliest next token at each position in 4 bits"""
    there: tuple[Piece, ...]
    """In 16 bits"""


@dataclass(frozen=True, slots=True, eq=False)
class MicroscopeResult(Result):
    """A layer's weights in 4 bits. Where the 16-bit weights are not there, ``original`` and errors are nan."""

    kind: ClassVar[str] = "microscope"
    look: looks.Microscope
    origin: Origin
    shape: tuple[int, int]
    resident: bool
    """Whether the model has the layer in 4 bits; else it was packed for this look, from the weights that it has"""
    levels: Floats
    """(16,): NF4's levels, within −1 and 1"""
    edges: Floats
    """(bins + 1,): of the histogram, in parts of each block's largest weight"""
    counts: Ints
    """(bins,): weights, the 16-bit ones where they are there"""
    used: Ints
    """(16,): weights at each level"""
    block_size: int
    blocks: int
    codes: Ints
    """(block_size,): the shown block's, 0 to 15"""
    scale: float
    """Its largest weight's size, by which the levels are multiplied"""
    unpacked: Floats
    """(block_size,): its weights, from codes and scale"""
    original: Floats
    """(block_size,): the 16-bit weights"""
    weight_error: float
    """Length of the weights' error in parts of the weights' length"""
    output_error: Floats
    """(positions,): the same of the layer's output, for the inputs that it gets on this text"""
    bits: float
    """A weight, scales included"""
    against: Against16Bits | None
    missing: str
    """Empty, or a sentence why there are no 16-bit weights to compare with"""


@dataclass(frozen=True, slots=True, eq=False)
class CompareResult(Result):
    """The model beside itself with an adapter."""

    kind: ClassVar[str] = "compare"
    look: looks.Compare
    origin: Origin
    base: ForwardResult
    adapted: ForwardResult
    base_maps: Floats
    """(heads, queries, keys): of the layer that was asked for"""
    adapted_maps: Floats
    heads: Floats
    """(layers, heads): how much of a row's weight lies elsewhere, on average: half the sum of the differences"""
    states: Floats
    """(layers + 1, positions): length of the states' difference in parts of the base's length"""
    begins: Ints
    """(positions,): the first state whose likeliest token differs; −1 where all agree"""
    divergence: float
    """KL(adapted ‖ base) of the next token, in nats"""
    modules: tuple[str, ...]
    """The kinds of modules that the adapter changes"""
    changes: Floats
    """(layers, modules): ‖ΔW‖, at this scale; nan where it changes nothing"""
    relative: Floats
    """(layers, modules): ‖ΔW‖ ÷ ‖W‖"""


AnyResult = (
    ArchitectureResult
    | ForwardResult
    | AttentionResult
    | PositionsResult
    | FeedForwardResult
    | BackwardResult
    | MicroscopeResult
    | CompareResult
)
