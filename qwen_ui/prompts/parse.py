"""Reads a prompt file: YAML front matter, then ``system:`` / ``user:`` / ``assistant:`` sections in Jinja2 or Mustache.

The format is Prompty's (https://prompty.ai). Sections are split here, before anything is rendered, so
that text put in for a variable can never open a section of its own.
"""

import re
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from types import MappingProxyType

import jinja2
import jinja2.meta

from qwen_ui.messages import Role
from qwen_ui.prompts import mustache, sandbox
from qwen_ui.prompts.head import Fault, Head, adapter, check_others, inputs, options, template_format
from qwen_ui.prompts.template import Section, Template, error_at
from qwen_ui.sentences import Sentence

MAX_FILE_BYTES = 256 * 1024

_MARKER = re.compile(r" {0,3}#?[ \t]*(system|developer|user|assistant|tool|function)[ \t]*(\[[^\[\]]*\])?:[ \t]*", re.I)
"""How the public format begins a section: in any case, as a heading too, with attributes in brackets."""
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def parse(path: Path, data: bytes) -> Template:
    """The template that the bytes of a prompt file hold; the path gives its task and id and is not read.

    Raises `TemplateError`, which begins with ``task/file:line:``.
    """
    try:
        return _parse(path, data)
    except Fault as fault:
        raise error_at(f"{path.parent.name}/{path.name}", fault.line, fault.cause) from fault


def _parse(path: Path, data: bytes) -> Template:
    source = _decode(data)
    lines = source.split("\n")
    end = _front_matter_end(lines)
    head = Head("\n".join(lines[1:end]))
    parts = _split(lines, end + 1, head)
    language = template_format(head)
    mustaches = language == "mustache" or (not language and any(mustache.ALONE.search(text) for _, _, text in parts))
    compile_ = _compile_mustache if mustaches else _compile_jinja2
    compiled = [(role, line, *_compiled(compile_, text, line)) for role, line, text in parts]
    settings, declared = options(head), inputs(head)
    check_others(head)
    return Template(
        task=path.parent.name,
        id=path.stem,
        path=path,
        name=head.text("name", path.stem),
        description=head.text("description", ""),
        language=head.text("language", "en"),
        options=MappingProxyType(settings),
        adapter=adapter(head),
        inputs=MappingProxyType(declared),
        extra=MappingProxyType({key: value for key, value in head.values.items() if key not in _KNOWN}),
        variables=tuple(sorted(set().union(*(used for _, _, _, used in compiled)))),
        source=source,
        sections=tuple(Section(role, line, template) for role, line, template, _ in compiled),
        lines=MappingProxyType({key: head.line(key) for key in head.values}),
        warnings=tuple(_warnings(path, head)),
    )


_KNOWN = frozenset(
    {"name", "description", "language", "model", "inputs", "sample", "template"} | {"outputs", "outputSchema", "tools"}
)


def _warnings(path: Path, head: Head) -> Iterator[Sentence]:
    """What has no meaning here, in the order of the file, and where it stands."""
    for line, cause in sorted(head.warnings, key=lambda warning: warning[0]):
        yield error_at(f"{path.parent.name}/{path.name}", line, cause).sentence


def _decode(data: bytes) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise Fault(1, Sentence("the file is larger than {limit} kB.", limit=MAX_FILE_BYTES // 1024))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Fault(line, Sentence("the file is not UTF-8 text. Save it as UTF-8.")) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


_FENCES = ("---", "+++")


def _front_matter_end(lines: list[str]) -> int:
    """Index of the line that closes the front matter."""
    if lines[0].rstrip() not in _FENCES:
        raise Fault(1, Sentence("the file must begin with its front matter, between two lines of ---."))
    for index, line in enumerate(lines[1:], 1):
        if line.rstrip() in _FENCES:
            return index
    raise Fault(1, Sentence("the front matter has no closing line of ---."))


def _split(lines: list[str], start: int, head: Head) -> list[tuple[Role, int, str]]:
    """The sections from the line index on: role, line of the file where the text begins, text.

    A text without any marker is the system prompt. Sections of tools are left out, with a warning.
    """
    marks = [(index, mark) for index in range(start, len(lines)) if (mark := _MARKER.fullmatch(lines[index]))]
    first = marks[0][0] if marks else len(lines)
    for index in range(start, first):
        if marks and lines[index].strip():
            cause = Sentence("text must stand below a line that says system:, user: or assistant:.")
            raise Fault(index + 1, cause)
    begun: list[tuple[int, Role | None]] = [(index, _role(mark, index, head)) for index, mark in marks]
    begun = begun or [(start - 1, "system")]
    sections: list[tuple[Role, int, str]] = []
    for (start_of, role), end in zip(begun, [*(index for index, _ in begun[1:]), len(lines)], strict=True):
        filled = [index for index in range(start_of + 1, end) if lines[index].strip()]
        if filled and role is not None:
            text = "\n".join(lines[filled[0] : filled[-1] + 1]).rstrip()
            sections.append((role, filled[0] + 1, text))
    if not sections:
        cause = Sentence("there is no prompt below the front matter. Begin it with a line that says system:.")
        raise Fault(start + 1, cause)
    return sections


def _role(mark: re.Match[str], index: int, head: Head) -> Role | None:
    """Whose section the marker begins; nobody's where it is a tool's."""
    role, line = mark[1].lower(), index + 1
    if mark[2] and mark[2] != "[]":
        head.warnings.append((line, Sentence("{attributes} has no meaning here.", attributes=mark[2])))
    if role not in _ROLES:
        head.warnings.append((line, Sentence("the section {name!r} has no meaning here: it is left out.", name=role)))
    return _ROLES.get(role)


Compile = Callable[[str], tuple[sandbox.Compiled, Set[str]]]
"""Gives a compiled text, and the names that it uses."""


def _compile_jinja2(text: str) -> tuple[sandbox.Compiled, Set[str]]:
    environment = sandbox.PromptEnvironment()
    tree = environment.parse(text)
    return environment.from_string(tree), jinja2.meta.find_undeclared_variables(tree)


def _compile_mustache(text: str) -> tuple[sandbox.Compiled, Set[str]]:
    compiled = mustache.Mustache.compile(text)
    return compiled, compiled.variables


def _compiled(compile_: Compile, text: str, line: int) -> tuple[sandbox.Compiled, Set[str]]:
    try:
        return compile_(text)
    except jinja2.TemplateSyntaxError as error:
        place, cause = sandbox.misspelt(error, text)
        raise Fault(line + place - 1, cause) from error
    except sandbox.Refused as error:
        raise Fault(line + error.lineno - 1, sandbox.describe(error)) from error
    except (RecursionError, SyntaxError, ValueError, MemoryError) as error:
        cause = Sentence("the prompt can't be compiled: {cause}", cause=sandbox.describe(error))
        raise Fault(line, cause) from error
