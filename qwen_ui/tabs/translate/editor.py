"""The segments of a translation: a table of all, and one of them to edit or to have translated again."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import gradio as gr
from gradio.blocks import Block

from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.translate.show import displayed, rows
from qwen_ui.tabs.translate.translation import Segment, Translation

TABLE_EVERY = 1.5
"""Seconds between two updates of the table of segments."""
LARGE = 300
"""Segments from which on the table comes only when all is done: it would be too much to send again and again."""


class Editor:
    """The widgets, made where this is called."""

    def __init__(self) -> None:
        self.panel = gr.Accordion(
            label("Segments: edit, or translate again one by one"),
            open=False,
            visible=False,
            elem_id="translate-segments",
        )
        with self.panel:
            gr.Markdown(
                label("Choose a row to edit its translation or to have it translated again."),
                elem_id="translate-segments-info",
            )
            self.table = gr.Dataframe(
                headers=["#", "", "", ""],
                datatype=["number", "str", "str", "str"],
                type="array",
                label=label("Segments"),
                show_label=False,
                interactive=False,
                wrap=True,
                max_chars=160,
                max_height=360,
                column_widths=["8%", "38%", "38%", "16%"],
                buttons=[],
                elem_id="translate-table",
            )
            with gr.Group(visible=False, elem_id="translate-segment") as self._group:
                self._lay_out_segment()

    def _lay_out_segment(self) -> None:
        with gr.Row():
            self._source = gr.Textbox(lines=3, max_lines=12, interactive=False, elem_id="translate-segment-source")
            self.translation = gr.Textbox(
                lines=3, max_lines=12, interactive=True, elem_id="translate-segment-translation"
            )
        with gr.Row(elem_id="translate-segment-buttons"):
            self._previous = gr.Button(label("Previous"), size="sm", elem_id="translate-previous")
            self._next = gr.Button(label("Next"), size="sm", elem_id="translate-next")
            self.keep = gr.Button(label("Apply"), size="sm", elem_id="translate-keep")
            self.again = gr.Button(label("Translate again"), size="sm", interactive=False, elem_id="translate-retry")

    @property
    def parts(self) -> list[Block]:
        """The widgets that `show` and `close` change."""
        return [self.panel, self.table, self._group, self._source, self.translation]

    def wire(self, events: Events, state: gr.State, known: Callable[[Event], Translation]) -> None:
        """Lets segments be chosen. ``known`` gives the translation in the state, or raises."""

        def select(event: Event) -> Values:
            return self._open(event, known(event), int(event.data.row_value[0]) - 1)  # the table may be sorted

        def move(event: Event, step: int) -> Values:
            translation = known(event)
            return self._open(event, translation, translation.opened + step)

        events.on(self.table.select, select, [state], self.parts)
        for button, step in ((self._previous, -1), (self._next, 1)):
            events.on(button.click, partial(move, step=step), [state], self.parts)

    def show(self, segments: Sequence[Segment], say: Say) -> Values:
        """The table of the segments as they are now."""
        return {self.table: rows(segments, say), self.panel: gr.Accordion(visible=bool(segments))}

    def refreshing(self, translation: Translation, say: Say) -> Callable[[], Values]:
        """What gives the table from time to time, during a run; that of a long translation comes at its end."""
        shown = time.monotonic()

        def refresh() -> Values:
            nonlocal shown
            if len(translation.segments) >= LARGE or time.monotonic() - shown < TABLE_EVERY:
                return {}
            shown = time.monotonic()
            return self.show(translation.segments, say)

        return refresh

    def news(self, translation: Translation, wanted: Sequence[int]) -> Values:
        """How far the opened segment is, if it is the one that is being translated."""
        if list(wanted) != [translation.opened]:
            return {}
        return {self.translation: displayed(translation.segments[translation.opened].translation)}

    def close(self) -> Values:
        """Puts the opened segment away."""
        return {self._group: gr.Group(visible=False)}

    def _open(self, event: Event, translation: Translation, place: int) -> Values:
        """A segment to edit, if there is one in that place."""
        if not 0 <= place < len(translation.segments):
            return {}
        translation.opened = place
        segment, number = translation.segments[place], place + 1
        return {
            self._group: gr.Group(visible=True),
            self._source: gr.Textbox(
                displayed(segment.source), label=event.say("Source of segment {number:,}", number=number)
            ),
            self.translation: gr.Textbox(
                displayed(segment.translation),
                label=event.say("Translation of segment {number:,}", number=number),
                rtl=translation.order.target.right_to_left,
            ),
        }
