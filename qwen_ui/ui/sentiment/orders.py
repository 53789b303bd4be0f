"""How to judge, from the widgets' values; and the templates for the picker."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

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


def known(labels: str) -> tuple[str, ...]:
    """The labels as far as they can be used already; none while they can't."""
    try:
        return parse_labels(labels)
    except InvalidInput:
        return ()


def offered(template: Template) -> str:
    """The template's own labels as the widget holds them; empty when they can't be used, which judging then says."""
    try:
        return SEPARATOR.join(default_labels(template))
    except QwenUIError:
        return ""


def labels_for(template: Template, labels: str, templates: Sequence[Template]) -> str:
    """The labels after the template was picked: its own, unless the user named others than templates do."""
    theirs = {offered(each) for each in templates} | {""}
    return offered(template) if labels.strip() in theirs else labels


def restored(templates: Sequence[Template], kept: Any) -> tuple[Template | None, str]:
    """The template and the labels that the browser kept, else the first template and its own labels."""
    kept = kept if isinstance(kept, Mapping) else {}
    chosen = next((t for t in templates if t.id == kept.get("template")), templates[0] if templates else None)
    labels = kept.get("labels")
    if isinstance(labels, str) and labels.strip():
        return chosen, labels
    return chosen, offered(chosen) if chosen else ""


def picker(templates: Sequence[Template], id: str | None) -> gr.Dropdown:
    """The templates' names, with the description of the one that is picked."""
    about = next((template.description for template in templates if template.id == id), "")
    return gr.Dropdown(choices=[(template.name, template.id) for template in templates], value=id, info=about)


def own_first(templates: Sequence[Template], chinese: bool) -> list[Template]:
    """Those in the visitor's language first, those for reviews first among them."""
    return sorted(templates, key=lambda t: (t.language.lower().startswith("zh") != chinese, "review" not in t.id))


def examples(templates: Sequence[Template]) -> list[list[str]]:
    """The templates' sample texts: each with its template's id."""
    return [[t.id, t.inputs["text"].sample] for t in templates if "text" in t.inputs and t.inputs["text"].sample]
