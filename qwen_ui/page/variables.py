"""The variables of a prompt file, as a form."""

import json
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import gradio as gr

from qwen_ui.page.events import Event, Values
from qwen_ui.prompts.samples import read_names


class Variables:
    """So many fields, made where this is called: all are there from the start, and those in use are shown."""

    def __init__(self, count: int, elem_id: str, max_lines: int) -> None:
        self.names = gr.Textbox("[]", visible="hidden", container=False)  # the browser's, which outlives the server
        self.fields = [
            gr.Textbox(visible=False, lines=1, max_lines=max_lines, elem_id=f"{elem_id}-{number}")
            for number in range(count)
        ]

    @property
    def parts(self) -> list[Any]:
        """What `given` reads and `show` changes."""
        return [self.names, *self.fields]

    @property
    def typed(self) -> list[Any]:
        """When a value is there: to Gradio, text that is pasted is no input."""
        return [*(field.input for field in self.fields), *(field.blur for field in self.fields)]

    def given(self, event: Event) -> dict[str, str]:
        """The values as they stand in the fields."""
        names = read_names(event[self.names])
        return {name: event[field] or "" for name, field in zip(names, self.fields, strict=False)}

    def show(self, boxes: Mapping[str, gr.Textbox]) -> Values:
        """The fields of these variables, as many as there are fields for, and no others."""
        names = list(boxes)[: len(self.fields)]
        shown: Values = {self.names: json.dumps(names)}
        for field, name in zip_longest(self.fields, names):
            shown[field] = gr.Textbox(visible=False) if name is None else boxes[name]
        return shown
