"""The labels that a text can get, and the prompts whose continuations are scored: labelled examples, the text, a label.

They are plain text to be completed, not a conversation. On SST-2 that is right for far more rows with a small
model than asking for the label in a chat.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import Template
from qwen_ui.sentences import marked
from qwen_ui.text.languages import HAN

FEWEST_LABELS, MOST_LABELS = 2, 20
LONGEST_LABEL = 50
MAX_CHARACTERS = 4000

_SEPARATOR = re.compile(r"[,，、;；\n]")
_EXAMPLES = marked("examples must be a list of {{text: …, label: …}}, or a list of such lists.")


@dataclass(frozen=True, slots=True)
class _Example:
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """What to hand to the engine's ``score``: prompts that all begin alike, so their beginning is computed once."""

    prompts: tuple[str, ...]
    """One a text."""
    candidates: tuple[str, ...]
    """The labels as they follow the prompts."""


def parse_labels(given: str | Sequence[str]) -> tuple[str, ...]:
    """Two to twenty labels in any language, from a list or from a text with commas, semicolons or lines.

    Raises `InvalidInput` for another number of them, for two that are the same, for one that is too long, and for
    what is no text.
    """
    if not isinstance(given, str | list | tuple) or not all(isinstance(name, str) for name in given):
        raise InvalidInput("The labels must be a text, separated by commas.")
    names = _SEPARATOR.split(given) if isinstance(given, str) else given
    labels = tuple(" ".join(name.split()) for name in names if name.strip())
    if not FEWEST_LABELS <= len(labels) <= MOST_LABELS:
        raise InvalidInput(
            "Enter {fewest} to {most} labels separated by commas, not {count:,}.",
            fewest=FEWEST_LABELS,
            most=MOST_LABELS,
            count=len(labels),
        )
    seen: set[str] = set()
    for label in labels:
        if len(label) > LONGEST_LABEL:
            raise InvalidInput(
                "A label may have {limit} characters; {label!r}… has {count:,}. Shorten it.",
                limit=LONGEST_LABEL,
                label=label[:20],
                count=len(label),
            )
        if label.casefold() in seen:
            raise InvalidInput("The label {label!r} appears twice. Enter each label once.", label=label)
        seen.add(label.casefold())
    return labels


def default_labels(template: Template) -> tuple[str, ...]:
    """The labels that the template's ``labels`` names. Raises `TemplateError` when they can't be used."""
    given = template.extra.get("labels")
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise template.fault("labels", "labels must be a list of texts.")
    try:
        return parse_labels(given)
    except InvalidInput as error:
        raise template.fault("labels", "{error}", error=error) from error


def calibration_texts(template: Template) -> tuple[str, ...]:
    """The template's unlabelled ``references``: what scores are on average is measured on them."""
    texts = template.extra.get("references", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise template.fault("references", "references must be a list of texts.")
    return tuple(texts)


def suited(templates: Sequence[Template], labels: Sequence[str]) -> Template:
    """The template for labels that came without one: that with most of them, else one in their script.

    Raises `InvalidInput` when there is none at all.
    """
    if not templates:
        raise InvalidInput("There is no working template for sentiment. Restore one in the prompts folder.")
    wanted = {label.casefold() for label in labels}
    chinese = any(HAN.search(label) for label in labels)

    def fit(template: Template) -> tuple[int, bool]:
        own = template.extra.get("labels")
        shared = wanted & {str(label).casefold() for label in (own if isinstance(own, list) else ())}
        return len(shared), template.language.startswith("zh") == chinese

    return max(templates, key=fit)


def trained_with(templates: Sequence[Template], named: str) -> Template | None:
    """The template that an adapter's card names as sentiment/…, where it is one of these."""
    return next((template for template in templates if f"{template.task}/{template.id}" == named), None)


def build(template: Template, texts: Sequence[str], labels: Sequence[str]) -> tuple[Scoring, ...]:
    """One scoring of all the texts for each group of examples in the template; their scores are averaged.

    Examples are shown when their labels are among the wanted ones. Two groups err less than either: a small
    model is swayed by which examples it saw last.
    Raises `InvalidInput` for a text that is empty or too long, `TemplateError` for a template that is broken.
    """
    groups = {tuple(_matching(group, labels)): None for group in _groups(template)}
    shown = [group for group in groups if group] or [()]
    return tuple(_scoring(template, texts, labels, group) for group in shown)


def _scoring(template: Template, texts: Sequence[str], labels: Sequence[str], examples: Sequence[_Example]) -> Scoring:
    prompts = tuple(_prompt(template, text, labels, examples) for text in texts)
    # "Sentiment:" goes on with a space, "情感：" doesn't.
    space = " " if all(prompt[-1].isascii() for prompt in prompts) else ""
    return Scoring(prompts, tuple(space + label for label in labels))


def _prompt(template: Template, text: str, labels: Sequence[str], examples: Sequence[_Example]) -> str:
    line = " ".join(text.split())
    if not line:
        raise InvalidInput("There is no text to analyze. Type or paste one first.")
    if len(line) > MAX_CHARACTERS:
        raise InvalidInput(
            "The text has {count:,} characters; the limit is {limit:,}. Shorten it.",
            count=len(line),
            limit=MAX_CHARACTERS,
        )
    messages = template.render(text=line, labels=", ".join(labels), examples=examples)
    if len(messages) != 1:
        raise template.fault("name", "a template for sentiment must have exactly one section, user:.")
    return messages[0].content.rstrip()


def _groups(template: Template) -> list[list[_Example]]:
    """The template's examples: a list of them, or a list of such lists."""
    given = template.extra.get("examples", [])
    if not isinstance(given, list):
        raise template.fault("examples", _EXAMPLES)
    groups = given if given and all(isinstance(group, list) for group in given) else [given]
    return [[_example(template, item) for item in group] for group in groups]


def _example(template: Template, item: object) -> _Example:
    if isinstance(item, dict) and isinstance(item.get("text"), str) and isinstance(item.get("label"), str):
        return _Example(item["text"], item["label"])
    raise template.fault("examples", _EXAMPLES)


def _matching(examples: Sequence[_Example], labels: Sequence[str]) -> list[_Example]:
    """The examples with wanted labels, spelled as wanted; none if they show fewer than two of the labels."""
    spelled = {label.casefold(): label for label in labels}
    matching = [
        _Example(example.text, spelled[example.label.casefold()])
        for example in examples
        if example.label.casefold() in spelled
    ]
    return matching if len({example.label for example in matching}) > 1 else []
