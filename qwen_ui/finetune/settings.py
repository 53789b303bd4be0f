"""Every choice of a training run, once: the command's flags, the tab's widgets and a run's file come from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence, marked

T = TypeVar("T")

_NO_WHOLE = marked("{name} must be a whole number from {low:g} to {high:g}, not {value}.")
_NO_NUMBER = marked("{name} must be a number from {low:g} to {high:g}, not {value}.")

Shape = Literal["labels", "answers", "translation", "conversations", "text"]
"""What a file's rows are: text and label, instruction and answer, source and translation, chats, or plain text."""
Method = Literal["lora", "layers", "full"]
"""What is trained: an adapter beside the weights, the last layers' own weights, or all of them."""
Modules = Literal["all", "attention", "feed-forward"]
Optimizer = Literal["adamw", "adam", "sgd", "adafactor", "adamw8bit"]
Schedule = Literal["linear", "cosine", "constant"]
Loss = Literal["cross-entropy", "mean-squared-error"]
LossOn = Literal["answer", "all"]
ClassWeights = Literal["none", "balanced"]
StopBy = Literal["none", "loss", "metric"]
Preset = Literal["quick", "careful", "tiny"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What people are told of a setting, and what they can give for it."""

    section: str
    title: str
    help: str
    """One sentence on what it does."""
    low: float = 0
    high: float = 0
    """Bounds of a number."""
    options: tuple[str, ...] = ()
    """Of a word."""


def _choice(
    section: str, default: T, title: str, meaning: str, low: float = 0, high: float = 0, options: Any = None
) -> T:
    choice = Choice(section, title, meaning, low, high, get_args(options) if options else ())
    return field(default=default, metadata={"choice": choice})


DATA, TRAINED, STEPS, LOSS, STOPPING = (
    marked("Data"),
    marked("What is trained"),
    marked("Steps"),
    marked("Loss"),
    marked("Stopping"),
)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train. Raises `InvalidInput` for values outside their bounds."""

    shape: Shape = _choice(DATA, "labels", marked("Rows are"), marked("What each row of the file is."), options=Shape)
    input: str = _choice(
        DATA, "", marked("Input column"), marked("The column that the model reads; found by its name when left empty.")
    )
    target: str = _choice(
        DATA, "", marked("Target column"), marked("The column that the model learns to write; found when left empty.")
    )
    template: str = _choice(
        DATA,
        "",
        marked("Prompt template"),
        marked("The prompt file that rows are put into, as task/name; when left empty, the one that suits the rows."),
    )
    split: str = _choice(
        DATA, "", marked("Split column"), marked("A column that says train, validation or test; by chance without one.")
    )
    validation: float = _choice(
        DATA, 0.1, marked("Validation share"), marked("The part of the rows that is kept for watching."), 0, 0.5
    )
    test: float = _choice(
        DATA, 0.1, marked("Test share"), marked("The part of the rows that is kept for the result."), 0, 0.5
    )
    rows: int = _choice(
        DATA, 0, marked("Rows to use"), marked("So many rows are taken, by chance; 0 takes all."), 0, 1_000_000
    )
    max_length: int = _choice(
        DATA, 512, marked("Maximum row length (tokens)"), marked("Longer examples are cut off there."), 16, 32_768
    )
    method: Method = _choice(
        TRAINED,
        "lora",
        marked("Method"),
        marked("An adapter beside the weights (lora), the last layers themselves, or the full model."),
        options=Method,
    )
    rank: int = _choice(
        TRAINED, 16, marked("Rank"), marked("The adapter's width: more learns and forgets more."), 1, 256
    )
    alpha: float = _choice(
        TRAINED, 32, marked("Alpha"), marked("The adapter counts by alpha ÷ rank; twice the rank is usual."), 1, 1024
    )
    dropout: float = _choice(
        TRAINED,
        0.0,
        marked("Dropout"),
        marked("The part of the inputs that is left out by chance."),
        0,
        0.9,
    )
    rslora: bool = _choice(
        TRAINED, False, marked("Rank-stabilized"), marked("Scales by alpha ÷ √rank, so that high ranks learn as well.")
    )
    dora: bool = _choice(
        TRAINED, False, marked("DoRA"), marked("Learns the weights' lengths beside their directions; slower.")
    )
    lora_plus: float = _choice(
        TRAINED,
        1,
        marked("LoRA+ ratio"),
        marked("B learns so many times faster than A; 16 is usual, 1 is off."),
        1,
        64,
    )
    modules: Modules = _choice(
        TRAINED, "all", marked("Modules"), marked("Which linear layers get an adapter."), options=Modules
    )
    layers: int = _choice(
        TRAINED, 0, marked("Last layers"), marked("Only so many of the last layers are trained; 0 trains all."), 0, 1000
    )
    unfreeze_every: int = _choice(
        TRAINED,
        0,
        marked("Gradual unfreezing (steps)"),
        marked("Begins with the top layer, and lets one more learn each so many steps; 0 trains all from the start."),
        0,
        100_000,
    )
    layer_decay: float = _choice(
        TRAINED,
        1.0,
        marked("Layer-wise rate decay"),
        marked("Each layer learns at this part of the rate of the one above it; 1 is the same rate for all."),
        0.1,
        1,
    )
    optimizer: Optimizer = _choice(
        STEPS, "adamw", marked("Optimizer"), marked("What turns gradients into steps."), options=Optimizer
    )
    learning_rate: float = _choice(
        STEPS,
        4e-4,
        marked("Learning rate"),
        marked("The size of a step: small learns slowly, large forgets."),
        1e-8,
        10,
    )
    weight_decay: float = _choice(
        STEPS, 0.01, marked("Weight decay"), marked("Draws weights towards zero at each step."), 0, 1
    )
    momentum: float = _choice(STEPS, 0.9, marked("Momentum"), marked("How much of the last step SGD keeps."), 0, 0.999)
    schedule: Schedule = _choice(
        STEPS, "linear", marked("Schedule"), marked("How the learning rate falls until the end."), options=Schedule
    )
    warmup: float = _choice(
        STEPS, 0.06, marked("Warm-up share"), marked("The part of the steps in which the rate rises from zero."), 0, 0.5
    )
    batch_size: int = _choice(STEPS, 16, marked("Batch size"), marked("Examples computed together."), 1, 256)
    accumulation: int = _choice(
        STEPS, 1, marked("Accumulation"), marked("Batches whose gradients are added up for one step."), 1, 256
    )
    clip: float = _choice(
        STEPS,
        1.0,
        marked("Gradient clipping"),
        marked("Longer gradients are cut to this norm; 0 is off."),
        0,
        100,
    )
    checkpointing: bool = _choice(
        STEPS, False, marked("Gradient checkpointing"), marked("Computes activations twice to save memory.")
    )
    epochs: float = _choice(STEPS, 3, marked("Epochs"), marked("How often all examples are seen."), 0.1, 1000)
    steps: int = _choice(STEPS, 0, marked("Steps"), marked("Ends after so many steps; 0 goes by epochs."), 0, 1_000_000)
    seed: int = _choice(STEPS, 7, marked("Seed"), marked("The same seed gives the same split and order."), 0, 2**31 - 1)
    loss: Loss = _choice(
        LOSS,
        "cross-entropy",
        marked("Loss"),
        marked("Cross-entropy for words; mean squared error where the target is a number."),
        options=Loss,
    )
    loss_on: LossOn = _choice(
        LOSS, "answer", marked("Loss on"), marked("Learn to write the answer only, or all of the text."), options=LossOn
    )
    smoothing: float = _choice(
        LOSS,
        0.0,
        marked("Label smoothing"),
        marked("Keeps so much probability for other tokens."),
        0,
        0.5,
    )
    class_weights: ClassWeights = _choice(
        LOSS,
        "none",
        marked("Class weights"),
        marked("Balanced lets rare labels count as much as frequent ones."),
        options=ClassWeights,
    )
    evaluate_every: int = _choice(
        STOPPING,
        0,
        marked("Evaluate every (steps)"),
        marked("How often the validation rows are judged and a checkpoint is kept; 0 does it four times an epoch."),
        0,
        100_000,
    )
    stop_by: StopBy = _choice(
        STOPPING,
        "loss",
        marked("Stop early by"),
        marked("Ends when this no longer gets better; the best checkpoint is the result in any case."),
        options=StopBy,
    )
    patience: int = _choice(
        STOPPING, 3, marked("Patience"), marked("Evaluations without a better one before it ends."), 1, 1000
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            value = _checked(each.metadata["choice"], each.default, getattr(self, each.name))
            object.__setattr__(self, each.name, value)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "TrainSettings":
        """From a mapping. Raises `InvalidInput` for a setting that there is not, or a value that can't be."""
        if unknown := sorted(given.keys() - choices().keys()):
            raise InvalidInput(
                "There is no setting {name!r}. There are: {names}.", name=unknown[0], names=", ".join(choices())
            )
        return cls(**given)


def choices() -> dict[str, Choice]:
    """What there is to choose, by the setting's name."""
    return {each.name: each.metadata["choice"] for each in fields(TrainSettings)}


def default_of(name: str) -> Any:
    """The setting's default, which also tells its kind: a bool, an int, a float or a str."""
    return next(each.default for each in fields(TrainSettings) if each.name == name)


def preset(name: Preset) -> TrainSettings:
    """The settings that go together under that name."""
    return TrainSettings(**PRESETS[name])


def _checked(choice: Choice, default: Any, value: Any) -> Any:
    """The value, in the kind of its setting's default. Raises `InvalidInput` for one that can't be."""
    if choice.options or isinstance(default, str):
        if not isinstance(value, str) or (choice.options and value not in choice.options):
            raise InvalidInput(
                "{name} must be one of {values}, not {value!r}.",
                name=Sentence(choice.title),
                values=", ".join(choice.options) or "text",
                value=value,
            )
        return value
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InvalidInput("{name} must be true or false, not {value!r}.", name=Sentence(choice.title), value=value)
        return value
    return _number(choice, value, isinstance(default, int))


def _number(choice: Choice, value: Any, whole: bool) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not choice.low <= value <= choice.high or (whole and int(value) != value):
        template = _NO_WHOLE if whole else _NO_NUMBER
        raise InvalidInput(
            template,
            name=Sentence(choice.title),
            low=choice.low,
            high=choice.high,
            value=value,
        )
    return int(value) if whole else float(value)


PRESETS: dict[Preset, dict[str, Any]] = {
    "quick": {},
    "careful": {"rank": 32, "alpha": 64, "learning_rate": 2e-4, "schedule": "cosine", "epochs": 6, "dropout": 0.05},
    "tiny": {"rank": 8, "alpha": 16, "learning_rate": 2e-4, "epochs": 10, "batch_size": 4, "dropout": 0.1},
}
"""Beside the defaults."""
