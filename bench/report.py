"""Figures and the Markdown table that shows them."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil

from qwen_ui.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured line: what, how much, and what was to be reached."""

    what: str
    value: str
    goal: str = ""
    from_: str = ""
    """The raw figures that the value was computed from."""


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [f"| {f.what} | **{f.value}** | {f.goal} | {f.from_} |" for f in figures]
    return "\n".join(["| what | measured | goal | from |", "|---|---|---|---|", *rows])


def machine() -> str:
    """One line: the day, the versions and the machine."""
    versions = ", ".join(f"{p} {version(p)}" for p in ("torch", "transformers", "bitsandbytes", "gradio"))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{date.today().isoformat()}, Python {platform.python_version()}, {versions}; "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB memory."
    )


def write(document: Path, section: str, text: str) -> None:
    """Puts the text between the document's ``<!-- section -->`` and ``<!-- /section -->`` lines.

    Raises `InvalidInput` when the document has no such lines.
    """
    start, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    before, found, rest = document.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise InvalidInput(f"{document} has no section {start} … {end} to write to.")
    document.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")
