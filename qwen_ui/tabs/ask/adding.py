"""Adding files to a collection: where they are dropped, and a report that tells of each."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from html import escape
from itertools import chain, count
from pathlib import PurePath

from qwen_ui.knowledge.convert import Limits
from qwen_ui.knowledge.library import Library, Step
from qwen_ui.knowledge.store import name_key
from qwen_ui.page.status import line
from qwen_ui.page.words import Say
from qwen_ui.tabs.ask.task import Report

MOST_FILES = 200
"""Files that can be added at a time."""
LONGEST_NAME = 60
"""Characters of a file's name that name its collection."""
SIGNS = {"added": "✓", "duplicate": "=", "skipped": "✕", "uncertain": "?"}


def taken(megabytes: int, say: Say) -> str:
    """What can be dropped, as HTML."""
    told = say(
        "PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx, .xlsm, .xlsb, .xls), .ods, HTML, "
        "Markdown, plain text, CSV, TSV, JSON and EPUB; up to {megabytes:,} MB "
        "a file, {pages:,} pages a PDF, {files:,} files at a time.",
        megabytes=megabytes,
        pages=Limits().pages,
        files=MOST_FILES,
    )
    return f'<p class="taken">{escape(told)}</p>'


def name_for(files: Sequence[str], others: Iterable[str], say: Say) -> str:
    """A name for the collection that these files begin, which none of the others has."""
    stem = "".join(c for c in PurePath(files[0]).stem if c.isprintable()).strip()[:LONGEST_NAME] or say("Documents")
    name = stem if len(files) == 1 else say("{name} and {count:,} more", name=stem, count=len(files) - 1)
    known = {name_key(other) for other in others}
    return next(each for each in chain([name], (f"{name} {n}" for n in count(2))) if name_key(each) not in known)


async def gone_if_empty(
    steps: AsyncGenerator[Step, None], library: Library, id: str, owner: str
) -> AsyncGenerator[Step, None]:
    """The steps of filling a new collection. It goes if nothing came in, and no file waits for its encoding."""
    waits = False
    try:
        async with aclosing(steps):
            async for step in steps:
                waits = waits or step.state == "uncertain"
                yield step
    finally:
        if not waits:
            await asyncio.to_thread(_remove_if_empty, library, id, owner)


def _remove_if_empty(library: Library, id: str, owner: str) -> None:
    for info in library.collections(owner):
        if info.id == id and not info.documents:
            library.delete(id, owner)


def report_html(report: Report, running: bool, say: Say) -> str:
    """The report as HTML: a bar with the file in work, and a line for each that is done."""
    items = "".join(_item(step, say) for step in report.results)
    results = f'<ul class="results">{items}</ul>' if items else ""
    return f'<div class="adding">{_progress(report, say) if running else _left(report, say)}{results}</div>'


def _progress(report: Report, say: Say) -> str:
    title = escape(say("Add documents"), quote=True)
    bar = f'<progress max="{report.total}" value="{len(report.results)}" aria-label="{title}"></progress>'
    return line(_doing(report, say), "busy") + bar


def _doing(report: Report, say: Say) -> str:
    done = len(report.results)
    if report.stopping:
        return say("Stopping after this file…")
    if done == report.total:
        return say("Indexing the documents…")
    file = report.current.file if report.current else "…"
    return say("Reading {file} ({number:,} of {total:,})…", file=file, number=done + 1, total=report.total)


def _left(report: Report, say: Say) -> str:
    left = report.total - len(report.results)
    return line(say("Stopped. {left:,} {left:file was|files were} not added.", left=left), "note") if left else ""


def _item(step: Step, say: Say) -> str:
    if step.state == "added":
        text = say("{file}: added, {count:,} {count:passage|passages}", file=step.file, count=step.passages)
        text += f". {say('{reason}', reason=step.detail)}" if step.detail else ""
    else:
        text = say("{reason}", reason=step.detail)
    return f'<li class="{step.state}"><span aria-hidden="true">{SIGNS[step.state]}</span> {escape(text)}</li>'
