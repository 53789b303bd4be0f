"""Decoding: the same file gives the same text in every tab, whatever wrote it."""

from pathlib import Path

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge import reader
from qwen_ui.knowledge.convert import convert
from qwen_ui.tabs.sentiment import rows
from qwen_ui.tabs.translate import files
from qwen_ui.text import tables
from qwen_ui.text.confined import Refused
from qwen_ui.text.decode import UncertainEncoding, decode, is_damaged

CHINESE = "会议记录：Q3 budget review, 2024年第三季度预算审查。We met at noon. 下次会议定于十月十五日。"
TEXTS = {
    "utf-8": CHINESE,
    "utf-8-sig": CHINESE,
    "utf-16": CHINESE,
    "utf-16-le": CHINESE,
    "utf-32": CHINESE,
    "gb18030": CHINESE,
    "gb2312": "送餐很快，味道也不错，下次还会再点。包装有点漏，客服态度一般。",
    "gbk": "你好，世界。今天我们讨论合同的条款。",
    "big5": "今天天氣很好，我們去公園玩吧。",
    "shift_jis": "今日はとても天気がいいですね。",
    "euc_jp": "会議は来週の月曜日に行われます。よろしくお願いします。",
    "euc_kr": "오늘은 날씨가 아주 좋습니다.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "cp1251": "Сегодня очень хорошая погода, пойдем гулять в парк.",
    "cp1252": "L’été dernier, nous étions à la mer. C’était très agréable.",
    "latin-1": "Le café était très bon, déjà vu à Noël.",
    "cp1253": "Σήμερα ο καιρός είναι πολύ καλός, πάμε μια βόλτα στο πάρκο.",
}


def document(data: bytes) -> list[str]:
    """What the reader of documents makes of a .txt file."""
    return [text for _, text, *_ in reader.read(data, [".txt", "", "1", "1", "10000"])]


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_file_reads_the_same_in_every_tab(encoding):
    text = TEXTS[encoding]
    data = text.encode(encoding)
    assert decode(data, "a.txt") == decode(data, keep_damaged=True) == text
    assert files.read("a.txt", data).texts == (text,)
    assert rows.select(tables.read("a.txt", data), rows.Columns("text")).usable[0].text == text
    assert document(data) == [text]


def test_one_bad_byte_does_not_make_utf8_something_else():
    text = "这份合同自签字之日起生效。" * 5
    assert decode(text.encode() + b"\xff!") == text + "\ufffd!"
    kept = decode(text.encode() + b"\xff!", keep_damaged=True)
    assert is_damaged(kept)
    assert not is_damaged(text)
    assert kept.encode(errors="surrogateescape") == text.encode() + b"\xff!"


def test_a_line_from_another_file_leaves_the_others_whole():
    lines = ["café", "thé", "naïve"]
    data = b"\n".join([*(line.encode() for line in lines), "crème".encode("cp1252")])
    assert decode(data).split("\n")[:3] == lines


def test_a_declared_encoding_decides_where_the_bytes_fit_it():
    assert decode("价目表".encode("gb18030"), declared="GB2312") == "价目表"
    assert decode("Žluť".encode("cp1250"), declared="windows-1250") == "Žluť"
    assert decode("Žluť".encode(), declared="windows-1250") == "Žluť"
    for wrong in ("utf-16", "no-such", "hex", "punycode", "undefined"):
        assert (
            decode("今天天氣很好，我們去公園玩吧。".encode("big5"), declared=wrong) == "今天天氣很好，我們去公園玩吧。"
        )


def test_a_long_file_is_not_cut_within_a_character_before_it_is_looked_at():
    text = "他说：今天很好。\n" * 30_000
    for shift in range(3):
        assert decode(("a" * shift + text).encode("gb18030")) == "a" * shift + text


def test_a_file_broken_off_within_a_character_is_read():
    assert decode("早上好".encode("utf-16")[:-1]) == "早上\ufffd"
    assert decode("早上好".encode("utf-16")[:-1], keep_damaged=True) == "早上\ufffd"


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"PK\x03\x04\x00\x00", b"text\x00", b"\xff\xfea\x00\x00\x00"])
def test_what_is_no_text_is_refused_by_name(data):
    with pytest.raises(InvalidInput, match=r"photo\.txt is not a text file"):
        decode(data, "photo.txt")
    with pytest.raises(Refused, match="is not text"):
        document(data)


CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize(
    ("file", "encoding", "beginning"),
    [
        ("A06a-gbk.txt", "gbk", "本手册说明如何更换滤芯。"),
        ("A06b-big5.txt", "big5", "本手冊說明如何更換濾芯。"),
        ("A06d-cp1251.txt", "cp1251", "Инструкция по замене фильтра."),
        ("A06e-gbk-short.csv", "gbk", "名称,数量\n滤芯,3"),
        ("A06f-sjis.txt", "cp932", "フィルターの交換方法。"),
        ("A06h-greek.txt", "cp1253", "Οδηγίες για την αντικατάσταση"),
        ("A06j-hebrew.txt", "cp1255", "הוראות להחלפת המסנן."),
    ],
)
def test_a_short_file_reads_right_or_its_reader_is_asked(file, encoding, beginning):
    data = (CASES / file).read_bytes()
    try:
        assert decode(data).startswith(beginning)
    except UncertainEncoding as error:
        assert data.decode(encoding) in [decode(data, encoding=each.encoding) for each in error.candidates]
    assert decode(data, encoding=encoding) == data.decode(encoding)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("目录", "gbk"),  # is valid UTF-8, too
        ("联通", "gbk"),
        ("价格", "gbk"),
        ("é", "cp1252"),
        ("naïve", "mac-roman"),
        ("İş", "cp1254"),
        ("það er gott veður í dag", "cp1252"),
    ],
)
def test_what_is_too_short_to_tell_is_never_silently_wrong(text, encoding):
    try:
        assert decode(text.encode(encoding)) == text
    except UncertainEncoding as error:
        assert len(error.candidates) > 1
        assert all(each.preview for each in error.candidates)


def test_utf16_of_chinese_without_a_mark_is_read_in_both_byte_orders():
    for text in ("会议记录\r\n下次会议定于十月十五日。", "本手冊說明如何更換濾芯。"):
        for encoding in ("utf-16-le", "utf-16-be"):
            assert decode(text.encode(encoding)) == text


def test_ascii_is_ascii():
    for text in ("", "x", "FR4,X7", "Bush hid the facts", "id;qty\r\n1;2\r\n"):
        assert decode(text.encode()) == text


def test_an_uncertain_file_says_which_encodings_are_likely():
    data = "名称\n价目".encode("gbk")
    with pytest.raises(UncertainEncoding, match=r"which encoding list\.csv is: likely are .*GB18030") as caught:
        decode(data, "list.csv")
    chinese = next(each for each in caught.value.candidates if each.encoding == "GB18030")
    assert chinese.preview == ("名称", "价目")


def test_the_encoding_can_be_chosen_by_any_of_its_names():
    assert decode("Žluť".encode("cp1250"), encoding=" Windows-1250 ") == "Žluť"
    assert decode("镕".encode("gbk"), encoding="gb2312") == "镕"
    for wrong in ("no-such", "hex", "punycode", "unicode_escape", "utf-7", "x" * 1000):
        with pytest.raises(InvalidInput, match="There is no encoding"):
            decode(b"a", encoding=wrong)


def test_a_letter_that_only_the_end_of_a_long_file_has_counts():
    lines = ["nothing to go by"] * 2_000 + ["Şişli'de güneşli bir gün, ığdır ve İzmir"]
    text = "\n".join(lines)
    assert decode(text.encode("cp1254")) == text


def test_a_document_in_an_uncertain_encoding_is_read_in_the_chosen_one():
    data = "名称\n价目".encode("gbk")
    with pytest.raises(UncertainEncoding) as caught:
        convert(data, "list.txt")
    assert "GB18030" in [each.encoding for each in caught.value.candidates]
    assert [part.text for part in convert(data, "list.txt", encoding="GB18030")] == ["名称\n价目"]
    assert files.read("list.txt", data, encoding="GB18030").texts == ("名称\n价目",)
    assert tables.read("list.txt", data, encoding="GB18030").rows[0][1] == ("名称",)
