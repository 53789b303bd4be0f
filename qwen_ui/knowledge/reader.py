"""Turns one document into Markdown. Runs as a process of its own: a document may hang or crash its parser.

Reads the document's bytes from standard input and writes JSON to standard output: {"parts": [[page, text], …]}, or
{"refused": a sentence} when there is nothing to be had. `qwen_ui.knowledge.convert` starts it.
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

Parts = list[tuple[int | None, str]]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCODINGS = ["gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1251"]
_WRONG_PASSWORD = 4
_MAX_ENTRIES = 10_000
_SAMPLE = 200_000

_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")
_PICTURE = re.compile(r"!\[([^\]]{0,500})\]\([^)]{0,2000}\)")
_NO_VALUE = re.compile(r"(?<=\|) (?:NaN|Unnamed: \d+) (?=\|)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_ASCII = re.compile(r"[\x00-\x7f]+")
_CJK = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"

_CHARSET = re.compile(rb"""charset=["']?([\w-]+)""")
_WIDE = re.compile(_CJK)


class Refused(Exception):
    """The document can't be used. The message ends the sentence "name.pdf …"."""


def read(data: bytes, suffix: str, max_pages: int, max_unpacked: int) -> Parts:
    """The document's parts as (page, Markdown). Raises `Refused`, or whatever the parser raises."""
    if suffix in {".docx", ".pptx", ".xlsx", ".epub"}:
        _check_package(data, max_unpacked)
    parts = _pdf(data, max_pages) if suffix == ".pdf" else _READERS[suffix](data)
    cleaned = [(page, _clean(text)) for page, text in parts]
    if not any(text for _, text in cleaned):
        raise Refused("holds no text. It may be a scan: run text recognition on it first.")
    return [(page, text) for page, text in cleaned if text]


def decode(data: bytes, declared: str = "") -> str:
    """The text of a file whose encoding is not known, or not for sure. Raises `Refused` for what is not text."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    text = data.decode(errors="replace")
    letters, broken = sum(map(str.isalpha, _ASCII.sub("", text))), text.count("\ufffd")
    if b"\0" not in data and broken * 10 <= letters:  # UTF-8, but for a slip
        return text
    with contextlib.suppress(LookupError, UnicodeDecodeError):
        # What calls itself gb2312 often has letters that only its successor knows.
        return data.decode("gb18030" if declared.lower() in {"gb2312", "gbk"} else declared)
    return data.decode(_guess(data[:_SAMPLE]), errors="replace")


def _guess(sample: bytes) -> str:
    import charset_normalizer  # noqa: PLC0415

    if b"\0" in sample:
        zeros = [sample[start::2].count(0) for start in (0, 1)]
        if sum(zeros) > len(sample) // 4 and min(zeros) * 8 < max(zeros):
            return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        raise Refused("is not text.")
    # Named candidates: left to choose among all, short Chinese and Japanese texts come out Korean.
    best = charset_normalizer.from_bytes(sample, cp_isolation=_ENCODINGS).best()
    if best is None:
        raise Refused("is not text, or in an encoding that is not known. Save it as UTF-8.")
    return best.encoding


def _check_package(data: bytes, max_unpacked: int) -> None:
    """Refuses packages (zip) that are encrypted, or that would unpack to more than is safe."""
    if data.startswith(_OLE):
        raise Refused("is protected with a password, or in the format of Office before 2007. Save it anew without.")
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except zipfile.BadZipFile:
        raise Refused("is damaged, or not what its ending says.") from None
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > max_unpacked:
        raise Refused("unpacks to more than is allowed.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("is protected with a password. Save it without one.")


def _pdf(data: bytes, max_pages: int) -> Parts:
    """A part a page. PDFium: markitdown gives no pages, takes 40 times as long, and reads some 西 as ⻄."""
    import pypdfium2  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == _WRONG_PASSWORD:
            raise Refused("is protected with a password. Save it without one.") from None
        raise Refused("is damaged, or not a PDF.") from None
    if len(document) > max_pages:
        raise Refused(f"has {len(document)} pages, more than the {max_pages} that are allowed.")
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


def _plain(data: bytes) -> Parts:
    return [(None, decode(data))]


def _json(data: bytes) -> Parts:
    """JSON with an entry a line and its letters unescaped; as it stands where it is broken (or one object a line)."""
    text = decode(data)
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    return [(None, text)]


def _markitdown(converter: str, suffix: str) -> Callable[[bytes], Parts]:
    """Reads with one named converter of markitdown, so that none is guessed, fetches, or unpacks archives."""

    def read_with(data: bytes) -> Parts:
        from markitdown import StreamInfo, converters  # noqa: PLC0415

        charset = None
        if suffix in {".html", ".csv"}:
            named = _CHARSET.search(data[:2048]) if suffix == ".html" else None
            data, charset = decode(data, named[1].decode() if named else "").encode(errors="replace"), "utf-8"
        info = StreamInfo(extension=suffix, charset=charset)
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
SUFFIXES = frozenset({".pdf", *_READERS})


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
    suffix, *numbers = arguments
    max_pages, max_unpacked, max_characters, seconds, memory = map(int, numbers)
    data = sys.stdin.buffer.read()
    _confine(seconds, memory)
    try:
        parts = read(data, suffix, max_pages, max_unpacked)
    except Refused as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"refused": "needs more memory to be read than is allowed."}
    except Exception as error:  # noqa: BLE001  a parser may raise anything, and each means the same to the user
        return {"refused": f"can't be read: damaged, or not what its ending says ({type(error).__name__})."}
    if sum(len(text) for _, text in parts) > max_characters:
        return {"refused": f"holds more text than the {max_characters:,} characters that are allowed."}
    return {"parts": parts}


def main() -> None:
    """Reads one document, with its suffix and limits from the command line."""
    logging.disable()  # parsers log each oddity of a document
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer alone
        answer = _answer(sys.argv[1:])
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
