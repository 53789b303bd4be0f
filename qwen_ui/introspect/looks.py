"""What can be asked of the model's inside. No torch here: see `results` for what comes back, `run` for who computes.

Texts are bounded: a look holds a map of every pair of tokens, and other people's streams go on between its parts.
"""

from dataclasses import dataclass
from typing import Literal

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message

MAX_TOKENS = 512
MAX_CHARACTERS = 32 * MAX_TOKENS
"""No text of so many tokens is longer: what is, is refused before it is tokenized."""
MAX_RATE = 1.0
MAX_SCALE = 10.0

Optimizer = Literal["sgd", "adam"]
OPTIMIZERS: tuple[Optimizer, ...] = ("sgd", "adam")


@dataclass(frozen=True, slots=True)
class Source:
    """The text that is looked at: one of a plain text, a conversation, or ids of tokens.

    A plain text is tokenized as it stands, control tokens included. A conversation goes through the model's chat
    template: one that ends with the assistant's message ends with that, else with the opening of an answer.
    Raises `InvalidInput` for none, several, or what is surely too long.
    """

    text: str = ""
    messages: tuple[Message, ...] = ()
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        given = [each for each in (self.text, self.messages, self.ids) if each]
        if not given:
            raise InvalidInput("There is no text to look at. Write something first.")
        if len(given) > 1:
            raise InvalidInput("Give a text, a conversation or ids of tokens, only one of them.")
        if len(self.text) + sum(len(each.content) for each in self.messages) > MAX_CHARACTERS:
            raise InvalidInput("The text is longer than {limit:,} tokens. Shorten it.", limit=MAX_TOKENS)
        if self.ids:
            check_tokens(len(self.ids))


def check_scale(scale: float) -> None:
    """Raises `InvalidInput` for an adapter's scale that can't be."""
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 <= scale <= MAX_SCALE:
        raise InvalidInput("The adapter's scale must be from 0 to {most:g}.", most=MAX_SCALE)


def check_tokens(count: int) -> None:
    """Raises `InvalidInput` for a text of too many tokens to look into, or none."""
    if not count:
        raise InvalidInput("There is no text to look at. Write something first.")
    if count > MAX_TOKENS:
        raise InvalidInput(
            "The text is {count:,} tokens long, and up to {limit:,} can be looked at. Shorten it.",
            count=count,
            limit=MAX_TOKENS,
        )


@dataclass(frozen=True, slots=True)
class Architecture:
    """The model as it stands in memory: `results.ArchitectureResult`."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The pass from tokens to the next one: `results.ForwardResult`.

    ``knocked`` are heads (layer, head) whose output is taken as zero, ``knocked_layers`` layers that are left out.
    """

    source: Source
    knocked: frozenset[tuple[int, int]] = frozenset()
    knocked_layers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Attention:
    """Where the heads of a layer look, and what kind of head each one of the model is: `results.AttentionResult`."""

    source: Source
    layer: int = 0
    knocked: frozenset[tuple[int, int]] = frozenset()
    knocked_layers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Positions:
    """How the model tells positions apart: `results.PositionsResult`."""

    source: Source


@dataclass(frozen=True, slots=True)
class FeedForward:
    """The units of a layer's feed-forward part at one token: `results.FeedForwardResult`.

    ``position`` counts from 0, from the end where it is negative.
    """

    source: Source
    layer: int = 0
    position: int = -1


@dataclass(frozen=True, slots=True)
class Backward:
    """The loss of an answer and its gradients, and what one step of training does: `results.BackwardResult`.

    ``source`` is the prompt, ``answer`` the text that is to follow it. Runs on the 16-bit weights, in another process.
    """

    source: Source
    answer: str
    optimizer: Optimizer = "sgd"
    rate: float = 1e-3

    def __post_init__(self) -> None:
        if not self.answer:
            raise InvalidInput("There is no answer to learn. Write one.")
        if len(self.answer) > MAX_CHARACTERS:
            raise InvalidInput("The answer is longer than {limit:,} tokens. Shorten it.", limit=MAX_TOKENS)
        if self.optimizer not in OPTIMIZERS:
            raise InvalidInput(
                "The optimizer must be one of {known}, not {given!r}.",
                known=", ".join(OPTIMIZERS),
                given=self.optimizer,
            )
        if not 0 < self.rate <= MAX_RATE:
            raise InvalidInput("The learning rate must be above 0 and at most {most:g}.", most=MAX_RATE)


@dataclass(frozen=True, slots=True)
class Microscope:
    """What 4 bits make of a layer's weights: `results.MicroscopeResult`.

    ``module`` is the name of a linear layer, as `ArchitectureResult.linear` has them. ``whole`` also compares the whole
    model's next tokens with those of the 16-bit weights, in another process: that takes many seconds.
    """

    source: Source
    module: str
    block: int = 0
    """Which block of weights is shown, counted along the rows."""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """The model beside itself with the adapter that the look is asked with: `results.CompareResult`."""

    source: Source
    layer: int = 0
    """Whose attention maps are shown of both."""


Look = Architecture | Forward | Attention | Positions | FeedForward | Backward | Microscope | Compare
LOOKS: tuple[type[Look], ...] = (
    Architecture,
    Forward,
    Attention,
    Positions,
    FeedForward,
    Backward,
    Microscope,
    Compare,
)
