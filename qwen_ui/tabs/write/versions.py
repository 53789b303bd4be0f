"""The versions of a text in the Write tab: their widgets, and the texts that each has had."""

from dataclasses import dataclass, field, replace

import gradio as gr
from gradio.blocks import Block

from qwen_ui.page.events import Values, told
from qwen_ui.page.sending import send_to
from qwen_ui.page.status import finished, line, progress
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.write.task import MAX_VERSIONS, Order, Version

VERSIONS = (marked("Version 1"), marked("Version 2"), marked("Version 3"), marked("Version 4"))
LENGTH_REACHED = Sentence("The text reached its maximum length. “Continue” goes on from here.")
MAX_TEXTS = 20
"""Of one version; the oldest go."""


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and what it came from."""

    order: Order
    text: str
    ended: bool = False
    """Whether the model came to an end of its own there."""
    tokens: tuple[int, ...] = ()
    """Its ids, where it is one answer as it came."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts that one version has had, one of which is shown."""

    all: tuple[Written, ...] = ()
    shown: int = 0

    @property
    def now(self) -> Written | None:
        return self.all[self.shown] if self.all else None

    def edited(self, text: str) -> "Texts":
        """With the one that is shown as it stands in its box: once edited it is the model's own no more."""
        return self if self.now is None or self.now.text == text else self.changed(Written(self.now.order, text))

    def changed(self, written: Written) -> "Texts":
        """With another in the place of the one that is shown."""
        if self.now is None:
            return self.grown(written)
        return replace(self, all=(*self.all[: self.shown], written, *self.all[self.shown + 1 :]))

    def grown(self, written: Written) -> "Texts":
        """With one more, which is shown. One that was empty makes room for it."""
        if self.now is not None and not self.now.text.strip():
            return self.changed(written)
        texts = (*self.all, written)[-MAX_TEXTS:]
        return Texts(texts, len(texts) - 1)

    def moved(self, step: int) -> "Texts":
        """With an earlier or a later one shown."""
        return replace(self, shown=min(max(0, self.shown + step), max(0, len(self.all) - 1)))


@dataclass(frozen=True, slots=True)
class Work:
    """What there is of all versions."""

    versions: tuple[Texts, ...] = field(default=(Texts(),) * MAX_VERSIONS)

    def having(self, number: int, texts: Texts) -> "Work":
        """With other texts of that version."""
        return Work((*self.versions[:number], texts, *self.versions[number + 1 :]))


class VersionWidgets:
    """The widgets of one version, made where this is called."""

    def __init__(self, number: int, can_look: bool) -> None:
        self.number = number
        with gr.Column(visible=False, min_width=0, elem_classes="write-version") as self.column:
            with gr.Row(visible=False, elem_classes="write-texts") as self.texts:
                self.earlier = gr.Button(label("‹ Earlier"), size="sm", scale=0, min_width=0)
                self.place = gr.HTML(padding=False)
                self.later = gr.Button(label("Later ›"), size="sm", scale=0, min_width=0)
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

    @property
    def shown(self) -> list[Block]:
        """What `show` and a run change."""
        return [self.column, self.texts, self.earlier, self.place, self.later, self.box, self.line]

    def show(self, texts: Texts) -> Values:
        """The text, and which of how many it is."""
        count = len(texts.all)
        return {
            self.box: texts.now.text if texts.now else "",
            self.texts: gr.Row(visible=count > 1),
            self.place: f"{texts.shown + 1} / {count}",
            self.earlier: gr.Button(interactive=texts.shown > 0),
            self.later: gr.Button(interactive=texts.shown < count - 1),
        }


def version_line(version: Version, say: Say) -> str:
    """The line under a version, as HTML."""
    if version.error is not None:
        return line(say("The answer broke off: {error}", error=told(version.error)), "error")
    if version.answer.usage is None:
        return progress(version.answer, say)
    return finished(version.answer, say, LENGTH_REACHED)
