"""Files to translate come back in their own format, with nothing but the texts changed."""

import json

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate.files import read
from qwen_ui.text.languages import find

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i>
you!

2
00:00:03,000 --> 00:00:04,000
...

3
00:00:05,000 --> 00:00:06,000
Bye"""


def upper(name: str, data: bytes, wanted: list[str] | None = None) -> bytes:
    document = read(name, data, wanted)
    return document.write([text.upper() for text in document.texts])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"Hello\r\nthere\r\n"),
        ("a.txt", b"Hello\r\nthere\nagain\r\n"),
        ("a.txt", "Hello\x0b\u2028there\r".encode()),
        ("a.md", "\ufeff# Hi\n\nthere".encode()),
        ("a.srt", SRT.encode()),
        ("a.srt", SRT.replace("\n", "\r\n").encode()),
        ("a.srt", SRT.replace("\n", "\r\n", 5).replace("you", "you\u2028").encode()),
        ("a.csv", b'id;text\n1;"a; b"\n2;c\n'),
        ("a.csv", b'"id","text"\r\n"1", "a ""b"" c"\r\n\r\n2,"c\r\nd"'),
        ("a.csv", b'sep=;\r\nid;text;\n1;"a";\r2;b;\r\n\r\n'),
        ("a.tsv", b'id\ttext\n1\t5" pipe\n2\t"open\n'),
        ("a.json", b'{ "a": ["x", 1.10, 1e400, null],\n\t"b" :"\\u4f60 \\"q\\"" }\n'),
        ("a.json", b'{"a": "x\\/y",\r\n "b": "\\ud83d half", "c": "\\ud83d\\ude00 whole"}\n'),
    ],
)
def test_an_untouched_file_comes_back_byte_for_byte(name: str, data: bytes):
    document = read(name, data)
    assert document.write(document.texts) == data


def test_subtitles_keep_numbers_and_times():
    document = read("film.SRT", SRT.replace("\n", "\r\n").encode())
    assert document.texts == ("<i>Hello</i>\nyou!", "Bye")
    written = document.write(["<i>Salut</i>\n\nà toi !\n", "Adieu"]).decode()
    assert written.replace("\r\n", "\n") == SRT.replace("<i>Hello</i>\nyou!", "<i>Salut</i>\nà toi !").replace(
        "Bye", "Adieu"
    )
    assert written.count("\n") == written.count("\r\n")


def test_only_the_chosen_columns_of_a_table_change():
    data = b'id,name,note\n1,Anna,"hello, you"\n2,,\n3,Bob\n'
    assert read("t.csv", data).columns == ("id", "name", "note")
    assert upper("t.csv", data, ["note"]).decode() == 'id,name,note\n1,Anna,"HELLO, YOU"\n2,,\n3,Bob\n'
    with pytest.raises(InvalidInput, match=r"no column 'text'\. It has: id, name, note\."):
        read("t.csv", data, ["text"])


def test_rows_of_a_table_without_a_translation_stay_to_the_letter():
    data = b'"id","note"\r\n"1","hello"\r\n"2","bye"\r\n"3","so"'
    document = read("t.csv", data)
    assert document.write(["hello", 'a "quoted", line\nand one', "si"]).decode() == (
        '"id","note"\r\n"1","hello"\r\n"2","a ""quoted"", line\r\nand one"\r\n"3","si"'
    )


@pytest.mark.parametrize(
    ("data", "wanted", "texts", "written"),
    [
        (
            b'"Name, first";"Note; long";id\n"Ann";"hello; you";1\n"Bob";"bye\nnow";2\n',
            ["Note; long"],
            ("hello; you", "bye\nnow"),
            b'"Name, first";"Note; long";id\n"Ann";"HELLO; YOU";1\n"Bob";"BYE\nNOW";2\n',
        ),
        (
            b"sep=;\r\nid;text\r\n1;Good morning\r\n2;Good night\r\n",
            None,
            ("Good morning", "Good night"),
            b"sep=;\r\nid;text\r\n1;GOOD MORNING\r\n2;GOOD NIGHT\r\n",
        ),
        (
            b'"id","text"\r\n"1","Good morning"\r\n"2","She said ""hi"""\r\n',
            None,
            ("Good morning", 'She said "hi"'),
            b'"id","text"\r\n"1","GOOD MORNING"\r\n"2","SHE SAID ""HI"""\r\n',
        ),
    ],
)
def test_a_table_comes_back_in_its_own_dialect(
    data: bytes, wanted: list[str] | None, texts: tuple[str, ...], written: bytes
):
    assert read("t.csv", data, wanted).texts == texts
    assert upper("t.csv", data, wanted) == written


@pytest.mark.parametrize(
    ("data", "translation", "written"),
    [
        (b"id,text\n1,a\n", "b, c", b'id,text\n1,"b, c"\n'),
        (b"id,text\n1,a\n", 'say "b"', b'id,text\n1,"say ""b"""\n'),
        (b'id\ttext\n1\t5" a\n', '6" b, c', b'id\ttext\n1\t6" b, c\n'),
        (b'id,text\n1,"a \\"b\\" c"\n', 'd "e"', b'id,text\n1,"d \\"e\\""\n'),
        (b"id,text\r1,a\r", "b\nc", b'id,text\r1,"b\nc"\r'),
        (b"text\nhello, world\n", "bonjour, monde", b"text\nbonjour, monde\n"),
        (b"Sheet of words,\n,\nid,text\n1,a\n", "b", b"Sheet of words,\n,\nid,text\n1,b\n"),
        (b"id,text,text\n1,2,a\n", "b", b"id,text,text\n1,2,b\n"),
        (b"id,text\n1," + b"a" * 200_000, "b", b"id,text\n1,b"),
    ],
)
def test_only_the_text_of_a_cell_changes(data: bytes, translation: str, written: bytes):
    document = read("t.csv", data)
    assert len(document.texts) == 1
    assert document.write([translation]) == written


def test_only_string_values_of_json_change():
    data = b'{"title": "Hi", "n": 5, "list": ["a", {"title": "", "url": "https://x.y", "k": "v:"}]}'
    assert upper("t.json", data).decode() == (
        '{"title": "HI", "n": 5, "list": ["A", {"title": "", "url": "https://x.y", "k": "V:"}]}'
    )


def test_what_json_can_hold_and_utf_8_can_not_is_written_as_an_escape():
    data = rb'{"a": "x \ud83d", "b": "y", "c": "z \udE00"}'
    document = read("t.json", data)
    written = document.write(["X \ud83d", '\u4f60 "q" \x00\ud83d\U0001f600', document.texts[2]])
    assert json.loads(written) == {"a": "X \ud83d", "b": '\u4f60 "q" \x00\ud83d\U0001f600', "c": "z \ude00"}
    assert written.endswith(rb', "c": "z \udE00"}')
    assert written.startswith(rb'{"a": "X \ud83d", "b": ' + '"\u4f60'.encode())


def test_other_encodings_are_understood():
    text = "送餐很快，味道也不错，下次还会再点。包装有点漏，客服态度一般。"
    for encoding in ("gb18030", "utf-16", "utf-8-sig"):
        assert read("a.txt", text.encode(encoding)).texts == (text,)
    french = "Le café était très bon, déjà vu à Noël."
    assert read("a.txt", french.encode("cp1252")).texts == (french,)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "a.pdf",
            b"x",
            "Supported files: .txt, .md, .html, .htm, .docx, .pptx, .xlsx, .srt, .vtt, .ass, .ssa, .csv, .tsv, .json",
        ),
        ("a.txt", b"", "no text to translate"),
        ("a.txt", b"123\n", "no text to translate"),
        ("a.txt", bytes(range(256)) * 4, "not a text file"),
        ("a.srt", b"Hello", "has no subtitles"),
        ("a.html", b"<p>1 <code>x</code>", "no text to translate"),
        ("a.json", b"{", "can't be read as JSON"),
        ("a.json", b"[" * 100_000, "can't be read as JSON"),
        ("a.json", b'{"a": 1}', "no text to translate"),
        ("a.csv", b"", "must name its columns"),
        ("a.csv", b"a\n", "no text to translate"),
        ("a.csv", b"a," * 20_000, "more than 16,384 columns"),
    ],
)
def test_a_file_that_cannot_be_translated_says_why(name: str, data: bytes, says: str):
    with pytest.raises(InvalidInput, match=says):
        read(name, data)


def test_a_web_page_comes_back_in_utf_8_and_in_the_new_language():
    text = "送餐很快，味道也不错，下次还会再点。包装有点漏，客服态度一般。"
    page = f'<html><meta charset=gbk><p title="{text}">{text}<code>x</code></p></html>'
    document = read("a.HTM", page.encode("gbk"))
    assert document.texts == (text, text)
    written = document.write(["<b>", "a & <x2/>"], find("ar")).decode()
    assert written == (
        '<html dir="rtl" lang="ar"><meta charset=utf-8><p title="&lt;b&gt;">a &amp; <code>x</code></p></html>'
    )


def test_every_text_needs_a_translation():
    with pytest.raises(ValueError, match="1 texts need as many translations, not 0"):
        read("a.txt", b"Hello").write([])


def test_a_header_of_two_rows_names_the_columns_as_the_other_tabs_do():
    document = read("a.csv", b"id,date,text,\nid,,en,fr\n1,2024-01-01,Hello,Bonjour\n")
    assert document.columns == ("id", "date", "en", "fr")


def test_a_translation_in_a_table_is_no_formula_unless_the_text_was_one():
    document = read("t.csv", b'text\nadd it\n"=SUM(A1) words"\n- a point\n')
    formula = '=HYPERLINK("http://a")'
    assert document.write([formula] * 3).decode().split("\n")[1:4] == [
        f'"\'{formula.replace(chr(34), 2 * chr(34))}"',
        f'"{formula.replace(chr(34), 2 * chr(34))}"',
        f'"{formula.replace(chr(34), 2 * chr(34))}"',
    ]
