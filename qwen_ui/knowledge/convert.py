"""Documents to Markdown, safely: each is read by a process of its own, within limits."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge import reader
from qwen_ui.knowledge.passages import Part

_ALIASES = {".htm": ".html", ".xhtml": ".html", ".markdown": ".md", ".text": ".txt", ".jsonl": ".json"}
SUFFIXES = tuple(sorted({*reader.SUFFIXES, *_ALIASES}))
"""The endings of the files that can be read."""

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take."""

    file_bytes: int = 50_000_000
    unpacked_bytes: int = 300_000_000
    """What .docx, .pptx, .xlsx and .epub, which are archives, may unpack to."""
    pages: int = 5_000
    characters: int = 5_000_000
    passages: int = 50_000
    seconds: int = 120
    memory_bytes: int = 2_000_000_000
    """Of address space, where the system can hold a process to that (not on Windows)."""


class Unreadable(InvalidInput):
    """A document that can't be used. The message ends the sentence that its name begins."""


def suffix_of(name: str) -> str:
    """The ending that says how a file is read. Raises `Unreadable` if there is no way to."""
    suffix = Path(name).suffix.lower()
    suffix = _ALIASES.get(suffix, suffix)
    if suffix not in reader.SUFFIXES:
        raise Unreadable(f"is not of a kind that can be read. Give one of {', '.join(SUFFIXES)}.")
    return suffix


def load(path: Path, limits: Limits) -> bytes:
    """The bytes of a file. Raises `Unreadable` if it is missing, empty or too large."""
    try:
        size = path.stat().st_size
        if size > limits.file_bytes:
            raise Unreadable(f"is larger than the {limits.file_bytes // 1_000_000} MB that are allowed.")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"can't be opened: {error.strerror}.") from error
    if not data.strip(b" \t\r\n\0"):
        raise Unreadable("is empty.")
    return data


def convert(data: bytes, suffix: str, limits: Limits | None = None) -> list[Part]:
    """The document's pages in Markdown, those with text. `suffix` as `suffix_of` gives it.

    Raises `Unreadable` for what is damaged, encrypted, without text, or beyond the limits. Whatever the document
    makes its parser do, this process stays well.
    """
    limits = limits or Limits()
    numbers = (limits.pages, limits.unpacked_bytes, limits.characters, limits.seconds, limits.memory_bytes)
    command = [sys.executable, "-m", reader.__name__, suffix, *map(str, numbers)]
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds,
            cwd=_ROOT,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(f"takes longer to read than the {limits.seconds} seconds that are allowed.") from None
    if done.returncode:
        raise Unreadable("can't be read: its reader broke down over it, or ran out of memory.")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise Unreadable(answer["refused"])
    return [Part(text, page) for page, text in answer["parts"]]


def _environment() -> dict[str, str]:
    # Each thread of these libraries would set address space aside, for work that needs one.
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
