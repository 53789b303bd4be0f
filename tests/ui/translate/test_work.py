"""A translation under way: its pieces and the text that they make together."""

import random
from dataclasses import replace

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tasks.translate import find, glossary, read
from qwen_ui.ui.translate.orders import ordered, sample
from qwen_ui.ui.translate.work import MAX_PIECES, Order, Piece, Work, begin, translated, typed

FRENCH, CHINESE = Order(find("fr")), Order(find("zh-CN"))
TEXT = "# Title\n\nOne sentence. Another one.\n\n```python\nprint(1)\n```\n\n- first\n- second `code`\n"


def done(work: Work, place: int, translation: str) -> Work:
    return work.with_piece(place, Piece(work.pieces[place].source, translation, "done"))


def test_only_prose_is_made_into_pieces():
    work = begin(typed(TEXT), FRENCH)
    assert [piece.source for piece in work.pieces] == [
        "Title", "One sentence. Another one.", "first", "second `code`",
    ]  # fmt: skip


@pytest.mark.parametrize("order", [FRENCH, CHINESE])
@pytest.mark.parametrize("text", [TEXT, "A long sentence is here. " * 120, "一句话。" * 500])
def test_the_text_so_far_only_grows_in_whatever_order_pieces_come(order: Order, text: str):
    work, before = begin(typed(text), order), ""
    places = list(range(len(work.pieces)))
    random.Random(1).shuffle(places)
    for place in places:
        for part in ("Un", "Un mot", "Un mot."):
            work = work.with_piece(place, Piece(work.pieces[place].source, part, "writing"))
            assert work.so_far().startswith(before)
            before = work.so_far()
        work = done(work, place, "Un mot.")
    assert work.so_far().startswith(before)
    assert work.so_far() == work.file().decode()


def test_what_is_not_translated_stays_as_it_is():
    work = begin(typed(TEXT), FRENCH)
    assert work.file().decode() == TEXT
    work = done(work, 2, "premier")
    assert work.file().decode() == TEXT.replace("first", "premier")
    assert work.missing == [0, 1, 3]


def test_a_text_without_words_needs_no_translation():
    work = begin(typed("42\n\n{name}"), FRENCH)
    assert work.pieces == ()
    assert work.so_far() == work.file().decode() == "42\n\n{name}"


@pytest.mark.parametrize("text", ["", " \n", 5, None, "a\ud800b"])
def test_what_is_no_text_is_refused(text: str):
    with pytest.raises(InvalidInput):
        typed(text)


def test_too_many_pieces_are_refused():
    with pytest.raises(InvalidInput, match="Split it"):
        begin(typed("word\n\n" * (MAX_PIECES + 1)), FRENCH)


def test_findings_name_the_piece_and_wait_for_its_end():
    work = begin(typed("See {name}.\n\nPay 42."), replace(FRENCH, terms=glossary.parse("pay = payer")))
    work = work.with_piece(0, Piece("See {name}.", "Voir", "writing"))
    work = done(work, 1, "Réglez.")
    assert [(place, finding.kind) for place, finding in work.findings()] == [(1, "number"), (1, "term")]


def test_a_file_keeps_its_format_and_is_translated_back_in_it():
    work = begin(read("x.json", b'{"a": "Good day", "n": 3}'), FRENCH)
    work = done(work, 0, "Bonjour")
    assert work.file() == b'{"a": "Bonjour", "n": 3}'
    back = translated(work, Order(find("en")))
    assert [piece.source for piece in back.pieces] == ["Bonjour"]
    assert done(back, 0, "Hello").file() == b'{"a": "Hello", "n": 3}'


def test_the_source_is_detected_unless_it_is_named():
    text = ["The library opens at nine o'clock in the morning, and closes late at night."]
    assert ordered(text, "French", "auto").source == find("en")
    assert ordered(text, "法语", "de").source == find("de")
    assert ordered(["xyz"], "fr", "AUTO").source is None  # not sure enough to tell the model


@pytest.mark.parametrize(
    ("target", "source", "glossary", "says"),
    [
        ("Klingon", "auto", "", "no language 'Klingon'"),
        ("fr", "xx", "", "no language 'xx'"),
        (None, "auto", "", "Name the target language"),
        ("fr", 5, "", "Name the source language"),
        ("fr", "auto", "a = b\nnonsense", "Line 2 of the glossary"),
        ("fr", "auto", None, "glossary must be text"),
    ],
)
def test_what_can_not_be_ordered_is_named(target: str, source: str, glossary: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        ordered(["text"], target, source, glossary=glossary)


def test_a_sample_is_the_beginning_of_the_texts():
    assert sample(["a", "b"]) == "a\nb"
    assert len(sample(["x" * 3000] * 100)) == 4000
