"""The labels that a text can get, and the template that suits them."""

from collections.abc import Sequence

from qwen_ui.decisions.options import FEWEST_OPTIONS, MOST_OPTIONS, SEPARATOR
from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import Template
from qwen_ui.text.languages import HAN

LONGEST_LABEL = 50


def parse_labels(given: str | Sequence[str]) -> tuple[str, ...]:
    """Two to twenty labels in any language, from a list or from a text with commas, semicolons or lines.

    Raises `InvalidInput` for another number of them, for two that are the same, for one that is too long, and for
    what is no text.
    """
    if not isinstance(given, str | list | tuple) or not all(isinstance(name, str) for name in given):
        raise InvalidInput("The labels must be a text, separated by commas.")
    names = SEPARATOR.split(given) if isinstance(given, str) else given
    labels = tuple(" ".join(name.split()) for name in names if name.strip())
    if not FEWEST_OPTIONS <= len(labels) <= MOST_OPTIONS:
        raise InvalidInput(
            "Enter {fewest} to {most} labels separated by commas, not {count:,}.",
            fewest=FEWEST_OPTIONS,
            most=MOST_OPTIONS,
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
