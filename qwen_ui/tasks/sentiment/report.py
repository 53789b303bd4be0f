"""What came out for a whole file: against true labels, over time, and as a table to download."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from qwen_ui.tasks.sentiment.calibrate import Classified
from qwen_ui.tasks.sentiment.rows import BadRow, Row


@dataclass(frozen=True, slots=True)
class Quality:
    """How well labels were found, over the rows whose true label is one of them."""

    rows: int
    accuracy: float
    macro_f1: float
    confusion: tuple[tuple[int, ...], ...]
    """Rows: true labels, columns: found ones, both in the labels' order."""
    unknown: tuple[int, ...]
    """Numbers of the rows whose true label is missing or not one of the labels."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How often each label occurs over time: columns ``period`` (when it begins), ``label``, ``rows``."""

    table: pd.DataFrame
    unknown: tuple[int, ...]
    """Numbers of the rows whose date could not be read."""


def evaluate(rows: Sequence[Row], results: Sequence[Classified], labels: Sequence[str]) -> Quality:
    """Accuracy, macro-averaged F1 and confusion matrix (scikit-learn's), by the rows' true labels in any case."""
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score  # noqa: PLC0415  a second to import

    spelled = {label.casefold(): label for label in labels}
    pairs = [
        (spelled.get(row.truth.strip().casefold()), result.label) for row, result in zip(rows, results, strict=True)
    ]
    unknown = tuple(row.number for row, (truth, _) in zip(rows, pairs, strict=True) if truth is None)
    known = [(truth, found) for truth, found in pairs if truth is not None]
    if not known:
        return Quality(0, 0.0, 0.0, tuple((0,) * len(labels) for _ in labels), unknown)
    truths, found = zip(*known, strict=True)
    matrix = confusion_matrix(truths, found, labels=list(labels))
    return Quality(
        len(known),
        float(accuracy_score(truths, found)),
        float(f1_score(truths, found, labels=sorted(set(truths) | set(found)), average="macro", zero_division=0)),
        tuple(tuple(int(count) for count in line) for line in matrix),
        unknown,
    )


def trend(rows: Sequence[Row], results: Sequence[Classified], labels: Sequence[str]) -> Trend:
    """Counts by day, by week or by month, whichever gives a readable number of periods."""
    dates = pd.to_datetime(pd.Series([row.date for row in rows], dtype=str), errors="coerce", format="mixed", utc=True)
    unknown = tuple(row.number for row, missing in zip(rows, dates.isna(), strict=True) if missing)
    frame = pd.DataFrame({"date": dates.dt.tz_localize(None), "label": [result.label for result in results]}).dropna()
    if frame.empty:
        return Trend(pd.DataFrame(columns=["period", "label", "rows"]), unknown)
    days = (frame["date"].max() - frame["date"].min()).days
    period = "D" if days <= 31 else "W" if days <= 366 else "M"
    frame["period"] = frame["date"].dt.to_period(period).dt.start_time
    counts = frame.groupby(["period", "label"]).size().unstack(fill_value=0).reindex(columns=list(labels), fill_value=0)
    return Trend(counts.rename_axis(columns="label").stack().rename("rows").reset_index(), unknown)


def as_csv(
    rows: Sequence[Row], results: Sequence[Classified], labels: Sequence[str], bad: Sequence[BadRow] = ()
) -> bytes:
    """The results as CSV in UTF-8, with the byte order mark by which Excel knows it; at the end what was left out."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["row", "text", "label", "confidence", *labels, "true label", "date", "left out because"])
    for row, result in zip(rows, results, strict=True):
        shares = [f"{result.probabilities[label]:.4f}" for label in labels]
        writer.writerow(
            [row.number, row.text, result.label, f"{result.confidence:.4f}", *shares, row.truth, row.date, ""]
        )
    writer.writerows([row.number, *[""] * (len(labels) + 5), row.reason] for row in bad)
    return out.getvalue().encode("utf-8-sig")
