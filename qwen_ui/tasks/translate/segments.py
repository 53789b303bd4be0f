"""Cuts a long text into pieces that are translated one by one, and puts it together again.

What is not prose (code blocks, blank lines, the marks of headings, lists, quotes and tables, the space around
every piece) is never sent to the model, so it comes out as it went in.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from qwen_ui.tasks.translate.languages import Language
from qwen_ui.tasks.translate.protect import has_words

LIMIT = 800
"""Characters of a piece; a paragraph that is longer is cut between sentences."""

_FENCE = regex.compile(r"[ \t]*(`{3,}|~{3,})")
_RULE = regex.compile(r"[ \t]*(?:\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*(?::?-+:?[ \t]*)?)*|(?:[*_=-][ \t]*){3,})\s*")
_MARK = regex.compile(r"[ \t]*(?:#{1,6}[ \t]+|(?:[-*+•][ \t]+|\d{1,4}[.)][ \t]+|>[ \t]?)+(?:\[[ xX]\][ \t]+)?)")
_ROW = regex.compile(r"[ \t]*\|.*\|\s*")
_CELL = regex.compile(r"(?<!\\)\|")
_EDGES = regex.compile(r"(\s*)(.*?)(\s*)", regex.DOTALL)
# Where a text may be cut, best first: after a line, a sentence, a clause, a word, a character.
_BORDERS = [
    regex.compile(pattern)
    for pattern in (
        r"(?<=\n)",
        r"(?<=[。！？!?…][」』”’）)]*)(?![。！？!?…」』”’）)])|(?<=[.!?…][\"')\]”’]*\s)(?=\S)",
        r"(?<=[，、；：,;:]\s?)(?![\s\d])",
        r"(?<=\s)(?=\S)",
        r"(?<=\X)",
    )
]


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; one that is not to be translated is kept as it is."""

    text: str
    translate: bool


def split(text: str, limit: int = LIMIT) -> list[Segment]:
    """The segments of a text. Their texts joined are the text; those to translate have no space at their ends."""
    return [segment for block in _blocks(text) for segment in _segments(block, limit)]


def assemble(segments: Sequence[Segment], translations: Sequence[str], target: Language) -> str:
    """The translated text: the translations, one for each segment to translate, in place of those segments.

    Sentences of one paragraph that were translated apart get a space between them where the target language
    has one there, and lose it where it has none.
    """
    wanted = sum(segment.translate for segment in segments)
    if wanted != len(translations):
        raise ValueError(f"there are {wanted} segments to translate, and {len(translations)} translations")
    rest = iter(translations)
    parts: list[str] = []
    for index, segment in enumerate(segments):
        before = index > 0 and segments[index - 1].translate
        if segment.translate:
            parts += [" ", next(rest)] if before and target.spaced else [next(rest)]
        elif segment.text == " " and before and not target.spaced and index + 1 < len(segments):
            continue
        else:
            parts.append(segment.text)
    return "".join(parts)


def _blocks(text: str) -> Iterator[Segment]:
    """Whole code blocks, rules and blank lines to keep; paragraphs, headings, items and cells to translate."""
    paragraph = ""
    fence = ""
    for line in text.splitlines(keepends=True) if "\n" in text else [text]:
        mark = _FENCE.match(line)
        special = bool(
            fence or mark or not line.strip() or _MARK.match(line) or _ROW.fullmatch(line) or _RULE.fullmatch(line)
        )
        if special and paragraph:
            yield Segment(paragraph, True)
            paragraph = ""
        if fence or mark:
            if mark and (not fence or (mark[1].startswith(fence) and not line.strip().strip(fence[0]))):
                fence = "" if fence else mark[1]
            yield Segment(line, False)
        elif special:
            yield from _line(line)
        else:
            paragraph += line
    if paragraph:
        yield Segment(paragraph, True)


def _line(line: str) -> Iterator[Segment]:
    if not line.strip() or _RULE.fullmatch(line):
        yield Segment(line, False)
    elif _ROW.fullmatch(line):
        ends = [0, *(match.end() for match in _CELL.finditer(line)), len(line)]
        for start, end in itertools.pairwise(ends):
            bar = line[start:end].endswith("|")
            yield Segment(line[start : end - bar], True)
            yield Segment("|" * bar, False)
    else:
        mark = _MARK.match(line)
        end = mark.end() if mark else 0
        yield Segment(line[:end], False)
        yield Segment(line[end:], True)


def _segments(block: Segment, limit: int) -> Iterator[Segment]:
    """The block cut to size, with the space around each piece kept apart."""
    if not block.translate:
        if block.text:
            yield block
        return
    for piece in _cut(block.text, limit):
        edges = _EDGES.fullmatch(piece)
        before, words, after = edges.groups() if edges else ("", piece, "")
        for text, translate in ((before, False), (words, has_words(words)), (after, False)):
            if text:
                yield Segment(text, translate)


def _cut(text: str, limit: int, border: int = 0) -> list[str]:
    """Pieces of at most ``limit`` characters, as long as the borders between them allow."""
    if len(text.strip()) <= limit or border == len(_BORDERS):
        return [text]
    pieces: list[str] = []
    for part in _BORDERS[border].splititer(text):
        for small in _cut(part, limit, border + 1):
            if pieces and len(pieces[-1]) + len(small.rstrip()) <= limit:
                pieces[-1] += small
            else:
                pieces.append(small)
    return [piece for piece in pieces if piece]
