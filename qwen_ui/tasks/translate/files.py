"""Files to translate: which texts of theirs to translate, and the same file again with the translations."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from qwen_ui.errors import InvalidInput
from qwen_ui.tasks.decode import decode
from qwen_ui.tasks.translate.protect import has_words

ENDINGS = (".txt", ".md", ".srt", ".csv", ".json")

_CUE = re.compile(
    r"^(?P<head>[ \t]*\d+[ \t]*\n[ \t]*\d+:\d\d:\d\d[,.]\d+[ \t]*-->[^\n]*\n)"
    r"(?P<text>.*?)(?P<end>\n[ \t]*(?=\n|\Z)|\Z)",
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

    def write(self, translations: Sequence[str]) -> bytes:
        """The file with the translations, one for each text, in the texts' places; in UTF-8."""
        if len(translations) != len(self.texts):
            raise ValueError(f"{len(self.texts)} texts need as many translations, not {len(translations)}")
        return self._write(translations).encode()


def read(name: str, data: bytes, wanted: Sequence[str] | None = None) -> Document:
    """Takes a .txt, .md, .srt, .csv or .json file apart. Of a CSV only the wanted columns are translated, else all.

    Raises `InvalidInput` for another ending, a broken file, or one without anything to translate.
    """
    ending = PurePath(name).suffix.lower()
    if ending not in ENDINGS:
        raise InvalidInput(f"{name} can't be translated: files must end in {', '.join(ENDINGS)}.")
    text = decode(data, name)
    newline = "\r\n" if "\r\n" in text else "\n"
    body = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if ending == ".csv":
        texts, write = _csv(name, body, wanted)
    else:
        texts, write = {".srt": _srt, ".json": _json}.get(ending, _plain)(name, body)
    if not texts:
        raise InvalidInput(f"{name} holds nothing to translate.")
    mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
    return Document(name, tuple(texts), lambda translations: mark + write(translations).replace("\n", newline))


def columns(name: str, data: bytes) -> list[str]:
    """The names of a CSV file's columns."""
    rows = _rows(name, decode(data, name).removeprefix("\ufeff"))[0]
    return rows[0]


_Parts = tuple[list[str], Callable[[Sequence[str]], str]]


def _plain(name: str, body: str) -> _Parts:
    return ([body] if has_words(body) else []), lambda translations: translations[0]


def _srt(name: str, body: str) -> _Parts:
    """Subtitles: the numbers and times of the cues stay, and no cue gets a blank line, which would end it."""
    cues = list(_CUE.finditer(body))
    if not cues:
        raise InvalidInput(f"{name} holds no subtitles. A cue is a number, a line of times, and its text.")
    spoken = [cue for cue in cues if has_words(cue["text"])]

    def write(translations: Sequence[str]) -> str:
        return _replaced(body, spoken, [_without_blank_lines(new) for new in translations], "text")

    return [cue["text"] for cue in spoken], write


def _without_blank_lines(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip())


def _csv(name: str, body: str, wanted: Sequence[str] | None) -> _Parts:
    rows, dialect = _rows(name, body)
    unknown = set(wanted or ()) - set(rows[0])
    if unknown:
        raise InvalidInput(f"{name} has no column {sorted(unknown)[0]!r}. It has: {', '.join(rows[0])}.")
    chosen = [index for index, column in enumerate(rows[0]) if wanted is None or column in wanted]
    places = [(row, at) for row in rows[1:] for at in chosen if at < len(row) and has_words(row[at])]

    def write(translations: Sequence[str]) -> str:
        copies = {id(row): list(row) for row in rows}
        for (row, at), new in zip(places, translations, strict=True):
            copies[id(row)][at] = new
        out = io.StringIO()
        csv.writer(out, dialect, lineterminator="\n").writerows(copies[id(row)] for row in rows)
        return out.getvalue()

    return [row[at] for row, at in places], write


def _rows(name: str, body: str) -> tuple[list[list[str]], type[csv.Dialect]]:
    try:
        dialect = csv.Sniffer().sniff(body[:10_000].split("\n", 1)[0] + "\n", delimiters=",;\t|")
    except csv.Error:  # a single column
        dialect = csv.excel
    dialect = type("Dialect", (csv.excel,), {"delimiter": dialect.delimiter})
    try:
        rows = list(csv.reader(io.StringIO(body, newline=""), dialect))
    except csv.Error as error:
        raise InvalidInput(f"{name} can't be read as CSV: {error}.") from error
    if not rows or not any(rows[0]):
        raise InvalidInput(f"The first line of {name} must name its columns.")
    return rows, dialect


def _json(name: str, body: str) -> _Parts:
    """JSON: the string values are translated; keys, numbers and all the rest stay to the letter."""
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} can't be read as JSON: {error}.") from error
    strings = (match for match in _JSON_STRING.finditer(body) if not match["key"])
    values = [match for match in strings if has_words(json.loads(match[0]))]

    def write(translations: Sequence[str]) -> str:
        return _replaced(body, values, [json.dumps(new, ensure_ascii=False) for new in translations])

    return [json.loads(match[0]) for match in values], write


def _replaced(body: str, places: Sequence[re.Match[str]], news: Sequence[str], group: str | int = 0) -> str:
    """The body with new texts in the places."""
    parts, at = [], 0
    for place, new in zip(places, news, strict=True):
        parts += [body[at : place.start(group)], new]
        at = place.end(group)
    return "".join([*parts, body[at:]])
