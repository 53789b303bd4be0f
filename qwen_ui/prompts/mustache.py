"""Mustache templates, as prompt files of the public format may have them: variables, sections, comments.

Nothing is escaped, for a prompt is no web page. Partials and changed delimiters are refused, and a variable without a
value is an error, as with Jinja2. A section for something without a value is left out, as Mustache has it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2.exceptions import UndefinedError

from qwen_ui.prompts.sandbox import Refused, printable

MAX_DEPTH = 50
"""Sections within sections."""
MAX_STEPS = 1_000_000
"""Texts, variables and sections that one rendering may come by."""

ALONE = re.compile(r"\{\{[#^/]")
"""What only Mustache has."""
_TAG = re.compile(r"\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}")
_REST = re.compile(r"[ \t]*(?:\n|\Z)")
_NAME = re.compile(r"\.|\w+(?:\.\w+)*")


class Undefined(UndefinedError):
    """A variable without a value, at a line of the template."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(f"{name!r} is undefined")
        self.line = line


@dataclass(frozen=True, slots=True)
class Variable:
    """A value to put in."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A section: repeated for a list, rendered once for another value; ``inverted`` where there is none."""

    name: str
    line: int
    inverted: bool = False
    parts: list["str | Variable | Block"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mustache:
    """A compiled template. Raises `Refused`, whose ``lineno`` tells where, when made of a broken one."""

    whole: Block

    @classmethod
    def compile(cls, text: str) -> "Mustache":
        """The template that the text is."""
        open_blocks = [Block("", 1)]
        place, line = 0, 1
        for tag in _TAG.finditer(text):
            before = text[place : tag.start()]
            line += before.count("\n")
            kind, name = _kind_and_name(tag)
            end = _end_of_own_line(text, place, tag.start(), tag.end()) if kind and kind in "#^/!" else None
            before, place = (before, tag.end()) if end is None else (before.rstrip(" \t"), end)
            open_blocks[-1].parts.append(before)
            _add(open_blocks, kind, name, line)
            line += text.count("\n", tag.start(), place)
        open_blocks[-1].parts.append(text[place:])
        if len(open_blocks) > 1:
            raise _at(open_blocks[-1].line, Refused("the section {name!r} is never closed.", name=open_blocks[-1].name))
        return cls(open_blocks[0])

    @property
    def variables(self) -> set[str]:
        """The names that need a value from outside."""
        return set(_outer_names(self.whole))

    def generate(self, values: Mapping[str, Any]) -> Iterator[str]:
        """The text with the values, in pieces. Raises `Undefined` and `Refused`."""
        return _Rendering().block(self.whole, [values])


def _kind_and_name(tag: re.Match[str]) -> tuple[str, str]:
    if tag[1] is not None:
        return "", tag[1].strip()
    inner = tag[2].strip()
    return (inner[:1], inner[1:].strip()) if inner[:1] in set("#^/!&>=") else ("", inner)


def _end_of_own_line(text: str, before: int, start: int, end: int) -> int | None:
    """Where the next line begins, if a tag stands alone on its line: then the line goes with it.

    ``before`` is where the tag before it ends, or its line.
    """
    line = text.rfind("\n", before, start) + 1
    if not line and before and text[before - 1] != "\n":
        return None
    rest = _REST.match(text, end)
    return rest.end() if rest and not text[max(line, before) : start].strip(" \t") else None


def _add(open_blocks: list[Block], kind: str, name: str, line: int) -> None:
    """Adds what the tag stands for to the innermost section that is open."""
    if kind == "!":
        return
    if kind in (">", "="):
        raise _at(line, Refused("a prompt can't use this part of Mustache ({part}).", part="{{" + kind + "}}"))
    if not _NAME.fullmatch(name):
        raise _at(line, Refused("{name!r} is no name of a variable.", name=name))
    if kind == "/":
        if open_blocks[-1].name != name or len(open_blocks) == 1:
            raise _at(line, Refused("the section {name!r} is closed and was not open.", name=name))
        open_blocks.pop()
    elif kind in ("#", "^"):
        block = Block(name, line, inverted=kind == "^")
        open_blocks[-1].parts.append(block)
        open_blocks.append(block)
        if len(open_blocks) > MAX_DEPTH:
            raise _at(line, Refused("it is nested too deeply."))
    else:
        open_blocks[-1].parts.append(Variable(name, line))


def _outer_names(block: Block) -> Iterator[str]:
    """Names that are not looked up in the items of a section first."""
    for part in block.parts:
        if not isinstance(part, str) and part.name != ".":
            yield part.name.partition(".")[0]
        if isinstance(part, Block) and part.inverted:
            yield from _outer_names(part)


class _Rendering:
    """One rendering: counts its steps."""

    def __init__(self) -> None:
        self._steps = 0

    def block(self, block: Block, scopes: list[Any]) -> Iterator[str]:
        for part in block.parts:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise _at(block.line, Refused("the sections take more than {limit:,} steps.", limit=MAX_STEPS))
            if isinstance(part, str):
                yield part
            elif isinstance(part, Variable):
                yield str(printable(_value(part, scopes)))
            else:
                yield from self._section(part, scopes)

    def _section(self, block: Block, scopes: list[Any]) -> Iterator[str]:
        value = _found(block.name, scopes)
        if _is_nothing(value):
            if block.inverted:
                yield from self.block(block, scopes)
        elif not block.inverted:
            for item in value if isinstance(value, list | tuple) else [value]:
                yield from self.block(block, [*scopes, item])


_MISSING = object()


def _value(variable: Variable, scopes: Sequence[Any]) -> Any:
    value = _found(variable.name, scopes)
    if value is _MISSING:
        raise Undefined(variable.name, variable.line)
    return value


def _found(name: str, scopes: Sequence[Any]) -> Any:
    """The value of that name: of its first part in the innermost scope that has it, and then within that."""
    if name == ".":
        return scopes[-1]
    first, *others = name.split(".")
    value = next(
        (scope[first] for scope in reversed(scopes) if isinstance(scope, Mapping) and first in scope), _MISSING
    )
    for key in others:
        value = value[key] if isinstance(value, Mapping) and key in value else _MISSING
    return value


def _is_nothing(value: Any) -> bool:
    return value is _MISSING or value is None or value is False or value in ("", [], (), {})


def _at(line: int, refused: Refused) -> Refused:
    refused.lineno = line
    return refused
