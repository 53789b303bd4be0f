"""The variables of an assistant: a form, from which its system prompt is made."""

import json
from typing import Any

import gradio as gr

from qwen_ui.page.events import Event, Values
from qwen_ui.prompts import Template
from qwen_ui.prompts.samples import read_names, sample_texts, values

FIELDS = 8
"""Variables that have a field; of more, the others keep their defaults, or their names in brackets."""


class Variables:
    """The fields, made where this is called; those in use are shown."""

    def __init__(self) -> None:
        self.names = gr.Textbox("[]", visible="hidden", container=False)  # the browser's, which outlives the server
        self.fields = [
            gr.Textbox(visible=False, lines=1, max_lines=4, elem_id=f"chat-variable-{number}")
            for number in range(FIELDS)
        ]

    @property
    def parts(self) -> list[Any]:
        return [self.names, *self.fields]

    @property
    def typed(self) -> list[Any]:
        """When a value is there: to Gradio, text that is pasted is no input."""
        return [*(field.input for field in self.fields), *(field.blur for field in self.fields)]

    def none(self) -> Values:
        """No fields."""
        return {self.names: "[]"} | {field: gr.Textbox("", visible=False) for field in self.fields}

    def show(self, template: Template) -> Values:
        """The fields of an assistant: what it has no default for is empty, with the sample as an example."""
        shown, samples = self.none(), sample_texts(template)
        names = [name for name in template.variables if name in samples][:FIELDS]
        for name, field in zip(names, self.fields, strict=False):
            entry = template.inputs.get(name)
            default = "" if entry is None or entry.default is None else str(entry.default)
            about, sample = (entry.description or None, entry.sample) if entry else (None, "")
            shown[field] = gr.Textbox(default, label=name, info=about, placeholder=sample or None, visible=True)
        return shown | {self.names: json.dumps(names)}

    def system(self, template: Template, event: Event | None = None) -> str:
        """The system prompt with what stands in the fields; what has no value yet stands in brackets.

        Raises like `values` and `Template.render`, and for a file that is no assistant's.
        """
        names = read_names(event[self.names]) if event else []
        given = {name: event[field] for name, field in zip(names, self.fields, strict=False) if event and event[field]}
        missing = {
            name: f"[{name}]"
            for name in template.variables
            if name not in template.inputs or template.inputs[name].default is None
        }
        messages = template.render(**missing | {name: values(template, given)[name] for name in given})
        if [message.role for message in messages] != ["system"]:
            raise template.fault("name", "an assistant's file has just one section, system.")
        return messages[0].content.strip()
