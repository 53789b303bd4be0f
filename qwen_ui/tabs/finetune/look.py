"""A look at the data before training, as the page shows it: HTML, escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from qwen_ui.finetune.told import read_sentence
from qwen_ui.page.status import line
from qwen_ui.page.words import Say
from qwen_ui.tabs.finetune.words import PARTS

LISTED = 50
"""Reasons on the page."""
LABELS = 30
"""Labels on the page."""


def looked(found: Mapping[str, Any], say: Say) -> str:
    """What is used and what is not, how long it is, and how the model sees it."""
    warnings = "".join(line(say("{text}", text=read_sentence(each)), "note") for each in found.get("warnings") or ())
    parts = [_read(found, say), warnings, _parts(found, say), _left_out(found, say), _lengths(found, say)]
    return f'<div class="finetune-look">{"".join(parts)}{_examples(found, say)}</div>'


def _read(found: Mapping[str, Any], say: Say) -> str:
    told = []
    if found.get("input") and found.get("target"):
        told.append(say("Reads “{input}”, learns “{target}”", input=found["input"], target=found["target"]))
    if found.get("template"):
        told.append(say("template {name}", name=found["template"]))
    if found.get("duplicates"):
        told.append(say("{count:,} {count:duplicate|duplicates} removed", count=found["duplicates"]))
    return line(" · ".join(told)) if told else ""


def _parts(found: Mapping[str, Any], say: Say) -> str:
    """Rows of each part, and of each label in it."""
    rows, counts = found["rows"], found.get("label_counts") or {}
    labels = list(dict.fromkeys(label for part in counts.values() for label in part))
    titles = [say("Rows"), *labels[:LABELS]]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(
        f'<tr><th scope="row">{escape(say(PARTS[part]))}</th><td>{count:,}</td>'
        + "".join(f"<td>{counts.get(part, {}).get(label, 0):,}</td>" for label in labels[:LABELS])
        + "</tr>"
        for part, count in rows.items()
    )
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    more = len(labels) - LABELS
    told = line(say("… and {count:,} more {count:label|labels}.", count=more)) if more > 0 else ""
    return f'<div class="finetune-table" tabindex="0">{table}</div>{told}'


def _left_out(found: Mapping[str, Any], say: Say) -> str:
    """The rows that can't be used, by reason."""
    left_out = found.get("left_out") or {}
    if not left_out.get("count"):
        return ""
    items = [
        say(
            "{count:,} × {reason} ({count:row|rows} {numbers})",
            count=each["count"],
            reason=read_sentence(each["reason"]),
            numbers=", ".join(map(str, each["numbers"])) + ("…" if each["count"] > len(each["numbers"]) else ""),
        )
        for each in left_out["reasons"][:LISTED]
    ]
    title = escape(say("{count:,} {count:row|rows} left out", count=left_out["count"]))
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<details class="finetune-bad"><summary>{title}</summary><ul>{listed}</ul></details>'


def _lengths(found: Mapping[str, Any], say: Say) -> str:
    """The histogram of lengths, and what is cut off."""
    lengths = found.get("lengths") or {}
    counts: Sequence[int] = lengths.get("counts") or []
    if not counts:
        return ""
    edges, most, limit = lengths["edges"], max(counts) or 1, lengths["limit"]
    bars = "".join(
        f'<li{" class=cut" if edges[place] >= limit else ""} style="--share:{count / most:.3f}" '
        f'title="{edges[place] + 1:,}–{edges[place + 1]:,}: {count:,}"></li>'
        for place, count in enumerate(counts)
    )
    told = say(
        "Half of them have {median:,} tokens or fewer, the longest {longest:,}.",
        median=lengths["median"],
        longest=lengths["longest"],
    )
    if cut := lengths["cut"]:
        told += " " + say("{count:,} {count:is|are} longer than the maximum of {limit:,}.", count=cut, limit=limit)
    return (
        f'<figure class="finetune-lengths"><figcaption>{escape(say("Lengths in tokens"))}</figcaption>'
        f'<ol aria-hidden="true">{bars}</ol><p aria-hidden="true"><span>0</span><span>{edges[-1]:,}</span></p>'
        f"{line(told, 'note' if cut else '')}</figure>"
    )


def _examples(found: Mapping[str, Any], say: Say) -> str:
    """The first rows as the model will see them. What bears loss is marked, and underlined."""
    rows = found.get("first") or []
    if not rows:
        return ""
    shown = "".join(f"<li>{_tokens(row['tokens'])}</li>" for row in rows)
    title = escape(say("The first rows, as the model sees them"))
    legend = say("What it learns to write is {marked}; the rest bears no loss.", marked="\0")
    marked = f"<mark>{escape(say('marked and underlined'))}</mark>"
    before, after = map(escape, legend.split("\0"))
    return (
        f'<section class="finetune-rows-seen"><h3>{title}</h3>'
        f'<p class="about">{before}{marked}{after}</p><ol>{shown}</ol></section>'
    )


def _tokens(row: Sequence[Sequence[Any]]) -> str:
    """A row's tokens, each in a frame of its own."""
    return "".join(
        f"<mark>{escape(text)}</mark>" if bears_loss else f"<span>{escape(text)}</span>" for text, bears_loss in row
    )
