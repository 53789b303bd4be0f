"""Decoding: the same file gives the same text in every tab, whatever wrote it."""

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge import reader
from qwen_ui.tabs.sentiment import rows
from qwen_ui.tabs.translate import files
from qwen_ui.text.decode import decode, is_damaged

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


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_file_reads_the_same_in_every_tab(encoding):
    text = TEXTS[encoding]
    data = text.encode(encoding)
    assert decode(data, "a.txt") == decode(data, keep_damaged=True) == text
    assert files.read("a.txt", data).texts == (text,)
    assert rows.select(rows.read("a.txt", data), rows.Columns("text")).usable[0].text == text
    assert reader.read(data, ".txt", max_pages=1, max_unpacked=1) == [(None, text)]


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
    with pytest.raises(reader.Refused, match="is not text"):
        reader.read(data, ".txt", max_pages=1, max_unpacked=1)
