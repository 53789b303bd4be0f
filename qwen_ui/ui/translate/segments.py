"""The segments of a translation: a table of all, and one to edit or to have translated again."""

from typing import Any

import gradio as gr

from qwen_ui.ui.texts import I18N, speaker
from qwen_ui.ui.translate.work import Work
from qwen_ui.ui.wiring import QUIET


class Segments:
    """The widgets, made where this is called, and wired among themselves."""

    def __init__(self, work: gr.State) -> None:
        self.place = gr.State(None)
        self.panel = gr.Accordion(I18N("translate_segments"), open=False, visible=False, elem_id="translate-segments")
        with self.panel:
            gr.Markdown(I18N("translate_segments_info"), elem_id="translate-segments-info")
            self.table = gr.Dataframe(
                headers=["#", "", "", ""],
                datatype=["number", "str", "str", "str"],
                type="array",
                label=I18N("translate_segments_label"),
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
                with gr.Row():
                    self._source = gr.Textbox(
                        lines=3, max_lines=12, interactive=False, elem_id="translate-segment-source"
                    )
                    self.translation = gr.Textbox(
                        lines=3, max_lines=12, interactive=True, elem_id="translate-segment-translation"
                    )
                with gr.Row(elem_id="translate-segment-buttons"):
                    self._previous = gr.Button(I18N("translate_previous"), size="sm", elem_id="translate-previous")
                    self._next = gr.Button(I18N("translate_next"), size="sm", elem_id="translate-next")
                    self.keep = gr.Button(I18N("translate_keep"), size="sm", elem_id="translate-keep")
                    self.retry = gr.Button(
                        I18N("translate_retry"), size="sm", interactive=False, elem_id="translate-retry"
                    )
        self._wire(work)

    def _wire(self, work: gr.State) -> None:
        self._shown = [self.place, self._group, self._source, self.translation]
        self.table.select(_select, work, self._shown, **QUIET)
        self._previous.click(_previous, [work, self.place], self._shown, **QUIET)
        self._next.click(_next, [work, self.place], self._shown, **QUIET)

    def close_on(self, event: Any) -> None:
        """Puts the editor away when the event comes: another text is being translated."""
        event(lambda: (None, gr.Group(visible=False)), None, [self.place, self._group], **QUIET)


def _select(request: gr.Request, chosen: gr.SelectData, work: Work | None) -> tuple[Any, ...]:
    """The row's segment; the number in it, as the table may be sorted."""
    return show(request, work, int(chosen.row_value[0]) - 1)


def _previous(request: gr.Request, work: Work | None, place: int) -> tuple[Any, ...]:
    return show(request, work, place - 1)


def _next(request: gr.Request, work: Work | None, place: int) -> tuple[Any, ...]:
    return show(request, work, place + 1)


def show(request: gr.Request, work: Work | None, place: int) -> tuple[Any, ...]:
    """The segment to edit: its place, the editor, the source and the translation."""
    if work is None or not 0 <= place < len(work.pieces):
        return (gr.skip(),) * 4
    say, piece = speaker(request), work.pieces[place]
    return (
        place,
        gr.Group(visible=True),
        gr.Textbox(piece.source, label=say("translate_segment_source", number=place + 1)),
        gr.Textbox(
            piece.translation,
            label=say("translate_segment_translation", number=place + 1),
            rtl=work.order.target.right_to_left,
        ),
    )
