"""Sentiment: which of some labels fits a text, with calibrated probabilities; files of texts; how well it does.

One text's way: `build` gives prompts and candidates for the engine's ``score``, for the texts and for the
template's reference texts; `classify` turns both scores into labels and probabilities.
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
