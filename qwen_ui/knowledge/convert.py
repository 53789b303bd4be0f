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
EXTENSIONS = tuple(sorted({*reader.EXTENSIONS, *_ALIASES}))
"""Of the files that can be read."""

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
    """A document that can't be used. Its sentence names the document as {file}."""


def extension_of(name: str) -> str:
    """The extension that says how a file of that name is read. Raises `Unreadable` if there is no way to."""
    extension = Path(name).suffix.lower()
    extension = _ALIASES.get(extension, extension)
    if extension not in reader.EXTENSIONS:
        raise Unreadable(
            "{file} is not of a kind that can be read. Give one of {extensions}.",
            file=name,
            extensions=", ".join(EXTENSIONS),
        )
    return extension


def load(path: Path, name: str, limits: Limits) -> bytes:
    """The bytes of a file, which errors call by its name. Raises `Unreadable` if it is missing, empty or too large."""
    try:
        if path.stat().st_size > limits.file_bytes:
            raise Unreadable(
                "{file} is larger than the {limit} MB that are allowed.",
                file=name,
                limit=limits.file_bytes // 1_000_000,
            )
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable("{file} can't be opened: {error}.", file=name, error=error.strerror or error) from error
    if not data.strip(b" \t\r\n\0"):
        raise Unreadable("{file} is empty.", file=name)
    return data


def convert(data: bytes, name: str, limits: Limits | None = None) -> list[Part]:
    """The document's pages in Markdown, those with text.

    Raises `Unreadable` for what is damaged, encrypted, without text, of a kind that can't be read, or beyond the
    limits. Whatever the document makes its parser do, this process stays well.
    """
    limits = limits or Limits()
    numbers = (limits.pages, limits.unpacked_bytes, limits.characters, limits.seconds, limits.memory_bytes)
    command = [sys.executable, "-m", reader.__name__, extension_of(name), *map(str, numbers)]
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
        raise Unreadable(
            "{file} takes longer to read than the {limit:,} seconds that are allowed.", file=name, limit=limits.seconds
        ) from None
    if done.returncode:
        raise Unreadable("{file} can't be read: its reader broke down over it, or ran out of memory.", file=name)
    answer = json.loads(done.stdout)
    if refused := answer.get("refused"):
        # No literal here, as everywhere else: it stands where the reader, in its own process, raised `Refused`.
        raise Unreadable(refused["template"], file=name, **refused["values"])
    return [Part(text, page) for page, text in answer["parts"]]


def _environment() -> dict[str, str]:
    # Each thread of these libraries would set address space aside, for work that needs one.
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
