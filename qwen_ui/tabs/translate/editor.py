"""The segments of a translation, a row each: the source beside its translation, which is edited in its place."""

import time
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.page.events import Event, Values, brought
from qwen_ui.page.words import Say
from qwen_ui.tabs.translate.show import rows
from qwen_ui.tabs.translate.translation import Translation

SCRIPT = (Path(__file__).parent / "rows.js").read_text("utf-8")
EVERY, SLOWER = 1.5, 1 / 200
"""Seconds between two updates of the rows during a run, and those that each segment adds: all rows are sent again."""


class Editor:
    """The rows, made where this is called.

    Their events bring what `chosen` reads: ``apply`` an edited translation, ``retry`` to translate a segment again,
    ``select`` to show another version of its translation.
    """

    def __init__(self) -> None:
        self.rows = gr.HTML(
            None,
            html_template="",
            js_on_load=SCRIPT,
            apply_default_css=False,
            padding=False,
            elem_id="translate-segments",
        )

    def show(self, translation: Translation | None, say: Say) -> Values:
        """The rows as they are now."""
        return {self.rows: rows(translation, say) if translation else None}

    def refreshing(self, translation: Translation, say: Say) -> Callable[[], Values]:
        """What gives the rows from time to time, during a run."""
        shown = time.monotonic()

        def refresh() -> Values:
            nonlocal shown
            if time.monotonic() - shown < EVERY + SLOWER * len(translation.segments):
                return {}
            shown = time.monotonic()
            return self.show(translation, say)

        return refresh


def chosen(event: Event, translation: Translation) -> int:
    """The place of the segment that an event of the rows is about. Raises `InvalidInput` where there is none."""
    place = brought(event.data).get("place")
    if type(place) is not int or not 0 <= place < len(translation.segments):
        raise InvalidInput("This segment is no longer there.")
    return place
