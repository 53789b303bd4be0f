"""Turns one document into Markdown. Runs as a process of its own: a document may hang or crash its parser.

Started by `qwen_ui.knowledge.convert`, it answers with [page, text, note, pieces] for each part of the document:
see `qwen_ui.text.confined`.
"""

import contextlib
import ctypes
import io
import json
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge import rtl
from qwen_ui.knowledge.passages import pieces
from qwen_ui.sentences import Sentence
from qwen_ui.text import tables, webpage, workbooks
from qwen_ui.text.confined import Refused, check_package, packed, serve
from qwen_ui.text.decode import UncertainEncoding, decode
from qwen_ui.text.delimited import dialect_of, records

Parts = list[tuple[int | None, str]]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WRONG_PASSWORD = 4
_RANGES = 10

_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")
_PICTURE = re.compile(r"!\[([^\]]{0,500})\]\([^)]{0,2000}\)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_CJK = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"

_WIDE = re.compile(_CJK)


def read(data: bytes, arguments: Sequence[str]) -> Iterator[Any]:
    """The document's parts as (page, Markdown, note, passages); the first one's note tells what is missing in all of
    them. Of the arguments the second names the encoding of a text file, if somebody chose it.

    Raises `Refused`, `UncertainEncoding`, or whatever the parser raises.
    """
    extension, encoding, *numbers = arguments
    max_pages, max_unpacked, max_characters = map(int, numbers)
    note: Sentence | None = None
    if extension in workbooks.EXTENSIONS:
        parts, note = _workbook(data, max_unpacked)
    elif extension == ".pdf":
        parts, note = _pdf(data, max_pages)
    elif extension in _TEXTS:
        parts = [(None, _TEXTS[extension](_text(data, extension, encoding)))]
    else:
        _check_package(data, max_unpacked)
        parts = _PACKAGES[extension](data)
    texts = [_clean(text) for _, text in parts]
    if not any(texts):
        raise Refused("{file} holds no text. It may be a scan: run text recognition on it first.")
    if sum(map(len, texts)) > max_characters:
        raise Refused("{file} holds more text than the {limit:,} characters that are allowed.", limit=max_characters)
    for (page, _), text in zip(parts, texts, strict=True):
        if text:
            yield page, text, packed(note) if note else None, pieces(text)
            note = None


def _check_package(data: bytes, max_unpacked: int) -> None:
    """Refuses packages (zip) that are encrypted, or that would unpack to more than is safe."""
    if data.startswith(_OLE):
        raise Refused(
            "{file} is protected with a password, or in the format of Office before 2007. Save it anew without."
        )
    check_package(data, max_unpacked)


def _pdf(data: bytes, max_pages: int) -> tuple[Parts, Sentence | None]:
    """A part a page, and which are scans.

    By PDFium: markitdown gives no pages, takes 40 times as long, and reads some 西 as ⻄.
    """
    import pypdfium2  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _WRONG_PASSWORD:
            raise Refused("{file} is protected with a password. Save it without one.") from None
        raise Refused("{file} is damaged, or not a PDF.") from None
    if len(document) > max_pages:
        raise Refused(
            "{file} has {count:,} {count:page|pages}, more than the {limit:,} that are allowed.",
            count=len(document),
            limit=max_pages,
        )
    parts: Parts = [(number, _paragraphs(_pdf_lines(page.get_textpage()))) for number, page in enumerate(document, 1)]
    pictures = [at for at, (_, text) in enumerate(parts, 1) if not _clean(text) and _holds_picture(document[at - 1])]
    if pictures and not any(_clean(text) for _, text in parts):
        raise Refused(
            "{file} holds no text: it is a scan of {count:,} {count:page|pages}. Run text recognition on it first.",
            count=len(pictures),
        )
    note = Sentence(
        "{count:,} of its {total:,} pages {count:is a picture|are pictures} without text ({pages}). Run text "
        "recognition on the file, and add it again.",
        count=len(pictures),
        total=len(document),
        pages=_ranges(pictures),
    )
    return parts, note if pictures else None


def _holds_picture(page: Any) -> bool:
    from pypdfium2 import raw  # noqa: PLC0415

    return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=9))


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers, in short: 1, 3–5, 9. Of very many ranges, the first."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    told = ["–".join(map(str, run)) for run in runs[:_RANGES]]
    return ", ".join([*told, "…"] if len(runs) > _RANGES else told)


def _pdf_lines(page: Any) -> list[str]:
    """The lines of a PDF's page. PDFium has the words of right-to-left ones turned around, or now and then not."""
    text = page.get_text_bounded()
    if not rtl.HOLDS.search(text):
        return list(text.splitlines())
    lines: list[rtl.Line] = [[]]
    for glyph in _glyphs(page):
        if glyph.text in "\r\n":
            lines.append([])
        else:
            lines[-1].append(glyph)
    return rtl.read(lines)


def _glyphs(page: Any) -> Iterator[rtl.Glyph]:
    """The characters of a PDF's page, in the order of the file."""
    from pypdfium2 import raw  # noqa: PLC0415

    x, y, left, right, bottom, top = (ctypes.c_double() for _ in range(6))
    box = raw.FS_RECTF()
    for index in range(page.count_chars()):
        raw.FPDFText_GetCharOrigin(page, index, x, y)
        raw.FPDFText_GetCharBox(page, index, left, right, bottom, top)
        raw.FPDFText_GetLooseCharBox(page, index, box)
        text = chr(raw.FPDFText_GetUnicode(page, index))
        yield rtl.Glyph(text, index, x.value, y.value, left.value, max(right.value, box.right), box.top - box.bottom)


def _paragraphs(lines: list[str]) -> str:
    """Joins a page's lines to paragraphs: one ends where a line stops well short of the others."""
    widths = [_width(line) for line in lines]
    full = 0.75 * statistics.quantiles(widths, n=10)[-1] if len(lines) > 1 else 0
    text = ""
    for line, width in zip(lines, widths, strict=True):
        text += line.rstrip() + ("\n\n" if width < full else "\n")
    text = re.sub(r"\ufffe\n(?!\n)", "", text)  # PDFium's mark for a hyphen at the end of a line
    return re.sub(rf"(?<={_CJK})\n(?={_CJK})", "", text)


def _width(line: str) -> int:
    """In letters; a Chinese character is as wide as two."""
    return len(line) + len(_WIDE.findall(line))


def _text(data: bytes, extension: str, encoding: str) -> str:
    try:
        return decode(data, declared=webpage.declared(data) if extension == ".html" else "", encoding=encoding)
    except UncertainEncoding:
        raise
    except InvalidInput:
        raise Refused("{file} is not text, or in an encoding that is not known. Save it as UTF-8.") from None


def _json(text: str) -> str:
    """JSON with an entry a line and its letters unescaped; as it stands where it is broken (or one object a line)."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    return text


def _html(text: str) -> str:
    from qwen_ui.knowledge.visible import visible  # noqa: PLC0415

    return _markitdown("HtmlConverter", visible(text).encode(errors="replace"), ".html", "utf-8")


def _markitdown(converter: str, data: bytes, extension: str, charset: str | None = None) -> str:
    """The Markdown from one named converter of markitdown, so that none is guessed, fetches, or unpacks archives."""
    from markitdown import StreamInfo, converters  # noqa: PLC0415

    info = StreamInfo(extension=extension, charset=charset)
    return str(getattr(converters, converter)().convert(io.BytesIO(data), info).markdown)


def _docx(data: bytes) -> Parts:
    return [(None, _markitdown("DocxConverter", data, ".docx"))]


def _epub(data: bytes) -> Parts:
    """A book. Its chapters are pages of HTML."""
    from markitdown import StreamInfo, converters  # noqa: PLC0415

    from qwen_ui.knowledge.visible import visible  # noqa: PLC0415

    class Chapters(converters.HtmlConverter):
        def convert(self, file_stream: Any, stream_info: Any, **options: Any) -> Any:
            html = visible(file_stream.read().decode("utf-8-sig", "replace"), titled=False)
            return super().convert(io.BytesIO(html.encode(errors="replace")), stream_info, **options)

    book = converters.EpubConverter()  # type: ignore[no-untyped-call]
    book._html_converter = Chapters()
    return [(None, book.convert(io.BytesIO(data), StreamInfo(extension=".epub")).markdown)]


def _pptx(data: bytes) -> Parts:
    """A part a slide."""
    pieces = _SLIDE.split(_markitdown("PptxConverter", data, ".pptx"))
    return [(int(number), slide) for number, slide in zip(pieces[1::2], pieces[2::2], strict=True)]


def _workbook(data: bytes, max_unpacked: int) -> tuple[Parts, Sentence | None]:
    """A part a sheet, and what is missing in them."""
    book = workbooks.Workbook(data, max_unpacked)
    counts = {name: count for name in book.names if (count := book.uncomputed(name))}
    note = Sentence(
        "{count:,} {count:formula has|formulas have} no stored value, so {count:its cell is|their cells are} empty "
        "({sheets}). Open the workbook in a spreadsheet program, save it there, and add it again.",
        count=sum(counts.values()),
        sheets=", ".join(counts),
    )
    sheets = map(book.sheet, book.names)
    parts: Parts = [(None, f"## {sheet.name}\n\n{_table(sheet.rows)}" if sheet.rows else "") for sheet in sheets]
    return parts, note if counts else None


def _delimited(text: str, expected: str = "") -> str:
    return _table((record.line, record.values) for record in records(text, dialect_of(text, expected)))


def _table(rows: Iterable[tables.Row]) -> str:
    """A table in Markdown, below what stands above its header."""
    grid = tables.grid_of(rows)
    lines = [grid.columns, ["---"] * len(grid.columns)]
    lines += [cells for _, cells in grid.rows if isinstance(cells, list) and any(map(str.strip, cells))]
    return "\n\n".join([*grid.titles, "\n".join(map(_line, lines))])


def _line(cells: list[str]) -> str:
    """A row in Markdown. A line end or a bar in a cell would end it."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


_TEXTS: dict[str, Callable[[str], str]] = {
    ".txt": str,
    ".md": str,
    ".json": _json,
    ".csv": _delimited,
    ".tsv": partial(_delimited, expected="\t"),
    ".html": _html,
}
_PACKAGES: dict[str, Callable[[bytes], Parts]] = {".docx": _docx, ".epub": _epub, ".pptx": _pptx}
EXTENSIONS = frozenset({".pdf", *workbooks.EXTENSIONS, *_TEXTS, *_PACKAGES})


def _clean(text: str) -> str:
    """Pictures become their descriptions; characters that can't be stored or shown go."""
    text = _PICTURE.sub(r"\1", text.encode(errors="ignore").decode())
    return _CONTROLS.sub("", text).strip()


if __name__ == "__main__":
    serve(read)
