"""Cuts a long text into segments that are translated one by one, and puts it together again.

What is not prose (code, front matter, definitions, formulas, the marks of headings, lists, quotes and tables, the space
around every segment) is never sent to the model, so it comes out as it went in.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from qwen_ui.tabs.translate.protect import has_words
from qwen_ui.text.languages import Language
from qwen_ui.text.markdown.document import Prose, prose, read_value, write_value

LIMIT = 800
"""Characters of a segment; a paragraph that is longer is cut between sentences."""

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
    between: str = ""
    """Of a segment in a quote or an item: what stands before each of its lines but the first."""
    is_value: bool = False
    """Whether it is a value of front matter, which may stand in quotation marks."""

    @property
    def prose(self) -> str:
        """What of it is to be translated."""
        if self.is_value:
            return read_value(self.text)
        return self.text.replace(f"\n{self.between}", "\n") if self.between else self.text

    def with_translation(self, translation: str) -> str:
        """Its text in another language; unchanged where the translation is."""
        if translation == self.prose:
            return self.text
        if self.is_value and translation:
            return write_value(translation, self.text)
        return translation.replace("\n", f"\n{self.between}")


def split(text: str, limit: int = LIMIT, is_markdown: bool = False) -> list[Part]:
    """The parts of a text. Their texts joined are the text; segments have no space at their ends.

    What is only indented is code if ``is_markdown``, else if it looks so.
    """
    parts: list[Part] = []
    at = 0
    for piece in prose(text, indented_is_code=is_markdown):
        start, end = piece.lines[0][0], piece.lines[-1][1]
        if at < start:
            parts.append(Part(text[at:start], False))
        parts += _parts(text, piece, limit)
        at = end
    return [*parts, Part(text[at:], False)] if at < len(text) else parts


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
            written = part.with_translation(next(rest))
            texts += [" ", written] if before and spaced else [written]
        elif part.text == " " and before and not spaced and index + 1 < len(parts):
            continue
        else:
            texts.append(part.text)
    return "".join(texts)


def _parts(text: str, piece: Prose, limit: int) -> Iterator[Part]:
    """The piece cut to size, with the space around each segment kept apart."""
    first, last = piece.lines[0], piece.lines[-1]
    whole = text[first[0] : last[1]]
    if piece.is_value:
        yield Part(whole, has_words(whole), is_value=True)
        return
    between = text[first[1] : piece.lines[1][0]].partition("\n")[2] if len(piece.lines) > 1 else ""
    if not between:
        for cut in _cut(whole, limit):
            yield from _stripped(cut)
    elif len(whole) <= limit:
        yield from _stripped(whole, between)
    else:
        at = first[0]
        for start, end in piece.lines:
            yield from _stripped(text[at:start])
            for cut in _cut(text[start:end], limit):
                yield from _stripped(cut)
            at = end


def _stripped(text: str, between: str = "") -> Iterator[Part]:
    words = text.strip()
    start = len(text) - len(text.lstrip())
    end = start + len(words)
    for part, is_segment in ((text[:start], False), (words, has_words(words)), (text[end:], False)):
        if part:
            yield Part(part, is_segment, between if is_segment else "")


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
