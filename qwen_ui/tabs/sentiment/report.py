"""What came out for a whole file: against gold labels, over time, and as a table to download."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from qwen_ui.tabs.sentiment.dates import Order as DateOrder
from qwen_ui.tabs.sentiment.dates import read_dates
from qwen_ui.tabs.sentiment.task import Judged, Work
from qwen_ui.text.delimited import defused
from qwen_ui.text.tables import names_of


@dataclass(frozen=True, slots=True)
class Quality:
    """How well labels were found, over the rows whose gold label is one of them."""

    rows: int
    accuracy: float
    macro_f1: float
    confusion: tuple[tuple[int, ...], ...]
    """Rows: gold labels, columns: found ones, both in the labels' order."""
    unknown: tuple[int, ...]
    """Numbers of the rows whose gold label is missing or not one of the labels."""

    def of_label(self, place: int) -> "OfLabel":
        """How well the label in that place was found. What nobody said or has is 0, as scikit-learn has it."""
        right, gold = self.confusion[place][place], sum(self.confusion[place])
        found = sum(counts[place] for counts in self.confusion)
        return OfLabel(right / (found or 1), right / (gold or 1), 2 * right / ((found + gold) or 1), gold)


@dataclass(frozen=True, slots=True)
class OfLabel:
    """How well one label was found."""

    precision: float
    recall: float
    f1: float
    rows: int
    """Whose gold label it is."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How often each label occurs over time: columns ``period`` (when it begins), ``label``, ``rows``."""

    table: pd.DataFrame
    unknown: tuple[int, ...]
    """Numbers of the rows whose date could not be read."""
    order: DateOrder = ""
    """How numeric dates were read."""


def evaluate(judged: Sequence[Judged], labels: Sequence[str]) -> Quality:
    """Accuracy, macro-averaged F1 and confusion matrix (scikit-learn's), by the rows' gold labels in any case."""
    from qwen_ui.finetune.metrics import confusion, label_metrics  # noqa: PLC0415  a second to import

    golds = gold_labels(judged, labels)
    pairs = [(gold, result.label) for gold, (_, result) in zip(golds, judged, strict=True)]
    unknown = tuple(row.number for (row, _), (gold, _) in zip(judged, pairs, strict=True) if gold is None)
    known = [(gold, found) for gold, found in pairs if gold is not None]
    if not known:
        return Quality(0, 0.0, 0.0, tuple((0,) * len(labels) for _ in labels), unknown)
    gold, found = zip(*known, strict=True)
    metrics = label_metrics(gold, found, labels)
    matrix = tuple(tuple(counts) for counts in confusion(gold, found, labels))
    return Quality(len(known), metrics["accuracy"], metrics["macro_f1"], matrix, unknown)


def gold_labels(judged: Sequence[Judged], labels: Sequence[str]) -> list[str | None]:
    """The label that each row's gold label is, in any case; None where it is none of them."""
    spelled = {label.casefold(): label for label in labels}
    return [spelled.get(row.gold_label.strip().casefold()) for row, _ in judged]


def wrong(judged: Sequence[Judged], labels: Sequence[str]) -> list[Judged]:
    """The rows for which another label was found than their gold one."""
    golds = gold_labels(judged, labels)
    return [pair for gold, pair in zip(golds, judged, strict=True) if gold not in {None, pair[1].label}]


def trend(judged: Sequence[Judged], labels: Sequence[str]) -> Trend:
    """Counts by day, by week or by month, whichever gives a readable number of periods."""
    dates = read_dates(row.date for row, _ in judged)
    pairs = list(zip(judged, dates.days, strict=True))
    unknown = tuple(row.number for (row, _), day in pairs if day is None)
    dated = [(day, result.label) for (_, result), day in pairs if day is not None]
    if not dated:
        return Trend(pd.DataFrame(columns=["period", "label", "rows"]), unknown)
    frame = pd.DataFrame(dated, columns=["date", "label"]).astype({"date": "datetime64[s]"})
    days = (frame["date"].max() - frame["date"].min()).days
    period = "D" if days <= 31 else "W" if days <= 366 else "M"
    frame["period"] = frame["date"].dt.to_period(period).dt.start_time
    counts = frame.groupby(["period", "label"]).size().unstack(fill_value=0).reindex(columns=list(labels), fill_value=0)
    return Trend(counts.rename_axis(columns="label").stack().rename("rows").reset_index(), unknown, dates.order)


def as_csv(work: Work) -> bytes:
    """The file with its own columns and what was found, as CSV in UTF-8, with the byte order mark by which Excel knows
    it. What was skipped says why.

    No text in it is a formula there.
    """
    own, labels = work.table.columns, work.order.labels
    meant = ["true label"] if work.columns.meanings else []
    added = ["predicted label", "confidence", *(f"p({label})" for label in labels), *meant, "row", "skipped because"]
    found: dict[int, list[str]] = {
        row.number: ["", "", *[""] * len(labels), *[""] * len(meant), str(row.number), str(row.reason)]
        for row in work.skipped
    }
    for row, result in work.judged:
        shares = [f"{share:.4f}" for share in (result.confidence, *(result.probabilities[label] for label in labels))]
        found[row.number] = [result.label, *shares, *[row.gold_label] * len(meant), str(row.number), ""]
    values, blank = dict(work.table.rows), ("",) * len(own)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(map(defused, names_of([*own, *added])))
    for number, cells in sorted(found.items()):
        writer.writerow(map(defused, [*values.get(number, blank), *cells]))
    return out.getvalue().encode("utf-8-sig", errors="replace")  # JSON can hold half a character
