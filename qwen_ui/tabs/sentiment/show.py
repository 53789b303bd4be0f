"""Results as the page shows them: HTML, escaped."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape

from qwen_ui.decisions.judging import Classified
from qwen_ui.decisions.prompt import Order
from qwen_ui.engine.base import Scoring
from qwen_ui.page.confusion import confusion
from qwen_ui.page.status import line
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.sentiment.report import Quality, Trend
from qwen_ui.tabs.sentiment.rows import Columns, Rows
from qwen_ui.tabs.sentiment.task import Work
from qwen_ui.text.tables import SkippedRow, Table

LISTED = 200
"""Skipped rows on the page."""
NUMBERS = 20
SHORTEST = 1e-3
"""Seconds that anything takes, so that speeds are finite."""
SKIPPED = marked("{count:,} {count:row|rows} skipped")
STOPPED = marked("Stopped: {left:,} {left:row|rows} left.")
UNKNOWN_LABELS = marked("{count:,} {count:row|rows} whose true label is not one of the labels ({numbers})")
UNKNOWN_DATES = marked("{count:,} {count:row|rows} with an unreadable date ({numbers})")
SCORED: dict[Scoring, str] = {
    "exact": marked("from the model's probabilities, no text generated"),
    "first token": marked("from the probabilities of the first token: the server gives no more"),
    "choice": marked("from the model's choice: the server gives no probabilities"),
    "none": marked("not possible: the server gives no probabilities"),
}
"""Where the probabilities come from."""
DATE_ORDERS = {
    "day": marked("Numeric dates are read as day, month, year."),
    "month": marked("Numeric dates are read as month, day, year."),
    "year": marked("Numeric dates are read as year, month, day."),
}


def bars(result: Classified, say: Say) -> str:
    """The likeliest label, and each label's probability as a bar."""
    items = "".join(
        f"<li{' class=best' if label == result.label else ''}><span>{escape(label)}</span>"
        f'<meter min="0" max="1" value="{share:.4f}" '
        f'aria-label="{escape(say("{label}: {share:.1%}", label=label, share=share), quote=True)}"></meter>'
        f"<b>{share:.1%}</b></li>"
        for label, share in result.probabilities.items()
    )
    return (
        f'<div class="sentiment-bars" role="status"><p class="sentiment-label">{escape(result.label)}'
        f"<span>{result.confidence:.0%}</span></p><ul>{items}</ul></div>"
    )


def judged(order: Order, seconds: float, say: Say, scoring: Scoring = "exact") -> str:
    """The line under one text's result; ``scoring`` is the engine's way."""
    return line(f"{_how(order, scoring, say)} · {say('{seconds:.1f} s', seconds=seconds)}")


def facts(table: Table, columns: Columns, rows: Rows, say: Say) -> str:
    """What is in a file, and how many of its rows can be judged.

    Those that can't are listed with the results, or here when there will be none.
    """
    counts = [say("{count:,} {count:row|rows} to analyze", count=len(rows.usable))]
    if rows.skipped:
        counts.append(say(SKIPPED, count=len(rows.skipped)))
    told = line(" · ".join(counts)) + ("" if rows.usable else skipped(rows.skipped, say))
    if table.uncomputed:
        missing = say(
            "{count:,} {count:formula has|formulas have} no stored value, so {count:its cell is|their cells are} "
            "empty. Open the file in a spreadsheet program, save it there, and add it again.",
            count=table.uncomputed,
        )
        told += line(missing, "note")
    if columns.meanings:
        unlike = say(
            "The column {column!r} has values that are not labels ({values}). Enter below which label each one means.",
            column=columns.gold_label,
            values=", ".join(columns.meanings),
        )
        told += line(unlike, "note")
    return told


def undated(found: Trend, say: Say) -> str:
    """How dates were read, and which could not be."""
    order = line(say(DATE_ORDERS[found.order])) if found.order else ""
    return order + unknown(UNKNOWN_DATES, found.unknown, say)


def progress(before: Work, now: Work, say: Say, stopping: bool = False) -> str:
    """How far a file is since it was begun or gone on with: rows, speed and time left."""
    done, total, seconds = now.done - before.done, before.waiting, now.seconds - before.seconds
    if stopping:
        told = say("Stopping after the current batch…")
    elif not done:
        told = say("0 of {total:,} {total:row|rows}…", total=total)
    else:
        told = say(
            "{done:,} of {total:,} {total:row|rows} · {speed:.1f} rows/s · {left} left",
            done=done,
            total=total,
            speed=done / max(seconds, SHORTEST),
            left=timedelta(seconds=seconds / done * (total - done)),
        )
    return f'<progress class="sentiment-progress" max="{total}" value="{done}"></progress>' + line(told, "busy")


def outcome(work: Work, say: Say, scoring: Scoring = "exact") -> str:
    """What judging a file came to."""
    cost = say(
        "{done:,} {done:row|rows} · {speed:.1f} rows/s · {seconds:.1f} s",
        done=len(work.judged),
        speed=len(work.judged) / max(work.seconds, SHORTEST),
        seconds=work.seconds,
    )
    told = line(f"{cost} · {_how(work.order, scoring, say)}")
    if not work.waiting:
        return told
    return line(say(STOPPED, left=work.waiting), "note") + told


def effect(changed: int, rows: int, measured: Sequence[Quality], say: Say) -> str:
    """What calibrating with the file's own rows changes; ``measured`` is the quality without and with it, or none."""
    told = say("With it {changed:,} of {rows:,} {rows:row|rows} get another label", changed=changed, rows=rows)
    if measured and measured[0].rows:
        before, after = measured
        told += " · " + say(
            "accuracy {before:.1%} → {after:.1%}, macro-F1 {f1:.3f} → {new_f1:.3f}",
            before=before.accuracy,
            after=after.accuracy,
            f1=before.macro_f1,
            new_f1=after.macro_f1,
        )
    return line(told)


def skipped(rows: Sequence[SkippedRow], say: Say) -> str:
    """The rows that could not be used, and why; empty when there are none."""
    if not rows:
        return ""
    items = [say("Row {number}: {reason}", number=row.number, reason=row.reason) for row in rows[:LISTED]]
    if len(rows) > LISTED:
        items.append(say("… and {count:,} more. The download has all of them.", count=len(rows) - LISTED))
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    title = escape(say(SKIPPED, count=len(rows)))
    return f'<details class="sentiment-bad"><summary>{title}</summary><ul>{listed}</ul></details>'


def quality(found: Quality, labels: Sequence[str], say: Say) -> str:
    """Accuracy, macro-F1, how well each label was found, and the confusion matrix."""
    if not found.rows:
        return line(say("No true label in this column is one of the labels, so accuracy can't be computed."), "note")
    head = say(
        "Accuracy {accuracy:.1%} · macro-F1 {f1:.3f} · over {rows:,} {rows:row|rows} with a true label",
        accuracy=found.accuracy,
        f1=found.macro_f1,
        rows=found.rows,
    )
    matrix = confusion(found.confusion, labels, say("Confusion matrix"), say)
    return line(head, "note") + _by_label(found, labels, say) + matrix + unknown(UNKNOWN_LABELS, found.unknown, say)


def _by_label(found: Quality, labels: Sequence[str], say: Say) -> str:
    """Precision, recall and F1 of each label, as a table."""
    names = [say("Label"), say("Precision (P)"), say("Recall (R)"), "F1", say("Rows")]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for place, label in enumerate(labels):
        of = found.of_label(place)
        cells = f"<td>{of.precision:.1%}</td><td>{of.recall:.1%}</td><td>{of.f1:.3f}</td><td>{of.rows:,}</td>"
        body += f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>'
    caption = escape(say("By label"))
    return (
        f'<div class="confusion" tabindex="0"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def unknown(template: str, numbers: Sequence[int], say: Say) -> str:
    """The rows that a figure leaves out; empty when there are none."""
    if not numbers:
        return ""
    listed = ", ".join(map(str, numbers[:NUMBERS])) + ("…" if len(numbers) > NUMBERS else "")
    return line(say(template, count=len(numbers), numbers=listed))


def _how(order: Order, scoring: Scoring, say: Say) -> str:
    """Where results come from: whether they are calibrated, and against what."""
    name, count = order.template.name, len(order.calibration_texts)
    if count:
        how = say(
            "label bias corrected with {count:,} reference {count:text|texts} of “{name}”", count=count, name=name
        )
    elif order.calibrated:
        how = say("label bias not corrected: “{name}” has no reference texts", name=name)
    else:
        how = say("label bias not corrected")
    return f"{how} · {say(SCORED[scoring])}"
