"""Subtitles come back with nothing changed but what is said, also where a file is not as its format wants it."""

from pathlib import Path

import pysubs2
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate.files import read

CASES = Path(__file__).parent / "cases"

SRT = """\ufeff1
00:00:01,000 --> 00:00:02,500  X1:100 X2:200 Y1:10 Y2:20
{\\an8}<i>Hello</i>
you!

2
00:00:03,000 --> 00:00:04,000
...

3
00:00:05,000 --> 00:00:06,000
<font color="#ff0000"><b>Bye</b></font>
1990
"""
VTT = """WEBVTT - The film
Kind: captions
Language: en

STYLE
::cue(.y) { color: yellow }

REGION
id:fred
width:40%

NOTE This is not said

intro
00:01.000 --> 00:02.500 align:start position:10%
<v Roger>Hello, <c.y>friends</c></v>

NOTE
several
lines

2
01:00:03.000 --> 01:00:04.000
- One
- Two &amp; more

00:05.000 --> 00:06.000
 \t
so<00:05.500><c> it</c> goes
"""
ASS = """[Script Info]
; A comment
Title: The film
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not said
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Roger,0,0,0,,{\\an8\\pos(10,20)}Hello, dear\\Nfriends, {\\i1}yes{\\i0}
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}A label
Dialogue: 1,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100

[Fonts]
fontname: a.ttf
Dialogue: said, by, no, one, at, all, in, a, font, file
"""


def texts(name: str, text: str) -> list[str]:
    return list(read(name, text.encode()).texts)


def upper(name: str, text: str) -> str:
    document = read(name, text.encode())
    return document.write([each.upper() for each in document.texts]).decode()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.srt", SRT, ["<i>Hello</i>\nyou!", '<font color="#ff0000"><b>Bye</b></font>\n1990']),
        ("a.vtt", VTT, ["Hello, <c.y>friends</c>", "- One\n- Two &amp; more", "so<00:05.500><c> it</c> goes"]),
        ("a.ass", ASS, ["Hello, dear\nfriends, {\\i1}yes{\\i0}", "A label"]),
        ("a.ssa", ASS, ["Hello, dear\nfriends, {\\i1}yes{\\i0}", "A label"]),
        ("really.srt", ASS, ["Hello, dear\nfriends, {\\i1}yes{\\i0}", "A label"]),
        ("really.srt", VTT, ["Hello, <c.y>friends</c>", "- One\n- Two &amp; more", "so<00:05.500><c> it</c> goes"]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_only_what_is_said_is_taken_out_and_an_untouched_file_comes_back(name, text, said, newline):
    text = text.replace("\n", newline)
    document = read(name, text.encode())
    assert list(document.texts) == said
    assert document.write(said).decode() == text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("T01-no-blank-lines.srt", ["Hello friends.", "Welcome to my channel.", "See you."]),
        ("T03-blank-inside.srt", ["and now we open", "the second door.", "Good, let us go in.", "Not yet."]),
    ],
)
def test_blank_lines_neither_end_nor_begin_a_cue(name: str, said: list[str]):
    text = (CASES / name).read_text("utf-8")
    assert texts(name, text) == said
    assert upper(name, text) == text.upper()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\n\n00:00:01,0 --> 00:00:02,0\n\nOne\n\n\n2\n\n00:00:03,0 --> 00:00:04,0\n\nTwo\n", ["One", "Two"]),
        ("0:01.5 --> 0:02.5\nIt is 1990\n1990\n0:03.5 --> 0:04.5\nTwo", ["It is 1990\n1990", "Two"]),
        ("7\n00:00:01,0 --> 00:00:02,0\nOne\n7\n00:00:01,0 --> 00:00:02,0\nTwo\n 9 \n00:00:01 --> 00:00:02\nThree",
         ["One", "Two", "Three"]),
        ("1\n00:00:01,0-->00:00:02,0\n{\\an8}{\\i1} One\n\n2\n00:00:03.000 -->  00:00:04.000\n<i>Two\nlines</i>",
         ["One", "Two\nlines"]),
        ("some\nlines before\n\n1\n00:00:01,0 --> 00:00:02,0\nOne", ["One"]),
    ],
)  # fmt: skip
def test_files_that_are_not_quite_right_lose_nothing(text: str, said: list[str]):
    assert texts("a.srt", text) == said
    written = text
    for each in said:
        written = written.replace(each, each.upper())
    assert upper("a.srt", text) == written


def test_in_vtt_text_after_a_blank_line_and_ids_of_any_kind():
    text = "WEBVTT\n\n1\n0:01.0 --> 0:02.0\nOne\n\nstill one\n\nchapter two\n0:03.0 --> 0:04.0\nTwo\n\nNOTE no\nno\n"
    assert texts("a.vtt", text) == ["One", "still one", "Two"]


def test_a_translation_ends_no_cue_and_begins_none():
    data = b"1\n00:00:01,0 --> 00:00:02,0\nOne\n\n2\n00:00:03,0 --> 00:00:04,0\nTwo\n"
    written = read("a.srt", data).write(["Un\n\n00:00:01,0 --> 00:00:02,0\n", "Deux"]).decode()
    assert read("a.srt", written.encode()).texts == ("Un\n00:00:01,0 → 00:00:02,0", "Deux")
    written = read("a.ass", ASS.encode()).write(["Salut\nles amis", "Un"]).decode()
    assert "{\\an8\\pos(10,20)}Salut\\Nles amis\n" in written


@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT), ("a.ass", ASS)])
def test_a_player_reads_the_same_times_and_styles_in_the_translation(name: str, text: str):
    kind = name.rpartition(".")[2]
    before, after = (pysubs2.SSAFile.from_string(each, kind) for each in (text, upper(name, text)))
    assert len(before) == len(after) > 2
    assert [(e.start, e.end, e.style, e.type) for e in before] == [(e.start, e.end, e.style, e.type) for e in after]
    assert before.styles == after.styles


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass"])
def test_what_holds_no_subtitles_is_refused(name: str):
    with pytest.raises(InvalidInput, match="has no subtitles"):
        read(name, b"WEBVTT\n\nHello")
