"""Turns one document into Markdown. Runs as a process of its own: a document may hang or crash its parser.

Reads the document's bytes from standard input and writes JSON to standard output: {"parts": [[page, text], …]}, or
{"refused": {"template": …, "values": …}} when there is nothing to be had: a sentence as in `qwen_ui.sentences`, but for
the value {file}, which only `qwen_ui.knowledge.convert` knows, the module that starts this one.
"""

import contextlib
import io
import json
import logging
import re
import statistics
import sys
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.text.decode import decode

Parts = list[tuple[int | None, str]]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WRONG_PASSWORD = 4
_MAX_ENTRIES = 10_000

_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")
_PICTURE = re.compile(r"!\[([^\]]{0,500})\]\([^)]{0,2000}\)")
_NO_VALUE = re.compile(r"(?<=\|) (?:NaN|Unnamed: \d+) (?=\|)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_CJK = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"

_CHARSET = re.compile(rb"""charset=["']?([\w-]+)""")
_WIDE = re.compile(_CJK)


class Refused(Exception):
    """The document can't be used. The template is a literal where this is raised, as with the app's own errors."""

    def __init__(self, template: str, /, **values: str | int) -> None:
        super().__init__(template)
        self.template = template
        self.values = values


def read(data: bytes, extension: str, max_pages: int, max_unpacked: int) -> Parts:
    """The document's parts as (page, Markdown). Raises `Refused`, or whatever the parser raises."""
    if extension in {".docx", ".pptx", ".xlsx", ".epub"}:
        _check_package(data, max_unpacked)
    parts = _pdf(data, max_pages) if extension == ".pdf" else _READERS[extension](data)
    cleaned = [(page, _clean(text)) for page, text in parts]
    if not any(text for _, text in cleaned):
        raise Refused("{file} holds no text. It may be a scan: run text recognition on it first.")
    return [(page, text) for page, text in cleaned if text]


def _check_package(data: bytes, max_unpacked: int) -> None:
    """Refuses packages (zip) that are encrypted, or that would unpack to more than is safe."""
    if data.startswith(_OLE):
        raise Refused(
            "{file} is protected with a password, or in the format of Office before 2007. Save it anew without."
        )
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except zipfile.BadZipFile:
        raise Refused("{file} is damaged, or not what its extension says.") from None
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > max_unpacked:
        raise Refused("{file} unpacks to more than is allowed.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("{file} is protected with a password. Save it without one.")


def _pdf(data: bytes, max_pages: int) -> Parts:
    """A part a page. PDFium: markitdown gives no pages, takes 40 times as long, and reads some 西 as ⻄."""
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
    return [
        (number, _paragraphs(page.get_textpage().get_text_bounded().splitlines()))
        for number, page in enumerate(document, 1)
    ]


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


def _text(data: bytes, declared: str = "") -> str:
    try:
        return decode(data, declared=declared)
    except InvalidInput:
        raise Refused("{file} is not text, or in an encoding that is not known. Save it as UTF-8.") from None


def _plain(data: bytes) -> Parts:
    return [(None, _text(data))]


def _json(data: bytes) -> Parts:
    """JSON with an entry a line and its letters unescaped; as it stands where it is broken (or one object a line)."""
    text = _text(data)
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    return [(None, text)]


def _markitdown(converter: str, extension: str) -> Callable[[bytes], Parts]:
    """Reads with one named converter of markitdown, so that none is guessed, fetches, or unpacks archives."""

    def read_with(data: bytes) -> Parts:
        from markitdown import StreamInfo, converters  # noqa: PLC0415

        charset = None
        if extension in {".html", ".csv"}:
            named = _CHARSET.search(data[:2048]) if extension == ".html" else None
            data, charset = _text(data, named[1].decode() if named else "").encode(errors="replace"), "utf-8"
        info = StreamInfo(extension=extension, charset=charset)
        text = getattr(converters, converter)().convert(io.BytesIO(data), info).markdown
        return [(None, text)]

    return read_with


def _pptx(data: bytes) -> Parts:
    """A part a slide."""
    [(_, text)] = _markitdown("PptxConverter", ".pptx")(data)
    pieces = _SLIDE.split(text)
    return [(int(number), slide) for number, slide in zip(pieces[1::2], pieces[2::2], strict=True)]


def _xlsx(data: bytes) -> Parts:
    """Sheets as tables, with nothing for the cells that are empty."""
    [(_, text)] = _markitdown("XlsxConverter", ".xlsx")(data)
    return [(None, _NO_VALUE.sub("  ", text))]


_READERS: dict[str, Callable[[bytes], Parts]] = {
    ".txt": _plain,
    ".md": _plain,
    ".json": _json,
    ".csv": _markitdown("CsvConverter", ".csv"),
    ".html": _markitdown("HtmlConverter", ".html"),
    ".docx": _markitdown("DocxConverter", ".docx"),
    ".epub": _markitdown("EpubConverter", ".epub"),
    ".pptx": _pptx,
    ".xlsx": _xlsx,
}
EXTENSIONS = frozenset({".pdf", *_READERS})


def _clean(text: str) -> str:
    """Pictures become their descriptions; characters that can't be stored or shown go."""
    text = _PICTURE.sub(r"\1", text.encode(errors="ignore").decode())
    return _CONTROLS.sub("", text).strip()


def _confine(seconds: int, memory: int) -> None:
    """Takes from this process what a hostile document could use: time, memory, the network, other programs."""
    with contextlib.suppress(ImportError):  # Windows
        import resource  # noqa: PLC0415

        limits = ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0))
        for kind, limit in limits:
            with contextlib.suppress(ValueError, OSError):  # some systems don't have them all
                resource.setrlimit(kind, (limit, limit))
    sys.addaudithook(_refuse)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"}:
        raise PermissionError(f"{event} is not allowed while a document is read")


def _answer(arguments: Iterable[str]) -> dict[str, Any]:
    extension, *numbers = arguments
    max_pages, max_unpacked, max_characters, seconds, memory = map(int, numbers)
    data = sys.stdin.buffer.read()
    _confine(seconds, memory)
    try:
        parts = _read_any(data, extension, max_pages, max_unpacked)
        if sum(len(text) for _, text in parts) > max_characters:
            raise Refused(
                "{file} holds more text than the {limit:,} characters that are allowed.", limit=max_characters
            )
    except Refused as refused:
        return {"refused": {"template": refused.template, "values": refused.values}}
    return {"parts": parts}


def _read_any(data: bytes, extension: str, max_pages: int, max_unpacked: int) -> Parts:
    """Like `read`, with whatever a parser may raise made a `Refused`."""
    try:
        return read(data, extension, max_pages, max_unpacked)
    except Refused:
        raise
    except MemoryError:
        raise Refused("{file} needs more memory to be read than is allowed.") from None
    except Exception as error:
        raise Refused(
            "{file} can't be read: damaged, or not what its extension says ({error}).", error=type(error).__name__
        ) from error


def main() -> None:
    """Reads one document, with its extension and limits from the command line."""
    logging.disable()  # parsers log each oddity of a document
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer alone
        answer = _answer(sys.argv[1:])
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
