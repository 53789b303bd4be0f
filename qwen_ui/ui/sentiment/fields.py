"""The tab's widgets: what is judged, how, and the results of a file."""

from typing import Any

import gradio as gr

from qwen_ui.tasks.sentiment import ENDINGS
from qwen_ui.ui.texts import I18N


class Inputs:
    """A text or a file, made where this is called."""

    def __init__(self) -> None:
        with gr.Tabs(elem_id="sentiment-from"):
            with gr.Tab(I18N("sentiment_text"), id="text") as self.text_tab:
                self.text = gr.Textbox(
                    "",
                    label=I18N("sentiment_input"),
                    placeholder=I18N("sentiment_placeholder"),
                    lines=4,
                    max_lines=14,
                    elem_id="sentiment-input",
                )
                self.go = _button("sentiment_go", "sentiment-go", variant="primary", interactive=False)
            with gr.Tab(I18N("sentiment_file"), id="file") as self.file_tab:
                self.file = gr.File(
                    label=I18N("sentiment_file_label"), file_types=list(ENDINGS), height=130, elem_id="sentiment-file"
                )
                with gr.Row(elem_id="sentiment-columns"):
                    self.column = _picker("sentiment_column", "sentiment-column", visible=False)
                    self.truth = _picker("sentiment_truth", "sentiment-truth", visible=False)
                    self.date = _picker("sentiment_date", "sentiment-date", visible=False)
                self.facts = gr.HTML(elem_id="sentiment-facts", padding=False)
                self.go_file = _button("sentiment_go_file", "sentiment-go-file", variant="primary", interactive=False)


class Controls:
    """How to judge, made where this is called."""

    def __init__(self) -> None:
        self.labels = gr.Textbox(
            "",
            label=I18N("sentiment_labels"),
            info=I18N("sentiment_labels_info"),
            lines=2,
            max_lines=6,
            elem_id="sentiment-labels",
        )
        self.template = _picker("sentiment_template", "sentiment-template")
        self.problems = gr.HTML(elem_id="sentiment-problems", padding=False)
        self.calibrated = gr.Checkbox(
            True,
            label=I18N("sentiment_calibrated"),
            info=I18N("sentiment_calibrated_info"),
            elem_id="sentiment-calibrated",
        )

    @property
    def all(self) -> list[Any]:
        """The widgets whose values say how to judge."""
        return [self.template, self.labels, self.calibrated]


class Results:
    """The results of a file, made where this is called."""

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_id="sentiment-results") as self.column:
            with gr.Row(elem_id="sentiment-charts"):
                self.chart = gr.BarPlot(height=260, buttons=[], elem_id="sentiment-chart")
                self.trend = gr.LinePlot(visible=False, height=260, buttons=[], elem_id="sentiment-trend")
            self.undated = gr.HTML(elem_id="sentiment-undated", padding=False)
            self.quality = gr.HTML(elem_id="sentiment-quality", padding=False)
            self.bad = gr.HTML(elem_id="sentiment-bad", padding=False)
            with gr.Row(elem_id="sentiment-filter"):
                self.label = _picker("sentiment_show", "sentiment-show")
                self.low = _share("sentiment_from", "sentiment-low", 0.0)
                self.high = _share("sentiment_to", "sentiment-high", 1.0)
            self.table = gr.Dataframe(
                type="array",
                datatype=["number", "str", "str", "number", "str", "str"],
                label=I18N("sentiment_results"),
                show_label=False,
                interactive=False,
                wrap=True,
                max_chars=200,
                max_height=420,
                buttons=[],
                elem_id="sentiment-table",
            )
            self.shown = gr.HTML(elem_id="sentiment-shown", padding=False)
            self.save = _button("sentiment_save", "sentiment-save", size="sm")
            self.file = gr.DownloadButton(visible="hidden", elem_id="sentiment-download")

    @property
    def reported(self) -> list[Any]:
        """The widgets whose values `Handlers.report` gives."""
        charts = [self.column, self.chart, self.quality, self.trend, self.undated, self.bad]
        return [*charts, *self.wanted, self.table, self.shown]

    @property
    def wanted(self) -> list[Any]:
        """The widgets that say which rows to show."""
        return [self.label, self.low, self.high]


def _picker(label: str, elem_id: str, **options: Any) -> gr.Dropdown:
    return gr.Dropdown([], label=I18N(label), min_width=120, elem_id=elem_id, **options)


def _button(label: str, elem_id: str, **options: Any) -> gr.Button:
    return gr.Button(I18N(label), elem_id=elem_id, **options)


def _share(label: str, elem_id: str, value: float) -> gr.Slider:
    return gr.Slider(0, 1, value, step=0.01, label=I18N(label), min_width=220, elem_id=elem_id)
