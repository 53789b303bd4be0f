"""The columns of a workbook (.xlsx) that hold texts, and what of it holds the texts of some of them."""

import posixpath
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_WORKBOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
STRINGS = "xl/sharedStrings.xml"
_REFERENCE = re.compile(r"([A-Z]{1,3})\d+")
_LETTER = re.compile(r"[^\W\d_]")
_LETTERS = 26
_SHOWN = 40
"""Characters of a column's first text."""

Root = Callable[[bytes], Any]
"""Reads a part of the package."""


class _Cell(NamedTuple):
    """A cell that holds a text."""

    column: int
    element: Any
    shared: int | None
    """The number of its text among the shared ones; None of one that holds its text itself."""


@dataclass
class Selection:
    """The parts of a package that hold the texts of some columns."""

    roots: dict[str, Any] = field(default_factory=dict)
    """By the parts' names. A text that a cell of another column has too is there twice, once for each."""
    nodes: dict[str, list[Any]] = field(default_factory=dict)
    """What holds texts, by the parts' names."""


def columns(archive: zipfile.ZipFile, read: Root) -> list[str]:
    """The names of the columns that hold texts: sheet, if there are several, letter and first text."""
    return [name for name, _, _ in _columns(archive, read)]


def select(archive: zipfile.ZipFile, read: Root, wanted: Collection[str]) -> Selection:
    """What holds the texts of the wanted columns, as `columns` names them."""
    chosen = {(part, column) for name, part, column in _columns(archive, read) if name in wanted}
    strings = _strings(archive, read)
    sheets = {part: read(archive.read(part)) for part in _sheets(archive, read)}
    uses: dict[bool, set[int]] = {True: set(), False: set()}
    for part, root in sheets.items():
        for cell in _cells(root):
            if cell.shared is not None:
                uses[(part, cell.column) in chosen].add(cell.shared)
    copies = _copied(strings, sorted(uses[True] & uses[False]))
    texts = _items(strings)
    selection = Selection()
    for part, root in sheets.items():
        cells = [cell for cell in _cells(root) if (part, cell.column) in chosen]
        for cell in cells:
            if cell.shared in copies:
                cell.element.find("{*}v").text = str(copies[cell.shared])
        selection.nodes[part] = [cell.element.find("{*}is") for cell in cells if cell.shared is None]
        selection.roots[part] = root
    if strings is not None:
        selection.roots[STRINGS] = strings
        wanted_strings = sorted((uses[True] - uses[False]) | set(copies.values()))
        selection.nodes[STRINGS] = [texts[number] for number in wanted_strings if number < len(texts)]
    return selection


def _copied(strings: Any, numbers: Sequence[int]) -> dict[int, int]:
    """Copies of shared texts at their end: their numbers by those of what they are copies of."""
    copies: dict[int, int] = {}
    texts = _items(strings)
    for number in numbers:
        if number < len(texts):
            copies[number] = len(texts)
            texts.append(deepcopy(texts[number]))
            texts[-2].addnext(texts[-1])
    if copies and "uniqueCount" in strings.attrib:
        strings.set("uniqueCount", str(len(texts)))
    return copies


def _columns(archive: zipfile.ZipFile, read: Root) -> Iterator[tuple[str, str, int]]:
    """The columns that hold texts: their names, the parts of their sheets, and their numbers."""
    texts, sheets = _items(_strings(archive, read)), _sheets(archive, read)
    for part, sheet in sheets.items():
        first: dict[int, str] = {}
        for cell in _cells(read(archive.read(part))):
            if cell.column not in first and _LETTER.search(text := _text(cell, texts)):
                first[cell.column] = " ".join(text.split())
        for column, text in sorted(first.items()):
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            name = f"{_letters(column)}: {shown}"
            yield (f"{sheet} · {name}" if len(sheets) > 1 else name), part, column


def _sheets(archive: zipfile.ZipFile, read: Root) -> dict[str, str]:
    """The sheets' names by their parts, in the workbook's order."""
    if not {_WORKBOOK, _RELATIONS} <= set(archive.namelist()):
        return {}
    relations = {each.get("Id"): each.get("Target", "") for each in read(archive.read(_RELATIONS))}
    there, sheets = set(archive.namelist()), {}
    for sheet in read(archive.read(_WORKBOOK)).iter("{*}sheet"):
        relation = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        part = posixpath.normpath(posixpath.join("/xl", relations.get(relation, ""))).lstrip("/")
        if part in there and "worksheets/" in part:
            sheets[part] = sheet.get("name", "")
    return sheets


def _strings(archive: zipfile.ZipFile, read: Root) -> Any:
    """The shared texts, None where there are none."""
    return read(archive.read(STRINGS)) if STRINGS in archive.namelist() else None


def _items(strings: Any) -> list[Any]:
    """What the shared texts are held by."""
    return [] if strings is None else list(strings.iterchildren("{*}si"))


def _cells(root: Any) -> Iterator[_Cell]:
    """The cells of a sheet that hold texts, in order."""
    for row in root.iter("{*}row"):
        column = 0
        for cell in row.iterchildren("{*}c"):
            reference = _REFERENCE.match(cell.get("r", ""))
            column = _number(reference[1]) if reference else column + 1
            value = cell.findtext("{*}v") or ""
            if cell.get("t") == "s" and value.isdecimal():
                yield _Cell(column, cell, int(value))
            elif cell.get("t") == "inlineStr" and cell.find("{*}is") is not None:
                yield _Cell(column, cell, None)


def _text(cell: _Cell, texts: Sequence[Any]) -> str:
    """What a cell says."""
    if cell.shared is None:
        holder = cell.element.find("{*}is")
    elif cell.shared < len(texts):
        holder = texts[cell.shared]
    else:
        return ""
    return "".join(
        node.text or "" for each in (holder, *holder.iterchildren("{*}r")) for node in each.iterchildren("{*}t")
    )


def _number(letters: str) -> int:
    """A column's number by its letters; A is 1."""
    number = 0
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number


def _letters(number: int) -> str:
    """A column's letters by its number."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, _LETTERS)
        letters = chr(ord("A") + letter) + letters
    return letters
