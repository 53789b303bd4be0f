"""The results of a file: charts, accuracy, what was left out, and the rows, to be filtered and downloaded."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from qwen_ui.decisions.own_rows import FEWEST
from qwen_ui.errors import InvalidInput
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.tabs.sentiment import show
from qwen_ui.tabs.sentiment.report import as_csv, evaluate, trend, wrong
from qwen_ui.tabs.sentiment.rows import meaning
from qwen_ui.tabs.sentiment.task import Judged, Work

SHOWN = 1000
"""Rows of the table on the page; the download has all."""
FILE_NAME = "qwen-ui-sentiment.csv"
DAY = 24 * 3600
FETCH = "() => document.querySelector('#sentiment-download').click()"
"""The browser fetches the file once the server has put it there."""
ALL, WRONG = "", " "
"""What is chosen where it is no label: those have no spaces around them."""
_MEANT = {"good": "#22a35a", "bad": "#dc4c4c", "neither": "#94a3b8"}
"""Colours of labels that people know."""
_NUMBER, _NARROW = 7, 13
"""Widths of columns in percent."""
_FEW = 6
"""Columns for which there is room; more are scrolled."""
SHOWN_OTHERS = 20
"""Columns that only the file has, in the table on the page; the download has all."""
_GOLDEN_ANGLE = 137.508
_NOON = pd.Timedelta(hours=12)
"""Charts show times in the browser's zone: at noon in Greenwich it is the same day nearly everywhere."""


class Results:
    """The widgets, made where this is called, and the work that they show."""

    def __init__(self) -> None:
        self.work = gr.State(None, time_to_live=DAY)
        with gr.Column(visible=False, elem_id="sentiment-results") as self._column:
            self.own_rows = gr.Checkbox(
                False,
                label=label("Calibrate with the file's own rows"),
                info=label("For labels that are not equally frequent: how frequent each is, estimated from all rows"),
                visible=False,
                elem_id="sentiment-own-rows",
            )
            self._effect = gr.HTML(elem_id="sentiment-effect", padding=False)
            with gr.Row(elem_id="sentiment-charts"):
                self._chart = gr.BarPlot(height=260, buttons=[], elem_id="sentiment-chart")
                self._trend = gr.LinePlot(visible=False, height=260, buttons=[], elem_id="sentiment-trend")
            self._undated = gr.HTML(elem_id="sentiment-undated", padding=False)
            self._quality = gr.HTML(elem_id="sentiment-quality", padding=False)
            self._skipped = gr.HTML(elem_id="sentiment-bad", padding=False)
            with gr.Row(elem_id="sentiment-filter"):
                self._label = as_held(gr.Dropdown([], label=label("Show"), min_width=120, elem_id="sentiment-show"))
                self._search = gr.Textbox(
                    "",
                    label=label("Search"),
                    placeholder=label("Words in the text"),
                    max_lines=1,
                    min_width=180,
                    elem_id="sentiment-search",
                )
                self._low = gr.Slider(
                    0, 1, 0.0, step=0.01, label=label("Minimum confidence"), min_width=220, elem_id="sentiment-low"
                )
                self._high = gr.Slider(
                    0, 1, 1.0, step=0.01, label=label("Maximum confidence"), min_width=220, elem_id="sentiment-high"
                )
            self._table = gr.Dataframe(
                type="array",
                label=label("Results"),
                show_label=False,
                interactive=False,
                wrap=True,
                max_chars=200,
                max_height=420,
                buttons=[],
                elem_id="sentiment-table",
            )
            self._shown = gr.HTML(elem_id="sentiment-shown", padding=False)
            self._save = gr.Button(label("Download CSV"), size="sm", elem_id="sentiment-save")
            self._file = gr.DownloadButton(elem_id="sentiment-download")

    @property
    def parts(self) -> list[Any]:
        """The widgets whose values `show` gives."""
        charts = [self._chart, self._trend, self._undated, self._quality, self._skipped]
        return [self.work, self._column, self.own_rows, self._effect, *charts, *self._filters, self._table, self._shown]

    @property
    def _filters(self) -> list[Any]:
        return [self._label, self._search, self._low, self._high]

    def wire(self, events: Events) -> None:
        """Lets the rows be filtered and downloaded."""
        bounds = [self._low, self._high]
        changes = [
            self._label.input,
            self._search.change,
            *(bound.release for bound in bounds),
            *(bound.change for bound in bounds),
        ]
        shown = [self._table, self._shown]
        events.on(changes, self._filter, [self.work, *self._filters], shown, trigger_mode="always_last")
        saved = events.on(self._save.click, self._write, [self.work], [self._file])
        saved.then(None, None, None, js=FETCH)

    def show(self, work: Work, say: Say) -> Values:
        """Everything about the work."""
        judged, labels = work.judged, work.order.labels
        counts = Counter(result.label for _, result in judged)
        every = (say("All labels ({count:,})", count=len(judged)), ALL)
        each = [(say("{label} ({count:,})", label=name, count=counts[name]), name) for name in labels]
        if work.columns.gold_label:
            each.append((say("Only wrong ones ({count:,})", count=len(wrong(judged, labels))), WRONG))
        return {
            self.work: work,
            self._column: gr.Column(visible=bool(work.done or work.unusable)),
            **self._calibration(work, judged, say),
            self._chart: _chart(counts, labels, say),
            self._quality: show.quality(evaluate(judged, labels), labels, say) if work.columns.gold_label else "",
            **self._over_time(work, judged, say),
            self._skipped: show.skipped(work.skipped, say),
            self._label: gr.Dropdown(choices=[every, *each], value=ALL),
            self._search: "",
            self._low: 0.0,
            self._high: 1.0,
            **self._rows(work, say),
        }

    def of(self, event: Event) -> Work:
        """The work that is shown. Raises `InvalidInput` when the server has lost it."""
        work = event[self.work]
        if not isinstance(work, Work):
            raise InvalidInput(
                "The server no longer has these results: it keeps them for a day at most. Analyze the file again."
            )
        return work

    def _filter(self, event: Event) -> Values:
        search, low, high = (event[each] for each in self._filters[1:])
        return self._rows(self.of(event), event.say, event[self._label] or ALL, search or "", low, high)

    def _write(self, event: Event) -> Values:
        """Writes all results as CSV, into the page's cache, which Gradio empties by and by."""
        work = self.of(event)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE_NAME
            path.write_bytes(as_csv(work))
            return {self._file: gr.DownloadButton(value=self._file.move_resource_to_block_cache(path))}

    def _rows(
        self, work: Work, say: Say, label: str = ALL, search: str = "", low: float = 0.0, high: float = 1.0
    ) -> Values:
        """The rows of one label, the wrong ones or all, with words in their texts and a confidence within bounds.

        The file's own columns stand in each under their own names. Also gives the line below.
        """
        chosen, words = wrong(work.judged, work.order.labels) if label == WRONG else work.judged, search.casefold()
        found = [
            (row, result)
            for row, result in chosen
            if label in {ALL, WRONG, result.label}
            and low <= round(result.confidence, 3) <= high
            and words in row.text.casefold()
        ]
        columns, own = work.columns, work.table.columns
        used = [name for name in (columns.gold_label, columns.date) if name]
        others = [place for place, name in enumerate(own) if name not in {columns.text, *used}][:SHOWN_OTHERS]
        headers = [say("Row"), columns.text, say("Predicted label"), say("Confidence"), *used]
        headers += [own[place] for place in others]
        values, blank = dict(work.table.rows), ("",) * len(own)
        rows = []
        for row, result in found[:SHOWN]:
            more = [row.gold_label] * bool(columns.gold_label) + [row.date] * bool(columns.date)
            more += [values.get(row.number, blank)[place] for place in others]
            rows.append([row.number, row.text, result.label, round(result.confidence, 3), *map(_whole, more)])
        some = marked("The first {shown:,} of {count:,} rows. The download has all of them.")
        told = some if len(found) > SHOWN else marked("{count:,} {count:row|rows}")
        datatype: list[Any] = ["number", "str", "str", "number", *["str"] * (len(headers) - 4)]
        table = gr.Dataframe(
            {"headers": headers, "data": rows},
            datatype=datatype,
            column_widths=_widths(len(headers)),
        )
        return {self._table: table, self._shown: line(say(told, count=len(found), shown=SHOWN))}

    def _calibration(self, work: Work, judged: list[Judged], say: Say) -> Values:
        """Whether results are calibrated with the file's own rows, and what that changes, where rows are enough."""
        other = replace(work, own_rows=not work.own_rows).judged
        plain, own = (other, judged) if work.own_rows else (judged, other)
        enough, labels = len(plain) >= FEWEST, work.order.labels
        measured = [evaluate(each, labels) for each in (plain, own)] if work.columns.gold_label and enough else []
        changed = sum(old.label != new.label for (_, old), (_, new) in zip(plain, own, strict=True))
        return {
            self.own_rows: gr.Checkbox(work.own_rows, visible=enough),
            self._effect: show.effect(changed, len(plain), measured, say) if enough else "",
        }

    def _over_time(self, work: Work, judged: Sequence[Judged], say: Say) -> Values:
        if not work.columns.date:
            return {self._trend: gr.LinePlot(visible=False), self._undated: ""}
        found = trend(judged, work.order.labels)
        names = {"period": say("Period"), "label": say("Label"), "rows": say("Rows")}
        frame = found.table.assign(period=pd.to_datetime(found.table["period"]) + _NOON).rename(columns=names)
        plot = gr.LinePlot(
            frame,
            x=names["period"],
            y=names["rows"],
            color=names["label"],
            color_map=_colours(work.order.labels),
            title=say("Rows by label over time"),
            visible=not frame.empty,
        )
        return {self._trend: plot, self._undated: show.undated(found, say)}


def _chart(counts: Mapping[str, int], labels: Sequence[str], say: Say) -> gr.BarPlot:
    x, y = say("Label"), say("Rows")
    return gr.BarPlot(
        pd.DataFrame({x: labels, y: [counts[name] for name in labels]}),
        x=x,
        y=y,
        y_lim=[0, None],
        color=x,
        color_map=_colours(labels),
        sort=list(labels),
        title=say("Rows by label"),
    )


def _whole(value: str) -> str:
    """Without halves of characters, which JSON can hold and the page can't."""
    return value.encode(errors="replace").decode()


def _widths(columns: int) -> list[str | int]:
    """Number, label, confidence and what else there is take as much as they need, the text all the rest."""
    if columns > _FEW:
        return ["64px", "320px", *["130px"] * (columns - 2)]
    narrow = [_NARROW] * (columns - 2)
    return [f"{_NUMBER}%", f"{100 - _NUMBER - sum(narrow)}%", *(f"{width}%" for width in narrow)]


def _colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label: green, red and grey where they are good, bad or neither, else far apart."""
    meant = [meaning(label) for label in labels]
    known = all(meant) and len(set(meant)) == len(meant)
    colours = [_MEANT[each] for each in meant if each and known] or [_apart(i) for i in range(len(labels))]
    return dict(zip(labels, colours, strict=True))


def _apart(number: int) -> str:
    return f"hsl({(245 + number * _GOLDEN_ANGLE) % 360:.0f}, 55%, 58%)"
