"""The folder of prompt files, read again as they change."""

import logging
import re
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.prompts.parse import MAX_FILE_BYTES, parse
from qwen_ui.prompts.template import SUFFIX, Template, error_at
from qwen_ui.sentences import Sentence

log = logging.getLogger(__name__)

_NAME = re.compile(r"\w[\w .()+-]*")
_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Listing:
    """A task's templates, in the order of their ids, and what is wrong with its broken files."""

    templates: tuple[Template, ...]
    errors: tuple[TemplateError, ...]


class PromptStore:
    """Prompt files as ``<root>/<task>/<id>.prompty``. People edit them while the app runs."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._cache: dict[Path, tuple[_Stamp, Template | TemplateError]] = {}

    def tasks(self) -> tuple[str, ...]:
        """The tasks that have a folder."""
        return tuple(sorted(path.name for path in self.root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)))

    def results(self, task: str) -> tuple[tuple[str, Template | TemplateError], ...]:
        """The ids of all files of a task, each with its template or with what is wrong. Raises like `list`."""
        return tuple((path.stem, self._read(path)) for path in self._paths(task))

    def list(self, task: str) -> Listing:
        """All templates of a task. Raises `InvalidInput` for a task name that could leave the folder."""
        results = [result for _, result in self.results(task)]
        return Listing(
            tuple(result for result in results if isinstance(result, Template)),
            tuple(result for result in results if isinstance(result, TemplateError)),
        )

    def ids(self, task: str) -> tuple[str, ...]:
        """The ids of all files of a task, broken ones too. Raises `InvalidInput` like `list`."""
        return tuple(path.stem for path in self._paths(task))

    def load(self, task: str, id: str) -> Template:
        """One template. Raises `InvalidInput` when there is none of that name, `TemplateError` when it is broken."""
        path, known = self.path(task, id), self._paths(task)
        if path not in known:
            names = ", ".join(other.stem for other in known) or Sentence("none")
            raise InvalidInput(
                "There is no template {id!r} for {task}. There are: {names}.", id=id, task=task, names=names
            )
        result = self._read(path)
        if isinstance(result, TemplateError):
            raise copy(result)  # the cached one would collect tracebacks
        return result

    def path(self, task: str, id: str) -> Path:
        """Where the template is, or would be. Raises `InvalidInput` for names that could leave the folder."""
        return self._folder(task) / f"{_checked(Sentence('template'), id)}{SUFFIX}"

    def _folder(self, task: str) -> Path:
        return self.root / _checked(Sentence("task"), task)

    # "list" is this class's method from here on, hence the tuple.
    def _paths(self, task: str) -> tuple[Path, ...]:
        paths = (path for path in self._folder(task).glob(f"*{SUFFIX}") if not path.name.startswith("."))
        return tuple(sorted(paths, key=lambda path: path.stem))

    def _read(self, path: Path) -> Template | TemplateError:
        """The file's template, or what is wrong with it; from the cache unless the file has changed."""
        file = f"{path.parent.name}/{path.name}"
        try:
            target = path.resolve(strict=True)
            if not target.is_relative_to(self.root) or not target.is_file():
                return error_at(file, 1, Sentence("this is not a file within the prompts folder."))
            stat = target.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if path not in self._cache or self._cache[path][0] != stamp:
                self._cache[path] = (stamp, self._parse(path))
            return self._cache[path][1]
        except OSError as error:
            return error_at(file, 1, Sentence("the file can't be read: {error}.", error=error.strerror or str(error)))

    def _parse(self, path: Path) -> Template | TemplateError:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)  # one more than parse() takes: no need to read a huge file whole
        try:
            template = parse(path, data)
        except TemplateError as error:
            return copy(error)  # without the traceback
        for warning in template.warnings:
            log.warning("%s", warning)
        return template


def _checked(what: Sentence, name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > 100:
        raise InvalidInput(
            "A {what}'s name may hold letters, digits, spaces and . ( ) + - _, not {name!r}.", what=what, name=name
        )
    return name
