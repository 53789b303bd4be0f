"""The prompts whose continuations are scored: labelled examples, the text, and then a label.

They are plain text to be completed, not a conversation. On SST-2 that is right for far more rows with a small
model than asking for the label in a chat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen_ui.adapters.store import Adapter
from qwen_ui.decisions.options import Kind, kind_of, parse_options
from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import Template
from qwen_ui.sentences import marked

MAX_CHARACTERS = 4000

_EXAMPLES = marked("examples must be a list of {{text: …, label: …}}, or a list of such lists.")


@dataclass(frozen=True, slots=True)
class Order:
    """How texts are to be judged."""

    template: Template
    labels: tuple[str, ...]
    calibrated: bool = True
    adapter: Adapter | None = None
    """The one that judges; None for the model itself."""
    question: str = ""
    """What is asked of the texts; empty where the template says it."""

    @property
    def calibration_texts(self) -> tuple[str, ...]:
        """The texts that the result is calibrated against; none when it isn't."""
        return calibration_texts(self.template) if self.calibrated else ()


@dataclass(frozen=True, slots=True)
class Scoring:
    """What to hand to the engine's ``score``: prompts that all begin alike, so their beginning is computed once."""

    prompts: tuple[str, ...]
    """One a text."""
    candidates: tuple[str, ...]
    """The labels as they follow the prompts."""


@dataclass(frozen=True, slots=True)
class _Example:
    text: str
    label: str
    question: str = ""
    labels: str = ""
    """What its label is one of, where it has labels of its own."""
    kind: Kind | None = None
    """Of these."""


def calibration_texts(template: Template) -> tuple[str, ...]:
    """The template's unlabelled ``references``: what scores are on average is measured on them."""
    texts = template.extra.get("references", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise template.fault("references", "references must be a list of texts.")
    return tuple(texts)


def one_line(text: str) -> str:
    """The text as it is judged. Raises `InvalidInput` for one that is empty or too long."""
    line = " ".join(text.split())
    if not line:
        raise InvalidInput("There is no text to analyze. Type or paste one first.")
    if len(line) > MAX_CHARACTERS:
        raise InvalidInput(
            "The text has {count:,} characters; the limit is {limit:,}. Shorten it.",
            count=len(line),
            limit=MAX_CHARACTERS,
        )
    return line


def build(template: Template, texts: Sequence[str], labels: Sequence[str], question: str = "") -> tuple[Scoring, ...]:
    """One scoring of all the texts for each group of examples in the template; their scores are averaged.

    Examples are shown when their labels are among the wanted ones; those with a question and ``options`` of their own
    when these are of the wanted ones' kind. Two groups err less than either: a small model is swayed by which examples
    it saw last.
    Raises `InvalidInput` for a text that is empty or too long, `TemplateError` for a template that is broken.
    """
    groups = {tuple(_matching(group, labels)): None for group in _groups(template)}
    shown = [group for group in groups if group] or [()]
    return tuple(_scoring(template, texts, labels, question, group) for group in shown)


def _scoring(
    template: Template, texts: Sequence[str], labels: Sequence[str], question: str, examples: Sequence[_Example]
) -> Scoring:
    prompts = tuple(_prompt(template, text, labels, question, examples) for text in texts)
    # "Sentiment:" goes on with a space, "情感：" doesn't.
    space = " " if all(prompt[-1].isascii() for prompt in prompts) else ""
    return Scoring(prompts, tuple(space + label for label in labels))


def _prompt(template: Template, text: str, labels: Sequence[str], question: str, examples: Sequence[_Example]) -> str:
    asked = {"question": question} if question else {}
    messages = template.render(text=one_line(text), labels=", ".join(labels), examples=examples, **asked)
    if len(messages) != 1:
        raise template.fault("name", "a template for {task} must have exactly one section, user:.", task=template.task)
    return messages[0].content.rstrip()


def _groups(template: Template) -> list[list[_Example]]:
    """The template's examples: a list of them, or a list of such lists."""
    given = template.extra.get("examples", [])
    if not isinstance(given, list):
        raise template.fault("examples", _EXAMPLES)
    groups = given if given and all(isinstance(group, list) for group in given) else [given]
    return [[_example(template, item) for item in group] for group in groups]


def _example(template: Template, item: object) -> _Example:
    match item:
        case {"text": str(text), "label": str(label), "question": str(question), "options": options}:
            try:
                labels = parse_options(options)
            except InvalidInput as error:
                raise template.fault("examples", "{error}", error=error) from error
            return _Example(text, label, question, ", ".join(labels), kind_of(labels))
        case {"text": str(text), "label": str(label)}:
            return _Example(text, label)
    raise template.fault("examples", _EXAMPLES)


def _matching(examples: Sequence[_Example], labels: Sequence[str]) -> list[_Example]:
    """The examples that suit the wanted labels, spelled as wanted; none if they show fewer than two labels."""
    spelled, kind = {label.casefold(): label for label in labels}, kind_of(labels)
    matching = [
        example if example.kind else replace(example, label=spelled[example.label.casefold()])
        for example in examples
        if (example.kind == kind if example.kind else example.label.casefold() in spelled)
    ]
    return matching if len({example.label for example in matching}) > 1 else []
