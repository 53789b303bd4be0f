"""The labels that a text can get: named by the user, or by the template."""

import re
from collections.abc import Sequence

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import Template

FEWEST, MOST = 2, 20
_LONGEST = 50
_SEPARATOR = re.compile(r"[,，、;；\n]")


def parse_labels(given: str | Sequence[str]) -> tuple[str, ...]:
    """Two to twenty labels in any language, from a list or from a text with commas, semicolons or lines.

    Raises `InvalidInput` for another number of them, for two that are the same, and for one that is too long.
    """
    names = _SEPARATOR.split(given) if isinstance(given, str) else given
    labels = tuple(" ".join(name.split()) for name in names if name.strip())
    if not FEWEST <= len(labels) <= MOST:
        raise InvalidInput(f"Name {FEWEST} to {MOST} labels with commas between them, not {len(labels)}.")
    for index, label in enumerate(labels):
        if len(label) > _LONGEST:
            raise InvalidInput(f"A label may have {_LONGEST} characters; {label[:20]!r}… has {len(label)}. Shorten it.")
        if label.casefold() in {earlier.casefold() for earlier in labels[:index]}:
            raise InvalidInput(f"The label {label!r} is there twice. Name each label once.")
    return labels


def default_labels(template: Template) -> tuple[str, ...]:
    """The labels that the template's ``labels`` names. Raises `TemplateError` when they can't be used."""
    given = template.extra.get("labels")
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise template.fault("labels", "labels must be a list of texts.")
    try:
        return parse_labels(given)
    except InvalidInput as error:
        raise template.fault("labels", str(error)) from error
