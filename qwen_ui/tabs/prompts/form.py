"""The values that a prompt file is tried with: a field for each of its variables, kept by the browser."""

import json
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import gradio as gr

from qwen_ui.page.events import Event, Values
from qwen_ui.page.scripts import kept_by_browser
from qwen_ui.prompts import Template
from qwen_ui.prompts.samples import read_names, sample_texts

FIELDS = 16
"""Variables that have a field; of more, the others keep their samples."""
MAX_KEPT = 100
"""Files whose values the browser keeps: those that were tried last."""
LONGEST = 20_000
"""Characters of a value that is kept."""


class Trial:
    """The fields, made where this is called. All are there from the start, and those in use are shown."""

    def __init__(self) -> None:
        self.kept = kept_by_browser("prompts", render=False)
        self.names = gr.Textbox("[]", visible="hidden", container=False)  # the browser's, which outlives the server
        self.fields = [
            gr.Textbox(visible=False, lines=1, max_lines=8, elem_id=f"prompts-value-{number}")
            for number in range(FIELDS)
        ]

    @property
    def inputs(self) -> list[Any]:
        """What handlers need."""
        return [self.kept, self.names, *self.fields]

    def given(self, event: Event) -> dict[str, str]:
        """The values as they stand in the fields."""
        return {
            name: event[field] or "" for name, field in zip(read_names(event[self.names]), self.fields, strict=False)
        }

    def show(self, template: Template | None, kept: Mapping[str, str]) -> Values:
        """The fields of a template, with what is kept of its values, else with its samples."""
        texts = dict(list((sample_texts(template) if template else {}).items())[:FIELDS])
        shown: Values = {self.names: json.dumps(list(texts))}
        for field, name in zip_longest(self.fields, texts):
            if name is None:
                shown[field] = gr.Textbox(visible=False)
                continue
            about = template.inputs[name].description if template and name in template.inputs else ""
            shown[field] = gr.Textbox(kept.get(name, texts[name]), label=name, info=about or None, visible=True)
        return shown

    def follow(self, event: Event, template: Template) -> Values:
        """The fields, where the text that is being written has other variables by now."""
        given = self.given(event)
        return {} if list(given) == list(sample_texts(template))[:FIELDS] else self.show(template, given)

    def of(self, event: Event, key: str) -> dict[str, str]:
        """What the browser keeps of a file's values."""
        return _checked(event[self.kept]).get(key, {})

    def keep(self, event: Event, key: str, template: Template) -> Values:
        """Has the browser keep the values that differ from the samples."""
        before, samples = _checked(event[self.kept]), sample_texts(template)
        own = {
            name: text
            for name, text in self.given(event).items()
            if text != samples.get(name, text) and len(text) <= LONGEST
        }
        if before.get(key, {}) == own:
            return {}
        others = [(other, values) for other, values in before.items() if other != key]
        return {self.kept: dict([*others, *([(key, own)] if own else [])][-MAX_KEPT:])}


def _checked(kept: Any) -> dict[str, dict[str, str]]:
    """What the browser kept, as far as it can be used."""
    if not isinstance(kept, Mapping):
        return {}
    return {
        key: {name: text for name, text in values.items() if isinstance(text, str) and len(text) <= LONGEST}
        for key, values in list(kept.items())[-MAX_KEPT:]
        if isinstance(key, str) and isinstance(values, Mapping)
    }
