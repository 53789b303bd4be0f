"""Documents to Markdown: what good ones give, and that bad ones do no harm."""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from qwen_ui.knowledge.convert import Limits, convert, extension_of, load
from qwen_ui.sentences import Sentence
from qwen_ui.text.confined import Unreadable
from tests.knowledge import files

SHEET = "xl/worksheets/sheet1.xml"


def text_of(data: bytes, extension: str, limits: Limits | None = None) -> str:
    return "\n".join(part.text for part in convert(data, f"file{extension}", limits))


class TestKinds:
    def test_word_keeps_its_headings(self):
        assert (
            text_of(files.docx("第一章 总则", "员工每年有十天年假。"), ".docx")
            == "# 第一章 总则\n\n员工每年有十天年假。"
        )

    def test_slides_are_pages(self):
        parts = convert(files.slides(("Plan", "Ship in May"), ("预算", "三百万元")), "file.pptx")
        assert [(part.page, part.text) for part in parts] == [(1, "# Plan\nShip in May"), (2, "# 预算\n三百万元")]

    def test_sheets_are_tables_without_nan(self):
        data = files.xlsx({"价格": [["型号", "元", None], ["A1", 500, None], ["B2", None, "停产"]]})
        text = text_of(data, ".xlsx")
        assert "## 价格" in text
        assert "停产" in text
        assert "NaN" not in text
        assert "Unnamed" not in text

    def test_book(self):
        text = text_of(files.epub("Tides", "<h1>One</h1><p>The sea rose.</p>", "<h1>Two</h1><p>It fell.</p>"), ".epub")
        assert text.index("# One") < text.index("The sea rose.") < text.index("# Two") < text.index("It fell.")

    def test_pdf_has_pages_and_blank_ones_count(self):
        parts = convert(files.pdf("First page here", "", "年假为十天"), "file.pdf")
        assert [(part.page, part.text) for part in parts] == [(1, "First page here"), (3, "年假为十天")]

    def test_page_of_a_site_loses_scripts_and_pictures(self):
        html = (
            "<meta charset=gb2312><p>价目表</p><script>alert(1)</script><img src='http://127.0.0.1:9/x.png' alt='logo'>"
        )
        text = text_of(html.encode("gb18030"), ".html")
        assert "价目表" in text
        assert "alert" not in text
        assert "127.0.0.1" not in text

    def test_table_in_a_text_file(self):
        text = text_of("城市,人口\n上海,2487万\n".encode("gb18030"), ".csv")
        assert text.splitlines()[0] == "| 城市 | 人口 |"
        assert "| 上海 | 2487万 |" in text

    def test_json_shows_its_letters(self):
        assert '"城市": "上海"' in text_of(rb'{"\u57ce\u5e02":"\u4e0a\u6d77"}', ".json")

    def test_json_a_line_stays_as_it_is(self):
        assert text_of(b'{"a": 1}\n{"a": 2}', ".json") == '{"a": 1}\n{"a": 2}'


PAGE = """<html><head><title>Garden  prices</title><meta name="description" content="HIDDEN"></head><body>
<p hidden>HIDDEN</p><p style="DISPLAY : none !important">HIDDEN</p>
<div style="color:red; visibility:hidden">HIDDEN</div>
<p style="display:none; display:block">last one holds</p><!-- HIDDEN --><span aria-hidden="true">an icon</span>
<details><summary>to open</summary>with a click</details><ul><li hidden>HIDDEN<li>no end tag</ul><p hidden>HIDDEN
<div>a block ends it</div><video>HIDDEN</video><table><tr><td hidden>HIDDEN<td>a cell</table><dialog>HIDDEN</dialog>
<svg><title>HIDDEN</title><text>in a drawing</text></svg><noscript>HIDDEN</noscript><template><p>HIDDEN</p></template>
<script>HIDDEN</script><style>HIDDEN{}</style><input type="hidden" value="HIDDEN"></body></html>"""


class TestPagesOfSites:
    def test_only_what_a_reader_sees(self):
        assert text_of((files.CASES / "A09b-script.html").read_bytes(), ".html").splitlines()[:3] == [
            "# T",
            "",
            "VisiblePARA",
        ]

    def test_what_is_hidden_in_any_way_is_left_out_and_nothing_else(self):
        text = text_of(PAGE.encode(), ".html")
        assert "HIDDEN" not in text
        lines = [line.strip("*| ") for line in text.splitlines()]
        for seen in ("# Garden prices", "last one holds", "an icon", "to open", "with a click", "no end tag", "a cell"):
            assert seen in lines
        assert "a block ends it" in text
        assert "in a drawing" in text

    def test_a_title_that_is_a_heading_too_stands_once(self):
        assert text_of(b"<title>Prices</title><body><h1>Prices</h1><p>Six euros.", ".html").count("Prices") == 1

    def test_a_page_that_a_script_shows_is_read(self):
        assert "text" in text_of(b"<html><body style='visibility:hidden'><p>text</p></body></html>", ".html")

    def test_a_chapter_of_a_book_is_such_a_page(self):
        text = text_of(files.epub("Tides", "<h1>One</h1><p>The sea rose.</p><p hidden>HIDDEN</p>"), ".epub")
        assert "The sea rose." in text
        assert "HIDDEN" not in text


class TestScans:
    def test_pages_that_are_pictures_are_counted(self):
        picture = files.PICTURE
        first, second = convert(files.pdf("a page", picture, picture, "text", picture, ""), "file.pdf")
        assert str(first.note) == (
            "3 of its 6 pages are pictures without text (2–3, 5). Run text recognition on the file, and add it again."
        )
        assert second.note is None

    def test_blank_pages_are_no_scans(self):
        assert convert(files.pdf("a page", ""), "file.pdf")[0].note is None

    def test_many_of_them_are_told_in_short(self):
        pages = [files.PICTURE if number % 2 else "text" for number in range(60)]
        assert "(2, 4, 6, 8, 10, 12, 14, 16, 18, 20, …)" in str(convert(files.pdf(*pages), "file.pdf")[0].note)

    def test_a_scan_is_refused_as_one(self):
        with pytest.raises(Unreadable, match="no text: it is a scan of 2 pages"):
            convert(files.pdf(files.PICTURE, "", files.PICTURE), "file.pdf")


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "extension", "reason"),
        [
            (files.pdf("Secret", locked=True), ".pdf", "password"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".docx", "password"),
            (files.pdf("", ""), ".pdf", "no text"),
            (b"%PDF-1.4 and then nothing", ".pdf", "damaged"),
            (files.pdf("a page"), ".docx", "not what its extension says"),
            (files.docx("a", "b"), ".pdf", "not a PDF"),
            (files.docx("a", "b"), ".xlsx", "not what its extension says"),
            (files.docx("a", "b")[:-40], ".docx", "damaged"),
            (bytes(range(256)) * 20, ".txt", "not text"),
        ],
    )
    def test_with_the_reason(self, data, extension, reason):
        with pytest.raises(Unreadable, match=rf"^my file\{extension} .*{reason}"):
            convert(data, f"my file{extension}")

    @pytest.mark.parametrize("name", ["movie.mp4", "noending", "archive.zip", ".pdf"])
    def test_kinds_that_are_not_read(self, name):
        with pytest.raises(Unreadable, match="Give one of"):
            extension_of(name)

    def test_endings_in_capitals_and_other_spellings(self):
        assert (extension_of("A.PDF"), extension_of("页面.htm")) == (".pdf", ".html")

    def test_the_sentence_is_for_translation(self):
        with pytest.raises(Unreadable) as caught:
            convert(b"word " * 100, "语.txt", Limits(characters=100))
        assert caught.value.sentence == Sentence(
            "{file} holds more text than the {limit:,} characters that are allowed.", file="语.txt", limit=100
        )

    def test_empty_and_missing_and_too_large(self, tmp_path):
        (tmp_path / "empty.txt").write_bytes(b" \n")
        (tmp_path / "large.txt").write_bytes(b"x" * 101)
        for name, reason in (("empty.txt", "empty"), ("large.txt", "larger"), ("missing.txt", "opened")):
            with pytest.raises(Unreadable, match=reason):
                load(tmp_path / name, name, Limits(file_bytes=100))


class TestHostile:
    def test_archive_that_unpacks_to_too_much(self):
        bomb = files.package({"word/document.xml": bytes(2_000_000)})
        assert len(bomb) < 10_000
        with pytest.raises(Unreadable, match="unpacks to more"):
            convert(bomb, "file.docx", Limits(unpacked_bytes=1_000_000))

    def test_archive_that_lies_about_its_size(self):
        honest = files.docx("a", "b" * 500_000)
        with zipfile.ZipFile(BytesIO(honest)) as archive:
            size = archive.getinfo("word/document.xml").file_size
        lying = honest.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
        with pytest.raises(Unreadable):
            convert(lying, "file.docx", Limits(unpacked_bytes=100_000))

    @pytest.mark.parametrize(
        ("data", "extension"),
        [
            (files.docx("a", "&g;", files.LAUGHS), ".docx"),
            (
                files.changed(
                    files.changed(files.xlsx({"s": [["text"]]}), SHEET, "<worksheet", files.LAUGHS + "<worksheet"),
                    SHEET,
                    ">text<",
                    ">&g;<",
                ),
                ".xlsx",
            ),
            (
                files.changed(files.epub("t", "<p>x</p>"), "OEBPS/book.opf", "<package", files.LAUGHS + "<package"),
                ".epub",
            ),
            (f"{files.LAUGHS}<svg><text>&g;</text></svg>".encode(), ".html"),
        ],
    )
    def test_entities_do_not_grow(self, data, extension):
        try:
            text = text_of(data, extension, Limits(seconds=60))
        except Unreadable:
            return
        assert text.count("ha") < 5_000

    def test_entities_do_not_read_files(self, tmp_path):
        secret = tmp_path / "secret.txt"
        secret.write_text("the secret of this server")
        doctype = f'<!DOCTYPE x [<!ENTITY g SYSTEM "{secret.as_uri()}">]>'
        with pytest.raises(Unreadable, match="can't be read"):
            text_of(files.docx("a", "before &g; after", doctype), ".docx")

    def test_reading_that_takes_too_long_is_ended(self):
        with pytest.raises(Unreadable, match="takes longer"):
            convert(files.docx("a", "b"), "file.docx", Limits(seconds=0))

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
    def test_reading_that_takes_too_much_memory_is_ended(self):
        with pytest.raises(Unreadable, match=r"memory|can't be read"):
            convert(files.docx("a", "b" * 30_000_000), "file.docx", Limits(memory_bytes=150_000_000))

    def test_too_many_pages_and_too_much_text(self):
        with pytest.raises(Unreadable, match=r"^file\.pdf has 3 pages"):
            convert(files.pdf("a", "b", "c"), "file.pdf", Limits(pages=2))
        with pytest.raises(Unreadable, match="more text"):
            convert(b"word " * 100, "file.txt", Limits(characters=100))

    def test_deep_nesting_and_odd_characters(self):
        assert "deep" in text_of(b"<div>" * 20_000 + b"deep", ".html")
        assert text_of(b'["\\ud800", "fine\\u0000"]', ".json").count("fine") == 1


class TestTables:
    """What a table holds is in its passages as people see it."""

    CASES = Path(__file__).parents[1] / "text" / "cases"

    @pytest.mark.parametrize(
        ("name", "lines"),
        [
            ("A02-na-strings.xlsx", ["| Namibia | NA | 12 |", "| Nowhere | None | 7 |", "| Null island | NULL | 3 |"]),
            ("A04a-semicolon.csv", ["| Name | Region | Units |", "| Widget | EU | 12,5 |"]),
            (
                "A12-title-row-merged.xlsx",
                ["Customer feedback Q3", "| text | label | date |", "## North", "| N1 | 6 |"],
            ),
            ("S02-trailing-delimiter.csv", ["| Great tea | positive |"]),
            ("S05-sep-line.csv", ["| text | label |"]),
            ("S16-huge-dimension.xlsx", ["| text | label | date |"]),
            ("old.xls", ["| Good tea | NA | 2024-03-05 |"]),
        ],
    )
    def test_exports(self, name, lines):
        text = "\n".join(part.text for part in convert((self.CASES / name).read_bytes(), name))
        assert [line for line in lines if line not in text.splitlines()] == []
        assert "nan" not in text.casefold().replace("namibia", "")

    def test_a_long_field_is_read(self):
        assert text_of(b"id,text\n1," + b"word " * 40_000 + b"\n2,short\n", ".csv").endswith("| 2 | short |")

    def test_rows_with_too_many_values_and_open_quotation_marks_are_kept(self):
        text = text_of(b'a,b\n1,2,3\n4,"5\n6,7\n', ".csv")
        assert [value for value in "1234567" if value not in text] == []

    def test_formulas_without_a_value_are_told(self):
        first, *_ = convert((self.CASES / "A11-formula-no-cache.xlsx").read_bytes(), "f.xlsx")
        assert str(first.note).startswith("3 formulas have no stored value, so their cells are empty (S).")


def test_a_table_with_tabs_has_the_chosen_encoding_and_no_other_delimiter():
    data = b"a, b, c\td\n" + b"caf\xe9, 0, 0\t1\n" * 5
    (part,) = convert(data, "a.tsv", encoding="windows-1252")
    assert part.text.splitlines()[0] == "| a, b, c | d |"
    assert part.text.splitlines()[2] == "| café, 0, 0 | 1 |"
