"""Results as the page shows them: HTML, escaped."""

from collections.abc import Sequence
from html import escape

from qwen_ui.errors import QwenUIError
from qwen_ui.tasks.sentiment import BadRow, Classified, Quality
from qwen_ui.ui.sentiment.judge import Order
from qwen_ui.ui.sentiment.work import Job, Work
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import Say

LISTED = 200
"""Bad rows on the page."""
NUMBERS = 20


def bars(result: Classified, say: Say) -> str:
    """The likeliest label, and each label's probability as a bar."""
    items = "".join(
        f"<li{' class=best' if label == result.label else ''}><span>{escape(label)}</span>"
        f'<meter min="0" max="1" value="{share:.4f}" '
        f'aria-label="{escape(say("sentiment_probability", label=label, percent=f"{share:.1%}"), quote=True)}"></meter>'
        f"<b>{share:.1%}</b></li>"
        for label, share in result.probabilities.items()
    )
    return (
        f'<div class="sentiment-bars" role="status"><p class="sentiment-label">{escape(result.label)}'
        f"<span>{result.confidence:.0%}</span></p><ul>{items}</ul></div>"
    )


def how(order: Order, say: Say) -> str:
    """Whether the result is calibrated, and against what."""
    name, count = order.template.name, len(order.references)
    if count:
        return say("sentiment_said_calibrated", count=count, template=name)
    return say("sentiment_said_no_references", template=name) if order.calibrated else say("sentiment_said_raw")


def judged(order: Order, seconds: float, say: Say) -> str:
    """The line under one text's result."""
    parts = [how(order, say), say("sentiment_scored"), say("sentiment_seconds", seconds=f"{seconds:.1f}")]
    return line(" · ".join(parts))


def underway(job: Job, say: Say) -> str:
    """How far a file is: rows, speed and time left."""
    bar = f'<progress class="sentiment-progress" max="{job.total}" value="{job.done}"></progress>'
    if job.cancelled:
        return bar + line(say("sentiment_stopping"), "busy")
    if not job.done:
        return bar + line(say("sentiment_starting", total=f"{job.total:,}"), "busy")
    left = _duration((job.total - job.done) / job.speed, say)
    done, total = f"{job.done:,}", f"{job.total:,}"
    return bar + line(say("sentiment_progress", done=done, total=total, speed=f"{job.speed:.1f}", left=left), "busy")


def outcome(work: Work, say: Say) -> str:
    """What judging a file came to."""
    done = len(work.rows)
    speed = done / work.seconds if work.seconds else 0.0
    facts = say("sentiment_done", done=f"{done:,}", speed=f"{speed:.1f}", seconds=f"{work.seconds:.1f}")
    lines = [line(" · ".join([facts, how(work.order, say), say("sentiment_scored")]))]
    if work.waiting:
        lines.insert(0, line(say("sentiment_stopped", left=f"{len(work.waiting):,}"), "note"))
    return "".join(lines)


def worded(error: Exception, say: Say) -> str:
    """A sentence for the error: its own if it is meant for users."""
    return str(error) if isinstance(error, QwenUIError) else say("unexpected")


def failed(error: Exception, say: Say, kept: bool = False) -> str:
    """The line for an error."""
    return line(say("sentiment_broken_off" if kept else "sentiment_failed", error=worded(error, say)), "error")


def bad_rows(bad: Sequence[BadRow], say: Say) -> str:
    """The rows that could not be used, and why; empty when there are none."""
    if not bad:
        return ""
    items = [say("sentiment_bad_row", number=row.number, error=row.reason) for row in bad[:LISTED]]
    if len(bad) > LISTED:
        items.append(say("sentiment_more", count=f"{len(bad) - LISTED:,}"))
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    title = escape(say("sentiment_bad", count=f"{len(bad):,}"))
    return f'<details class="sentiment-bad"><summary>{title}</summary><ul>{listed}</ul></details>'


def quality(found: Quality, labels: Sequence[str], say: Say) -> str:
    """Accuracy, macro-F1 and the confusion matrix."""
    if not found.rows:
        return line(say("sentiment_no_truth"), "note")
    accuracy, f1 = f"{found.accuracy:.1%}", f"{found.macro_f1:.3f}"
    head = line(say("sentiment_quality", accuracy=accuracy, f1=f1, rows=f"{found.rows:,}"), "note")
    return head + _confusion(found, labels, say) + unknown("sentiment_unknown_truth", found.unknown, say)


def unknown(key: str, numbers: Sequence[int], say: Say) -> str:
    """The rows that a figure leaves out; empty when there are none."""
    if not numbers:
        return ""
    listed = ", ".join(map(str, numbers[:NUMBERS])) + ("…" if len(numbers) > NUMBERS else "")
    return line(say(key, count=f"{len(numbers):,}", numbers=listed))


def _confusion(found: Quality, labels: Sequence[str], say: Say) -> str:
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>{_cells(counts, place)}</tr>'
        for place, (label, counts) in enumerate(zip(labels, found.confusion, strict=True))
    )
    corner, caption = escape(say("sentiment_true_found")), escape(say("sentiment_confusion"))
    return (
        f'<div class="sentiment-confusion" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr><td>{corner}</td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(counts: Sequence[int], place: int) -> str:
    """One line of the matrix, each cell as strong as its share of the line."""
    total = sum(counts) or 1
    return "".join(
        f'<td class="{"right" if column == place else "wrong"}" style="--share:{count / total:.2f}">{count:,}</td>'
        for column, count in enumerate(counts)
    )


def _duration(seconds: float, say: Say) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return say("sentiment_left_seconds", seconds=round(seconds))
    if minutes < 90:
        return say("sentiment_left_minutes", minutes=minutes)
    return say("sentiment_left_hours", hours=minutes // 60, minutes=minutes % 60)
