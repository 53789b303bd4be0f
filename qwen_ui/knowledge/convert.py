"""Documents to Markdown, safely: each is read by a process of its own, within limits."""

from dataclasses import dataclass
from pathlib import Path

from qwen_ui.knowledge import reader
from qwen_ui.knowledge.passages import Part
from qwen_ui.text.confined import Unreadable, run, unpacked

_ALIASES = {
    **dict.fromkeys((".htm", ".xhtml"), ".html"),
    **dict.fromkeys((".jsonl", ".ndjson"), ".json"),
    ".markdown": ".md",
    ".text": ".txt",
}
EXTENSIONS = tuple(sorted({*reader.EXTENSIONS, *_ALIASES}))
"""Of the files that can be read."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take."""

    file_bytes: int = 50_000_000
    unpacked_bytes: int = 300_000_000
    """What .docx, .pptx, .xlsx, .ods and .epub, which are archives, may unpack to."""
    pages: int = 5_000
    characters: int = 5_000_000
    passages: int = 50_000
    seconds: int = 120
    memory_bytes: int = 2_000_000_000
    """Of address space, where the system can hold a process to that (not on Windows)."""


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


def convert(data: bytes, name: str, limits: Limits | None = None, encoding: str = "") -> list[Part]:
    """The document's pages in Markdown, those with text, and cut; of a workbook its sheets; of a text file in the
    encoding, if one is named.

    Raises `Unreadable` for what is damaged, encrypted, without text, of a kind that can't be read, or beyond the
    limits, and `UncertainEncoding`. Whatever the document makes its parser do, this process stays well.
    """
    limits = limits or Limits()
    numbers = (limits.pages, limits.unpacked_bytes, limits.characters)
    arguments = [extension_of(name), encoding, *map(str, numbers)]
    parts = run(reader.__name__, arguments, data, name, seconds=limits.seconds, memory=limits.memory_bytes)
    return [Part(text, page, unpacked(note) if note else None, pieces) for page, text, note, pieces in parts]
