"""The prompts whose continuations are scored: labelled examples, the text, and then a label.

They are plain text to be completed, not a conversation. On SST-2 that is right for far more rows with a small
model than asking for the label in a chat.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import Template

MAX_CHARACTERS = 4000

_EXAMPLES = "examples must be a list of {text: …, label: …}, or a list of such lists."


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


def build(template: Template, texts: Sequence[str], labels: Sequence[str]) -> tuple[Scoring, ...]:
    """One scoring of all the texts for each group of examples in the template; `classify` averages them.

    Examples are shown when their labels are among the wanted ones. Two groups err less than either: a small
    model is swayed by which examples it saw last.
    Raises `InvalidInput` for a text that is empty or too long, `TemplateError` for a template that is broken.
    """
    groups = {tuple(_matching(group, labels)): None for group in _groups(template)}
    shown = [group for group in groups if group] or [()]
    return tuple(_scoring(template, texts, labels, group) for group in shown)


def references(template: Template) -> tuple[str, ...]:
    """The template's unlabelled reference texts: what scores are on average is measured on them."""
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
    chinese = any("㐀" <= character <= "鿿" for label in labels for character in label)

    def fit(template: Template) -> tuple[int, bool]:
        own = template.extra.get("labels")
        shared = wanted & {str(label).casefold() for label in (own if isinstance(own, list) else ())}
        return len(shared), template.language.startswith("zh") == chinese

    return max(templates, key=fit)


def _scoring(template: Template, texts: Sequence[str], labels: Sequence[str], examples: Sequence[_Example]) -> Scoring:
    prompts = tuple(_prompt(template, text, labels, examples) for text in texts)
    # "Sentiment:" goes on with a space, "情感：" doesn't.
    space = " " if all(prompt[-1].isascii() for prompt in prompts) else ""
    return Scoring(prompts, tuple(space + label for label in labels))


def _prompt(template: Template, text: str, labels: Sequence[str], examples: Sequence[_Example]) -> str:
    line = " ".join(text.split())
    if not line:
        raise InvalidInput("There is no text to judge. Write or paste one first.")
    if len(line) > MAX_CHARACTERS:
        raise InvalidInput(f"The text has {len(line):,} characters; {MAX_CHARACTERS:,} can be judged. Shorten it.")
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
    if not all(_is_example(item) for group in groups for item in group):
        raise template.fault("examples", _EXAMPLES)
    return [[_Example(item["text"], item["label"]) for item in group] for group in groups]


def _is_example(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("text", "label"))


def _matching(examples: Sequence[_Example], labels: Sequence[str]) -> list[_Example]:
    """The examples with wanted labels, spelled as wanted; none if they show fewer than two of the labels."""
    spelled = {label.casefold(): label for label in labels}
    matching = [
        _Example(example.text, spelled[example.label.casefold()])
        for example in examples
        if example.label.casefold() in spelled
    ]
    return matching if len({example.label for example in matching}) > 1 else []
