"""Changing prompt files from the app: only valid ones are saved, and the text that was shipped is kept.

Before a file changes here for the first time, its text goes to ``<prompts>/.original/<task>/``: within the folder,
so that it travels with it, and hidden, so that it is no task. Restoring brings it back and forgets it.
"""

import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qwen_ui.errors import InvalidInput, QwenUIError, TemplateError
from qwen_ui.prompts.parse import MAX_FILE_BYTES, parse
from qwen_ui.prompts.samples import samples
from qwen_ui.prompts.sources import ended, lines, renamed, replace
from qwen_ui.prompts.store import PromptStore
from qwen_ui.prompts.template import SUFFIX, Template, error_at
from qwen_ui.sentences import Sentence

ORIGINALS = ".original"
MAX_TEMPLATES = 500
"""Files that a task may have."""

ASSISTANTS = "chat"
_BLANK = """---
name: Assistant
description: ""
---
system:
You are a helpful assistant.
"""
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


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file that is there no more."""

    task: str
    id: str
    text: str
    original: str | None = None
    """Its text before it was first changed here, if it was."""


class PromptEditor:
    """Lists, changes, copies, renames, deletes and restores the files of a `PromptStore`.

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
        return lines(data.decode(errors="replace").removeprefix("\ufeff"))

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
        path, text = self._path(task, id), ended(text)
        template = self.check(task, id, text)
        with self._changing:
            current = self.read(task, id)
            if current not in (lines(before), text):
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
        path = self._named(task, new := new.strip())
        text = renamed(self.check(task, id, ended(text)), new)
        self.check(task, new, text)
        with self._changing:
            self._add(path, text)
        return new

    def create(self, task: str, new: str) -> str:
        """Makes a new file of the task, and gives its id: for chat an assistant, else like the task's first template.

        Raises like `duplicate`.
        """
        first = next(iter(self.store.list(task).templates), None)
        if task != ASSISTANTS and first is not None:
            return self.duplicate(task, first.id, new, first.source)
        return self.duplicate(task, new.strip(), new, _BLANK)

    def rename(self, task: str, id: str, new: str) -> str:
        """Gives a file another name, in its front matter too, and gives its new id. What was its original goes along.

        Raises like `duplicate`.
        """
        self._may_change()
        path, target = self._path(task, id), self._named(task, new := new.strip())
        with self._changing:
            text = self.read(task, id)
            with suppress(TemplateError):  # a broken file can have another name as well
                text = renamed(self.check(task, id, text), new)
            original = self.original(task, id)
            self._add(target, text, instead_of=id)
            if original is not None:
                self._write(self._original(task, new), original)
            if not path.samefile(target):  # to some file systems, names in small and in capital letters are one
                self._remove(task, id, path)
        return new

    def delete(self, task: str, id: str) -> "Deleted":
        """Deletes a file and gives what was there, to be brought back by `undelete`."""
        self._may_change()
        path = self._path(task, id)
        with self._changing:
            gone = Deleted(task, id, self.read(task, id), self.original(task, id))
            self._remove(task, id, path)
        return gone

    def undelete(self, gone: "Deleted") -> None:
        """Brings a deleted file back. Raises `InvalidInput` where there is another of its name by now."""
        self._may_change()
        path = self._path(gone.task, gone.id)
        with self._changing:
            self._add(path, gone.text)
            if gone.original is not None:
                self._write(self._original(gone.task, gone.id), gone.original)

    def _named(self, task: str, name: str) -> Path:
        """Where a file of a new name goes. Raises `InvalidInput` for a name that can't be a file's."""
        path = self._path(task, name)
        if _DEVICES.fullmatch(name):
            raise InvalidInput("{name!r} is a name that Windows keeps for itself. Choose another.", name=name)
        return path

    def _add(self, path: Path, text: str, instead_of: str = "") -> None:
        """Writes a new file. Raises `InvalidInput` where its name is taken, but by the one that it is instead of."""
        task, new = path.parent.name, path.stem
        taken = [other for other in self.store.ids(task) if other != instead_of]
        if new.casefold() in {other.casefold() for other in taken}:
            raise InvalidInput("There is a template {name!r} already. Choose another name.", name=new)
        if len(taken) >= MAX_TEMPLATES:
            raise InvalidInput(
                "{task} has {count:,} {count:template|templates} already. Remove some first.",
                task=task,
                count=len(taken),
            )
        self._write(path, text)

    def _remove(self, task: str, id: str, path: Path) -> None:
        try:
            path.unlink()
            self._original(task, id).unlink(missing_ok=True)
        except OSError as error:
            raise InvalidInput(
                "{file} can't be deleted: {error}.", file=_label(task, id), error=error.strerror or error
            ) from error

    def original(self, task: str, id: str) -> str | None:
        """The text that the file had before it was first changed here; None if it was not."""
        try:
            return lines(self._original(task, id).read_text(encoding="utf-8"))
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
            replace(path, text)
        except OSError as error:
            raise InvalidInput("{file} can't be written: {error}.", file=file, error=error.strerror or error) from error


def _label(task: str, id: str) -> str:
    return f"{task}/{id}{SUFFIX}"
