"""What is to be written: the text to begin with, and how."""

from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.page.app import App
from qwen_ui.page.events import Event
from qwen_ui.page.sliders import temperature_slider
from qwen_ui.page.templates import TemplatePicker, described
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.write.task import MAX_VERSIONS, Order

LONGEST = 2000


class Fields:
    """The widgets, made where this is called."""

    def __init__(self, app: App) -> None:
        with gr.Row(elem_id="write-fields"):
            with gr.Column(elem_id="write-main"):
                self._lay_out_text()
            with gr.Column(elem_id="write-side"):
                self._lay_out_options(app)

    def _lay_out_text(self) -> None:
        self.text = gr.Textbox(
            label=label("Text"),
            placeholder=label("The beginning of a text, or what it should be about…"),
            lines=9,
            max_lines=20,
            elem_id="write-input",
        )
        with gr.Row(elem_id="write-buttons"):
            self.send = gr.Button(
                label("Write", context="button"), variant="primary", interactive=False, elem_id="write-send"
            )
            self.stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="write-stop")
            self.undo = gr.Button(label("Undo insert"), size="sm", visible=False, elem_id="write-undo")

    def _lay_out_options(self, app: App) -> None:
        self.template = TemplatePicker(
            app,
            "write",
            marked("Type of text"),
            picked=lambda event, template: {self.temperature: template.sampling().temperature},
            elem_id="write-template",
            named=described,
        )
        self.words = gr.Slider(
            0,
            LONGEST,
            0,
            step=10,
            label=label("Length"),
            info=label("Words (characters in Chinese); 0 for any length"),
            elem_id="write-words",
        )
        self.count = gr.Radio(
            list(range(1, MAX_VERSIONS + 1)), value=1, label=label("Versions"), elem_id="write-versions"
        )
        self.temperature = temperature_slider(0.8, elem_id="write-temperature")

    @property
    def asked(self) -> list[Any]:
        """The widgets that `order` reads."""
        return [self.text, self.template.dropdown, self.words, self.temperature, self.count]

    def order(self, event: Event) -> Order:
        words = event[self.words]
        if words is not None and (not isinstance(words, int | float) or words != int(words)):
            raise InvalidInput("The length must be a whole number of words.")
        return Order(
            event[self.text] or "",
            event[self.template.dropdown] or "",
            int(words) if words else None,
            event[self.temperature],
            event[self.count],
        )
