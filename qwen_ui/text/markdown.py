"""Markdown as models and people write it: where its code stands, and how to show a text without what is active in it.

Everything here takes time in proportion to the text, also for one that is made to take more.
"""

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

# A line that opens or closes a fenced block. One of backticks has none after it, or it is code within a line.
_FENCE = re.compile(r"^[ \t]*+(?P<mark>`{3,}+(?=[^`\n]*$)|~{3,}+)(?P<info>.*)$", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*+\n")
_TICKS = re.compile(r"``*+")  # alternatives that begin with a letter each are found several times faster
_OPENING = re.compile(r"\\[\\`]|<https?:[^\s<>]*+>|``*+")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block of code."""

    tag: str
    """The language, as the fence names it; empty where it names none."""
    code: str
    """What is between the fences, without the indentation that all its lines have."""
    start: int
    end: int
    """Characters [start, end) of the text, the lines of the fences included."""


def blocks(text: str) -> list[CodeBlock]:
    """The fenced blocks of a text that may still be growing: a fence that is not closed goes to the end."""
    return [_block(text, opening, closing) for opening, closing in _fences(text)]


def _block(text: str, opening: re.Match[str], closing: re.Match[str] | None) -> CodeBlock:
    words = opening["info"].split()
    tag = words[0].strip("{}.") if words else ""
    if closing is None:
        code = re.sub(r"(?:^|\n)[ \t]*+(?:``?|~~?)[ \t]*+\Z", "", text[opening.end() + 1 :])  # a fence begins to arrive
        end = len(text)
    else:
        code = text[opening.end() + 1 : closing.start()]
        end = min(closing.end() + 1, len(text))
    return CodeBlock(tag, textwrap.dedent(code).strip("\n"), opening.start(), end)


def _fences(text: str) -> Iterator[tuple[re.Match[str], re.Match[str] | None]]:
    """The opening and the closing line of each fenced block; the last may have none to close it."""
    opening = None
    for line in _FENCE.finditer(text):
        if opening is None:
            opening = line
        elif line["mark"].startswith(opening["mark"]) and not line["info"].strip():
            yield opening, line
            opening = None
    if opening:
        yield opening, None


def code_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where code stands, as characters [start, end): fenced blocks from fence to fence, and code within paragraphs."""
    at = 0
    for opening, closing in _fences(text):
        yield from _inline(text, at, opening.start())
        at = closing.end("mark") if closing else len(text)
        yield opening.start("mark"), at
    yield from _inline(text, at, len(text))


def _inline(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Code within paragraphs: none goes over a blank line."""
    for blank in _BLANK_LINE.finditer(text, start, end):
        yield from _of_paragraph(text, start, blank.start())
        start = blank.end()
    yield from _of_paragraph(text, start, end)


def _of_paragraph(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run of backticks opens code that the next run of the same length closes; without one it is text."""
    ends: dict[int, list[int]] = defaultdict(list)
    for run in reversed(list(_TICKS.finditer(text, start, end))):
        ends[len(run[0])].append(run.end())  # the next one last
    done = start
    for opening in _OPENING.finditer(text, start, end) if ends else ():
        if opening.start() < done or opening[0][0] != "`":
            continue
        closing = ends[len(opening[0])]
        while closing and closing[-1] <= opening.end():
            closing.pop()
        if closing:
            done = closing.pop()
            yield opening.start(), done


# What Markdown or HTML would take for more than itself: anywhere; and after "www" or a number, or at the start.
_ACTIVE = {ord(character): f"&#{ord(character):04};" for character in "\n\t&<*_`~|\\[]$@%"}
_ACTIVE_THERE = re.compile(r":(?=//)|(?<=www)\.|^[ #>=+-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.IGNORECASE)
# In a model's Markdown, outside code: what opens HTML (not <https://…>), an image, or a diagram in a list or a quote.
_FOREIGN = re.compile(r"<(?=[a-zA-Z/!?])(?!https?:)|!(?=\[)|m(?=ermaid)(?<=```m|~~~m)")
_DIAGRAM = re.compile(r"(?:```+|~~~+)(?=mermaid)")


def as_typed(text: str) -> str:
    """The text so that the chatbot, which renders Markdown, shows it exactly as it was typed.

    The page's script knows this four-digit form of entities and turns it back for copying and editing.
    """
    return _ACTIVE_THERE.sub(_entity, text.translate(_ACTIVE))


def harmless(text: str) -> str:
    """A model's Markdown with its HTML shown as text, its images as links and its diagrams as code.

    So nothing that a model writes is fetched or run, whatever the page's security policy catches.
    """
    parts, at = [], 0
    for start, end in code_spans(text):
        diagram = _DIAGRAM.match(text, start)
        opening = f"{diagram[0]} " if diagram else ""
        parts += [_FOREIGN.sub(_disarmed, text[at:start]), opening, text[diagram.end() if diagram else start : end]]
        at = end
    return "".join([*parts, _FOREIGN.sub(_disarmed, text[at:])])


def _disarmed(match: re.Match[str]) -> str:
    return " m" if match[0] == "m" else _entity(match)  # the space keeps a diagram from being drawn


def plain(shown: str) -> str:
    """The text itself, from what `as_typed` or `harmless` made of it."""
    return re.sub(r"&#(\d{4});", lambda match: chr(int(match[1])), shown)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0]):04};"
