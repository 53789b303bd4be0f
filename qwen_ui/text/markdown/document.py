"""Which parts of a Markdown document are read by people, and which are markup, code or data.

By markdown-it, its blocks only: what stands within a paragraph is the business of whoever reads it. Lines that are not
Markdown but common in its files (front matter, containers, shortcodes, imports) are blank to it.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.texmath import texmath_plugin

from qwen_ui.text.markdown.code import cells

Range = tuple[int, int]
"""Characters [start, end) of the text."""

READ_KEYS = frozenset(
    [
        *("title", "subtitle", "description", "summary", "excerpt", "caption", "abstract", "headline", "heading"),
        *("tagline", "lead", "alt", "linktitle", "sidebar_label", "sidebar_title", "nav_title", "pagination_label"),
        *("seo_title", "seo_description", "meta_description", "og_title", "og_description"),
    ]
)
"""Of front matter: whose values a reader sees."""

_LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n|\Z)")
_FRONT = re.compile(
    r"\ufeff?(?:---[ \t]*+\r?\n(?P<yaml>(?:(?!(?:---|\.\.\.)[ \t]*+(?:\r?\n|\Z))[^\n]*+\n)*+)(?:---|\.\.\.)"
    r"|\+\+\+[ \t]*+\r?\n(?P<toml>(?:(?!\+\+\+[ \t]*+(?:\r?\n|\Z))[^\n]*+\n)*+)\+\+\+)[ \t]*+(?=[\r\n]|\Z)"
)
_DATA = re.compile(r"(?:\s*+(?:#[^\n]*+\n)?)*+(?:[\w.\"'-]++[ \t]*+[:=]|\[|\Z)")
_VALUE = re.compile(r"[ \t]*+(?:-[ \t]++)?[\"']?(?P<key>[\w-]++)[\"']?[ \t]*+[:=][ \t]++(?P<value>[^\r\n]*+)")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*+\"|'(?:''|[^'])*+'")
_SCALAR = re.compile(r"[|>][-+\d]*+[ \t]*+(?:#.*)?")
# Lines that are no Markdown: containers, shortcodes, imports and exports; and definitions of links, which begin as
# "[Anna]: Hello" does, but lead somewhere.
_FOREIGN = re.compile(
    r"[ \t>]*+(?::{3,}[^\r\n]*+|\{\{?[%<][^\r\n]*[%>]\}\}?[ \t]*+)(?=[\r\n]|\Z)"
    r"|import\s(?:[^\r\n]*\sfrom\s*)?[\"'][^\r\n]*+"
    r"|export\s+(?:const|let|var|default|function|async|class|\{|\*)[^\r\n]*+"
    r"|(?P<lead>[ \t>]*+)\[(?!\^)(?:\\.|[^\[\]\\\r\n])++\]:[ \t]*+"
    r"(?:<[^<>\r\n]*+>|(?=\S*[/#.:?]\w|[/#.])[^<\s]\S*+(?<![!?:,;]))"
    r"(?:[ \t]++(?:\"(?:\\.|[^\"\\\r\n])*+\"|'[^'\r\n]*+'|\([^()\r\n]*+\)))?[ \t]*+(?=[\r\n]|\Z)"
)
_SENTENCE_TAGS = (
    "a|abbr|b|bdi|bdo|br|cite|code|del|dfn|em|i|img|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup|time|u|var|wbr"
)
_KEPT_HTML = re.compile(
    r"<!--(?:(?!-->)[\s\S])*+(?:-->)?|<\?[^>]*+>?|<![^>]*+>?"
    r"|<(?P<raw>script|style|pre|textarea|svg|math|template)\b(?:(?!</(?P=raw))[\s\S])*+(?:</(?P=raw)[^>]*+>?)?"
    rf"|</?(?!(?:{_SENTENCE_TAGS})[\s/>])[a-zA-Z](?:\"[^\"]*+\"|'[^']*+'|[^<>\"'])*+>?",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\A([ \t>]*+)[•‣◦▪●](?=[ \t])")
_LEADING = re.compile(r"\[[ xX]\][ \t]++|\[![\w-]++\][-+]?[ \t]*+")
_ATTRIBUTES = re.compile(r"(?<![ \t])[ \t]++\{[#.:][^{}]*+\}\Z")
_HARD_BREAK = re.compile(r"(?<! ) {2,}+\Z|(?<!\\)(?:\\\\)*+\\\Z")
_QUOTE_MARK = re.compile(r"[ \t]*+>[ \t]?")
_ITEM_MARK = re.compile(r"[ \t]*+(?:[-+*]|\d{1,9}[.)])[ \t]++")
_QUOTES = re.compile(r"[ \t>]*+")
_CODE_SIGN = re.compile(r"[{}<>=|\\`]|\w[_\[(]|\$\w|://|;[ \t]*$|^[ \t]*[-+#./~]", re.MULTILINE)
_SENTENCE = re.compile(r"[.!?…。！？：:][\"'”’」』)）]*+\s*\Z|[，。、！？]")


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece that people read: a paragraph or a part of one up to a hard break, a heading, a cell, a value."""

    lines: tuple[Range, ...]
    """Of each line what is to be read, without the marks of quotes and items."""
    is_value: bool = False
    """Whether it is a value of front matter, as it is written there."""


def prose(text: str, indented_is_code: bool = True) -> list[Prose]:
    """What people read in the text, in order; all between is to stay as it is.

    Without ``indented_is_code`` an indented block that reads like sentences is not code: a text that needn't be
    Markdown has indented paragraphs.
    """
    front = _FRONT.match(text)
    if front and not _DATA.match(front["yaml"] or front["toml"] or ""):
        front = None
    found = list(_values(text, *front.span("yaml" if front["yaml"] is not None else "toml"))) if front else []
    lines = [match.span() for match in _LINE.finditer(text, front.end() if front else 0) if match[0]]
    return found + list(_Document(text, lines, indented_is_code).prose())


def read_value(value: str) -> str:
    """What a value of front matter says."""
    if value[:1] == "'":
        return value[1:-1].replace("''", "'")
    if value[:1] == '"':
        try:
            return str(yaml.safe_load(value))
        except yaml.YAMLError:
            return value[1:-1]
    return value


def write_value(text: str, before: str) -> str:
    """The text as a value in the place of the one before."""
    text = " ".join(text.split())
    if before[:1] == "'" and "'" not in text:
        return f"'{text}'"
    if before[:1] not in {"'", '"'} and _is_plain(text):
        return text
    return json.dumps(text, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"key: {text}") == {"key": text})
    except yaml.YAMLError:
        return False


def _values(text: str, start: int, end: int) -> Iterator[Prose]:
    """The values in front matter that a reader sees."""
    below: list[Range] = []
    key: int | None = None  # how far the key of a text over several lines is indented
    for line in _LINE.finditer(text, start, end):
        written = line[0].rstrip()
        indent = len(written) - len(written.lstrip())
        if key is not None and (not written or indent > key):
            below.append((line.start() + indent, line.start() + len(written)))
            continue
        yield from _alike(text, below)
        below, key = [], None
        value = _VALUE.match(written)
        if not value or value["key"].lower() not in READ_KEYS:
            continue
        quoted = _QUOTED.match(value["value"])
        said = quoted[0] if quoted else value["value"].split(" #")[0].rstrip()
        if _SCALAR.fullmatch(value["value"]):
            key = indent
        elif quoted or said[:1] not in set("\"'[{&*!%@`"):
            at = line.start() + value.start("value")
            yield Prose(((at, at + len(said)),), is_value=True)
    yield from _alike(text, below)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table").disable("reference")
    parser = parser.use(footnote_plugin).use(deflist_plugin).use(dollarmath_plugin, allow_blank_lines=False)
    parser = parser.use(amsmath_plugin).use(texmath_plugin, delimiters="brackets")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


class _Document:
    """A document without its front matter."""

    def __init__(self, text: str, lines: Sequence[Range], indented_is_code: bool) -> None:
        self._text = text
        self._lines = lines
        self._indented_is_code = indented_is_code
        self._within: list[Token] = []
        """The quotes and items around the token."""

    def prose(self) -> Iterator[Prose]:
        tokens = _parser().parse("".join(self._shown(start, end) for start, end in self._lines))
        for token, following in itertools.pairwise([*tokens, Token("end", "", 0)]):
            if token.type in {"blockquote_open", "list_item_open"}:
                self._within.append(token)
            elif token.type in {"blockquote_close", "list_item_close"}:
                self._within.pop()
            elif token.type == "tr_open" and token.map:
                yield from self._row(token.map[0])
            elif following.type not in {"th_close", "td_close"} and token.map:
                yield from self._of(token, *token.map)

    def _shown(self, start: int, end: int) -> str:
        """The line as the parser gets it."""
        line = _BULLET.sub(r"\1-", self._text[start:end])
        foreign = _FOREIGN.match(line)
        if not foreign:
            return line
        lead = foreign["lead"] or ""
        return lead + " " * (len(line.rstrip("\r\n")) - len(lead)) + line[len(line.rstrip("\r\n")) :]

    def _of(self, token: Token, first: int, last: int) -> Iterator[Prose]:
        if token.type == "html_block":
            yield from self._html(self._lines[first][0], self._lines[last - 1][1])
        elif token.type == "inline":
            yield from self._paragraph(token.content.split("\n"), first)
        elif token.type == "code_block" and not self._indented_is_code:
            lines = token.content.rstrip("\n").split("\n")
            for empty, group in itertools.groupby(enumerate(lines, first), key=lambda line: not line[1].strip()):
                numbers, contents = zip(*group, strict=True)
                if not empty and _is_prose("\n".join(contents)):
                    yield from self._paragraph(contents, numbers[0])

    def _paragraph(self, contents: Sequence[str], first: int) -> Iterator[Prose]:
        """The pieces of a paragraph whose lines, as the parser gives them, are at the ends of the text's lines."""
        pieces: list[list[Range]] = [[]]
        for number, content in enumerate(contents, first):
            start, end = self._place(number, content)
            is_last = number == first + len(contents) - 1
            if number == first and (mark := _LEADING.match(self._text, start, end)):
                start = mark.end()
            if is_last and (attributes := _ATTRIBUTES.search(self._text[start:end])):
                end = start + attributes.start()
            broken = None if is_last else _HARD_BREAK.search(self._text[start:end])
            if broken:
                end -= 1 if broken[0].endswith("\\") else len(broken[0])
            pieces[-1].append((start, end))
            if broken:
                pieces.append([])
        for piece in pieces:
            yield from _alike(self._text, piece)

    def _place(self, number: int, content: str) -> Range:
        """Where the content of a line stands."""
        start, end = self._lines[number]
        line = self._text[start:end].rstrip("\r\n")
        if not line.endswith(content):
            content = content.strip()
        at = start + line.rfind(content)
        return (at, at + len(content)) if at >= start else (start, start)

    def _row(self, number: int) -> Iterator[Prose]:
        """The cells of a table's row."""
        start, end = self._lines[number]
        for token in self._within:
            is_quote = token.type == "blockquote_open"
            mark = (_QUOTE_MARK if is_quote else _ITEM_MARK).match(self._text, start, end)
            if mark and (is_quote or (token.map and token.map[0] == number)):
                start = mark.end()
        end = start + len(self._text[start:end].rstrip())
        for cell in cells(self._text, start, end):
            yield Prose((cell,))

    def _html(self, start: int, end: int) -> Iterator[Prose]:
        """What is between the tags of a block of HTML; tags within a sentence are its own."""
        at = start
        for kept in _KEPT_HTML.finditer(self._text, start, end):
            yield from self._between(at, kept.start())
            at = kept.end()
        yield from self._between(at, end)

    def _between(self, start: int, end: int) -> Iterator[Prose]:
        lines = []
        for line in _LINE.finditer(self._text, start, end):
            mark = _QUOTES.match(line[0])
            assert mark
            lines.append((line.start() + mark.end(), line.start() + len(line[0].rstrip())))
        yield from _alike(self._text, [(first, last) for first, last in lines if first < last])


def _alike(text: str, lines: Sequence[Range]) -> Iterator[Prose]:
    """The lines together as far as the same stands between them."""
    together: list[Range] = []
    gap = ""
    for start, end in lines:
        if not text[start:end].strip():
            continue
        between = text[together[-1][1] : start] if together else ""
        if together and (between.count("\n") != 1 or (gap and between != gap)):
            yield Prose(tuple(together))
            together, between = [], ""
        gap = between
        together.append((start, end))
    if together:
        yield Prose(tuple(together))


def _is_prose(code: str) -> bool:
    return bool(_SENTENCE.search(code)) and not _CODE_SIGN.search(code)
