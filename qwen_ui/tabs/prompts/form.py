"""The values that a prompt file is tried with: a field for each of its variables, kept by the browser."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from qwen_ui.page.events import Event, Values
from qwen_ui.page.scripts import kept_by_browser
from qwen_ui.page.variables import Variables
from qwen_ui.prompts import Template
from qwen_ui.prompts.samples import sample_texts

FIELDS = 16
"""Variables that have a field; of more, the others keep their samples."""
MAX_KEPT = 100
"""Files whose values the browser keeps: those that were tried last."""
LONGEST = 20_000
"""Characters of a value that is kept."""


class Trial(Variables):
    """The fields, made where this is called."""

    def __init__(self) -> None:
        self.kept = kept_by_browser("prompts", render=False)
        super().__init__(FIELDS, "prompts-value", max_lines=8)

    @property
    def inputs(self) -> list[Any]:
        """What handlers need."""
        return [self.kept, *self.parts]

    def trying(self, template: Template | None, kept: Mapping[str, str]) -> Values:
        """The fields of a template, with what is kept of its values, else with its samples."""
        if template is None:
            return self.show({})
        about = {name: entry.description or None for name, entry in template.inputs.items()}
        return self.show(
            {
                name: gr.Textbox(kept.get(name, text), label=name, info=about.get(name), visible=True)
                for name, text in sample_texts(template).items()
            }
        )

    def follow(self, event: Event, template: Template) -> Values:
        """The fields, where the text that is being written has other variables by now."""
        given = self.given(event)
        return {} if list(given) == list(sample_texts(template))[:FIELDS] else self.trying(template, given)

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
