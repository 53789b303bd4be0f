"""Changing prompt files from the app: only valid ones are saved, and the text that was shipped is kept.

Before a file changes here for the first time, its text goes to ``<prompts>/.original/<task>/``: within the folder,
so that it travels with it, and hidden, so that it is no task. Restoring brings it back and forgets it.
"""

import difflib
import json
import os
import re
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_ui.errors import InvalidInput, QwenUIError, TemplateError
from qwen_ui.prompts.parse import MAX_FILE_BYTES, parse
from qwen_ui.prompts.store import PromptStore
from qwen_ui.prompts.template import SUFFIX, Input, Template, error_at
from qwen_ui.sentences import Sentence

ORIGINALS = ".original"
MAX_TEMPLATES = 500
"""Files that a task may have."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for itself, whatever their ending."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A prompt file as a list shows it, broken or not."""

    task: str
    id: str
    template: Template | None
    error: QwenUIError | None = None
    """What is wrong with it."""
    changed: bool = False
    """Whether an original text is kept for it."""


class PromptEditor:
    """Lists, changes, copies and restores the files of a `PromptStore`.

    With ``editable=False`` everything can be read, and whatever would change a file raises `InvalidInput`.
    """

    def __init__(self, store: PromptStore, editable: bool = True) -> None:
        self.store = store
        self.editable = editable
        self._changing = threading.Lock()

    def entries(self) -> tuple[Entry, ...]:
        return tuple(
            self._entry(task, id, result) for task in self.store.tasks() for id, result in self.store.results(task)
        )

    def _entry(self, task: str, id: str, result: Template | TemplateError) -> Entry:
        try:
            changed = self._original(task, id).exists()
        except InvalidInput as error:  # a name that no file may have
            return Entry(task, id, None, error)
        if isinstance(result, Template):
            return Entry(task, id, result, changed=changed)
        return Entry(task, id, None, result, changed)

    def read(self, task: str, id: str) -> str:
        """The text of a file, broken or not. Raises `InvalidInput` when it is not there or not readable as text."""
        path = self._path(task, id)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise InvalidInput(
                "There is no template {id!r} for {task} any more. Pick another.", id=id, task=task
            ) from None
        except OSError as error:
            raise InvalidInput(
                "{file} can't be read: {error}.", file=_label(task, id), error=error.strerror or error
            ) from error
        if len(data) > MAX_FILE_BYTES:
            raise InvalidInput("{file} is too large to be edited here.", file=_label(task, id))
        return _lines(data.decode(errors="replace").removeprefix("\ufeff"))

    def check(self, task: str, id: str, text: str) -> Template:
        """The template that the text makes, known to render with its samples.

        Raises `TemplateError`, beginning with ``file:line:``, when it makes none.
        """
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            raise error_at(_label(task, id), line, Sentence("this line holds no valid Unicode.")) from error
        template = parse(self.store.path(task, id), data)
        template.render(**samples(template))
        for name in template.variables:
            if template.inputs and name not in template.inputs:
                raise template.fault(
                    "inputs", "{name!r} is used in the text; list it under inputs, with a sample.", name=name
                )
        return template

    def save(self, task: str, id: str, text: str, before: str) -> Template:
        """Writes the file's new text and gives its template.

        ``before`` is the text that the editing began with: if somebody else has changed the file since, that is
        not overwritten. Raises `TemplateError` for a text that makes no template, `InvalidInput` for all else.
        """
        self._may_change()
        path, text = self._path(task, id), _ended(text)
        template = self.check(task, id, text)
        with self._changing:
            current = self.read(task, id)
            if current not in (_lines(before), text):
                raise InvalidInput(
                    "{file} has been changed by somebody else meanwhile. Copy your text, open the template again and "
                    "put your changes in.",
                    file=_label(task, id),
                )
            original = self._original(task, id)
            if current != text and not original.exists():
                self._write(original, current)
            self._write(path, text)
        return template

    def duplicate(self, task: str, id: str, new: str, text: str) -> str:
        """Saves the text as a new file of the task, its ``name`` the new one, and gives the new file's id.

        Raises like `save`, and `InvalidInput` for a name that is taken or can't be a file's.
        """
        self._may_change()
        new = new.strip()
        path = self._path(task, new)
        if _DEVICES.fullmatch(new):
            raise InvalidInput("{name!r} is a name that Windows keeps for itself. Choose another.", name=new)
        text = _renamed(self.check(task, id, _ended(text)), new)
        self.check(task, new, text)
        with self._changing:
            taken = self.store.ids(task)
            if new.casefold() in {other.casefold() for other in taken}:
                raise InvalidInput("There is a template {name!r} already. Choose another name.", name=new)
            if len(taken) >= MAX_TEMPLATES:
                raise InvalidInput(
                    "{task} has {count:,} {count:template|templates} already. Remove some first.",
                    task=task,
                    count=len(taken),
                )
            self._write(path, text)
        return new

    def original(self, task: str, id: str) -> str | None:
        """The text that the file had before it was first changed here; None if it was not."""
        try:
            return _lines(self._original(task, id).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                "The original of {file} can't be read: {error}.", file=_label(task, id), error=error
            ) from error

    def restore(self, task: str, id: str) -> str:
        """Brings the original text back and gives it. Raises `InvalidInput` when there is none."""
        self._may_change()
        path = self._path(task, id)
        with self._changing:
            text = self.original(task, id)
            if text is None:
                raise InvalidInput(
                    "{file} has not been changed here: there is nothing to restore.", file=_label(task, id)
                )
            self._write(path, text)
            self._original(task, id).unlink()
        return text

    def _may_change(self) -> None:
        if not self.editable:
            raise InvalidInput("Prompt files can't be changed on this server.")

    def _path(self, task: str, id: str) -> Path:
        """Where the file is or would be. Raises `InvalidInput` unless that is within a task's folder."""
        path = self.store.path(task, id)
        if task not in self.store.tasks():
            names = ", ".join(self.store.tasks())
            raise InvalidInput("There is no task {task!r}. There are: {names}.", task=task, names=names)
        if not path.resolve().is_relative_to(self.store.root):
            raise InvalidInput(
                "{file} is not within the prompts folder, so it can't be used here.", file=_label(task, id)
            )
        return path

    def _original(self, task: str, id: str) -> Path:
        return self.store.root / ORIGINALS / self.store.path(task, id).relative_to(self.store.root)

    def _write(self, path: Path, text: str) -> None:
        """Puts the text in the file's place at once: who reads meanwhile gets all of the old or all of the new."""
        file = f"{path.parent.name}/{path.name}"
        try:
            if not path.resolve().is_relative_to(self.store.root):
                raise InvalidInput("{file} is not within the prompts folder.", file=file)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
        except OSError as error:
            raise InvalidInput("{file} can't be written: {error}.", file=file, error=error.strerror or error) from error


def samples(template: Template) -> dict[str, Any]:
    """Values to try a template with: its inputs' samples, read as JSON where they are numbers, lists and the like.

    Where a sample is blank, the default is taken, or the value of the front matter's key of the input's name. A
    template that lists no inputs gets the names of its variables for their values.
    """
    if not template.inputs:
        return {name: name for name in template.variables}
    return {name: _sample(template, entry) for name, entry in template.inputs.items()}


def _sample(template: Template, entry: Input) -> Any:
    if entry.sample.strip():
        return _value(entry.sample)
    return template.extra.get(entry.name, "") if entry.default is None else entry.default


def difference(original: str, text: str) -> Sequence[str]:
    """What differs, as the lines of a unified diff, without its head; empty if nothing does."""
    lines = difflib.unified_diff(original.splitlines(), text.splitlines(), lineterm="")
    return list(lines)[2:]


def _value(sample: str) -> Any:
    try:
        return json.loads(sample)
    except (ValueError, RecursionError):
        return sample


def _renamed(template: Template, name: str) -> str:
    """The template's text with another ``name`` in its front matter; as it is where the name has no line of its own."""
    lines = template.source.split("\n")
    place = template.lines.get("name")
    entry = f"name: {json.dumps(name, ensure_ascii=False)}"
    if place is None:
        lines.insert(1, entry)
    else:
        lines[place - 1] = entry
    try:
        renamed = parse(template.path, "\n".join(lines).encode())
    except TemplateError:
        return template.source
    return renamed.source if renamed.name == name else template.source


def _replace(path: Path, text: str) -> None:
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


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _ended(text: str) -> str:
    """The text with one line end at its end, as an editor would save it."""
    return _lines(text).rstrip("\n") + "\n"


def _label(task: str, id: str) -> str:
    return f"{task}/{id}{SUFFIX}"
