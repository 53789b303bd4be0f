"""A judged file as the browser keeps it over a reload. What comes back is the visitor's to change, and checked."""

import math
from collections.abc import Mapping
from typing import Any

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.decisions.judging import Classified
from qwen_ui.decisions.prompt import Order
from qwen_ui.page.kept import not_kept
from qwen_ui.page.words import Say
from qwen_ui.prompts import PromptStore
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.sentiment.prompt import parse_labels
from qwen_ui.tabs.sentiment.rows import Columns, select
from qwen_ui.tabs.sentiment.task import TOO_LONG, Work
from qwen_ui.text.tables import MAX_ROWS, SkippedRow, Table

LONGEST_REASON = 300
"""Characters of why a row was skipped."""


def to_browser(work: Work, say: Say) -> dict[str, Any]:
    """The work as JSON can hold it."""
    order, columns, table = work.order, work.columns, work.table
    return {
        "template": order.template.id,
        "labels": order.labels,
        "calibrated": order.calibrated,
        "adapter": order.adapter.name if order.adapter else "",
        "columns": {"text": columns.text, "gold_label": columns.gold_label, "date": columns.date},
        "meanings": dict(columns.meanings),
        "header": table.columns,
        "rows": table.rows,
        "skipped": [(row.number, say("{reason}", reason=row.reason)) for row in table.skipped],
        "outcomes": [_shares(each, order.labels) for each in work.outcomes],
        "seconds": work.seconds,
        "own_rows": work.own_rows,
    }


def _shares(outcome: Classified | Sentence, labels: tuple[str, ...]) -> list[float] | None:
    if isinstance(outcome, Sentence):
        return None
    return [round(outcome.probabilities[label], 4) for label in labels]


def from_browser(kept: Any, prompts: PromptStore, adapters: AdapterStore) -> Work:
    """The work that `to_browser` gave.

    Raises `InvalidInput` for anything else, and for a template or an adapter that is there no more.
    """
    try:
        table, columns = _table(kept), Columns(**_texts(kept["columns"]), meanings=_texts(kept["meanings"]))
        labels, name = parse_labels(kept["labels"]), _text(kept["adapter"])
        template = prompts.load("sentiment", _text(kept["template"]))
        rows = select(table, columns)
        found, seconds = kept["outcomes"], _number(kept["seconds"])
        _require(isinstance(found, list) and len(found) <= len(rows.usable))
        outcomes = tuple(TOO_LONG if each is None else _classified(each, labels) for each in found)
    except (KeyError, TypeError, ValueError) as error:
        raise not_kept() from error
    order = Order(template, labels, bool(kept["calibrated"]), adapters.get(name) if name else None)
    own_rows = kept.get("own_rows") is True  # those of an older version have it not
    return Work(order, columns, rows.usable, rows.skipped, outcomes, seconds, table, own_rows)


def _table(kept: Any) -> Table:
    _require(isinstance(kept, Mapping))
    header = [_text(name) for name in _list(kept["header"])]
    rows = [(_count(number), tuple(map(_text, _list(values)))) for number, values in _list(kept["rows"])]
    skipped = [
        SkippedRow(_count(number), Sentence("{reason}", reason=_text(reason)[:LONGEST_REASON]))
        for number, reason in _list(kept["skipped"])
    ]
    _require(len(set(header)) == len(header) and len(rows) <= MAX_ROWS)
    _require(all(len(values) == len(header) for _, values in rows))
    _require(len({number for number, _ in rows}) == len(rows))
    return Table(tuple(header), tuple(rows), tuple(skipped))


def _classified(shares: Any, labels: tuple[str, ...]) -> Classified:
    found = [_number(share) for share in _list(shares)]
    _require(len(found) == len(labels) and max(found) <= 1)
    return Classified(labels[found.index(max(found))], dict(zip(labels, found, strict=True)))


def _texts(value: Any) -> dict[str, str]:
    _require(isinstance(value, Mapping))
    return {_text(name): _text(text) for name, text in value.items()}


def _text(value: Any) -> str:
    _require(isinstance(value, str))
    return str(value.encode(errors="replace").decode())


def _list(value: Any) -> list[Any]:
    _require(isinstance(value, list))
    return list(value)


def _count(value: Any) -> int:
    _require(isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    return int(value)


def _number(value: Any) -> float:
    _require(isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0)
    return float(value)


def _require(right: bool) -> None:
    if not right:
        raise not_kept()
