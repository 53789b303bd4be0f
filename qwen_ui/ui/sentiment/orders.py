"""How to judge, from the widgets' values; and the templates for the picker."""

from collections.abc import Sequence
from typing import Any

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.tasks.sentiment import default_labels, parse_labels
from qwen_ui.ui.sentiment.judge import TASK, Order

SEPARATOR = ", "


def ordered(prompts: PromptStore, template: Any, labels: Any, calibrated: Any) -> Order:
    """The order. Raises `InvalidInput` for labels that can't be used, `TemplateError` for a broken template."""
    if not isinstance(labels, str):
        raise InvalidInput("The labels must be a text with commas between them.")
    return Order(prompts.load(TASK, template or ""), parse_labels(labels), bool(calibrated))


def offered(template: Template) -> str:
    """The template's own labels as the widget holds them; empty when they can't be used, which judging then says."""
    try:
        return SEPARATOR.join(default_labels(template))
    except QwenUIError:
        return ""


def labels_for(template: Template, labels: str, templates: Sequence[Template]) -> str:
    """The labels after the template was picked: its own, unless the user named others than templates do."""
    known = {offered(each) for each in templates} | {""}
    return offered(template) if labels.strip() in known else labels


def choices(templates: Sequence[Template]) -> list[tuple[str, str]]:
    """Names with descriptions, and ids, for the picker."""
    return [(" · ".join(filter(None, (template.name, template.description))), template.id) for template in templates]


def own_first(templates: Sequence[Template], chinese: bool) -> list[Template]:
    """Those in the visitor's language first, those for reviews first among them."""
    return sorted(templates, key=lambda t: (t.language.lower().startswith("zh") != chinese, "review" not in t.id))


def examples(templates: Sequence[Template]) -> list[list[str]]:
    """The templates' sample texts: each with its template's id."""
    return [[t.id, t.inputs["text"].sample] for t in templates if "text" in t.inputs and t.inputs["text"].sample]
