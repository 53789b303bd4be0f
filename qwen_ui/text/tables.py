"""Tables in files: delimited text, workbooks, JSON and JSON lines → named columns and rows of text.

One reader for all tabs. `read` reads a file in a confined process; what it does there (`grid_of`, `names_of`,
`header_of`) is also for a reader that is in one, and for text that stays as it is but for some of its fields.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import PurePath
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence
from qwen_ui.text import workbooks
from qwen_ui.text.confined import Refused, packed, run, serve, unpacked
from qwen_ui.text.decode import decode
from qwen_ui.text.delimited import MAX_FIELDS, dialect_of, records

DELIMITED = (".csv", ".tsv")
OBJECTS = (".json", ".jsonl", ".ndjson")
LINES = (".txt",)
EXTENSIONS = (*DELIMITED, *workbooks.EXTENSIONS, *LINES, *OBJECTS)
MAX_ROWS = 200_000
MAX_CELLS = 5_000_000
EMPTY = Sentence("empty")

_SECONDS = 60
_MEMORY = 2_000_000_000  # bytes
_MAX_UNPACKED = 500_000_000  # bytes; a small workbook can unpack to anything
_BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How workbooks begin. Many programs give the name of one to a table that is text."""
_LOOKED_AT = 200
"""Rows from which the header is told."""
_LINES_OF_A_ROW = 200
_NUMBER = re.compile(r"(?=\D*\d)[-+.,:/\s%\d]+")
_DEPTH = 3
"""How far objects in objects are looked into."""

Cells = list[str] | Sentence
"""The values of a row, or what is wrong with it."""
Row = tuple[int, Cells]
"""With its number: its line in the file, its row in the sheet, or which of the objects it is, from 1."""


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that can't be used. ``number`` is its line in the file, or its row in the sheet, from 1."""

    number: int
    reason: Sentence


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Each row's number, and its values in the columns' order."""
    skipped: tuple[SkippedRow, ...]
    sheets: tuple[str, ...] = ()
    """The names of a workbook's sheets; none for other files."""
    sheet: str = ""
    """The one that this is."""
    uncomputed: int = 0
    """How many of its cells hold a formula without a stored value, and are empty here."""

    def values(self, column: str) -> Iterator[str]:
        """The column's values, of all rows."""
        at = self.columns.index(column)
        return (values[at] for _, values in self.rows)


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows below their header."""

    titles: list[str]
    """What stands above the header."""
    columns: list[str]
    rows: list[Row]


def read(name: str, data: bytes, sheet: str = "", encoding: str = "") -> Table:
    """Reads a file. A .txt has a text a line, in the column "text"; the others name their columns.

    Without a ``sheet`` a workbook gives the one with data. Raises `UncertainEncoding` if the encoding can't be told and
    is not named, and `InvalidInput` for another extension, for a file that can't be read, and for one without rows.
    Whatever the file makes its parser do, this process stays well.
    """
    extension = PurePath(name).suffix.lower()
    if extension not in EXTENSIONS:
        known = ", ".join(EXTENSIONS)
        raise InvalidInput("{name} can't be read: files must end in {extensions}.", name=name, extensions=known)
    if extension in workbooks.EXTENSIONS and not data.startswith(_BINARY) and b"\0" not in data[:1000]:
        if data[:1000].lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"<"):
            raise InvalidInput(
                "{name} is a web page or XML in the name of a workbook. Open it in a spreadsheet program and save it "
                "as .xlsx.",
                name=name,
            )
        extension = ".csv"
    if extension not in workbooks.EXTENSIONS:
        text = decode(data, name, keep_damaged=True, encoding=encoding)
        data = text.encode(errors="surrogatepass")
    head, *rows = run(__name__, [extension, sheet], data, name, seconds=_SECONDS, memory=_MEMORY)
    table = Table(
        tuple(head["columns"]),
        tuple((number, tuple(cells)) for number, cells in rows if isinstance(cells, list)),
        tuple(SkippedRow(number, unpacked(cells)) for number, cells in rows if isinstance(cells, dict)),
        tuple(head["sheets"]),
        head["sheet"],
        head["uncomputed"],
    )
    if not table.rows:
        raise InvalidInput("{name} holds no rows that can be read.", name=name)
    return table


def grid_of(rows: Iterable[Row]) -> Grid:
    """Finds the header among rows, and brings those below to its width, but for what a cell too many holds.

    Empty rows at the end are left out.
    """
    there = list(_bounded(rows))
    cells = [[] if isinstance(values, Sentence) else values for _, values in there]
    at, below = header_of(cells[:_LOOKED_AT])
    titles = [text for row in cells[:at] if (text := " ".join(value.strip() for value in row if value.strip()))]
    while len(there) > below and isinstance(values := there[-1][1], list) and not any(map(str.strip, values)):
        there.pop()
    header = joined(cells[at:below])
    used = {place for row in cells[below:] for place, value in enumerate(row[: len(header)]) if value.strip()}
    while header and not header[-1].strip() and len(header) - 1 not in used:
        header.pop()
    rows_below = [(number, _of_width(values, len(header))) for number, values in there[below:]]
    return Grid(list(dict.fromkeys(titles)), names_of(header), rows_below)


def header_of(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Which of a table's first rows name its columns: the first of these, and the first row below.

    Above the header a title may stand, or headings of several columns. Cells that are merged over two rows make a
    header of both: the name is in both.
    """
    filled = [[place for place, value in enumerate(row) if value.strip()] for row in rows]
    counts = sorted(len(places) for places in filled if places)
    width = counts[3 * len(counts) // 4] if counts else 0
    first = next((at for at, places in enumerate(filled) if places), 0)
    at = next((at for at, places in enumerate(filled) if places and not _is_title(rows[at], places, width)), first)
    if any(_NUMBER.fullmatch(value.strip()) for value in (rows[at] if at < len(rows) else ())):
        wide = [above for above in range(first, at) if len(filled[above]) > 1]
        at = next((above for above in wide if not any(map(_NUMBER.fullmatch, rows[above]))), at)
    below = min(at + 1, len(rows))
    if below < len(rows) and _goes_on(rows[at], rows[below]):
        below += 1
    return at, below


def joined(header: Sequence[Sequence[str]]) -> list[str]:
    """A header of one row or of two: below a name that is given there, else the one above."""
    return [lower or upper for upper, lower in zip_longest(header[0], header[-1], fillvalue="")] if header else []


def names_of(header: Iterable[str]) -> list[str]:
    """The names of columns: each has one, and it is its own."""
    names: dict[str, None] = {}
    counts = Counter[str]()
    for number, given in enumerate(header, 1):
        name = base = " ".join(given.split()) or f"column {number}"
        while name in names:
            counts[base] += 1
            name = f"{base} ({counts[base] + 1})"
        names[name] = None
    return list(names)


def delimited_rows(text: str, expected: str = "") -> Iterator[Row]:
    """The records of delimited text. ``expected`` is the delimiter that goes with the name of its file, if one does."""
    for record in records(text, dialect_of(text, expected)):
        if record.unclosed:
            line = text.count("\n") + (not text.endswith("\n"))
            yield record.line, Sentence("a quotation mark is not closed until line {line}", line=line)
        elif record.last - record.line >= _LINES_OF_A_ROW:
            yield record.line, Sentence("a quotation mark is not closed until line {line}", line=record.last)
        else:
            yield record.line, record.values


def _bounded(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, as long as they are not too many."""
    cells = 0
    for count, row in enumerate(rows):
        cells += len(row[1]) if isinstance(row[1], list) else 1
        if count > MAX_ROWS + _LOOKED_AT or cells > MAX_CELLS:
            raise _too_large()
        yield row


def _too_large() -> Refused:
    return Refused(
        "{file} has more than the {rows:,} rows or {cells:,} cells that are possible. Save only the columns that are "
        "needed, or split it.",
        rows=MAX_ROWS,
        cells=MAX_CELLS,
    )


def _is_title(row: Sequence[str], places: Sequence[int], width: int) -> bool:
    """Whether a row above a table so wide is a title, a fact about the table, or headings of several columns."""
    if len(places) >= width:
        return False
    if len(places) == 1:
        return places[0] == 0 or width > 2
    fact = len(places) == 2 and (row[places[0]].rstrip().endswith((":", "：")) or _NUMBER.fullmatch(row[places[1]]))
    return bool(fact) or (2 * len(places) <= width and places[-1] - places[0] >= len(places))


def _goes_on(header: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a row below a header has some of its names again, and others where it has none."""
    pairs = list(zip(header, row, strict=False))
    return any(name.strip() and name == below for name, below in pairs) and any(
        not name.strip() and below.strip() for name, below in pairs
    )


def _of_width(values: Cells, width: int) -> Cells:
    if isinstance(values, Sentence):
        return values
    while len(values) > width and not values[-1].strip():
        values.pop()
    return values + [""] * (width - len(values))


def _checked(values: Cells, width: int) -> Cells:
    """The values, one for each column, or what is wrong."""
    if isinstance(values, Sentence):
        return values
    if not any(map(str.strip, values)):
        return EMPTY
    if len(values) == width:
        return values
    return Sentence(
        "{values} {values:value|values} for {columns} {columns:column|columns}", values=len(values), columns=width
    )


def _read(data: bytes, arguments: Sequence[str]) -> Iterator[Any]:
    """What `read` waits for: what there is to say of the table, and each of its rows."""
    extension, wanted = arguments
    sheets, sheet, uncomputed = [], "", 0
    if extension in workbooks.EXTENSIONS:
        book = workbooks.Workbook(data, _MAX_UNPACKED)
        sheets, sheet = book.names, wanted or book.likeliest()
        if sheet not in sheets:
            raise Refused(
                "{file} has no sheet {sheet!r} with data. It has: {sheets}.", sheet=sheet, sheets=", ".join(sheets)
            )
        uncomputed, grid = book.uncomputed(sheet), grid_of(book.sheet(sheet).rows)
    else:
        grid = _of_text(data.decode(errors="surrogatepass"), extension)
    if len(grid.rows) > MAX_ROWS or len(grid.columns) > MAX_FIELDS:
        raise _too_large()
    yield {"columns": grid.columns, "sheets": sheets, "sheet": sheet, "uncomputed": uncomputed}
    for number, cells in grid.rows:
        checked = cells if extension in LINES else _checked(cells, len(grid.columns))
        yield number, packed(checked) if isinstance(checked, Sentence) else checked


def _of_text(text: str, extension: str) -> Grid:
    if extension in LINES:
        lines = enumerate(text.rstrip("\n").split("\n"), 1)
        return Grid([], ["text"], [(number, [line.rstrip("\r")]) for number, line in lines])
    if extension in OBJECTS:
        return _of_objects(text, lines=extension != ".json")
    return grid_of(delimited_rows(text, "\t" if extension == ".tsv" else ""))


def _of_objects(text: str, lines: bool) -> Grid:
    """JSON: objects, a line each or in a list; lists below a list of names; lists by the names of columns."""
    first = text.lstrip()[:1]
    found = list(_by_line(text)) if first == "{" and lines else _whole(text)
    if found is None:
        found = list(_by_line(text))
    columns = dict.fromkeys(chain.from_iterable(item for _, item in found if isinstance(item, dict)))
    if len(columns) * len(found) > MAX_CELLS:
        raise _too_large()
    rows: list[Row] = [
        (number, [item.get(column, "") for column in columns] if isinstance(item, dict) else item)
        for number, item in found
    ]
    return Grid([], list(columns), rows)


_Object = dict[str, str] | Sentence


def _by_line(text: str) -> Iterator[tuple[int, _Object]]:
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
        try:
            item = _parsed(line)
        except (ValueError, RecursionError):
            yield number, Sentence("not valid JSON") if line.strip() else EMPTY
            continue
        yield number, _flat(item) if isinstance(item, dict) else Sentence("not a JSON object")


def _whole(text: str) -> list[tuple[int, _Object]] | None:
    """The objects in one piece of JSON; None if it isn't one."""
    try:
        data = _parsed(text)
    except (ValueError, RecursionError):
        return None
    items = _items(data)
    if items and all(isinstance(item, list) for item in items):
        head, *items = items
        columns = names_of(map(_shown, head))
        items = [dict(zip(columns, item, strict=False)) for item in items]
    if len(items) > MAX_ROWS:
        raise _too_large()
    return [(number, _object(item)) for number, item in enumerate(items, 1)]


def _object(item: Any) -> _Object:
    if isinstance(item, str):
        return {"text": item}
    return _flat(item) if isinstance(item, dict) else Sentence("not a JSON object")


def _items(data: Any) -> list[Any]:
    """What is a row each."""
    if isinstance(data, list):
        return data
    return (_by_columns(data) or max(_lists_in(data), key=len, default=[data])) if isinstance(data, dict) else [data]


def _by_columns(data: Mapping[str, Any]) -> list[Any]:
    """The rows of a table in one object, as pandas and others write it; none for another object."""
    values = list(data.values())
    if isinstance(data.get("columns"), list) and isinstance(data.get("data"), list):
        return [data["columns"], *data["data"]]
    if len(values) > 1 and all(isinstance(value, list) for value in values) and len(set(map(len, values))) == 1:
        return [dict(zip(data, row, strict=True)) for row in zip(*values, strict=True)]
    if not values or not all(isinstance(value, dict) for value in values):
        return []
    if all(key.isdigit() for value in values for key in value):
        return [{column: cells.get(row) for column, cells in data.items()} for row in values[0]]
    return values if len(values) > 1 else []


def _lists_in(data: Mapping[str, Any], depth: int = _DEPTH) -> Iterator[list[Any]]:
    """The lists of objects in an object."""
    for value in data.values():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield value
        elif isinstance(value, dict) and depth:
            yield from _lists_in(value, depth - 1)


def _flat(item: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, str]:
    """The values by name; those in an object within by the names of both."""
    flat: dict[str, str] = {}
    for key, value in item.items():
        if isinstance(value, dict) and value and depth:
            flat |= {f"{key}.{name}": text for name, text in _flat(value, depth - 1).items()}
        else:
            flat[key] = _shown(value)
    return flat


def _parsed(text: str) -> Any:
    """JSON with its numbers as they are written."""
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    serve(_read)
