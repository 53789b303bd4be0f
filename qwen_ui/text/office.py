"""The texts of Office files (.docx, .pptx, .xlsx), and such a file again with other texts; all else in it stays.

Runs as a process of its own: see `qwen_ui.text.confined`. A paragraph is one text. Where its format changes, a part in
another than the most usual format stands between ``<g1>`` and ``</g1>``, and what is no text (a picture, a note's sign,
a field) is ``<x2/>``. Marks that a new text has lost cost the format there, and nothing else: what is no text comes
last.
"""

import base64
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from qwen_ui.text import sheets
from qwen_ui.text.confined import Refused, check_package, serve

EXTENSIONS = (".docx", ".pptx", ".xlsx")
MAX_UNPACKED = 200_000_000

_PARTS = {
    ".docx": r"word/(?:document|header\d*|footer\d*|footnotes|endnotes)\.xml",
    ".pptx": r"ppt/(?:slides/slide|notesSlides/notesSlide|diagrams/(?:data|drawing)|charts/chart)\d+\.xml",
    ".xlsx": r"xl/(?:sharedStrings|worksheets/sheet\d+|drawings/drawing\d+|charts/chart\d+)\.xml",
}
_COLUMNS = re.compile(r"xl/(?:tables/table|pivotCache/pivotCacheDefinition)\d+\.xml")
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PARAGRAPHS = (f"{{{_WORD}}}p", f"{{{_DRAWING}}}p", f"{{{_SHEET}}}si", f"{{{_SHEET}}}is")
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"

_FIRST, _LAST = {"pPr", "bookmarkStart", "commentRangeStart"}, {"bookmarkEnd", "commentRangeEnd", "endParaRPr"}
_DROPPED = {"proofErr", "lastRenderedPageBreak", "softHyphen", "rPh", "phoneticPr"}
_WRAPPERS = {"hyperlink", "ins", "smartTag"}
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
_NO_FORMAT = {"lang", "noProof", "altLang", "dirty", "err", "smtClean"}
"""Of a run's properties, those that nobody sees."""
_MARK = re.compile(r"<(/?)([gx])(\d{1,4})(/?)>")


@dataclass
class _Piece:
    """A part of a paragraph: a text in one format, or what is no text."""

    text: str = ""
    properties: Any = None
    """Of its run, as an element."""
    wrappers: tuple[Any, ...] = ()
    """The elements between the paragraph and its run, a link say."""
    nodes: list[Any] = field(default_factory=list)
    """What is no text: elements, or pairs of a run and what of it."""

    @property
    def format(self) -> tuple[bytes, tuple[int, ...]]:
        """What tells it from other formats."""
        return _format(self.properties), tuple(map(id, self.wrappers))


def read(data: bytes, arguments: Sequence[str]) -> Iterator[Any]:
    """For ``read`` and an extension the file's texts; for ``write``, whose data begin with a line of new texts, the
    file with them, in base 64; for ``columns`` the names of a workbook's columns that hold texts. Some of these, as
    JSON, may follow the extension, so that only their texts count. Raises `Refused`, or whatever the parser raises.
    """
    does, extension, *wanted = arguments
    columns = json.loads(wanted[0]) if wanted else None
    if does == "columns":
        check_package(data, MAX_UNPACKED)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from sheets.columns(archive, _root)
    elif does == "read":
        for _, _, paragraphs in _parts(data, extension, columns):
            yield from (paragraph.text for paragraph in paragraphs)
    else:
        texts, _, package = data.partition(b"\n")
        yield base64.b64encode(_written(package, extension, json.loads(texts), columns)).decode()


def _written(package: bytes, extension: str, texts: Sequence[str], columns: Collection[str] | None) -> bytes:
    given, changed = iter(texts), {}
    parts = _parts(package, extension, columns)
    for name, root, paragraphs in parts:
        for paragraph in paragraphs:
            if (text := next(given)) != paragraph.text:
                paragraph.fill(text)
                changed[name] = root
    if changed and columns is not None:  # the sheets' cells name other texts, too
        changed = {name: root for name, root, _ in parts}
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            root = changed.get(entry.filename)
            content = source.read(entry) if root is None else _serialized(root)
            target.writestr(entry, content)
    return buffer.getvalue()


def _serialized(root: Any) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _parts(package: bytes, extension: str, wanted: Collection[str] | None) -> list[tuple[str, Any, list["_Paragraph"]]]:
    """The parts that hold texts, in order, with their roots and paragraphs: of all, or of the wanted columns."""
    check_package(package, MAX_UNPACKED)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        names = {name for part in archive.namelist() if _COLUMNS.fullmatch(part) for name in _named(archive, part)}
        if wanted is None:
            holding = list(_holding(archive, extension))
        else:
            chosen = sheets.select(archive, _root, wanted)
            holding = [(name, root, chosen.nodes[name]) for name, root in chosen.roots.items()]
    parts = []
    for part, root, nodes in holding:
        paragraphs = [made for node in nodes if (made := _paragraph(node))]
        # A table's columns are named in several places, and formulas know them by these names.
        parts.append((part, root, [each for each in paragraphs if each.text not in names]))
    return parts


def _holding(archive: zipfile.ZipFile, extension: str) -> Iterator[tuple[str, Any, list[Any]]]:
    """The parts that may hold texts, in order, with their roots and what of these holds them."""
    wanted = re.compile(_PARTS[extension])
    for name in sorted(filter(wanted.fullmatch, archive.namelist()), key=_in_order):
        content = archive.read(name)
        if "worksheets/" not in name or b"inlineStr" in content:
            root = _root(content)
            yield name, root, list(root.iter(*_PARAGRAPHS))


def _root(content: bytes) -> Any:
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    if root.getroottree().docinfo.doctype:
        raise Refused("{file} is damaged, or not what its extension says.")
    return root


def _named(archive: zipfile.ZipFile, part: str) -> Iterator[str]:
    root = _root(archive.read(part))
    return (node.get("name", "") for node in root.iter(f"{{{_SHEET}}}tableColumn", f"{{{_SHEET}}}cacheField"))


def _in_order(name: str) -> list[Any]:
    """The document before its notes, the second slide before the tenth."""
    return ["document" not in name, *(int(each) if each.isdigit() else each for each in re.split(r"(\d+)", name))]


class _Paragraph:
    """A paragraph taken apart, and put together again."""

    def __init__(self, node: Any, first: list[Any], pieces: list[_Piece], last: list[Any]) -> None:
        said = [number for number, piece in enumerate(pieces) if piece.text]
        start, end = said[0], said[-1] + 1
        self._before, self._after = pieces[:start], pieces[end:]  # what is no text needs no mark at the ends
        self._pieces = pieces = pieces[start:end]
        self._node, self._first, self._last = node, first, last
        counts: Counter[Any] = Counter()
        for piece in pieces:
            counts[piece.format] += len(piece.text)
        usual = max(counts, key=lambda each: counts[each])
        self._usual = next(piece for piece in pieces if piece.text and piece.format == usual)
        self.text = "".join(self._marked(number, piece, usual) for number, piece in enumerate(pieces, 1))

    def _marked(self, number: int, piece: _Piece, usual: Any) -> str:
        if piece.nodes:
            return f"<x{number}/>"
        return piece.text if piece.format == usual else f"<g{number}>{piece.text}</g{number}>"

    def fill(self, text: str) -> None:
        """Puts a text there, with the marks that it has."""
        others = {number: piece for number, piece in enumerate(self._pieces, 1) if piece.nodes}
        now, at, made = self._usual, 0, []
        for mark in [*_MARK.finditer(text), None]:
            between = text[at : mark.start() if mark else len(text)]
            made += self._runs(now, between) if between else []
            if mark is None:
                break
            at, number = mark.end(), int(mark[3])
            if mark[2] == "x":
                made += self._put(others.pop(number)) if number in others else []
            elif 0 < number <= len(self._pieces) and self._pieces[number - 1].text:
                now = self._usual if mark[1] else self._pieces[number - 1]
        before = [made for piece in self._before for made in self._put(piece)]
        made += [each for piece in (*others.values(), *self._after) for each in self._put(piece)]
        for child in list(self._node):
            self._node.remove(child)
        self._node.text = None
        self._node.extend([*self._first, *before, *made, *self._last])

    def _runs(self, piece: _Piece, text: str) -> list[Any]:
        """A text in a piece's format."""
        space = etree.QName(self._node).namespace
        if space == _DRAWING:
            made: list[Any] = []
            for number, line in enumerate(text.split("\n")):
                if number:
                    made.append(_with(etree.Element(f"{{{space}}}br"), piece.properties))
                if line:
                    run = _with(etree.Element(f"{{{space}}}r"), piece.properties)
                    etree.SubElement(run, f"{{{space}}}t").text = line
                    made.append(run)
            return made
        run = _with(etree.Element(f"{{{space}}}r"), piece.properties)
        for part in re.split(r"([\n\t])", text) if space == _WORD else [text]:
            if part in {"\n", "\t"} and space == _WORD:
                etree.SubElement(run, f"{{{space}}}{'br' if part == chr(10) else 'tab'}")
            elif part:
                written = etree.SubElement(run, f"{{{space}}}t")
                written.text = part
                written.set(_SPACE, "preserve")
        return [_wrapped(run, piece.wrappers)]

    def _put(self, piece: _Piece) -> list[Any]:
        """What is no text, again."""
        made = []
        for run, child in piece.nodes:
            if run is None:
                made.append(_wrapped(child, piece.wrappers))
                continue
            own = _with(etree.Element(run.tag), run.find(f"{{{etree.QName(run).namespace}}}rPr"))
            own.append(child)
            made.append(_wrapped(own, piece.wrappers))
        return made


def _with(element: Any, properties: Any) -> Any:
    if properties is not None:
        element.append(deepcopy(properties))
    return element


def _wrapped(element: Any, wrappers: Sequence[Any]) -> Any:
    for wrapper in reversed(wrappers):
        outer = etree.Element(wrapper.tag, wrapper.attrib)
        outer.append(element)
        element = outer
    return element


def _format(properties: Any) -> bytes:
    """A run's properties as far as they are seen."""
    if properties is None:
        return b""
    seen = deepcopy(properties)
    seen.tail = None
    for child in list(seen):
        if etree.QName(child).localname in _NO_FORMAT:
            seen.remove(child)
    for name in _NO_FORMAT:
        seen.attrib.pop(name, None)
    return bytes(etree.tostring(seen, method="c14n")) if len(seen) or seen.attrib else b""


def _paragraph(node: Any) -> _Paragraph | None:
    """A paragraph, if it says anything and can be put together again."""
    atoms = _Atoms()
    first: list[Any] = []
    last: list[Any] = []
    for child in node:
        name = _name(child)
        if name in _FIRST or name in _LAST:
            (first if name in _FIRST else last).append(child)
        else:
            atoms.add(child, ())
    pieces = atoms.pieces
    if atoms.broken or not any(piece.text.strip() for piece in pieces):
        return None
    if any(_MARK.search(piece.text) for piece in pieces):
        return None
    return _Paragraph(node, first, pieces, last)


def _name(element: Any) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


class _Atoms:
    """The pieces of a paragraph, as its elements are gone through."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self._depth = 0
        self._torn = False

    @property
    def broken(self) -> bool:
        """Whether a field begins or ends in another paragraph."""
        return self._torn or self._depth > 0

    def add(self, element: Any, wrappers: tuple[Any, ...]) -> None:
        """An element of the paragraph, or within a wrapper."""
        name = _name(element)
        if name in _DROPPED:
            return
        if name in _WRAPPERS and not self._depth:
            for child in element:
                self.add(child, (*wrappers, element))
        elif name == "r":
            for child in element:
                self._add_of_run(element, child, wrappers)
        elif name == "t":
            self._say(element.text or "", None, wrappers)
        elif name == "br":
            self._say("\n", element.find("{*}rPr"), wrappers)
        else:
            self._keep(None, element, wrappers)

    def _add_of_run(self, run: Any, child: Any, wrappers: tuple[Any, ...]) -> None:
        name = _name(child)
        if name in _DROPPED or name == "rPr":
            return
        is_sign = name in _SIGNS and not any(_name_of(key) == "type" for key in child.attrib)
        if not self._depth and (name == "t" or is_sign):
            self._say(_SIGNS[name] if is_sign else child.text or "", run.find("{*}rPr"), wrappers)
            return
        kind = next((value for key, value in child.attrib.items() if _name_of(key) == "fldCharType"), "")
        self._torn |= bool(kind) and kind != "begin" and not self._depth
        self._keep(run, child, wrappers)
        self._depth += {"begin": 1, "end": -1}.get(kind, 0)

    def _say(self, text: str, properties: Any, wrappers: tuple[Any, ...]) -> None:
        piece, before = _Piece(text, properties, wrappers), self.pieces[-1] if self.pieces else None
        if before and not before.nodes and (before.format == piece.format or not text.strip()):
            before.text += text
        elif text:
            self.pieces.append(piece)

    def _keep(self, run: Any, child: Any, wrappers: tuple[Any, ...]) -> None:
        if self._depth and self.pieces and self.pieces[-1].nodes:  # all of a field is one
            self.pieces[-1].nodes.append((run, child))
        else:
            self.pieces.append(_Piece(wrappers=wrappers, nodes=[(run, child)]))


def _name_of(key: Any) -> str:
    return str(key).rpartition("}")[2]


if __name__ == "__main__":
    serve(read)
