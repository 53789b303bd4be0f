"""Files to translate: which texts of theirs to translate, and the same file again with the translations."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import PurePath
from types import ModuleType
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate import subtitles
from qwen_ui.tabs.translate.places import Place, Texts, in_places
from qwen_ui.tabs.translate.protect import has_words
from qwen_ui.text import office, webpage
from qwen_ui.text.confined import run
from qwen_ui.text.decode import decode
from qwen_ui.text.delimited import defused, dialect_of, records
from qwen_ui.text.languages import Language
from qwen_ui.text.tables import header_of, joined, names_of

SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
EXTENSIONS = (".txt", ".md", *webpage.EXTENSIONS, *office.EXTENSIONS, *SUBTITLES, ".csv", ".tsv", ".json")
MAX_BYTES = 5_000_000
MAX_PACKAGE_BYTES = 10_000_000
"""Of Office files, which hold pictures too."""
_SECONDS, _MEMORY = 60, 2_000_000_000

_HEADER_WITHIN = 200
"""Rows of a table."""

# A string of JSON; none of the other tokens holds a quotation mark.
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"(?P<key>\s*:)?')


@dataclass(frozen=True, slots=True)
class Origin:
    """What a document was read from, and how."""

    data: bytes = field(repr=False)
    columns: Sequence[str] | None = None
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file taken apart."""

    name: str
    texts: tuple[str, ...]
    """What to translate, in order."""
    _write: Callable[[Sequence[str], Language | None], bytes] = field(repr=False)
    columns: tuple[str, ...] = ()
    """The names of its columns, if it is a table."""
    origin: Origin | None = None
    """None of a text that was typed."""
    is_shown_as_texts: bool = False
    """Whether a reader is shown its texts, and not the file, which is no plain text: of Office, or a web page."""

    def write(self, translations: Sequence[str], language: Language | None = None) -> bytes:
        """The file with the translations, one for each text, in the texts' places; a text file in UTF-8.

        What holds no text, or one that stayed as it was, is left as it stood; a web page names the language.
        """
        if len(translations) != len(self.texts):
            raise ValueError(f"{len(self.texts)} texts need as many translations, not {len(translations)}")
        return self._write(translations, language)


def read(name: str, data: bytes, wanted: Sequence[str] | None = None, encoding: str = "") -> Document:
    """Takes a file of one of the `EXTENSIONS` apart. Of a table only the wanted columns are translated, else all.

    Raises `UncertainEncoding` if the encoding can't be told and is not named, and `InvalidInput` for another extension,
    a broken file, or one without anything to translate.
    """
    extension = PurePath(name).suffix.lower()
    if extension not in EXTENSIONS:
        raise InvalidInput(
            "{name} can't be translated. Supported files: {extensions}.", name=name, extensions=", ".join(EXTENSIONS)
        )
    limit = MAX_PACKAGE_BYTES if extension in office.EXTENSIONS else MAX_BYTES
    if len(data) > limit:
        raise InvalidInput("The file is larger than {limit:,} MB. Split it.", limit=limit // 1_000_000)
    if extension in office.EXTENSIONS:
        return _office(name, extension, data, wanted)
    is_page = extension in webpage.EXTENSIONS
    text = decode(data, name, declared=webpage.declared(data) if is_page else "", encoding=encoding)
    mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
    if is_page:
        return _page(name, text, mark, Origin(data, None, encoding))
    windows = "\r\n" in text and text.count("\r\n") == text.count("\n")
    body = text.replace("\r\n", "\n") if windows else text
    columns: tuple[str, ...] = ()
    if extension in {".csv", ".tsv"}:
        columns, texts, fill = _csv(name, body, wanted)
    elif extension in SUBTITLES:
        texts, fill = subtitles.texts(name, body, extension)
    else:
        texts, fill = {".json": _json}.get(extension, _plain)(name, body)
    if not texts:
        raise InvalidInput("{name} has no text to translate.", name=name)

    def write(translations: Sequence[str], language: Language | None) -> bytes:
        filled = fill(translations)
        return (mark + (filled.replace("\n", "\r\n") if windows else filled)).encode()

    return Document(name, texts, write, columns, Origin(data, wanted, encoding))


def _office(name: str, extension: str, data: bytes, wanted: Sequence[str] | None) -> Document:
    """An Office file, taken apart and put together by a process of its own. Of a workbook the wanted columns."""
    columns: list[str] = _asked(office, name, ["columns", extension], data) if extension == ".xlsx" else []
    chosen = []
    if wanted is not None and not set(columns) <= set(wanted):
        _check(name, columns, wanted)
        chosen = [json.dumps(list(wanted))]

    def write(texts: Sequence[str], language: Language | None) -> bytes:
        given = json.dumps(texts).encode() + b"\n" + data
        return base64.b64decode(_asked(office, name, ["write", extension, *chosen], given)[0])

    found = _asked(office, name, ["read", extension, *chosen], data)
    return replace(_of_texts(name, found, write, Origin(data, wanted)), columns=tuple(columns))


def _check(name: str, columns: Sequence[str], wanted: Sequence[str] | None) -> None:
    """Raises `InvalidInput` where a wanted column is not there."""
    if unknown := set(wanted or ()) - set(columns):
        raise InvalidInput(
            "{name} has no column {column!r}. It has: {columns}.",
            name=name,
            column=min(unknown),
            columns=", ".join(columns),
        )


def _page(name: str, text: str, mark: str, origin: Origin) -> Document:
    """A web page, taken apart and put together by a process of its own. ``mark`` is what it begins with."""
    page = text.encode()

    def write(texts: Sequence[str], language: Language | None) -> bytes:
        told = [language.code, "rtl" if language.right_to_left else "ltr"] if language else ["", ""]
        (written,) = _asked(webpage, name, ["write", *told], json.dumps(texts).encode() + b"\n" + page)
        return f"{mark}{written}".encode()

    return _of_texts(name, _asked(webpage, name, ["read"], page), write, origin)


def _asked(module: ModuleType, name: str, arguments: Sequence[str], data: bytes) -> list[Any]:
    """What a module makes of a file, in a process of its own."""
    return run(module.__name__, arguments, data, name, seconds=_SECONDS, memory=_MEMORY)


def _of_texts(
    name: str, found: Sequence[str], write_all: Callable[[Sequence[str], Language | None], bytes], origin: Origin
) -> Document:
    """A file of these texts, of which those without words stay as they are."""
    places = [place for place, text in enumerate(found) if has_words(text)]
    if not places:
        raise InvalidInput("{name} has no text to translate.", name=name)

    def write(translations: Sequence[str], language: Language | None) -> bytes:
        texts = list(found)
        for place, new in zip(places, translations, strict=True):
            texts[place] = new
        return write_all(texts, language)

    return Document(name, tuple(found[place] for place in places), write, (), origin, is_shown_as_texts=True)


def _plain(name: str, body: str) -> Texts:
    return in_places(body, [Place(0, len(body), body)], lambda new, before: new)


def _json(name: str, body: str) -> Texts:
    """JSON: the string values are translated; keys, numbers and all the rest stay to the letter."""
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("{name} can't be read as JSON: {reason}.", name=name, reason=str(error)) from error
    strings = [match for match in _JSON_STRING.finditer(body) if not match["key"]]
    return in_places(body, [Place(*match.span(), json.loads(match[0])) for match in strings], _json_string)


def _json_string(text: str, before: str) -> str:
    """The text in JSON: a half of a surrogate pair, which UTF-8 can't say, as an escape."""
    return json.dumps(text, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _csv(name: str, body: str, wanted: Sequence[str] | None) -> tuple[tuple[str, ...], *Texts]:
    """A table: its columns, and the texts in its cells. All else stays to the letter, the header too."""
    dialect = dialect_of(body, "\t" if PurePath(name).suffix.lower() == ".tsv" else "")
    rows = records(body, dialect)
    first = list(islice(rows, _HEADER_WITHIN))
    at, below = header_of([row.values for row in first])
    if not first or first[at].is_blank:
        raise InvalidInput("The first line of {name} must name its columns.", name=name)
    columns = tuple(names_of(joined([row.values for row in first[at:below]])))
    _check(name, columns, wanted)
    chosen = {at for at, column in enumerate(columns) if wanted is None or column in wanted}
    places = (
        Place(cell.start, cell.end, cell.value)
        for row in chain(first[below:], rows)
        for at, cell in enumerate(row.fields)
        if at in chosen
    )

    def written(new: str, before: str) -> str:
        was = before.strip(' "')
        return dialect.written(
            new if defused(was) != was else defused(new), before
        )  # a formula of the file's own stays

    return columns, *in_places(body, places, written)
