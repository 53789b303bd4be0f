"""Subtitles to translate: SubRip (.srt), WebVTT (.vtt), and Advanced SubStation Alpha (.ass, .ssa).

Only what is said is taken out of them, and put back in its place. Numbers, times, positions, styles, comments and
whatever else there is stay to the letter, also where a file is not quite as its format wants it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate.places import Place, Texts, in_places

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_TIME = r"(?:\d{1,4}:)?\d{1,3}:\d{1,2}(?:[.,:]\d{1,6})?"
_TIMES = re.compile(rf"[ \t\ufeff]*{_TIME}[ \t]*-{{1,2}}>[ \t]*{_TIME}(?![\w:])")
_NUMBER = re.compile(r"[ \t\ufeff]*\d+[ \t]*")
_VTT = re.compile(r"\ufeff?[ \t]*WEBVTT(?![^\s])")
_VTT_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")

_ASS = re.compile(r"(?:\A|[\r\n])[ \t\ufeff]*\[(?:Script Info|V4\+? Styles|Events)\][ \t]*(?=[\r\n]|\Z)", re.IGNORECASE)
_SECTION = re.compile(r"[ \t\ufeff]*\[([\w+ ]+)\][ \t]*")
_FIELDS = 10
"""Of an event whose section does not name them; the last one is the text."""
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_DRAWING = re.compile(r".*\\p(\d+)")
_BREAK = re.compile(r"\\[Nn]")

_LEADING = re.compile(r"\A\s*(?:\{\\[^{}]*\}\s*)*")
_VOICE = re.compile(r"<v[.\s][^<>]*>((?:[^<]|<(?!/?v[.\s>]))*)(?:</v>)?")
_WRAPPED = re.compile(r"((?:<\w[^<>]*>)+)([^<>]*)((?:</\w+>)+)")


def texts(name: str, body: str, extension: str) -> Texts:
    """What is said in them, in order, and what puts translations there. Raises `InvalidInput` where nothing is said."""
    if extension in {".ass", ".ssa"} or (_ASS.search(body, 0, 10_000) and not _TIMES.search(body, 0, 10_000)):
        places, written = list(_events(body)), _event_text
    else:
        line = "\r" if "\n" not in body else "\n"
        places = list(_cues(body, extension == ".vtt" or _VTT.match(body) is not None))

        def written(text: str, before: str) -> str:
            """Without a blank line, which would end the cue, and without what would begin another one."""
            return line.join(each for each in text.replace("-->", "→").splitlines() if each.strip())

    if not places:
        raise InvalidInput("{name} has no subtitles: no line of times is followed by text.", name=name)
    return in_places(body, places, written)


class _Line(NamedTuple):
    start: int
    end: int
    """Without its end of line."""
    text: str

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @property
    def times(self) -> bool:
        return _TIMES.match(self.text) is not None


def _lines(body: str) -> list[_Line]:
    lines = []
    for match in _LINE.finditer(body):
        text = match[0].rstrip("\r\n")
        lines.append(_Line(match.start(), match.start() + len(text), text))
    return lines


def _cues(body: str, vtt: bool) -> Iterator[Place]:
    """Of SubRip and WebVTT. A cue goes from its times to what stands before the next ones, blank lines or not.

    Each block of its lines is a place.
    """
    lines = _lines(body)
    starts = [number for number, line in enumerate(lines) if line.times]
    numbered = bool(starts) and _numbers(lines, starts[0])
    for start, following in pairwise([*starts, len(lines)]):
        end = _head(lines, start, following, numbered, vtt) if following < len(lines) else following
        yield from _blocks(body, lines[start + 1 : end], vtt)


def _numbers(lines: list[_Line], times: int) -> bool:
    """Whether the last line before the first times that is not blank is a number."""
    before = next((line for line in reversed(lines[:times]) if not line.blank), None)
    return before is not None and _NUMBER.fullmatch(before.text) is not None


def _head(lines: list[_Line], start: int, times: int, numbered: bool, vtt: bool) -> int:
    """Where a cue's head begins: with its number, or WebVTT's id, a line alone between a blank one and the times."""
    at = times - 1
    while at > start and lines[at].blank:
        at -= 1
    alone = at == times - 1 and lines[at - 1].blank
    named = at > start and ((numbered and _NUMBER.fullmatch(lines[at].text)) or (vtt and alone))
    return at if named else times


def _blocks(body: str, lines: list[_Line], vtt: bool) -> Iterator[Place]:
    """Runs of lines without a blank one between them; not those of WebVTT that are no text."""
    first: int | None = None
    for number, line in enumerate([*lines, _Line(0, 0, "")]):
        if first is None and not line.blank:
            first = number
        elif first is not None and line.blank:
            said = not (vtt and first > 0 and lines[first - 1].blank and _VTT_BLOCK.match(lines[first].text))
            if said:
                yield _place(body, lines[first].start, lines[number - 1].end)
            first = None


def _place(body: str, start: int, end: int) -> Place:
    """What is said there, without the tags that are around all of it."""
    text = _LEADING.sub("", body[start:end])
    start, text = end - len(text), text.rstrip()
    if voice := _VOICE.fullmatch(text):
        start, text = start + voice.start(1), voice[1]
    if wrapped := _WRAPPED.fullmatch(text):
        opened, closed = re.findall(r"<(\w+)", wrapped[1]), re.findall(r"</(\w+)", wrapped[3])
        if closed == opened[::-1]:
            start, text = start + wrapped.start(2), wrapped[2]
    return Place(start, start + len(text), re.sub(r"\r\n?", "\n", text))


def _events(body: str) -> Iterator[Place]:
    """Of Advanced SubStation Alpha: what is said in its dialogue, without its comments, drawings and commands."""
    section, fields = "", _FIELDS
    for line in _lines(body):
        if heading := _SECTION.fullmatch(line.text):
            section = heading[1].lower()
            continue
        if section != "events":
            continue
        kind, colon, rest = line.text.partition(":")
        if kind.strip().lower() == "format":
            fields = rest.count(",") + 1
        elif kind.strip().lower() == "dialogue" and rest.count(",") >= fields - 1:
            before = ",".join(rest.split(",", fields - 1)[: fields - 1])
            yield from _said(body, line.start + len(kind) + len(colon) + len(before) + 1, line.end)


def _said(body: str, start: int, end: int) -> Iterator[Place]:
    """The stretches of an event's text that are no drawing."""
    drawing = False
    for tag in _OVERRIDE.finditer(body, start, end):
        if mode := _DRAWING.match(tag[0]):
            if not drawing and mode[1] != "0":
                yield _event_place(body, start, tag.start())
            elif drawing and mode[1] == "0":
                start = tag.start()
            drawing = mode[1] != "0"
    if not drawing:
        yield _event_place(body, start, end)


def _event_place(body: str, start: int, end: int) -> Place:
    place = _place(body, start, end)
    return place._replace(text=_BREAK.sub("\n", place.text).replace(r"\h", "\N{NO-BREAK SPACE}"))


def _event_text(text: str, before: str) -> str:
    r"""A translation as one line, with \N where it breaks."""
    return r"\N".join(line.strip(" \t") for line in text.splitlines())
