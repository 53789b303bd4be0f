"""Which parts of a Markdown text are code: fenced blocks, indented blocks, and code within paragraphs.

For texts that grow and are looked at again with every word: it goes over the lines once, and knows no more of Markdown
than it takes to tell code: quotes and lists, which code may stand in, and what ends a paragraph. HTML is text here, as
what a model writes is shown as text. A test compares it with a whole parser.
"""

import itertools
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

_LINE = re.compile(r"([^\r\n]*+)(?:\r\n?|\n|\Z)")
_LINE_END = re.compile(r"[ \t]*+(?:\r\n?|\n)")
_BLANK = re.compile(r"[ \t]*+")
# One of backticks has none after it, or it is code within a line.
_FENCE = re.compile(r"(?P<mark>`{3,}+(?=[^`\r\n]*+(?:[\r\n]|\Z))|~{3,}+)(?P<info>[^\r\n]*+)")
_RULE = re.compile(r"(?:(?:-[ \t]*+){3,}+|(?:_[ \t]*+){3,}+|(?:\*[ \t]*+){3,}+)(?=[\r\n]|\Z)")
_HEADING = re.compile(r"#{1,6}+(?=[ \t\r\n]|\Z)")
_UNDERLINE = re.compile(r"(?:=++|-++)[ \t]*+(?=[\r\n]|\Z)")
_ITEM = re.compile(r"(?:[-+*]|(?P<number>\d{1,9})[.)])(?=(?P<space>[ \t]*+)(?P<empty>[\r\n]|\Z)?)(?:(?=[ \t\r\n])|\Z)")
_ROW = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+(?=[\r\n]|\Z)")
_BAR = re.compile(r"\\.|\|")
_DEFINITION = re.compile(
    r"\[(?!\s*+\])(?:\\.|[^\[\]\\\r\n])++\]:[ \t]*+(?:<[^<>\r\n]*+>|[^<\s]\S*+)"
    r"(?:[ \t]++(?:\"(?:\\.|[^\"\\\r\n])*+\"|'[^'\r\n]*+'|\([^()\r\n]*+\)))?[ \t]*+(?=[\r\n]|\Z)"
)


_INFO = 500
"""Characters of what stands at a fence; no more is looked at."""


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block of code."""

    info: str
    """What stands at the opening fence, the language first; empty where nothing does."""
    code: str
    """What is between the fences, without the marks of quotes before its lines, and what all are indented by."""
    start: int
    end: int
    """Characters [start, end) of the text, the lines of the fences included."""


def blocks(text: str) -> list[CodeBlock]:
    """The fenced blocks of a text that may still be growing: a fence that is not closed goes to the end."""
    return [_block(text, leaf) for leaf in _leaves(text) if leaf.opening]


def closed(text: str) -> str:
    """The text with its last fence closed, so that what comes after it is no code."""
    last = next(reversed([*_leaves(text)]), None)
    if last is None or last.opening is None or last.closed or text[last.end :].strip():
        return text
    before = re.sub(r"[^>\t]", " ", text[last.line : last.opening.start()])  # the same quotes and items
    return f"{text.rstrip()}\n{before}{last.opening['mark']}"


def _block(text: str, leaf: "_Leaf") -> CodeBlock:
    assert leaf.opening
    lines = [text[start:end] for start, end in leaf.lines]
    code = textwrap.dedent("\n".join(lines)).strip("\n")
    if leaf.end == len(text) and not leaf.closed:
        code = re.sub(r"(?:^|\n)[ \t]*+(?:``?|~~?)[ \t]*+\Z", "", code)  # a fence begins to arrive
    end = _LINE_END.match(text, leaf.end)
    return CodeBlock(leaf.opening["info"].strip()[:_INFO], code, leaf.line, end.end() if end else leaf.end)


class Span(NamedTuple):
    """Where code stands: characters [start, end), of a fenced block from fence to fence."""

    start: int
    end: int
    body: int
    """Where the code itself starts: of a fenced block after its first line."""
    in_text: bool = False
    """Whether it stands within a paragraph."""


def spans(text: str, indented: bool = False) -> Iterator[Span]:
    """Where code stands: in blocks and within paragraphs.

    ``indented``: in blocks that are only indented as well. In a text that needn't be Markdown lines are indented for
    other reasons.
    """
    for leaf in _leaves(text, indented):
        if leaf.kind in {"fenced", "indented"}:
            body = min(leaf.opening.end(), leaf.end) if leaf.opening else leaf.start
            yield Span(leaf.start, leaf.end, body)
        else:
            for start, end in leaf.lines if leaf.kind == "table" else [(leaf.start, leaf.end)]:
                yield from _inline(text, start, end)


def code_spans(text: str, indented: bool = False) -> Iterator[tuple[int, int]]:
    """Where code stands, as characters [start, end): see `spans`."""
    return ((span.start, span.end) for span in spans(text, indented))


@dataclass(slots=True)
class _Leaf:
    """What holds no other block."""

    kind: Literal["fenced", "indented", "text", "table"]
    line: int
    """Where its first line starts."""
    start: int
    """Where it starts, after the marks of the quotes and items that it stands in."""
    end: int
    opening: re.Match[str] | None = None
    """Of a fenced block."""
    closed: bool = False
    lines: list[tuple[int, int]] = field(default_factory=list)
    """Characters [start, end) of its lines, without those marks; of a fenced block those between the fences, of a table
    its cells."""


def _leaves(text: str, indented: bool = False) -> Iterator[_Leaf]:
    """The blocks of a text, in order; without ``indented`` no line is code because it is indented."""
    reader = _Reader(text, indented)
    for line in _LINE.finditer(text):
        if line.start() < len(text):
            yield from reader.line(line.start(), line.end(1))
    yield from reader.close(0)


_QUOTE = 0
_DEEPEST = 50
"""Quotes and items in each other. More are text: each of them looks at the rest of its line."""


class _Reader:
    """Takes the lines of a text, one after the other, and tells the blocks that they end."""

    def __init__(self, text: str, indented: bool) -> None:
        self._text = text
        self._indented = indented
        self._within: list[int] = []
        """The quotes and items around the last line, outermost first: of an item how far its text is indented."""
        self._leaf: _Leaf | None = None
        """The block that may go on."""
        self._bare = False
        """Whether the innermost item has no text yet: an empty line ends it."""
        self._line = self._at = self._end = self._base = self._column = 0
        """Of the line: its start, the first character that is neither a space nor taken, its end; and the
        columns of the innermost quote's or item's text and of that character."""

    def close(self, depth: int) -> Iterator[_Leaf]:
        """Ends what stands deeper."""
        if self._leaf:
            yield self._leaf
        self._leaf = None
        del self._within[depth:]

    def line(self, start: int, end: int) -> Iterator[_Leaf]:
        """Takes the line of the characters [start, end)."""
        self._line, self._end, self._base = start, end, 0
        leaf = self._leaf
        if leaf and not self._within and self._plainly_goes_on(leaf):
            leaf.lines.append((start, end))
            leaf.end = end
            return
        self._skip(start, 0)
        depth = self._still_within()
        whole = depth == len(self._within)
        if leaf and leaf.kind == "fenced" and whole:
            yield from self._go_on_with_code(leaf)
        elif self._at < end:
            yield from self._text_line(depth, whole)
        else:
            if leaf and not (whole and leaf.kind in {"fenced", "indented"}):
                yield from self.close(depth)
            if self._bare and self._within:
                yield from self.close(len(self._within) - 1)
            self._bare = False

    def _plainly_goes_on(self, leaf: _Leaf) -> bool:
        """Whether the line is of the block that goes on outside of quotes and lists, at a glance: most lines are."""
        if leaf.opening:
            return not self._text[self._line : self._end].lstrip().startswith(leaf.opening["mark"])
        return leaf.kind == "text" and self._text[self._line : self._line + 1].isalpha()

    def _skip(self, at: int, column: int) -> None:
        """Goes on to the next character that is no space. A tab goes to the next column that four divides."""
        space = _BLANK.match(self._text, at, self._end)
        assert space
        self._at = space.end()
        self._column = len((" " * (column % 4) + space[0]).expandtabs(4)) + column - column % 4

    def _still_within(self) -> int:
        """In how many of the quotes and items the line still stands."""
        for depth, width in enumerate(self._within):
            if width != _QUOTE:
                if self._at < self._end and self._column - self._base < width:
                    return depth
                self._base += width
            elif self._column - self._base > 3 or not self._text.startswith(">", self._at, self._end):
                return depth
            else:
                self._enter_quote()
        return len(self._within)

    def _enter_quote(self) -> None:
        self._base = self._column + 1
        after = self._at + 1
        self._skip(after, self._base)
        self._base += self._at > after

    def _go_on_with_code(self, leaf: _Leaf) -> Iterator[_Leaf]:
        assert leaf.opening
        mark = leaf.opening["mark"]
        # The page's renderer takes a longer mark for the end, whatever it is longer by.
        rest = self._text[self._at : self._end].rstrip(" ")
        shallow = self._column - self._base < 4 or not self._indented
        if shallow and rest.startswith(mark) and not rest[len(mark) :].strip("`~"):
            leaf.end, leaf.closed = self._at + len(rest), True
            yield from self.close(len(self._within))
        else:
            leaf.lines.append((self._content(), self._end))
            leaf.end = self._end

    def _content(self) -> int:
        """Where the line's text starts with the spaces before it that no item takes."""
        return max(self._line, self._at - max(self._column - self._base, 0))

    def _text_line(self, depth: int, whole: bool) -> Iterator[_Leaf]:
        """A line with text, in so many of the quotes and items; ``whole``: in all of them."""
        new, paragraph = False, self._leaf is not None and self._leaf.kind == "text"
        self._bare = False
        while self._at < self._end and self._column - self._base < 4 and depth < _DEEPEST:
            item = _ITEM.match(self._text, self._at)
            if self._text[self._at] == ">":
                self._enter_quote()
                width = _QUOTE
            elif item and not _RULE.match(self._text, self._at) and (not (paragraph and whole) or _may_interrupt(item)):
                width = self._enter_item(item)
            else:
                break
            yield from self.close(depth)
            self._within.append(width)
            new, paragraph, whole, depth = True, False, True, depth + 1
        if self._at < self._end:
            yield from self._text_of(depth, whole and not new, paragraph)

    def _enter_item(self, item: re.Match[str]) -> int:
        """Gives how far the item's text is indented."""
        before, mark = self._base, len(item[0])
        column = self._column + mark
        self._skip(item.end(), column)
        self._bare = item["empty"] is not None
        gap = self._column - column
        self._base = column + (1 if self._bare or gap > 4 else gap)
        return self._base - before

    def _text_of(self, depth: int, whole: bool, paragraph: bool) -> Iterator[_Leaf]:
        """The line's text itself. ``paragraph``: it may go on with one."""
        text, at, leaf = self._text, self._at, self._leaf
        if self._indented and self._column - self._base >= 4 and not paragraph:
            if not (leaf and leaf.kind == "indented" and whole):
                yield from self.close(depth)
                leaf = self._leaf = _Leaf("indented", self._line, at, self._end)
            leaf.lines.append((self._content() + 4, self._end))
            leaf.end = self._end
        elif self._column - self._base >= 4 and paragraph:
            self._add(leaf)
        elif fence := _FENCE.match(text, at):
            yield from self.close(depth)
            self._leaf = _Leaf("fenced", self._line, at, self._end, fence)
        elif _HEADING.match(text, at):
            yield from self.close(depth)
            yield _Leaf("text", self._line, at, self._end, lines=[(at, self._end)])
        elif paragraph and whole and _UNDERLINE.match(text, at):
            self._add(leaf)
            yield from self.close(depth)
        elif _RULE.match(text, at) or (not paragraph and _DEFINITION.match(text, at)):
            yield from self.close(depth)
        elif paragraph and whole and (header := self._header(leaf)):
            yield from self.close(depth)
            self._leaf = _Leaf("table", self._line, header[0][0], self._end, lines=header)
        elif leaf and leaf.kind == "table" and whole:
            leaf.lines += cells(text, at, self._end)
        elif paragraph and leaf:
            self._add(leaf)
        else:
            yield from self.close(depth)
            self._leaf = _Leaf("text", self._line, at, self._end, lines=[(at, self._end)])

    def _add(self, leaf: _Leaf | None) -> None:
        assert leaf
        leaf.lines.append((self._at, self._end))
        leaf.end = self._end

    def _header(self, leaf: _Leaf | None) -> list[tuple[int, int]] | None:
        """The cells of the paragraph's last line, which leaves it, if this line makes that the header of a table."""
        row = self._text[self._at : self._end]
        if not leaf or not _ROW.match(row) or not ("|" in row or ":" in row):
            return None
        header = cells(self._text, *leaf.lines[-1])
        if len(header) != len(cells(self._text, self._at, self._end)):
            return None
        leaf.lines.pop()
        leaf.end = leaf.lines[-1][1] if leaf.lines else leaf.start
        return header


def _may_interrupt(item: re.Match[str]) -> bool:
    """Whether an item may follow a paragraph without an empty line."""
    return item["empty"] is None and item["number"] in {None, "1"}


def cells(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The cells of a row, without the bars at its ends."""
    bars = [bar.start() for bar in _BAR.finditer(text, start, end) if bar[0] == "|"]
    edges = [start - 1, *bars, end]
    found = [(before + 1, after) for before, after in itertools.pairwise(edges)]
    if len(found) > 1 and not text[slice(*found[0])].strip():
        del found[0]
    if len(found) > 1 and not text[slice(*found[-1])].strip():
        del found[-1]
    return found


# What is taken before code that begins within it: an escape, an address; and a run of backticks.
_TICKS = re.compile(r"``*+")  # alternatives that begin with a letter each are found several times faster
_OPENING = re.compile(
    r"\\[\\`]|<https?:[^\s<>]*+>|(?:(?:ht|f)tps?://|www\.)(?:[^\s<]|<(?=[a-zA-Z/!?])(?!https?:))*+|``*+"
)


def _inline(text: str, start: int, end: int) -> Iterator[Span]:
    """Code within a paragraph: a run of backticks opens it, and the next run of the same length closes it."""
    ends: dict[int, list[int]] = defaultdict(list)
    for run in reversed(list(_TICKS.finditer(text, start, end))):
        ends[len(run[0])].append(run.end())  # the next one last
    if not ends:
        return
    done = start
    for opening in _OPENING.finditer(text, start, end):
        if opening.start() < done or opening[0][0] != "`":
            continue
        closing = ends[len(opening[0])]
        while closing and closing[-1] <= opening.end():
            closing.pop()
        if closing:
            done = closing.pop()
            yield Span(opening.start(), done, opening.start(), in_text=True)
