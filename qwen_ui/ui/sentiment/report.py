"""A judged file: table, charts, accuracy and the file to download."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from qwen_ui.tasks.sentiment import as_csv, evaluate, trend
from qwen_ui.ui.sentiment import show
from qwen_ui.ui.sentiment.work import Work
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import Say

SHOWN = 1000
"""Rows of the table on the page; the download has all."""
FILE_NAME = "qwen-ui-sentiment.csv"
ALL = ""
_NUMBER, _NARROW = 7, 13
"""Widths of columns in percent."""
_GOLDEN_ANGLE = 137.508
_NOON = pd.Timedelta(hours=12)
"""Charts show times in the browser's zone: at noon in Greenwich it is the same day nearly everywhere."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows to show: of one label or of all, with a confidence within bounds."""

    label: str = ALL
    low: float = 0.0
    high: float = 1.0


def report(work: Work, say: Say) -> tuple[Any, ...]:
    """Everything about the work. Values for: chart, accuracy, trend, what the trend leaves out, bad rows,
    the picker of labels, both bounds of the confidence, the table, and how much of it is shown."""
    return (
        _chart(work, say),
        show.quality(evaluate(work.rows, work.results, work.order.labels), work.order.labels, say)
        if work.has_truth
        else "",
        *_trend(work, say),
        show.bad_rows(work.bad, say),
        _picker(work, say),
        0.0,
        1.0,
        *table(work, Wanted(), say),
    )


def table(work: Work, wanted: Wanted, say: Say) -> tuple[gr.Dataframe, str]:
    """The wanted rows for the table, and the line under it."""
    headers = [say("sentiment_row"), say("sentiment_input"), say("sentiment_label"), say("sentiment_confidence")]
    headers += [say("sentiment_true")] if work.has_truth else []
    headers += [say("sentiment_when")] if work.has_dates else []
    fitting = [
        [row.number, row.text, result.label, round(result.confidence, 3)]
        + ([row.truth] if work.has_truth else [])
        + ([row.date] if work.has_dates else [])
        for row, result in zip(work.rows, work.results, strict=True)
        if wanted.label in {ALL, result.label} and wanted.low <= round(result.confidence, 3) <= wanted.high
    ]
    key = "sentiment_shown_some" if len(fitting) > SHOWN else "sentiment_shown"
    said = say(key, **{"count": f"{len(fitting):,}", **({"shown": f"{SHOWN:,}"} if len(fitting) > SHOWN else {})})
    value = {"headers": headers, "data": fitting[:SHOWN]}
    return gr.Dataframe(value, column_widths=_widths(len(headers))), line(said)


def saved(work: Work, button: gr.DownloadButton) -> str:
    """Writes all results as CSV. Gives the path in the page's cache, which Gradio empties by and by."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        path.write_bytes(as_csv(work.rows, work.results, work.order.labels, work.bad))
        cached = button.move_resource_to_block_cache(path)
    if cached is None:
        raise FileNotFoundError(path)
    return cached


def _widths(columns: int) -> list[str | int]:
    """Number, label, confidence and what else there is take as much as they need, the text all the rest."""
    narrow = [_NARROW] * (columns - 2)
    return [f"{_NUMBER}%", f"{100 - _NUMBER - sum(narrow)}%", *(f"{width}%" for width in narrow)]


def _counts(work: Work) -> Counter[str]:
    return Counter(result.label for result in work.results)


def _chart(work: Work, say: Say) -> gr.BarPlot:
    counts, labels = _counts(work), work.order.labels
    label, rows = say("sentiment_label"), say("sentiment_rows")
    frame = pd.DataFrame({label: labels, rows: [counts[name] for name in labels]})
    return gr.BarPlot(
        frame,
        x=label,
        y=rows,
        y_lim=[0, None],
        color=label,
        color_map=_colours(labels),
        sort=list(labels),
        title=say("sentiment_chart"),
    )


def _trend(work: Work, say: Say) -> tuple[gr.LinePlot, str]:
    if not work.has_dates:
        return gr.LinePlot(visible=False), ""
    found = trend(work.rows, work.results, work.order.labels)
    names = {"period": say("sentiment_period"), "label": say("sentiment_label"), "rows": say("sentiment_rows")}
    frame = found.table.assign(period=pd.to_datetime(found.table["period"]) + _NOON).rename(columns=names)
    plot = gr.LinePlot(
        frame,
        x=names["period"],
        y=names["rows"],
        color=names["label"],
        color_map=_colours(work.order.labels),
        title=say("sentiment_trend"),
        visible=not frame.empty,
    )
    return plot, show.unknown("sentiment_unknown_dates", found.unknown, say)


def _picker(work: Work, say: Say) -> gr.Dropdown:
    counts = _counts(work)
    every = (say("sentiment_all", count=f"{len(work.rows):,}"), ALL)
    each = [(say("sentiment_one", label=name, count=f"{counts[name]:,}"), name) for name in work.order.labels]
    return gr.Dropdown(choices=[every, *each], value=ALL)


def _colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label, far apart however many there are."""
    return {label: f"hsl({(245 + i * _GOLDEN_ANGLE) % 360:.0f}, 55%, 58%)" for i, label in enumerate(labels)}
