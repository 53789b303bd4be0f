"""Files of texts: what can't be used is counted and named, and the rest goes through."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Language
from qwen_ui.tabs.sentiment import rows as reader
from qwen_ui.tabs.sentiment.rows import (
    Columns,
    Row,
    Rows,
    guess_columns,
    meanings,
    open_table,
    parse_meanings,
    select,
    written,
)
from qwen_ui.text.tables import Table, read
from tests.pages import words


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def skipped(there: Table | Rows) -> list[tuple[int, str]]:
    return [(row.number, str(row.reason)) for row in there.skipped]


def test_csv_with_rows_that_can_not_be_used():
    lines = ["review,label", "good,1", ",0", '"two', 'lines",1', "a,b,c", "", "x" * 4001 + ",0", "short", "end,1"]
    table = read("t.csv", "\r\n".join(lines).encode())
    assert table.columns == ("review", "label")
    rows = select(table, Columns("review", "label"))
    assert rows.usable == (
        Row(2, "good", "1"),
        Row(4, "two\r\nlines", "1"),
        Row(9, "short", ""),
        Row(10, "end", "1"),
    )
    assert skipped(rows) == [
        (3, "empty"),
        (6, "3 values for 2 columns"),
        (7, "empty"),
        (8, "longer than 4,000 characters"),
    ]
    assert len(rows.usable) + len(rows.skipped) == 8


def test_a_quotation_mark_that_is_not_closed_is_named():
    table = read("t.csv", b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 500)
    assert skipped(table) == [(3, "a quotation mark is not closed until line 503")]


def test_broken_bytes_spoil_only_their_rows():
    lines = ["评论;日期".encode(), *["味道很好;2024".encode()] * 30, "难吃".encode("gb18030") + b";2024"]
    rows = select(read("t.csv", b"\n".join(lines)), Columns("评论", date="日期"))
    assert len(rows.usable) == 30
    assert rows.usable[0] == Row(2, "味道很好", date="2024")
    assert skipped(rows) == [(32, "wrong encoding")]


def test_a_file_in_another_encoding_is_read_whole():
    text = "review\n" + "味道很好，下次还会再来，推荐给大家。\n" * 5
    rows = select(read("t.csv", text.encode("gb18030")), Columns("review"))
    assert [row.text for row in rows.usable] == ["味道很好，下次还会再来，推荐给大家。"] * 5
    assert not rows.skipped


def test_a_line_a_text():
    rows = select(read("t.txt", "\ufeffgood\n\n 不错 \r\n".encode()), Columns("text"))
    assert rows.usable == (Row(1, "good"), Row(3, "不错"))
    assert skipped(rows) == [(2, "empty")]


def test_json_lines():
    data = b'{"text": "good", "stars": 5}\n[1]\n{"text"\n\n{"text": null}\n{"stars": 1}\n{"text": 42}\n'
    rows = select(read("t.jsonl", data), Columns("text", "stars"))
    assert rows.usable == (Row(1, "good", "5"), Row(7, "42"))
    assert skipped(rows) == [
        (2, "not a JSON object"),
        (3, "not valid JSON"),
        (4, "empty"),
        (5, "empty"),
        (6, "empty"),
    ]


def test_workbook():
    data = workbook(
        [["review", "n", None], ["good", 1, None], [None, None, None], [None, 2, None], ["不错", 3.5, None]]
    )
    rows = select(read("t.xlsx", data), Columns("review", "n"))
    assert rows.usable == (Row(2, "good", "1"), Row(5, "不错", "3.5"))
    assert skipped(rows) == [(3, "empty"), (4, "empty")]


def test_a_workbook_that_unpacks_to_far_more_is_refused_unread():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/big.xml", "w") as part:
        for _ in range(501):
            part.write(bytes(1_000_000))
    assert len(out.getvalue()) < 1_000_000
    with pytest.raises(InvalidInput, match="unpacks to 501 MB"):
        read("t.xlsx", out.getvalue())


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.pdf", b"x", "must end in .csv"),
        ("t.csv", b"", "holds no rows"),
        ("t.csv", b"a,b\n", "holds no rows"),
        ("t.jsonl", b"x", "holds no rows"),
        ("t.xlsx", b"PK\x03\x04 no", "can't be read as an Excel workbook"),
        ("t.txt", bytes(range(256)) * 4, "not a text file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, data: bytes, says: str):
    with pytest.raises(InvalidInput, match=says):
        read(name, data)


def test_a_column_that_is_not_there():
    with pytest.raises(InvalidInput, match="no column 'text'"):
        select(read("t.csv", b"a,b\n1,2"), Columns("text"))


def test_a_reason_is_told_in_the_readers_language():
    chinese = Language("zh", words().chinese)
    (row,) = read("t.csv", b"a,b\n1,2,3\n1,2").skipped
    assert chinese.say("{reason}", reason=row.reason) == "有 3 个值，却只有 2 列"


def test_a_file_that_is_too_large_is_refused_unread_and_one_that_is_gone_is_told_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "t.txt"
    path.write_bytes(b"good\n" * 1_000)
    assert len(open_table(str(path)).rows) == 1_000
    monkeypatch.setattr(reader, "MAX_BYTES", 4_000)
    with pytest.raises(InvalidInput, match="Split it"):
        open_table(str(path))
    path.unlink()
    with pytest.raises(InvalidInput, match="no longer has this file"):
        open_table(str(path))


def test_columns_are_guessed_by_name_and_by_value():
    data = "id,day,stars,review_text,true\n1,2024-05-01,5,short,Good\n2,2024-05-02,4,,bad\n"
    assert guess_columns(read("t.csv", data.encode()), ["good", "bad"]) == Columns("review_text", "true", "day")
    data = "a,b\n1,this one is the longest\n2,yes\n"
    assert guess_columns(read("t.csv", data.encode()), ["good", "bad"]) == Columns("b")
    data = "text,maybe\na,good\nb,good\nc,great\n"  # not a label is among them
    assert guess_columns(read("t.csv", data.encode()), ["good", "bad"]) == Columns("text")
    data = "标签,评论,日期\n好,好吃,2024年\n"
    assert guess_columns(read("t.csv", data.encode()), ["好", "坏"]).text == "评论"


@pytest.mark.parametrize(
    ("values", "labels", "meant"),
    [
        ("101", ["positive", "negative"], "0 = negative, 1 = positive"),
        ("101", ["正面", "中性", "负面"], "0 = 负面, 1 = 正面"),
        ("210", ["positive", "neutral", "negative"], "0 = negative, 1 = neutral, 2 = positive"),
        ("12345", ["good", "bad"], "1 = bad, 2 = bad, 3 = , 4 = good, 5 = good"),
        ("1", ["positive", "negative"], "1 = positive"),
        ("404", ["positive", "negative"], "0 = negative, 4 = positive"),
        ("10", ["joy", "anger"], "0 = , 1 = "),
        (["pos", "NEG"], ["positive", "negative"], "neg = negative, pos = positive"),
    ],
)
def test_a_column_of_numbers_may_stand_for_labels(values: str | list[str], labels: list[str], meant: str):
    table = read("t.csv", "\n".join(["text,label", *(f"text,{value}" for value in values)]).encode())
    guess = guess_columns(table, labels)
    assert (guess.gold_label, written(guess.meanings)) == ("label", meant)


def test_what_values_stand_for_is_written_and_read():
    labels = ("Positive", "negative")
    assert parse_meanings("0 = negative；1：positive, 2 =", labels) == {"0": "negative", "1": "Positive"}
    assert parse_meanings("", labels) == {}
    with pytest.raises(InvalidInput, match="1 can't mean 'good': the labels are"):
        parse_meanings("1 = good", labels)


def test_labels_are_no_numbers_to_explain_and_other_numbers_no_labels():
    table = read("t.csv", b"text,label,stars\na,positive,5\nb,negative,1\n")
    assert meanings(table, "label", ["positive", "negative"]) == {}
    assert guess_columns(table, ["positive", "negative"]).gold_label == "label"
    table = read("t.csv", "\n".join(["text,label", *(f"a,{number}" for number in range(30))]).encode())
    assert guess_columns(table, ["positive", "negative"]).gold_label == ""


def test_gold_labels_are_what_their_values_stand_for():
    table = read("t.csv", b"text,label\nGreat tea,1\nBad cake,0\nHm,9\n")
    rows = select(table, Columns("text", "label", meanings={"0": "negative", "1": "positive"}))
    assert [row.gold_label for row in rows.usable] == ["positive", "negative", "9"]
