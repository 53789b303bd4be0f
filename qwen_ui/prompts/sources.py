"""The texts of prompt files: as they are saved, renamed and compared."""

import difflib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qwen_ui.errors import TemplateError
from qwen_ui.prompts.parse import parse
from qwen_ui.prompts.template import Template


def difference(original: str, text: str) -> Sequence[str]:
    """What differs, as the lines of a unified diff, without its head; empty if nothing does."""
    rows = difflib.unified_diff(original.splitlines(), text.splitlines(), lineterm="")
    return list(rows)[2:]


def renamed(template: Template, name: str) -> str:
    """The template's text with another ``name`` in its front matter; as it is where the name has no line of its own."""
    rows = template.source.split("\n")
    place = template.lines.get("name")
    entry = f"name: {json.dumps(name, ensure_ascii=False)}"
    if place is None:
        rows.insert(1, entry)
    else:
        rows[place - 1] = entry
    try:
        made = parse(template.path, "\n".join(rows).encode())
    except TemplateError:
        return template.source
    return made.source if made.name == name else template.source


def replace(path: Path, text: str) -> None:
    """Puts the text in the file's place at once: who reads meanwhile gets all of the old or all of the new."""
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def lines(text: str) -> str:
    """The text with the line ends of prompt files."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def ended(text: str) -> str:
    """The text with one line end at its end, as an editor would save it."""
    return lines(text).rstrip("\n") + "\n"
