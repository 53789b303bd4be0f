"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) to rows of text. Only for a confined process: a workbook may be a bomb.

Formulas give the values that they had when the workbook was saved. What a workbook says of its own size is not looked
at: cells are counted.
"""

import datetime
import io
import re
import zipfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any
from xml.etree import ElementTree

import python_calamine as calamine

from qwen_ui.text.confined import Refused, check_package

EXTENSIONS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
MAX_AREA = 20_000_000
"""Cells of the rectangle around those of a sheet that are filled."""
_SEARCHED = 5_000_000
"""The same of all sheets that are looked at for the one with data."""
MAX_CHARACTERS = 20_000_000
"""Of a sheet's cells, unless the file is so large that it may well hold more. One text may stand in any number of
cells, and takes no room there."""
_UNPACKED = 5
"""How many characters a byte of a large file may come to: what workbooks are packed to, or less."""
_MANY_ROWS = 200_000
"""Where there are more, most are empty."""

_PACKAGE = b"PK\x03\x04"
_LARGEST = 1e21
"""Beyond it whole numbers are written with an exponent."""
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]|table:formula=")
_CHUNK = 1 << 20

Value = str | bool | int | float | datetime.date | datetime.time | datetime.timedelta


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its cells as text, from the first row and column with a value to the last ones."""

    name: str
    rows: list[tuple[int, list[str]]]
    """With the number that a spreadsheet shows beside each; all of one length, and "" where a cell is empty. The value
    of merged cells stands in each of their rows. Of a great many rows those without a value are left out."""


class Workbook:
    """An open workbook."""

    def __init__(self, data: bytes, max_unpacked: int) -> None:
        """Raises `Refused` for what is no workbook, and for one that is protected or unpacks to too much."""
        if zipfile.is_zipfile(io.BytesIO(data)):
            check_package(data, max_unpacked)
        try:
            self._book = calamine.load_workbook(io.BytesIO(data))
        except calamine.PasswordError:
            raise Refused("{file} is protected with a password. Save it without one.") from None
        except calamine.CalamineError as error:
            raise Refused(
                "{file} can't be read as an Excel workbook or an OpenDocument: it is damaged, or not what its "
                "extension says. Open it in a spreadsheet program and save it as .xlsx."
            ) from error
        self._data = data
        worksheets = [sheet for sheet in self._book.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
        hidden = [sheet.name for sheet in worksheets if sheet.visible != calamine.SheetVisibleEnum.Visible]
        self.names = [sheet.name for sheet in worksheets]
        """Of the sheets that hold cells, hidden ones too."""
        self._shown = [name for name in self.names if name not in hidden]

    def sheet(self, name: str) -> Sheet:
        """One sheet. Raises `Refused` when its cells are too many, or too far apart."""
        cells = self._book.get_sheet_by_name(name)
        if cells.start is None:
            return Sheet(name, [])
        if cells.width * cells.height > MAX_AREA:
            raise Refused(
                "The sheet {sheet} of {file} has {rows:,} rows and {columns:,} columns, more than can be read. Is "
                "there a stray cell far from the others? Delete it, or save the table alone.",
                rows=cells.height,
                columns=cells.width,
                sheet=name,
            )
        top, left = cells.start
        blank: list[Value] = [""] * cells.width
        rows = (
            (number, [shown(value) for value in row])
            for number, row in enumerate(cells.to_python(), top + 1)
            if row != blank or cells.height <= _MANY_ROWS
        )
        read = list(self._counted(rows))
        _fill_down(read, cells.merged_cell_ranges or [], left)
        return Sheet(name, list(self._counted(read)))

    def _counted(self, rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
        """The rows, as long as their characters are not too many."""
        left = limit = max(MAX_CHARACTERS, _UNPACKED * len(self._data))
        for row in rows:
            left -= sum(map(len, row[1]))
            if left < 0:
                raise Refused("{file} holds more text than the {limit:,} characters that are allowed.", limit=limit)
            yield row

    def likeliest(self) -> str:
        """The name of the sheet with the data: the first that is not much smaller than others; hidden ones last."""
        return self._first_large(self._shown) or self._first_large(self.names)

    def _first_large(self, names: list[str]) -> str:
        left, filled = _SEARCHED, dict.fromkeys(names, 0)
        for name in names:
            cells = self._book.get_sheet_by_name(name)
            left -= cells.width * cells.height
            if left < 0:
                return next((each for each in names if filled[each]), name)
            filled[name] = sum(len(row) - row.count("") for row in cells.to_python())
        most = max(filled.values(), default=0)
        return next((name for name in names if 0 < most <= 2 * filled[name]), "")

    def uncomputed(self, name: str) -> int:
        """How many formulas of the sheet have no stored value: the program that wrote them did not compute.

        Their cells are empty in `sheet`.
        """
        if not self._data.startswith(_PACKAGE):
            return 0
        with zipfile.ZipFile(io.BytesIO(self._data)) as archive:
            if "content.xml" in archive.namelist():
                return _of_open_document(archive, name)
            part = _parts(archive).get(name, "")
            return _of_office(archive, part) if part.endswith(".xml") else 0


def shown(value: Value) -> str:
    """A cell's value as text: 12 for a whole number, dates in ISO 8601 with the time only where there is one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return str(int(value)) if value == value // 1 and abs(value) < _LARGEST else format(value, ".15g")
    if isinstance(value, datetime.datetime):
        return str(value.date() if value.time() == datetime.time() else value.replace(microsecond=0))
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def _fill_down(
    rows: list[tuple[int, list[str]]], merged: list[tuple[tuple[int, int], tuple[int, int]]], left: int
) -> None:
    """Puts the value of merged cells, which is in the first of them, into each of their rows that holds another."""
    numbers, room = [number for number, _ in rows], MAX_AREA
    for (top, column), (bottom, _) in merged:
        at, end = bisect_left(numbers, top + 1), bisect_left(numbers, bottom + 2)
        column -= left  # noqa: PLW2901
        if at == end or numbers[at] != top + 1 or not 0 <= column < len(rows[0][1]):
            continue
        room -= end - at
        if room < 0:
            raise Refused("{file} has more merged cells than can be read. Save it without them.")
        value = rows[at][1][column]
        for _, row in rows[at + 1 : end]:
            if not row[column] and any(row):
                row[column] = value


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The parts of an Office workbook that hold its sheets, by their names."""
    targets = {
        relation.get("Id", ""): str(PurePosixPath("/xl") / relation.get("Target", ""))[1:]
        for relation in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    sheets = {}
    for sheet in _elements(archive, "xl/workbook.xml", "sheet"):
        id = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        sheets[sheet.get("name", "")] = targets.get(id, "")
    return sheets


def _elements(archive: zipfile.ZipFile, part: str, tag: str) -> list[ElementTree.Element]:
    if part not in archive.namelist():
        return []
    return [element for element in ElementTree.fromstring(archive.read(part)).iter() if _tag(element) == tag]


def _of_office(archive: zipfile.ZipFile, part: str) -> int:
    """Of a sheet, the formulas without a value. A text without letters is one."""
    if part not in archive.namelist() or not _has_formulas(archive, part):
        return 0
    count = 0
    with archive.open(part) as file:
        for cell in _ended(file, "c", within="row"):
            tags = {_tag(child): child for child in cell}
            value = tags.get("v")
            count += "f" in tags and cell.get("t") != "str" and (value is None or not value.text)
    return count


def _of_open_document(archive: zipfile.ZipFile, name: str) -> int:
    """The same of a sheet of an OpenDocument."""
    if not _has_formulas(archive, "content.xml"):
        return 0
    counts = Counter[str]()
    with archive.open("content.xml") as file:
        for table in _ended(file, "table"):
            attributes = [{_local(key): value for key, value in cell.attrib.items()} for cell in table.iter()]
            title = attributes[0].get("name", "")
            counts[title] += sum("formula" in each and "value-type" not in each for each in attributes)
    return counts[name]


def _has_formulas(archive: zipfile.ZipFile, part: str) -> bool:
    """Whether there may be some: a look that is much quicker than parsing."""
    with archive.open(part) as file:
        before = b""
        while chunk := file.read(_CHUNK):
            if _FORMULA.search(before + chunk):
                return True
            before = chunk[-40:]
    return False


def _ended(file: IO[bytes], tag: str, within: str = "") -> Iterator[ElementTree.Element]:
    """The elements of one tag, each when it is complete; what they stand within is emptied as soon as it ends."""
    for _, element in ElementTree.iterparse(file):
        found = _tag(element)
        if found == tag:
            yield element
        if found == (within or tag):
            element.clear()


def _tag(element: ElementTree.Element) -> str:
    return _local(element.tag)


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]
