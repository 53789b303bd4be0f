"""The variables of an assistant: a form, from which its system prompt is made."""

import gradio as gr

from qwen_ui.page.events import Event, Values
from qwen_ui.page.variables import Variables
from qwen_ui.prompts import Template
from qwen_ui.prompts.samples import sample_texts, values

FIELDS = 8
"""Variables that have a field; of more, the others keep their defaults, or their names in brackets."""


class AssistantVariables(Variables):
    """The fields, made where this is called."""

    def __init__(self) -> None:
        super().__init__(FIELDS, "chat-variable", max_lines=4)

    def of(self, template: Template) -> Values:
        """The fields of an assistant: what it has no default for is empty, with the sample as an example."""
        samples = sample_texts(template)
        return self.show({name: _box(template, name) for name in template.variables if name in samples})

    def system(self, template: Template, event: Event | None = None) -> str:
        """The system prompt with what stands in the fields; what has no value yet stands in brackets.

        Raises like `values` and `Template.render`, and for a file that is no assistant's.
        """
        given = {name: text for name, text in self.given(event).items() if text} if event else {}
        missing = {
            name: f"[{name}]"
            for name in template.variables
            if name not in template.inputs or template.inputs[name].default is None
        }
        filled = values(template, given)
        messages = template.render(**missing | {name: filled[name] for name in given})
        if [message.role for message in messages] != ["system"]:
            raise template.fault("name", "an assistant's file has just one section, system.")
        return messages[0].content.strip()


def _box(template: Template, name: str) -> gr.Textbox:
    """What a variable's field becomes."""
    entry = template.inputs.get(name)
    default = "" if entry is None or entry.default is None else str(entry.default)
    about, sample = (entry.description, entry.sample) if entry else ("", "")
    return gr.Textbox(default, label=name, info=about or None, placeholder=sample or None, visible=True)
