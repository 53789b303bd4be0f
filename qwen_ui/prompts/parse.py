"""Reads a prompt file: YAML front matter, then ``system:`` / ``user:`` / ``assistant:`` sections in Jinja2.

The format is Prompty's (https://prompty.ai). Sections are split here, before anything is rendered, so
that text put in for a variable can never open a section of its own.
"""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

import jinja2
import jinja2.meta
import yaml

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Role, Sampling
from qwen_ui.prompts import sandbox
from qwen_ui.prompts.template import Input, Section, Template, error_at
from qwen_ui.sentences import Sentence

MAX_FILE_BYTES = 256 * 1024

_MARKER = re.compile(rf"({'|'.join(get_args(Role))}):[ \t]*")
_OPTIONS = ("max_new_tokens", "temperature", "top_p", "top_k", "stop")
_IGNORED_MODEL_KEYS = frozenset({"id", "api", "provider", "configuration", "connection"})
"""Prompty keys that name another model: the app's own answers here."""


class _Fault(Exception):
    """Something wrong at a line of the file."""

    def __init__(self, line: int, cause: Sentence) -> None:
        super().__init__(cause)
        self.line = line
        self.cause = cause


def parse(path: Path, data: bytes) -> Template:
    """The template that the bytes of a prompt file hold; the path gives its task and id and is not read.

    Raises `TemplateError`, which begins with ``task/file:line:``.
    """
    try:
        return _parse(path, data)
    except _Fault as fault:
        raise error_at(f"{path.parent.name}/{path.name}", fault.line, fault.cause) from fault


def _parse(path: Path, data: bytes) -> Template:
    source = _decode(data)
    lines = source.split("\n")
    end = _front_matter_end(lines)
    head = _Head("\n".join(lines[1:end]))
    environment = sandbox.PromptEnvironment()
    parts = _split(lines, end + 1)
    sections = tuple(Section(role, line, _compile(environment, text, line)) for role, line, text in parts)
    used = (jinja2.meta.find_undeclared_variables(environment.parse(text)) for _, _, text in parts)
    return Template(
        task=path.parent.name,
        id=path.stem,
        path=path,
        name=head.text("name", path.stem),
        description=head.text("description", ""),
        language=head.text("language", "en"),
        options=MappingProxyType(_options(head)),
        inputs=MappingProxyType(_inputs(head)),
        extra=MappingProxyType({key: value for key, value in head.values.items() if key not in _KNOWN}),
        variables=tuple(sorted(set().union(*used))),
        source=source,
        sections=sections,
        lines=MappingProxyType({key: head.line(key) for key in head.values}),
    )


_KNOWN = frozenset({"name", "description", "language", "model", "inputs"})


def _decode(data: bytes) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise _Fault(1, Sentence("the file is larger than {limit} kB.", limit=MAX_FILE_BYTES // 1024))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Fault(line, Sentence("the file is not UTF-8 text. Save it as UTF-8.")) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _front_matter_end(lines: list[str]) -> int:
    """Index of the line that closes the front matter."""
    if lines[0].rstrip() != "---":
        raise _Fault(1, Sentence("the file must begin with its front matter, between two lines of ---."))
    for index, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            return index
    raise _Fault(1, Sentence("the front matter has no closing line of ---."))


class _Head:
    """The front matter: its values, and the line of the file that each stands on."""

    def __init__(self, text: str) -> None:
        try:
            loader = yaml.SafeLoader(text)
            self._node = loader.get_single_node()
            values = loader.construct_document(self._node) if self._node else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise _not_yaml(mark.line + 2 if mark else 1, Sentence("{cause}.", cause=error.problem)) from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _not_yaml(1, sandbox.describe(error)) from error
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise _Fault(2, Sentence("the front matter must be lines of the form key: value."))
        if self._node and len(self._node.value) > len(values):
            raise _Fault(2, Sentence("a key stands twice in the front matter."))
        self.values: dict[str, Any] = values

    def line(self, *keys: str) -> int:
        """The line of the file where the key stands; of its innermost known parent if it can't be told."""
        node, line = self._node, 2
        for key in keys:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            found = [(name, value) for name, value in pairs if name.value == key]
            if not found:
                break
            line, node = found[-1][0].start_mark.line + 2, found[-1][1]
        return line

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or not (value.strip() or key == "description"):
            raise _Fault(self.line(key), Sentence("{key} must be a text. Put it in quotes.", key=key))
        return " ".join(value.split())

    def mapping(self, *keys: str) -> Mapping[str, Any]:
        value: Any = self.values
        for key in keys:
            value = value.get(key)
            if value is None:
                return {}
            if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
                raise _Fault(self.line(*keys), Sentence("{key} must hold lines of the form name: value.", key=key))
        return cast(Mapping[str, Any], value)


def _options(head: _Head) -> dict[str, Any]:
    """The sampling options of ``model.options``, each one that `Sampling` takes."""
    for key in head.mapping("model").keys() - _IGNORED_MODEL_KEYS - {"options"}:
        raise _Fault(
            head.line("model", key),
            Sentence("model has no {key!r} here; sampling goes under model: options:.", key=key),
        )
    options = dict(head.mapping("model", "options"))
    for name, value in options.items():
        line = head.line("model", "options", name)
        if name not in _OPTIONS:
            names = ", ".join(_OPTIONS)
            raise _Fault(line, Sentence("there is no option {name!r}. There are: {names}.", name=name, names=names))
        if name == "stop":
            options[name] = tuple(value) if isinstance(value, list) else (value,)
        try:
            Sampling(**{name: options[name]})
        except InvalidInput as error:
            raise _Fault(line, error.sentence) from error
    return options


def _inputs(head: _Head) -> dict[str, Input]:
    return {name: _input(head, name, value) for name, value in head.mapping("inputs").items()}


def _input(head: _Head, name: str, value: Any) -> Input:
    """An input is either a mapping with ``sample`` and ``description``, or just its sample."""
    entry = value if isinstance(value, dict) else {"sample": value}
    texts = {key: entry[key] for key in ("sample", "description") if entry.get(key) is not None}
    line = head.line("inputs", name)
    if name == "self":
        raise _Fault(line, Sentence("an input can't be called self."))  # Jinja2 gives the name a meaning of its own
    if not name.isidentifier() or not all(isinstance(text, str | int | float) for text in texts.values()):
        raise _Fault(line, Sentence("the input {name!r} must be a plain name with a text as its sample.", name=name))
    return Input(name, **{key: str(text) for key, text in texts.items()})


def _split(lines: list[str], start: int) -> list[tuple[Role, int, str]]:
    """The sections from the line index on: role, line of the file where the text begins, text."""
    marks = [index for index in range(start, len(lines)) if _MARKER.fullmatch(lines[index])]
    first = marks[0] if marks else len(lines)
    for index in range(start, first):
        if lines[index].strip():
            cause = Sentence("text must stand below a line that says system:, user: or assistant:.")
            raise _Fault(index + 1, cause)
    sections = []
    for mark, end in itertools.pairwise([*marks, len(lines)]):
        filled = [index for index in range(mark + 1, end) if lines[index].strip()]
        if filled:
            text = "\n".join(lines[filled[0] : filled[-1] + 1]).rstrip()
            sections.append((cast(Role, lines[mark].rstrip()[:-1]), filled[0] + 1, text))
    if not sections:
        cause = Sentence("there is no prompt below the front matter. Begin it with a line that says system:.")
        raise _Fault(start + 1, cause)
    return sections


def _compile(environment: sandbox.PromptEnvironment, text: str, line: int) -> jinja2.Template:
    try:
        return environment.from_string(text)
    except (jinja2.TemplateSyntaxError, sandbox.Refused) as error:
        raise _Fault(line + error.lineno - 1, sandbox.describe(error)) from error
    except (RecursionError, SyntaxError, ValueError, MemoryError) as error:
        cause = Sentence("the prompt can't be compiled: {cause}", cause=sandbox.describe(error))
        raise _Fault(line, cause) from error


def _not_yaml(line: int, cause: Sentence) -> _Fault:
    return _Fault(line, Sentence("the front matter is not valid YAML: {cause}", cause=cause))
