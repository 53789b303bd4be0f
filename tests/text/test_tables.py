"""Tables in files: whatever program wrote them, their columns and rows come out as people see them."""

import io
import json
import sys
import time
from pathlib import Path

import openpyxl
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.text.tables import MAX_ROWS, Table, grid_of, header_of, names_of, read
from tests.text import books

CASES = Path(__file__).parent / "cases"


def opened(name: str, sheet: str = "") -> Table:
    return read(name, (CASES / name).read_bytes(), sheet)


def values(table: Table) -> list[tuple[str, ...]]:
    return [row for _, row in table.rows]


def workbook(*sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"S{number}")
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class TestDelimited:
    @pytest.mark.parametrize(
        ("name", "columns", "first", "count"),
        [
            ("A04a-semicolon.csv", ("Name", "Region", "Units"), ("Widget", "EU", "12,5"), 2),
            ("S02-trailing-delimiter.csv", ("text", "label"), ("Great tea", "positive"), 2),
            ("S05-sep-line.csv", ("text", "label"), ("Great tea", "positive"), 2),
        ],
    )
    def test_exports_of_other_programs(self, name: str, columns: tuple[str, ...], first: tuple[str, ...], count: int):
        table = opened(name)
        assert (table.columns, values(table)[0], len(table.rows), table.skipped) == (columns, first, count, ())

    @pytest.mark.parametrize(
        ("text", "columns", "rows"),
        [
            ("text\nhello, world\nhi, all\n", ("text",), [("hello, world",), ("hi, all",)]),
            ("text\nso, la, la\nbye", ("text",), [("so, la, la",), ("bye",)]),
            ("a,b\n1,2\n,,\n,,\n", ("a", "b"), [("1", "2")]),
            ("Report Q3\n\nname;note\nA;1,5\nB;2,5\n", ("name", "note"), [("A", "1,5"), ("B", "2,5")]),
            ("Report Q3;;\nFrom: May;;\na;b;c\nx;y;z\n", ("a", "b", "c"), [("x", "y", "z")]),
            ("sep=|\na,1|b\nx|y\n", ("a,1", "b"), [("x", "y")]),
            ('"sep=;"\na;b\nx;y', ("a", "b"), [("x", "y")]),
            ("a\tb\nI like it, yes\tx\nNo, no\ty\n", ("a", "b"), [("I like it, yes", "x"), ("No, no", "y")]),
            ("text,text,\nx,y,z\n", ("text", "text (2)", "column 3"), [("x", "y", "z")]),
            (",text\n0,fine\n1,bad\n", ("column 1", "text"), [("0", "fine"), ("1", "bad")]),
            ('id, note\n1, "a, b"\n', ("id", "note"), [("1", "a, b")]),
            ('id,note\n1,"He said \\"no, no\\""\n', ("id", "note"), [("1", 'He said "no, no"')]),
            ("a,b\r1,2\r3,4", ("a", "b"), [("1", "2"), ("3", "4")]),
            ("id,note\n1,NA\n2,None\n3,NULL\n", ("id", "note"), [("1", "NA"), ("2", "None"), ("3", "NULL")]),
        ],
    )
    def test_dialects(self, text: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]):
        table = read("t.csv", text.encode())
        assert (table.columns, values(table)) == (columns, rows)

    def test_a_field_may_be_long(self):
        table = read("t.csv", b"id,text\n1," + b"word " * 100_000 + b"\n2,short\n")
        assert [len(text) for _, text in values(table)] == [500_000, 5]

    def test_what_follows_a_quotation_mark_that_is_not_closed_is_read(self):
        table = read("t.csv", b'a,b\n1,2\n3,"4\n5,6\n7,8\n')
        assert [row.number for row in table.skipped] == [3]
        assert values(table) == [("1", "2"), ("5", "6"), ("7", "8")]

    def test_numbers_of_rows_are_lines(self):
        table = read("t.csv", b'sep=;\r\nTitle;\r\na;b\r\n1;"x\r\ny"\r\n2;z\r\n')
        assert [number for number, _ in table.rows] == [4, 6]

    def test_a_table_under_the_name_of_a_workbook(self):
        assert values(read("export.xls", b"a\tb\nx\ty\n")) == [("x", "y")]


class TestWorkbooks:
    def test_text_stays_text_and_12_stays_12(self):
        assert values(opened("A02-na-strings.xlsx")) == [
            ("Namibia", "NA", "12"),
            ("Nigeria", "NG", ""),
            ("Nowhere", "None", "7"),
            ("Null island", "NULL", "3"),
            ("Other", "n/a", "1"),
        ]

    @pytest.mark.parametrize("name", ["S01-dimension-A1.xlsx", "S16-huge-dimension.xlsx"])
    def test_cells_are_counted_and_no_size_is_believed(self, name: str):
        table = opened(name)
        assert table.columns == ("text", "label", "date")
        assert [number for number, _ in table.rows] == list(range(2, 14))

    def test_the_sheet_with_data_is_read_and_another_on_request(self):
        table = opened("S06a-empty-first-sheet.xlsx")
        assert (table.sheets, table.sheet, len(table.rows)) == (("Cover", "Data"), "Data", 12)
        assert opened("A12-title-row-merged.xlsx", "North").columns == ("region", "sales")
        with pytest.raises(InvalidInput, match=r"no sheet 'East'.* It has: Cover, Data, North\."):
            opened("A12-title-row-merged.xlsx", "East")

    def test_a_cover_or_a_hidden_sheet_does_not_win(self):
        rows: list[list[object]] = [[f"text {number}", "good"] for number in range(9)]
        many: list[list[object]] = [["a", "b", "c"] for _ in range(500)]
        data = workbook([["Survey"], [None], ["by Ann"]], rows, many)
        book = openpyxl.load_workbook(io.BytesIO(data))
        book["S3"].sheet_state = "hidden"
        out = io.BytesIO()
        book.save(out)
        assert read("t.xlsx", out.getvalue()).sheet == "S2"

    def test_a_title_above_the_header_and_merged_cells(self):
        table = opened("A12-title-row-merged.xlsx")
        assert (table.columns, table.rows[0]) == (
            ("text", "label", "date"),
            (4, ("Good tea", "positive", "2024-01-02")),
        )
        assert values(opened("A12-title-row-merged.xlsx", "North")) == [("N1", "5"), ("N1", "6"), ("N2", "7")]

    def test_formulas_without_a_value_are_counted(self):
        assert opened("A11-formula-no-cache.xlsx").uncomputed == 3
        empty_text = '<c r="A2" t="str"><f>""</f><v></v></c><c r="B2"><f>1+1</f><v>2</v></c>'
        assert read("t.xlsx", books.book(books.HEAD, f'<row r="2">{empty_text}</row>')).uncomputed == 0

    def test_values_as_a_spreadsheet_shows_them(self):
        data = workbook([["a", "b", "c", "d"], [0.1 + 0.2, True, 12345678901, 2.5]])
        assert values(read("t.xlsx", data)) == [("0.3", "TRUE", "12345678901", "2.5")]

    @pytest.mark.parametrize(
        "format", ["dd/mm/yyyy", 'yyyy"年"m"月"d"日"', "[$-409]d\\-mmm\\-yy;@", "yyyy-mm-dd hh:mm:ss"]
    )
    def test_dates(self, format: str):
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        sheet.append(["text", "date"])
        sheet.append(["x", 45356])
        sheet["B2"].number_format = format
        out = io.BytesIO()
        book.save(out)
        assert values(read("t.xlsx", out.getvalue())) == [("x", "2024-03-05")]

    def test_excel_before_2007(self):
        table = opened("old.xls")
        assert (table.sheet, table.columns) == ("Data", ("text", "code", "day"))
        assert values(table) == [("Good tea", "NA", "2024-03-05"), ("Bad cake", "12", "2024-03-28")]

    def test_open_document(self):
        table = read("t.ods", books.ods(books.ods_row("text", "code"), books.ods_row("Good tea", "NA")))
        assert (table.columns, values(table)) == (("text", "code"), [("Good tea", "NA")])

    def test_a_stray_cell_far_below_makes_no_rows(self):
        far = '<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>x</t></is></c></row>'
        assert [number for number, _ in read("t.xlsx", books.book(books.HEAD, books.ROW, far)).rows] == [2, 1048576]


class TestObjects:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("t.json", '[{"text": "a", "n": 12}, {"text": "b", "n": 1.10}]'),
            ("t.jsonl", '[{"text": "a", "n": 12},\n {"text": "b", "n": 1.10}]'),
            ("t.json", '{"text": "a", "n": 12}\n{"text": "b", "n": 1.10}\n'),
            ("t.jsonl", '{"text": "a", "n": 12}\n{"text": "b", "n": 1.10}\n'),
            ("t.json", '{"total": 2, "reviews": [{"text": "a", "n": 12}, {"text": "b", "n": 1.10}]}'),
            ("t.json", '{"text": {"0": "a", "1": "b"}, "n": {"0": 12, "1": 1.10}}'),
            ("t.json", '{"text": ["a", "b"], "n": [12, 1.10]}'),
            ("t.json", '[["text", "n"], ["a", 12], ["b", 1.10]]'),
            ("t.json", '{"columns": ["text", "n"], "index": [0, 1], "data": [["a", 12], ["b", 1.10]]}'),
        ],
    )
    def test_forms(self, name: str, text: str):
        table = read(name, text.encode())
        assert (table.columns, values(table)) == (("text", "n"), [("a", "12"), ("b", "1.10")])

    def test_objects_in_objects_and_missing_values(self):
        data = [{"user": {"name": "Ann"}, "text": "a"}, {"text": None, "ok": True}, ["x"]]
        table = read("t.json", json.dumps(data).encode())
        assert table.columns == ("user.name", "text", "ok")
        assert values(table) == [("Ann", "a", ""), ("", "", "true")]
        assert [(row.number, str(row.reason)) for row in table.skipped] == [(3, "not a JSON object")]

    def test_texts_alone(self):
        assert values(read("t.json", b'["a", "b"]')) == [("a",), ("b",)]

    def test_utf_16(self):
        assert values(read("t.json", '[{"text": "好"}]'.encode("utf-16"))) == [("好",)]


class TestHeaders:
    @pytest.mark.parametrize(
        ("rows", "at"),
        [
            ([["a", "b"], ["1", "2"]], (0, 1)),
            ([["Title", ""], ["", ""], ["a", "b"], ["1", "2"]], (2, 3)),
            ([["", "Title", ""], ["a", "b", "c"], ["1", "2", "3"]], (1, 2)),
            ([["Store:", "Berlin", ""], ["a", "b", "c"], ["x", "y", "z"]], (1, 2)),
            ([["Q1", "", "Q2", ""], ["x", "y", "x", "y"], ["a", "b", "c", "d"]], (1, 2)),
            ([["name", "sales", ""], ["name", "May", "June"], ["x", "1", "2"]], (0, 2)),
            ([["id", "", "", "name"], ["1", "x", "y", "z"]], (0, 1)),
            ([["a", "b"], ["1", "2", "3"], ["1", "2"]], (0, 1)),
            ([["text"], ["one"], ["two"]], (0, 1)),
            ([], (0, 0)),
        ],
    )
    def test_where_it_is(self, rows: list[list[str]], at: tuple[int, int]):
        assert header_of(rows) == at

    def test_merged_names_are_of_both_rows(self):
        rows = [["name", "sales", ""], ["name", "May", "June"], ["x", "1", "2"]]
        assert grid_of(list(enumerate(rows))).columns == ["name", "May", "June"]

    def test_each_name_is_there_once(self):
        assert names_of(["a", " a ", "", "a (2)", "b\nc"]) == ["a", "a (2)", "column 3", "a (2) (2)", "b c"]


class TestHostile:
    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
    @pytest.mark.parametrize("name", books.BOMBS)
    def test_a_small_file_is_refused_soon(self, name: str):
        data, began = books.BOMBS[name], time.monotonic()
        assert len(data) < 200_000
        with pytest.raises(InvalidInput):
            read("t.xlsx" if data[30:38] != b"mimetype" else "t.ods", data)
        assert time.monotonic() - began < 30  # on a machine that has much else to do

    @pytest.mark.parametrize(
        ("name", "data", "says"),
        [
            ("t.csv", b"," * 100_000, "Line 1 has more than 16,384 columns"),
            ("t.csv", b"a\n" * (MAX_ROWS + 300), "more than the 200,000 rows"),
            ("t.json", json.dumps([{f"k{n}": 1} for n in range(20_000)]).encode(), "5,000,000 cells"),
            ("t.json", b"[" * 1_000_000, "holds no rows"),
            ("t.xlsx", b"PK\x03\x04 no", "can't be read as an Excel workbook"),
            ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "can't be read as an Excel workbook"),
        ],
    )
    def test_what_is_too_much_or_damaged_is_said(self, name: str, data: bytes, says: str):
        with pytest.raises(InvalidInput, match=says):
            read(name, data)


def test_a_web_page_in_the_name_of_a_workbook_is_told():
    with pytest.raises(InvalidInput, match=r"report\.xls is a web page or XML"):
        read("report.xls", b"\n<html><table><tr><td>text</td></tr><tr><td>hi</td></tr></table></html>")
