"""Adding files to a collection, watched: what goes on, what came of each file, and how to stop."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from html import escape

from qwen_ui.knowledge.library import Step
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import IDLE
from qwen_ui.ui.texts import Say

SIGNS = {"added": "✓", "duplicate": "=", "skipped": "✕"}


@dataclass(frozen=True, slots=True)
class Report:
    """How far the adding is."""

    current: Step | None = None
    """The file that is being read; None before the first and after the last."""
    results: tuple[Step, ...] = ()
    total: int = 0
    stopping: bool = False
    running: bool = True

    def after(self, step: Step) -> "Report":
        """The report with the step's news."""
        if step.state == "reading":
            return replace(self, current=step)
        return replace(self, current=None, results=(*self.results, step))


async def add(
    steps: Iterator[Step], total: int, stop: asyncio.Event, idle: float = IDLE
) -> AsyncGenerator[Report, None]:
    """The report again and again, at least every ``idle`` seconds, while the steps are taken in a thread.

    Once ``stop`` is set, the file that is being read is still finished.
    """
    report = Report(total=total)
    while True:
        task = asyncio.create_task(asyncio.to_thread(next, steps, None))
        while not task.done():
            yield report
            await asyncio.wait({task}, timeout=idle)
            report = replace(report, stopping=stop.is_set())
        step = task.result()
        if step is None or (stop.is_set() and step.state == "reading"):
            break
        report = report.after(step)
    yield replace(report, current=None, running=False)


def report_html(report: Report, say: Say) -> str:
    """The report as HTML: a bar with the file in work, and a line for each that is done."""
    items = "".join(_item(step, say) for step in report.results)
    results = f'<ul class="results">{items}</ul>' if items else ""
    return f'<div class="adding">{_state(report, say)}{results}</div>'


def _state(report: Report, say: Say) -> str:
    done = len(report.results)
    if not report.running:
        return line(say("ask_interrupted", left=report.total - done), "note") if done < report.total else ""
    bar = (
        f'<progress max="{report.total}" value="{done}" aria-label="{escape(say("ask_files"), quote=True)}"></progress>'
    )
    return line(_doing(report, say), "busy") + bar


def _doing(report: Report, say: Say) -> str:
    if report.stopping:
        return say("ask_stopping")
    if report.current is None and len(report.results) == report.total:
        return say("ask_indexing")
    number = len(report.results) + 1
    file = report.current.file if report.current else "…"
    return say("ask_reading", file=file, number=number, total=report.total)


def _item(step: Step, say: Say) -> str:
    added = step.state == "added"
    text = say("ask_added", file=step.file, count=step.passages) if added else say("error", error=step.detail)
    return f'<li class="{step.state}"><span aria-hidden="true">{SIGNS[step.state]}</span> {escape(text)}</li>'
