"""The texts of a web page (.html), and the page again with other texts; all else in it stays to the letter.

Runs as a process of its own: see `qwen_ui.text.confined`. What stands between the borders of two blocks is one text. An
element within it is written ``<g1>…</g1>`` there, and what is no text (a picture, code, a script) ``<x2/>``. Marks that
a new text has lost cost the element, and nothing else: what is no text comes last. New texts are escaped: they bring no
elements of their own. Scripts, styles, code and what says ``translate="no"`` are not looked into.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser
from itertools import accumulate, chain
from typing import Any, Literal

from qwen_ui.text.confined import serve

EXTENSIONS = (".html", ".htm")

_INLINE = {
    *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "data", "del", "dfn", "em", "font", "i"),
    *("img", "input", "ins", "label", "mark", "meter", "nobr", "picture", "progress", "q", "ruby", "rb", "rp"),
    *("rt", "rtc", "s", "small", "source", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "wbr"),
}
"""Elements that stand within a sentence; all others end the text."""
_NO_TEXT = {"code", "kbd", "samp", "var", "svg", "math", "script", "style", "noembed"}
"""Elements within a sentence whose inside stays."""
_UNTOUCHED = {"pre", "listing", "xmp", "textarea", "iframe", "object", "video", "audio", "canvas", "noframes"}
"""Elements beside sentences whose inside stays."""
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_WITHIN = _INLINE | _NO_TEXT
_WHOLE_PAGE = {"html", "body"}
_SHOWN = {"alt", "title", "placeholder", "aria-label"}
"""Attributes that a reader sees."""
_BUTTONS = {"submit", "button", "reset"}
"""Kinds of `input` whose value a reader sees."""
_DEEPEST = 200
"""Elements within each other that are told apart."""
_MOST_MARKS = 9_999

_ATTRIBUTE = re.compile(r"""([^\s"'>/=][^\s"'>/=]*+)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'>]++))?+""")
_NAME = re.compile(r"<[^\s/>]++")
_CHARSET = re.compile(r"""charset\s*+=\s*+["']?+([\w-]++)""", re.IGNORECASE)
_XML_ENCODING = re.compile(r"""<\?xml\s[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']([\w-]++)""", re.IGNORECASE)
_WHITE = " \t\n\r\f"
_SPACE = re.compile(f"[{_WHITE}]+")
_BREAK = re.compile(r" ?\n ?")
_MARK = re.compile(r"<(/?)([gx])(\d{1,4})(/?)>")
_BEGINNING = 2048
"""Bytes of a page in which browsers look for its encoding."""

Kind = Literal["text", "open", "close", "other"]
Edit = tuple[int, int, str]
"""Characters [start, end) of a tag, and what comes instead of them."""


def declared(data: bytes) -> str:
    """The encoding that a page says it is in, empty if it says none."""
    beginning = data[:_BEGINNING].decode("latin-1")
    named = _CHARSET.search(beginning) or _XML_ENCODING.search(beginning)
    return named[1] if named else ""


def read(data: bytes, arguments: Sequence[str]) -> Iterator[Any]:
    """For ``read`` the texts of a page in UTF-8. For ``write``, a language's code and its direction (ltr, rtl) the page
    with new texts, which stand in a line before it, as one in UTF-8. It names the language, unless that is empty.
    """
    if arguments[0] == "read":
        yield from _Page(data.decode()).texts
        return
    _, language, direction = arguments
    texts, _, page = data.partition(b"\n")
    yield _Page(page.decode()).written(json.loads(texts), language, direction)


@dataclass(eq=False)
class _Item:
    """A part of the page: text between tags, a tag, or what is no text."""

    kind: Kind
    literal: str
    name: str = ""
    """Of a tag, its element."""
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    slots: list[tuple[int, int, int]] = field(default_factory=list)
    """Where attributes' values stand in it, and the numbers of these texts."""
    edits: list[Edit] = field(default_factory=list)
    """What else changes in it."""
    mate: "_Item | None" = None
    """Of a tag, its element's other one."""
    within: Sequence["_Item"] = ()
    """Of an element without words, all its parts."""

    def written(self, changed: Mapping[int, str]) -> str:
        """It with the new texts, by their numbers."""
        if self.within:
            return "".join(item.written(changed) for item in self.within)
        new = [(start, end, f'"{escape(changed[text])}"') for start, end, text in self.slots if text in changed]
        texts, at = [], 0
        for start, end, value in sorted([*new, *self.edits]):
            texts += [self.literal[at:start], value]
            at = end
        return "".join([*texts, self.literal[at:]])

    def set(self, name: str, value: str) -> None:
        """Gives a tag an attribute."""
        for match in self.matches():
            if match[1].lower() == name:
                self.edits.append((*match.span(), f'{match[1]}="{escape(value)}"'))
                return
        end = len(_NAME.match(self.literal)[0])  # type: ignore[index]  # a tag has a name
        self.edits.append((end, end, f' {name}="{escape(value)}"'))

    def matches(self) -> Iterable[re.Match[str]]:
        """A tag's attributes, name and value, where they stand."""
        name = _NAME.match(self.literal)
        return _ATTRIBUTE.finditer(self.literal, name.end() if name else 0)


class _Block:
    """What stands between the borders of two blocks: a text, and what is before and after its words."""

    def __init__(self, items: Iterable[_Item], texts: list[str]) -> None:
        before, self._items, after = _trimmed(_merged(list(items)))
        self._before, self._after = before, after
        self._numbers = {id(item): number for number, item in enumerate(self._items, 1)}
        words = _BREAK.sub("\n", "".join(map(self._said, self._items)))
        said = [unescape(item.literal) for item in self._items if item.kind == "text"]
        fits = said and len(self._items) <= _MOST_MARKS and not any(map(_MARK.search, said))
        self._text = len(texts) if fits else -1
        texts += [words] if fits else []

    def _said(self, item: _Item) -> str:
        if item.kind == "text":
            return _SPACE.sub(" ", unescape(item.literal))
        if item.name == "br":
            return "\n"
        if item.kind == "close":
            return f"</g{self._numbers[id(item.mate)]}>"
        return f"<{'g' if item.kind == 'open' else 'x'}{self._numbers[id(item)]}{'' if item.kind == 'open' else '/'}>"

    def written(self, changed: Mapping[int, str]) -> str:
        """It with the new texts, by their numbers."""
        items = self._filled(changed[self._text]) if self._text in changed else self._items
        return "".join(item.written(changed) for item in chain(self._before, items, self._after))

    def _filled(self, text: str) -> list[_Item]:
        """A new text as parts of the page, with the elements that it has marks of, each once."""
        kinds: dict[str, Kind] = {"g": "open", "x": "other"}
        unused = {(item.kind, number): item for number, item in enumerate(self._items, 1) if item.name != "br"}
        line_break = next((item for item in self._items if item.name == "br"), _Item("other", "<br>", "br"))
        made: list[_Item] = []
        opened: list[_Item] = []
        at = 0
        for mark in _MARK.finditer(text):
            made += _lines(text[at : mark.start()], line_break)
            at, number = mark.end(), int(mark[3])
            if mark[1]:
                made += _closed(opened, self._items[number - 1]) if 0 < number <= len(self._items) else []
            elif item := unused.pop((kinds[mark[2]], number), None):
                made.append(item)
                opened += [item] if item.kind == "open" else []
        made += _lines(text[at:], line_break)
        made += _closed(opened, opened[0]) if opened else []
        return [*made, *(item for item in unused.values() if item.kind == "other")]


def _lines(text: str, line_break: _Item) -> Iterator[_Item]:
    """A text, with what breaks its lines in a page."""
    for number, line in enumerate(text.split("\n")):
        if number:
            yield line_break
        yield _Item("text", escape(line, quote=False))


def _closed(opened: list[_Item], element: _Item) -> Iterator[_Item]:
    """The tags that close an element, and before it all that were opened later."""
    while element in opened:
        if mate := opened.pop().mate:
            yield mate


def _merged(items: list[_Item]) -> list[_Item]:
    """The items, with each element without words as one that is no text, and so each tag without its mate."""
    opened: list[int] = []
    ends: dict[int, int] = {}
    for number, item in enumerate(items):
        if item.kind == "open":
            opened.append(number)
        elif item.kind == "close" and any(items[each].name == item.name for each in opened[-_DEEPEST:]):
            while items[start := opened.pop()].name != item.name:
                pass
            ends[start] = number
            items[start].mate, item.mate = item, items[start]
    words = [0, *accumulate(item.kind == "text" and not _is_blank(item) for item in items)]
    merged, at = [], 0
    while at < len(items):
        end = ends.get(at, at)
        if items[at].kind == "open" and words[at] == words[end]:
            merged.append(_Item("other", "", within=items[at : end + 1]))
        elif items[at].kind in {"open", "close"} and items[at].mate is None:
            merged.append(_Item("other", "", within=[items[at]]))
        else:
            merged.append(items[at])
            end = at
        at = end + 1
    return merged


def _is_blank(item: _Item) -> bool:
    return item.kind == "other" or (item.kind == "text" and not item.literal.strip(_WHITE))


def _trimmed(items: list[_Item]) -> tuple[list[_Item], list[_Item], list[_Item]]:
    """What stands before the words, these with all between them, and what stands after them."""
    start, end = 0, len(items)
    while start < end:
        if _is_blank(items[start]):
            start += 1
        elif _is_blank(items[end - 1]):
            end -= 1
        elif items[start].kind == "open" and items[start].mate is items[end - 1]:
            start, end = start + 1, end - 1
        else:
            break
    before, said, after = items[:start], items[start:end], items[end:]
    if said and said[0].kind == "text":
        words = said[0].literal.lstrip(_WHITE)
        before.append(_Item("text", said[0].literal.removesuffix(words)))
        said[0] = _Item("text", words)
    if said and said[-1].kind == "text":
        words = said[-1].literal.rstrip(_WHITE)
        after.insert(0, _Item("text", said[-1].literal.removeprefix(words)))
        said[-1] = _Item("text", words)
    return before, said, after


class _Parts(HTMLParser):
    """Takes a page apart, to the last character."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._page = page
        self._lines = [*accumulate(map(len, page.split("\n")), lambda at, length: at + length + 1, initial=0)]
        self._found: list[tuple[int, Kind, str, Mapping[str, str | None]]] = []
        self.feed(page)
        self.close()

    def items(self) -> Iterator[_Item]:
        """Its parts, in order."""
        found = self._found if self._found and not self._found[0][0] else [(0, "other", "", {}), *self._found]
        ends = [*(start for start, *_ in found[1:]), len(self._page)]
        for (start, kind, name, attributes), end in zip(found, ends, strict=True):
            yield _Item(kind, self._page[start:end], name, attributes)

    def _add(self, kind: Kind, name: str = "", attributes: Iterable[tuple[str, str | None]] = ()) -> None:
        line, column = self.getpos()
        self._found.append((self._lines[line - 1] + column, kind, name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self._add("text")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add("other" if tag in _VOID else "open", tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add("other", tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._add("close", tag)

    def handle_comment(self, data: str) -> None:
        self._add("other")

    def handle_decl(self, decl: str) -> None:
        self._add("other")

    def unknown_decl(self, data: str) -> None:
        self._add("other")

    def handle_pi(self, data: str) -> None:
        self._add("other")


class _Page:
    """A page taken apart, and put together again."""

    def __init__(self, page: str) -> None:
        self.texts: list[str] = []
        """Those of its blocks and attributes."""
        self._is_ascii = page.isascii()
        self._parts: list[_Item | _Block] = []
        self._tags: list[_Item] = []
        block: list[_Item] = []
        items = _Parts(page).items()
        for item in items:
            if item.kind == "open" and _stays(item):
                item.literal += "".join(_inside(items, item.name))
                item.kind = "other"
            elif item.kind in {"open", "other"}:
                self._find_slots(item)
            if item.name and item.name not in _WITHIN:
                self._take(block)
                self._parts.append(item)
                self._tags.append(item)
                block = []
            else:
                block.append(item)
        self._take(block)

    def _take(self, block: list[_Item]) -> None:
        if block:
            self._parts.append(_Block(block, self.texts))

    def _find_slots(self, tag: _Item) -> None:
        """Takes the attributes that a reader sees."""
        is_button = tag.name == "input" and (tag.attributes.get("type") or "").lower() in _BUTTONS
        wanted = _SHOWN | {"value"} if is_button else _SHOWN
        if not wanted & tag.attributes.keys():
            return
        for match in tag.matches():
            if match[1].lower() in wanted and match[2]:
                value = match[2][1:-1] if match[2][0] in "\"'" else match[2]
                tag.slots.append((*match.span(2), len(self.texts)))
                self.texts.append(unescape(value))

    def written(self, texts: Sequence[str], language: str, direction: str) -> str:
        """The page with new texts, in this language."""
        changed = {number: new for number, new in enumerate(texts) if new != self.texts[number]}
        html = next((tag for tag in self._tags if tag.name == "html" and tag.kind == "open"), None)
        if html and language:
            html.set("lang", language)
            if "xml:lang" in html.attributes:
                html.set("xml:lang", language)
            if direction == "rtl" or "dir" in html.attributes:
                html.set("dir", direction)
        self._declare_utf_8(is_ascii=self._is_ascii and all(map(str.isascii, changed.values())))
        return "".join(part.written(changed) for part in self._parts)

    def _declare_utf_8(self, is_ascii: bool) -> None:
        """Says that the page is in UTF-8 where it says something else, or nothing and it is not in ASCII."""
        named = [
            (tag, match)
            for tag in self._tags
            if tag.name == "meta"
            for match in [_CHARSET.search(tag.literal)]
            if match
        ]
        for tag, match in named:
            if match[1].lower() not in {"utf-8", "utf8"}:
                tag.edits.append((*match.span(1), "utf-8"))
        head = next((tag for tag in self._tags if tag.name == "head" and tag.kind == "open"), None)
        if head and not named and not is_ascii:
            head.edits.append((len(head.literal), len(head.literal), '<meta charset="utf-8">'))


def _stays(tag: _Item) -> bool:
    """Whether the inside of an element stays."""
    if tag.name in _NO_TEXT | _UNTOUCHED:
        return True
    told = (tag.attributes.get("translate") or "").lower() == "no"
    told |= "notranslate" in (tag.attributes.get("class") or "").split()
    return told and tag.name not in _WHOLE_PAGE


def _inside(items: Iterator[_Item], name: str) -> Iterator[str]:
    """All that comes after an element's first tag, up to its last one."""
    depth = 1
    for item in items:
        yield item.literal
        depth += {"open": 1, "close": -1}.get(item.kind, 0) if item.name == name else 0
        if not depth:
            return


if __name__ == "__main__":
    serve(read)
