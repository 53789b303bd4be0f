"""The versions of a text in the Write tab: their widgets, and what they came from."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from qwen_ui.page.events import told
from qwen_ui.page.sending import send_to
from qwen_ui.page.status import finished, line, progress
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.write.task import MAX_VERSIONS, Order, Version

VERSIONS = (marked("Version 1"), marked("Version 2"), marked("Version 3"), marked("Version 4"))
LENGTH_REACHED = Sentence("The text reached its maximum length. “Continue” goes on from here.")


@dataclass(frozen=True, slots=True)
class Work:
    """What the versions on the page came from."""

    order: Order
    endings: tuple[str, ...] = ("",) * MAX_VERSIONS
    """The texts at which the model came to an end of its own; an edited version is no such text any more."""
    tokens: tuple[tuple[str, tuple[int, ...]], ...] = (("", ()),) * MAX_VERSIONS
    """The texts that are one answer as it came, with its ids."""

    def after(self, versions: Sequence[Version]) -> "Work":
        """The work once these versions are written."""
        now = {version.number: version.text if version.ended else "" for version in versions}
        ids = {version.number: (version.answer.text, version.answer.tokens) for version in versions}
        return Work(
            self.order,
            tuple(now.get(place, before) for place, before in enumerate(self.endings)),
            tuple(ids.get(place, before) for place, before in enumerate(self.tokens)),
        )


class VersionWidgets:
    """The widgets of one version, made where this is called."""

    def __init__(self, number: int, can_look: bool) -> None:
        self.number = number
        with gr.Column(visible=False, min_width=0, elem_classes="write-version") as self.column:
            self.box = gr.Textbox(
                label=label(VERSIONS[number]),
                lines=8,
                max_lines=30,
                buttons=["copy"],
                interactive=True,
                elem_id="write-result" if number == 0 else f"write-result-{number + 1}",
            )
            self.line = gr.HTML(padding=False, elem_classes="write-line")
            with gr.Row(elem_classes="write-version-buttons"):
                self.go_on = gr.Button(label("Continue"), size="sm", interactive=False)
                self.again = gr.Button(label("Rewrite"), size="sm", interactive=False)
                self.insert = gr.Button(label("Insert"), size="sm")
                self.look = gr.Button(label("Look at tokens"), size="sm", visible=can_look)
                self.txt = gr.Button(".txt", size="sm")
                self.md = gr.Button(".md", size="sm")
                self.send_to = send_to()


def version_line(version: Version, say: Say) -> str:
    """The line under a version, as HTML."""
    if version.error is not None:
        return line(say("The answer broke off: {error}", error=told(version.error)), "error")
    if version.answer.usage is None:
        return progress(version.answer, say)
    return finished(version.answer, say, LENGTH_REACHED)
