"""Asks in which encoding a text file is, where that can't be told: its first lines in each that is likely."""

import gradio as gr

from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Values
from qwen_ui.page.words import Say, label
from qwen_ui.text.decode import Candidate, UncertainEncoding


class EncodingChoice:
    """The widget, made where this is called; unseen until there is something to choose."""

    def __init__(self, elem_id: str) -> None:
        self.radio = as_held(
            gr.Radio(
                [],
                label=label("Encoding of the file"),
                info=" ",
                visible=False,
                elem_id=elem_id,
                elem_classes="encoding",
            )
        )

    def offer(self, error: UncertainEncoding, say: Say) -> Values:
        """Lets the reader choose among the likely encodings."""
        question = say("Which encoding shows {file} correctly?", file=error.sentence.values["file"])
        choices = [(_shown(candidate), candidate.encoding) for candidate in error.candidates]
        return {self.radio: gr.Radio(choices=choices, value=None, info=question, visible=True)}

    def none(self) -> Values:
        """Nothing to choose."""
        return {self.radio: gr.Radio(choices=[], value=None, visible=False)}


def _shown(candidate: Candidate) -> str:
    return "\n".join([candidate.encoding, *candidate.preview])
