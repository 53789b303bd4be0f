"""Sentiment: which of some labels fits a text, with calibrated probabilities; files of texts; how well it does.

A text's way: `build` gives scorings, each of which the engine's ``score`` takes, for the texts and once for the
template's `references`; `classify` turns the scores of both into labels and probabilities.
"""

from qwen_ui.tasks.sentiment.calibrate import Classified, classify
from qwen_ui.tasks.sentiment.labels import default_labels, parse_labels
from qwen_ui.tasks.sentiment.prompt import Scoring, build, references, suited
from qwen_ui.tasks.sentiment.report import Quality, Trend, as_csv, evaluate, trend
from qwen_ui.tasks.sentiment.rows import ENDINGS, BadRow, Row, Rows, Table, read, select

__all__ = [
    "ENDINGS",
    "BadRow",
    "Classified",
    "Quality",
    "Row",
    "Rows",
    "Scoring",
    "Table",
    "Trend",
    "as_csv",
    "build",
    "classify",
    "default_labels",
    "evaluate",
    "parse_labels",
    "read",
    "references",
    "select",
    "suited",
    "trend",
]
