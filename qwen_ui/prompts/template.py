"""A prompt template: what its file says, and rendering it to messages."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_ui.errors import TemplateError
from qwen_ui.messages import Message, Role, Sampling
from qwen_ui.prompts import mustache, sandbox
from qwen_ui.sentences import Sentence

SUFFIX = ".prompty"


@dataclass(frozen=True, slots=True)
class Input:
    """A variable that a template declares. The sample is for previews; it never stands in for a value."""

    name: str
    sample: str = ""
    description: str = ""
    default: Any = None
    """What stands in for a value, None if nothing does."""


@dataclass(frozen=True, slots=True)
class Section:
    """One message of a template, compiled."""

    role: Role
    line: int
    """Line of the file at which the section's text begins."""
    template: sandbox.Compiled


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt file, read and checked."""

    task: str
    id: str
    path: Path
    name: str
    description: str
    language: str
    options: Mapping[str, Any]
    """The sampling defaults that the file sets (its ``model.options``)."""
    adapter: str
    """The adapter that it is for (its ``model.adapter``); empty for none."""
    inputs: Mapping[str, Input]
    extra: Mapping[str, Any] = field(repr=False)
    """The front matter's other keys. A task that reads one checks it, and raises its `fault`."""
    variables: tuple[str, ...]
    """The names that the text uses, declared or not, in alphabetical order."""
    source: str = field(repr=False)
    """The whole file."""
    sections: tuple[Section, ...] = field(repr=False)
    lines: Mapping[str, int] = field(repr=False)
    """Where each key of the front matter is in the file."""
    warnings: tuple[Sentence, ...] = ()
    """What in the file has no meaning here. Each begins with ``file:line:``."""

    def render(self, /, **values: Any) -> list[Message]:
        """The template's messages with the values put in; sections that come out blank are left out.

        Raises `TemplateError` for a variable without a value and for whatever else fails inside the
        template, `InvalidInput` for values that are not valid Unicode.
        """
        defaults = {name: entry.default for name, entry in self.inputs.items() if entry.default is not None}
        rendered = [(section.role, self._render(section, defaults | values)) for section in self.sections]
        messages = [Message(role, text) for role, text in rendered if text.strip()]
        if not messages:
            raise self._error(self.sections[0].line, Sentence("the prompt comes out empty."))
        return messages

    def sampling(self, **overrides: Any) -> Sampling:
        """The file's options with the overrides; an override of None leaves the option as it is.

        Raises `InvalidInput` for values that `Sampling` refuses.
        """
        return Sampling(**{**self.options, **{name: value for name, value in overrides.items() if value is not None}})

    def fault(self, key: str, template: str, /, **values: Any) -> TemplateError:
        """The error to raise when the front matter's value under the key can't be used: its cause, as a literal."""
        return self._error(self.lines.get(key, 1), Sentence(template, **values))

    def _render(self, section: Section, values: Mapping[str, Any]) -> str:
        try:
            return sandbox.render(section.template, values)
        except Exception as error:
            raise self._error(section.line + _line_within(error) - 1, self._cause(error, values)) from error

    def _cause(self, error: Exception, values: Mapping[str, Any]) -> Sentence:
        """What went wrong; for a variable without a value, which there are."""
        for name in self.variables:
            if str(error) == f"{name!r} is undefined":  # nothing else of Jinja2's error tells its name
                names = ", ".join(sorted(values)) or Sentence("none")
                return Sentence("{name!r} is undefined. Variables here: {names}.", name=name, names=names)
        return sandbox.describe(error)

    def _error(self, line: int, cause: Sentence) -> TemplateError:
        return error_at(f"{self.task}/{self.id}{SUFFIX}", line, cause)


def error_at(file: str, line: int, cause: Sentence) -> TemplateError:
    """What is wrong at a line of a prompt file, which is told as task/name."""
    return TemplateError("{file}:{line}: {cause}", file=file, line=line, cause=cause)


def _line_within(error: BaseException) -> int:
    """The line of the section's text that failed. The error tells it, or Jinja2 has put it into the traceback."""
    if isinstance(error, mustache.Undefined):
        return error.line
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == sandbox.FILENAME), 1)
