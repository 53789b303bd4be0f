"""Files to translate: which texts of theirs to translate, and the same file again with the translations."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import NamedTuple

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate.protect import has_words
from qwen_ui.text.decode import decode

EXTENSIONS = (".txt", ".md", ".srt", ".csv", ".json")

_CUE = re.compile(
    r"^(?P<head>[ \t]*\d+[ \t\r]*\n[ \t]*\d+:\d\d:\d\d[,.]\d+[ \t]*-->[^\n]*\n)"
    r"(?P<text>.*?)(?P<end>\r?\n[ \t\r]*(?=\n|\Z)|\Z)",
    re.DOTALL | re.MULTILINE,
)
# A string of JSON; none of the other tokens holds a quotation mark.
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"(?P<key>\s*:)?')


@dataclass(frozen=True, slots=True)
class Document:
    """A file taken apart."""

    name: str
    texts: tuple[str, ...]
    """What to translate, in order."""
    _write: Callable[[Sequence[str]], str] = field(repr=False)
    columns: tuple[str, ...] = ()
    """The names of its columns, if it is a table."""

    def write(self, translations: Sequence[str]) -> bytes:
        """The file with the translations, one for each text, in the texts' places; in UTF-8.

        What holds no text, or one that stayed as it was, is left as it stood.
        """
        if len(translations) != len(self.texts):
            raise ValueError(f"{len(self.texts)} texts need as many translations, not {len(translations)}")
        return self._write(translations).encode()


def read(name: str, data: bytes, wanted: Sequence[str] | None = None) -> Document:
    """Takes a .txt, .md, .srt, .csv or .json file apart. Of a CSV only the wanted columns are translated, else all.

    Raises `InvalidInput` for another extension, a broken file, or one without anything to translate.
    """
    extension = PurePath(name).suffix.lower()
    if extension not in EXTENSIONS:
        raise InvalidInput(
            "{name} can't be translated: files must end in {extensions}.", name=name, extensions=", ".join(EXTENSIONS)
        )
    text = decode(data, name).removeprefix("\ufeff")
    windows = "\r\n" in text and text.count("\r\n") == text.count("\n")
    body = text.replace("\r\n", "\n") if windows else text
    columns: tuple[str, ...] = ()
    if extension == ".csv":
        columns, texts, fill = _csv(name, body, wanted)
    else:
        texts, fill = {".srt": _srt, ".json": _json}.get(extension, _plain)(name, body)
    if not texts:
        raise InvalidInput("{name} holds nothing to translate.", name=name)
    mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""

    def write(translations: Sequence[str]) -> str:
        filled = fill(translations)
        return mark + (filled.replace("\n", "\r\n") if windows else filled)

    return Document(name, texts, write, columns)


class _Place(NamedTuple):
    """Characters [start, end) of a file, and the text that they stand for."""

    start: int
    end: int
    text: str


_Texts = tuple[tuple[str, ...], Callable[[Sequence[str]], str]]
"""What to translate, and what puts translations into the file."""


def _plain(name: str, body: str) -> _Texts:
    return _in_places(body, [_Place(0, len(body), body)], str)


def _srt(name: str, body: str) -> _Texts:
    """Subtitles: the numbers and times of the cues stay, and no cue gets a blank line, which would end it."""
    cues = [_Place(cue.start("text"), cue.end("text"), cue["text"]) for cue in _CUE.finditer(body)]
    if not cues:
        raise InvalidInput("{name} holds no subtitles. A cue is a number, a line of times, and its text.", name=name)
    return _in_places(body, cues, lambda text: "\n".join(line for line in text.splitlines() if line.strip()))


def _json(name: str, body: str) -> _Texts:
    """JSON: the string values are translated; keys, numbers and all the rest stay to the letter."""
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("{name} can't be read as JSON: {reason}.", name=name, reason=str(error)) from error
    strings = [match for match in _JSON_STRING.finditer(body) if not match["key"]]
    return _in_places(body, [_Place(*match.span(), json.loads(match[0])) for match in strings], _json_string)


def _json_string(text: str) -> str:
    """The text in JSON: a half of a surrogate pair, which UTF-8 can't say, as an escape."""
    return json.dumps(text, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _in_places(body: str, places: Sequence[_Place], written: Callable[[str], str]) -> _Texts:
    """The texts of the places that have words, and what puts translations there, each as it is to be written."""
    places = [place for place in places if has_words(place.text)]

    def fill(translations: Sequence[str]) -> str:
        parts, at = [], 0
        for place, new in zip(places, translations, strict=True):
            if new != place.text:
                parts += [body[at : place.start], written(new)]
                at = place.end
        return "".join([*parts, body[at:]])

    return tuple(place.text for place in places), fill


def _csv(name: str, body: str, wanted: Sequence[str] | None) -> tuple[tuple[str, ...], *_Texts]:
    """A table: its columns, and the texts in its cells. A row without a translation stays to the letter."""
    delimiter = _delimiter(body)
    rows, lines = _rows(name, body, delimiter)
    columns = tuple(rows[0])
    if unknown := set(wanted or ()) - set(columns):
        raise InvalidInput(
            "{name} has no column {column!r}. It has: {columns}.",
            name=name,
            column=min(unknown),
            columns=", ".join(columns),
        )
    chosen = [at for at, column in enumerate(columns) if wanted is None or column in wanted]
    cells = [
        (number, at)
        for number, row in enumerate(rows)
        for at in chosen
        if number and at < len(row) and has_words(row[at])
    ]

    def fill(translations: Sequence[str]) -> str:
        changed: dict[int, list[str]] = {}
        for (number, at), new in zip(cells, translations, strict=True):
            if new != rows[number][at]:
                changed.setdefault(number, list(rows[number]))[at] = new
        news = {number: _row(cells, lines[number], delimiter) for number, cells in changed.items()}
        return "".join(news.get(number, line) for number, line in enumerate(lines))

    return columns, tuple(rows[number][at] for number, at in cells), fill


def _delimiter(body: str) -> str:
    try:
        return csv.Sniffer().sniff(body[:10_000].split("\n", 1)[0] + "\n", delimiters=",;\t|").delimiter
    except csv.Error:  # a single column
        return ","


def _rows(name: str, body: str, delimiter: str) -> tuple[list[list[str]], list[str]]:
    """The rows of a table, and what each of them is in the file."""
    lines = list(io.StringIO(body, newline=""))
    reader = csv.reader(lines, delimiter=delimiter)
    rows: list[list[str]] = []
    written: list[str] = []
    at = 0
    try:
        for row in reader:
            rows.append(row)
            written.append("".join(lines[at : reader.line_num]))
            at = reader.line_num
    except csv.Error as error:
        raise InvalidInput("{name} can't be read as CSV: {reason}.", name=name, reason=str(error)) from error
    if not rows or not any(rows[0]):
        raise InvalidInput("The first line of {name} must name its columns.", name=name)
    return rows, written


def _row(cells: Sequence[str], before: str, delimiter: str) -> str:
    """A row as it is written in the place of the one before, which has its own end of the line, or none."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + before[len(before.rstrip("\r\n")) :]
