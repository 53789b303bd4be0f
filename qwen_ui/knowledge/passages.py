"""Cuts Markdown into passages: short enough to quote, long enough to be understood alone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from qwen_ui.knowledge.terms import size
from qwen_ui.sentences import Sentence
from qwen_ui.text.markdown import spans

TARGET = 300
"""Words a passage grows to (see `terms.size`), where its section is that long."""
LIMIT = 450
"""Words of the longest passage. A paragraph that is longer is cut between sentences."""

_HEADING = regex.compile(r"\s{0,3}(#{1,6})\s+(\S.*)")
_HEADING_LENGTH = 300

# Places to cut, best first: after a sentence, a line, a clause, a word.
_BORDERS = [
    regex.compile(pattern)
    for pattern in (
        r"(?:[。！？!?…]+[”’』」）)\"']*|\.[\"')\]”]*(?=\s))\s*",
        r"\n\s*",
        r"(?:[，、；：]|[,;:](?=\s))\s*",
        r"\s+",
    )
]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a document in Markdown: one page, one slide, or all of it."""

    text: str
    page: int | None = None
    """Page or slide, counted from 1; None where the format has no pages."""
    note: Sentence | None = None
    """With the first part: what is missing in the document."""
    pieces: Sequence[Sequence[str]] | None = None
    """Its `pieces`, where it is cut already."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, with its place there."""

    id: int
    document: str
    """The document's name, to show."""
    heading: str
    """The headings above it, outermost first, joined with ›; empty where there are none."""
    page: int | None
    text: str
    position: int
    """Which passage of its document, counted from 0."""
    document_id: int | None = None
    """Of the document, where it is in a collection."""


@dataclass(frozen=True, slots=True)
class _Section:
    heading: str
    blocks: list[str]
    """Paragraphs, tables and code, each ending as it is joined to the next."""


def cut(parts: Iterable[Part], document: str = "") -> list[Passage]:
    """The passages of a document, in order, with their position as id."""
    places = [
        (heading, part.page, text)
        for part in parts
        for heading, text in (pieces(part.text) if part.pieces is None else part.pieces)
    ]
    return [Passage(i, document, heading, page, text, i) for i, (heading, page, text) in enumerate(places)]


def pieces(markdown: str) -> list[tuple[str, str]]:
    """The passages of a part: the headings above each, and its text. It takes seconds for some million characters."""
    return [
        (section.heading, text)
        for section in _sections(markdown)
        for text in _pack(section.blocks)
        if section.heading or size(text)
    ]


def _sections(markdown: str) -> Iterator[_Section]:
    """Splits at headings. One with nothing under it gives its own words, so that they can be found."""
    path: list[tuple[int, str]] = []
    blocks: list[str] = []
    bare = False
    for block in _blocks(markdown):
        heading = _HEADING.match(block)
        if heading is None:
            blocks.append(block)
            bare = False
            continue
        level, title = len(heading[1]), heading[2].rstrip().rstrip("#").rstrip()
        if blocks:
            yield _Section(_join(path), blocks)
        elif bare and path and level <= path[-1][0]:
            yield _Section(_join(path), [path[-1][1]])
        path = [above for above in path if above[0] < level] + [(level, title)]
        blocks, bare = [], bool(title)
    if blocks or bare:
        yield _Section(_join(path), blocks or [path[-1][1]])


def _join(path: list[tuple[int, str]]) -> str:
    return " › ".join(title for _, title in path if title)[:_HEADING_LENGTH]


def _blocks(markdown: str) -> Iterator[str]:
    """Headings, paragraphs, and whole fenced code; all but headings end with an empty line."""
    block: list[str] = []
    fenced = (span for span in spans(markdown) if not span.in_text)
    fence, at = next(fenced, None), 0
    for line in [*markdown.splitlines(keepends=True), "\n"]:
        start, at, written = at, at + len(line), line.rstrip("\r\n")
        while fence and fence.end <= start:
            fence = next(fenced, None)
        if fence and fence.start < at:
            block.append(written)
            continue
        heading = _HEADING.match(written)
        if written.strip() and not heading:
            block.append(written)
            continue
        if block:
            yield "\n".join(block) + "\n\n"
        block = []
        if heading:
            yield written


def _pack(blocks: list[str]) -> Iterator[str]:
    """Fills passages with whole blocks, or with pieces of those that are too long."""
    texts: list[str] = []
    loose: list[str] = []
    for block in blocks:
        if _is_table(block) and _length(block) > LIMIT:
            texts += _fill(loose)
            texts += _table(block)
            loose = []
        else:
            loose += _split(block)
    texts += _fill(loose)
    return (text.strip() for text in texts)


def _fill(pieces: list[str], room: int = TARGET) -> list[str]:
    """Joins pieces to texts of at most `room` words; a short rest goes to the text before it."""
    texts: list[list[str]] = []
    total = 0
    for piece in pieces:
        length = _length(piece)
        if not texts or total + length > room:
            texts.append([])
            total = 0
        texts[-1].append(piece)
        total += length
    if len(texts) > 1 and total < room // 4 and _length("".join(texts[-2])) + total <= LIMIT:
        rest = texts.pop()
        texts[-1] += rest
    return ["".join(text) for text in texts]


def _split(text: str, border: int = 0) -> list[str]:
    """Cuts a text that is too long into pieces that are not, at the best borders that do it."""
    if _length(text) <= LIMIT:
        return [text]
    if border == len(_BORDERS):
        return [text[at : at + LIMIT] for at in range(0, len(text), LIMIT)]
    ends = [match.end() for match in _BORDERS[border].finditer(text)]
    starts = [0, *ends]
    pieces = (text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True))
    return [small for piece in pieces if piece for small in _split(piece, border + 1)]


def _length(text: str) -> int:
    """Words, with text that has none (a row of dots, an encoded picture) counted by its characters; never nothing."""
    return max(size(text), len(text) // 8, 1)


def _is_table(block: str) -> bool:
    lines = block.splitlines()
    return len(lines) > 2 and lines[0].lstrip().startswith("|") and "---" in lines[1] and set(lines[1]) <= set("|-: ")


def _table(block: str) -> list[str]:
    """Cuts a long table between rows, and gives each piece the header."""
    first, rule, *rows = block.splitlines(keepends=True)
    header = first + rule if _length(first) < TARGET // 2 else ""
    pieces = [piece for row in rows for piece in _split(row)]
    return [header + text for text in _fill(pieces, TARGET - _length(header))]
