"""Cuts a long text into segments that are translated one by one, and puts it together again.

What is not prose (code blocks, blank lines, the marks of headings, lists, quotes and tables, the space around
every segment) is never sent to the model, so it comes out as it went in.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from qwen_ui.tabs.translate.protect import has_words
from qwen_ui.text.languages import Language

LIMIT = 800
"""Characters of a segment; a paragraph that is longer is cut between sentences."""

_FENCE = regex.compile(r"[ \t]*(`{3,}|~{3,})")
_RULE = regex.compile(
    r"[ \t]*+(?:\|?[ \t]*+:?-{2,}+:?[ \t]*+(?:\|[ \t]*+(?::?-++:?[ \t]*+)?+)*+|(?:[*_=-][ \t]*+){3,}+)\s*+"
)
_MARK = regex.compile(r"[ \t]*(?:#{1,6}[ \t]+|(?:[-*+•][ \t]+|\d{1,4}[.)][ \t]+|>[ \t]?)+(?:\[[ xX]\][ \t]+)?)")
_CELL = regex.compile(r"(?<!\\)\|")
# Where a text may be cut, best first: after a line, a sentence, a clause, a word, a character.
_BORDERS = [
    regex.compile(pattern)
    for pattern in (
        r"\n",
        r"[.!?…][\"')\]”’]*+\s(?=\S)|[。！？!?…][。！？!?…」』”’）)]*+",
        r"[，、；：,;:]\s?+(?![\s\d])",
        r"\s++",
        r"\X",
    )
]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text: a segment, which is translated, or what is kept as it is."""

    text: str
    is_segment: bool


def split(text: str, limit: int = LIMIT) -> list[Part]:
    """The parts of a text. Their texts joined are the text; segments have no space at their ends."""
    return [part for block in _blocks(text) for part in _parts(block, limit)]


def assemble(parts: Sequence[Part], translations: Sequence[str], target: Language) -> str:
    """The translated text: the translations, one for each segment, in the segments' places.

    Sentences of one paragraph that were translated apart get a space between them where the target language
    has one there, and lose it where it has none.
    """
    wanted = sum(part.is_segment for part in parts)
    if wanted != len(translations):
        raise ValueError(f"there are {wanted} segments, and {len(translations)} translations")
    spaced, rest = target.spaced, iter(translations)
    texts: list[str] = []
    for index, part in enumerate(parts):
        before = index > 0 and parts[index - 1].is_segment
        if part.is_segment:
            texts += [" ", next(rest)] if before and spaced else [next(rest)]
        elif part.text == " " and before and not spaced and index + 1 < len(parts):
            continue
        else:
            texts.append(part.text)
    return "".join(texts)


def _blocks(text: str) -> Iterator[Part]:
    """Whole code blocks, rules and blank lines to keep; paragraphs, headings, items and cells to translate."""
    paragraph = ""
    fence = ""
    for line in text.splitlines(keepends=True) if "\n" in text else [text]:
        mark = _FENCE.match(line)
        special = bool(fence or mark or not line.strip() or _MARK.match(line) or _is_row(line) or _RULE.fullmatch(line))
        if special and paragraph:
            yield Part(paragraph, True)
            paragraph = ""
        if fence or mark:
            if mark and (not fence or (mark[1].startswith(fence) and not line.strip().strip(fence[0]))):
                fence = "" if fence else mark[1]
            yield Part(line, False)
        elif special:
            yield from _line(line)
        else:
            paragraph += line
    if paragraph:
        yield Part(paragraph, True)


def _line(line: str) -> Iterator[Part]:
    if not line.strip() or _RULE.fullmatch(line):
        yield Part(line, False)
    elif _is_row(line):
        ends = [0, *(match.end() for match in _CELL.finditer(line)), len(line)]
        for start, end in itertools.pairwise(ends):
            bar = line[start:end].endswith("|")
            yield Part(line[start : end - bar], True)
            yield Part("|" * bar, False)
    else:
        mark = _MARK.match(line)
        end = mark.end() if mark else 0
        yield Part(line[:end], False)
        yield Part(line[end:], True)


def _is_row(line: str) -> bool:
    row = line.strip()
    return len(row) > 1 and row[0] == row[-1] == "|"


def _parts(block: Part, limit: int) -> Iterator[Part]:
    """The block cut to size, with the space around each segment kept apart."""
    if not block.text:
        return
    if not block.is_segment:
        yield block
        return
    for cut in _cut(block.text, limit):
        words = cut.strip()
        start = len(cut) - len(cut.lstrip())
        end = start + len(words)
        for text, is_segment in ((cut[:start], False), (words, has_words(words)), (cut[end:], False)):
            if text:
                yield Part(text, is_segment)


def _cut(text: str, limit: int, border: int = 0) -> list[str]:
    """Texts of at most ``limit`` characters, as long as the borders between them allow."""
    if len(text.strip()) <= limit:
        return [text]
    if border == len(_BORDERS):
        return [text[at : at + limit] for at in range(0, len(text), limit)]
    ends = [match.end() for match in _BORDERS[border].finditer(text)]
    texts: list[str] = []
    for start, end in itertools.pairwise([0, *ends, len(text)]):
        for small in _cut(text[start:end], limit, border + 1):
            if texts and len(texts[-1]) + len(small.rstrip()) <= limit:
                texts[-1] += small
            else:
                texts.append(small)
    return [text for text in texts if text]
