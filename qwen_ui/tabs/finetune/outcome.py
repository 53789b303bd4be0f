"""What came of a run, as the page shows it: HTML, escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from statistics import mean
from typing import Any

from qwen_ui.page.confusion import confusion
from qwen_ui.page.status import line
from qwen_ui.page.words import Say
from qwen_ui.tabs.finetune.show import number
from qwen_ui.tabs.finetune.task import Story
from qwen_ui.tabs.finetune.words import KINDS, METRICS, named

KEPT_WELL = 0.9
"""The share of a score above which nothing was forgotten to speak of."""


def outcome(story: Story, say: Say) -> str:
    """Metrics, confusion matrices, what was lost and what was forgotten."""
    result = story.result
    if not result:
        return line(say("This run has no result.") if story.over else say("The result comes when the run has ended."))
    parts = [_metrics(result, say), _confusions(result, say), _regressions(result, say), _forgetting(result, say)]
    return f'<div class="finetune-outcome">{"".join(parts)}</div>'


def _metrics(result: Mapping[str, Any], say: Say) -> str:
    """A row each metric: base, adapter, and the difference."""
    base, adapter = result["metrics"].get("base", {}), result["metrics"].get("adapter", {})
    rows = "".join(
        f'<tr><th scope="row">{escape(named(name, METRICS, say))}</th><td>{number(name, base.get(name))}</td>'
        f"<td><b>{number(name, value)}</b></td><td>{_difference(name, base.get(name), value)}</td></tr>"
        for name, value in adapter.items()
    )
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in (say("Base"), say("Adapter"), "±"))
    caption = escape(say("On the validation rows"))
    made = say("The model is in {folder}.", folder=result["model_folder"]) if result.get("model_folder") else ""
    best = line(say("The best checkpoint is the one of step {step:,}.", step=result["step"]))
    return (
        _table(f"<caption>{caption}</caption><thead><tr><td></td>{titles}</tr></thead><tbody>{rows}</tbody>")
        + best
        + (line(made) if made else "")
    )


def _difference(name: str, before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "–"
    difference = (after - before) * (100 if name == "accuracy" else 1)
    told = f"{difference:+.1f}" if name in ("accuracy", "chrf") else f"{difference:+.3f}"
    return told.replace("-", "−")


def _confusions(result: Mapping[str, Any], say: Say) -> str:
    found, labels = result.get("confusion") or {}, result.get("labels") or []
    titles = {"base": say("Confusion matrix of the base"), "adapter": say("Confusion matrix of the adapter")}
    tables = [confusion(found[who], labels, title, say) for who, title in titles.items() if found.get(who)]
    return f'<div class="finetune-confusions">{"".join(tables)}</div>' if tables else ""


def _regressions(result: Mapping[str, Any], say: Say) -> str:
    """The rows that the base got right and the adapter gets wrong."""
    rows = result.get("regressions") or []
    title = escape(
        say(
            "{count:,} {count:row that the base got right is|rows that the base got right are} wrong now",
            count=len(rows),
        )
    )
    if not rows:
        return line(say("No row that the base got right is wrong now."), "note")
    titles = (say("Row"), say("Text"), say("True"), say("Base"), say("Adapter"))
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in titles)
    body = "".join(
        f'<tr><th scope="row">{row["number"]}</th>'
        + "".join(f"<td>{escape(str(row[name]))}</td>" for name in ("text", "gold", "base", "adapter"))
        + "</tr>"
        for row in rows
    )
    table = _table(f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>", "finetune-rows")
    return f"<details><summary>{title}</summary>{table}</details>"


def _forgetting(result: Mapping[str, Any], say: Say) -> str:
    """How much of what the base could do is left, by kind, and each probe before and after."""
    probes = result.get("forgetting") or []
    if not probes:
        return ""
    kinds = dict.fromkeys(probe["kind"] for probe in probes)
    meters = "".join(_meter(kind, [probe for probe in probes if probe["kind"] == kind], say) for kind in kinds)
    titles = (say("Probe"), say("Before"), say("After"))
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(
        f'<tr><th scope="row">{escape(str(probe["probe"]))}</th>'
        + "".join(
            f"<td>{escape(str(probe[when]))} <small>{_score(probe.get(f'score_{when}'))}</small></td>"
            for when in ("before", "after")
        )
        + "</tr>"
        for probe in probes
    )
    table = _table(f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>", "finetune-rows")
    title, more = escape(say("What it kept of the base model's abilities")), escape(say("The probes, before and after"))
    return (
        f'<section class="finetune-kept"><h3>{title}</h3><ul>{meters}</ul>'
        f"<details><summary>{more}</summary>{table}</details></section>"
    )


def _meter(kind: str, probes: Sequence[Mapping[str, Any]], say: Say) -> str:
    before = mean(probe.get("score_before") or 0.0 for probe in probes)
    after = mean(probe.get("score_after") or 0.0 for probe in probes)
    kept = min(after / before, 1.0) if before else 1.0
    name = named(kind, KINDS, say)
    told = escape(say("{kind}: {share:.0%} kept", kind=name, share=kept), quote=True)
    weak = "" if kept >= KEPT_WELL else " class=weak"
    return (
        f'<li{weak}><span>{escape(name)}</span><meter min="0" max="1" value="{kept:.3f}" aria-label="{told}"></meter>'
        f"<b>{kept:.0%}</b></li>"
    )


def _score(score: float | None) -> str:
    return "" if score is None else f"({score:.2f})"


def _table(inner: str, name: str = "") -> str:
    return f'<div class="finetune-table {name}" tabindex="0"><table>{inner}</table></div>'
