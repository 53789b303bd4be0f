"""Work on users' text takes time in proportion to it, also where a text is made to take more.

Each function is timed with every nasty text in growing sizes, all in one run on one machine: four times the text may
take about four times as long; quadratic work takes sixteen times as long.
"""

import contextlib
import gc
import json
import re
import time
from collections.abc import Callable

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge import citations, passages, rtl, terms
from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.rtl import Glyph
from qwen_ui.knowledge.source import SearchHit, pasted
from qwen_ui.knowledge.visible import visible
from qwen_ui.messages import Message
from qwen_ui.page.passages import highlighted
from qwen_ui.sentences import ENGLISH, Sentence
from qwen_ui.tabs.chat.exports import opened
from qwen_ui.tabs.code.answer import files as code_files
from qwen_ui.tabs.code.answer import take_apart
from qwen_ui.tabs.code.task import fence
from qwen_ui.tabs.sentiment.dates import read_dates
from qwen_ui.tabs.sentiment.rows import parse_meanings
from qwen_ui.tabs.translate import files, glossary, icu, segments
from qwen_ui.tabs.translate import task as translate
from qwen_ui.tabs.translate.detect import detect
from qwen_ui.tabs.translate.mending import put_back, restored
from qwen_ui.tabs.translate.protect import check, has_words, prose, protected
from qwen_ui.text import tables
from qwen_ui.text.code.languages import known
from qwen_ui.text.decode import decode
from qwen_ui.text.delimited import Dialect, defused, dialect_of, records
from qwen_ui.text.languages import find
from qwen_ui.text.likelihood import likelihood
from qwen_ui.text.markdown import as_typed, blocks, code_spans, harmless, plain
from qwen_ui.text.markdown.document import prose as prose_of

Work = Callable[[str], object]
Maker = Callable[[int], str]
"""Gives a text of about so many characters."""

GLOSSARY = glossary.parse("\n".join(f"term {number} = word" for number in range(20)))

WORK: dict[str, Work] = {
    "as_typed": as_typed,
    "harmless": lambda text: harmless(f"{text}<b>"),
    "plain": plain,
    "blocks": blocks,
    "code_spans": lambda text: list(code_spans(text)),
    "code_spans, indented": lambda text: list(code_spans(text, indented=True)),
    "markdown: prose": prose_of,
    "markdown: front matter": lambda text: prose_of(f"---\n{text}\n---\n"),
    "decode": lambda text: decode(text.encode()),
    "decode, damaged": lambda text: decode(text.encode() + b"\xff", keep_damaged=True),
    "decode, guessed": lambda text: decode(text.encode("gb18030", "replace") + b"\xff"),
    "likelihood": likelihood,
    "find a language": find,
    "code: take_apart": take_apart,
    "code: fence": fence,
    "delimited: dialect_of": dialect_of,
    "delimited: records": lambda text: list(records(text, dialect_of(text))),
    "delimited: records with backslashes": lambda text: list(records(text, Dialect(",", escapes=True))),
    "tables: grid_of": lambda text: tables.grid_of(tables.delimited_rows(text)),
    "tables: names_of": lambda text: tables.names_of(text.split(" ")),
    "tables: JSON": lambda text: tables._of_objects(json.dumps([{"a": text}, {text: text}]) + text, lines=False),
    "sentiment: read_dates": lambda text: read_dates([text, *text.split("\n")]),
    "sentiment: parse_meanings": lambda text: parse_meanings(text, ("a", "b")),
    "code: files": code_files,
    "code: tag": known,
    "translate: prose": prose,
    "translate: has_words": lambda text: has_words(text) or [has_words(line) for line in text.split("\n")],
    "translate: protected": lambda text: list(protected(text)),
    "translate: split": segments.split,
    "translate: parse": lambda text: translate.parse(text, "source"),
    "translate: partial": lambda text: translate.partial(text, "source"),
    "translate: detect": detect,
    "translate: .srt": lambda text: files.read("a.srt", f"1\n0:00:01,0 --> 0:00:02,0\n{text}".encode()),
    "translate: .csv": lambda text: files.read("a.csv", f"a,b\n{text}".encode()),
    "translate: .json": lambda text: files.read("a.json", json.dumps([text]).encode()),
    "translate: .vtt": lambda text: files.read("a.vtt", f"WEBVTT\n\n0:01.0 --> 0:02.0\n{text}".encode()),
    "translate: .ass": lambda text: files.read("a.ass", f"[Events]\nDialogue: {9 * ','}{text}".encode()),
    "translate: put_back": lambda text: put_back(text, f"{text[::2]}."),
    "translate: restored": lambda text: restored(text, f"{text[::2]}."),
    "translate: icu": lambda text: list(icu.syntax(text)),
    "glossary: relevant": GLOSSARY.relevant,
    "glossary: tbx": lambda text: glossary.parse(f"<martif><text>{text}", None, None),
    "translate: check": lambda text: check(text, f"{text}.", GLOSSARY),
    "glossary: parse": glossary.parse,
    "ask: highlighted": lambda text: highlighted(text, text[:2_000]),
    "ask: numbered": lambda text: citations.numbered([SearchHit(Passage(0, text, text, 1, text, 0), 0.0)]),
    "ask: a question, searched": lambda text: pasted("Ships sail.").retrieve(text),
    "delimited: defused": defused,
    "sentences": lambda text: ENGLISH.say("{file} can't be read ({error}).", file=text, error=Sentence("{a}", a=text)),
    "ask: pieces": lambda text: citations.pieces(text, 9),
    "ask: for_history": citations.for_history,
    "ask: search_query": lambda text: citations.search_query(text, [Message("user", "before")]),
    "passages: cut": lambda text: passages.cut([passages.Part(text)]),
    "visible": visible,
    "terms: marks": lambda text: terms.marks(text, "What is this word? 这是什么？"),
    "terms: question_terms": terms.question_terms,
    "chat: opened": lambda text: opened(json.dumps([{"role": "user", "content": text}]).encode()),
    "chat: opened, as it is": lambda text: opened(text.encode()),
    "chat: opened, Open WebUI": lambda text: opened(
        json.dumps({"chat": {"messages": [{"role": "user", "content": text}]}}).encode()
    ),
    "terms: terms": terms.terms,
    "rtl: read": lambda text: rtl.read([[Glyph(c, i, i, 0, i, i + 1, 1) for i, c in enumerate(f"{text}\u05d0")]]),
}
"""Whatever meets users' text. Add what you write."""


def repeated(unit: str) -> Maker:
    return lambda size: unit * (size // len(unit))


def between(before: str, unit: str, after: str) -> Maker:
    return lambda size: before + unit * (size // len(unit)) + after


def growing(unit: str, then: str) -> Maker:
    """Runs of the unit, each longer than the one before by one."""
    return lambda size: "".join(unit * length + then for length in range(int((2 * size / len(unit)) ** 0.5)))


def shrinking(unit: str, then: str) -> Maker:
    return lambda size: growing(unit, then)(size)[::-1]


UNITS = (
    *("a", "a\n", " ", "\n", "\r\n", "e\u0301", "\u0301\u0316", "中文。", "👩‍👩‍👧"),
    *("`", "a`b ", "``a ", "```\n", "~~~\n", "\\`", "<a ", "<https://", "![", "[", "[1, ", "[1-999,", "[a]("),
    *("[],", '{"a":[', '<details type="reasoning"', "</details>"),
    *("> ", "# a\n", "- a\n", "|", "| a ", "|-", "*", '"', '"a,', "$1", "{", "{\\", "%(a)0", "&#0060;"),
    *("{a,select,b{", "{{", "}", "'{", "<!--", "$$", "\\(", "%", ":a", "@", "a/", "/a", "#a", "<x ", "<b>"),
    *("<term>", "term 1 ", "{\\p1}", ":::\n", "[a]: /b\n", "[^a]: b\n", "\n: b", "](", "~`", "    a\n", "---\n"),
    *("title: a\n", "a-", "a1", "1-", "1,234", "a 1 ", "濾", "ד\u05b8", "\u0640"),
    *("https://", "www.-", "a@a.", "1.", "a = b\n", ". ", "，", ".)", "。）", "that "),
)
FRAMED = (
    ("a", " ", "b"),
    ("a", "\n", "b"),
    ("\n", " \n", "b"),
    ("```", " ", "`"),
    ("```", "`", "a`"),
    ("`a\n", "b\n", "`"),
    ("--", " ", "a"),
    ("---", " ", "a"),
    ("|-", " ", "a"),
    ("- ", "  - ", "a"),
    ("#", " ", "a"),
    ("# ", "#", "a"),
    (".", ")", "a"),
    ("! ", '"', "a"),
    ("[1", " ", "a"),
    ("[1", ",1", "a"),
    ("[", " ", "a"),
    ("1", "0", "a"),
    ("%(a)", "0", "a"),
    ("https://", ".", ""),
    ("<a", "a", ""),
    ("{", "a", ""),
    ("", "b", " = a"),
    ('"', "a", ""),
    ("中", "̖́", ""),
    ("A", "a ", "."),
    ("that", " -", "a"),
    ("\ufeff1\n", "1", ""),
)
NASTY: dict[str, Maker] = {
    **{f"{unit!r} repeated": repeated(unit) for unit in UNITS},
    **{f"{before!r}, {unit!r} repeated, {after!r}": between(before, unit, after) for before, unit, after in FRAMED},
    **{f"growing runs of {unit!r}": growing(unit, then) for unit, then in zip("`~ $[{*`~", "aaaaaaa\n\n", strict=True)},
    "shrinking runs of backticks": shrinking("`", "a"),
    "quotes in quotes": lambda size: "".join("> " * depth + "a\n" for depth in range(int(size**0.5))),
}

SIZE = 4_000
"""Characters of the smaller text: more than the functions leave whole."""
STEEP = 7
"""Between the 4 of linear work and the 8 of work that grows with the size times its root."""
QUICK = 0.02
"""Seconds; less can't be compared."""


def seconds(work: Work, text: str, times: int = 1) -> float:
    """Of this thread's processor time, at best: servers of other tests may still be at work beside it."""
    taken = []
    for _ in range(times):
        gc.disable()  # it looks at all that other tests left in memory, and the longer text sets it off
        try:
            start = time.thread_time()
            with contextlib.suppress(InvalidInput):
                work(text)
            taken.append(time.thread_time() - start)
        finally:
            gc.enable()
    return min(taken)


def is_steep(work: Work, make: Maker) -> bool:
    """Whether the time grows faster than the text. What looks so is measured again: other work disturbs the clock."""
    small, large = make(SIZE), make(4 * SIZE)
    return all(
        seconds(work, small, times) > QUICK / 16
        and (longer := seconds(work, large, times)) > QUICK
        and longer > STEEP * seconds(work, small, times)
        for times in (1, 3, 5, 9)
    )


@pytest.mark.parametrize("name", WORK)
def test_four_times_the_text_takes_about_four_times_as_long(name: str):
    work = WORK[name]
    seconds(work, "What is loaded when it is first used is loaded now. `a` 中")
    assert [text for text, make in NASTY.items() if is_steep(work, make)] == []


@pytest.mark.parametrize(
    ("work", "steep"),
    [
        (lambda text: [ord(character) for character in 20 * text], False),
        (lambda text: re.search("a+b", text[: len(text) // 2]), True),
    ],
)
def test_the_measure_tells_quadratic_work(work: Work, steep: bool):
    assert is_steep(work, repeated("a")) == steep
