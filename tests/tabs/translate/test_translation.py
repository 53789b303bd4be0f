"""A translation under way: its segments, edits, and the text that they make together."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.files import read
from qwen_ui.tabs.translate.translation import (
    MAX_SEGMENTS,
    Segment,
    State,
    Translation,
    begin,
    order_for,
    typed,
)
from qwen_ui.text.languages import find
from tests.tabs.translate.translator import PROMPTS, order, translation_of

TEXT = "# Title\n\nOne sentence. Another one.\n\n```python\nprint(1)\n```\n\n- first\n- second `code`\n"
GLOSSARY = glossary.parse("pay = payer")
STANDARD = PROMPTS.load("translate", "standard")


def put(translation: Translation, place: int, text: str, state: State = "done") -> None:
    translation.put([place], Segment(translation.segments[place].source, text, state))


def test_only_prose_is_made_into_segments():
    assert [segment.source for segment in translation_of(TEXT).segments] == [
        "Title", "One sentence. Another one.", "first", "second `code`",
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["fr", "zh-CN"])
@pytest.mark.parametrize("text", [TEXT, "A long sentence is here. " * 120, "一句话。" * 500])
def test_the_text_so_far_only_grows_in_whatever_order_segments_come(target: str, text: str):
    translation, before = translation_of(text, order(target)), ""
    places = list(range(len(translation.segments)))
    random.Random(1).shuffle(places)
    for place in places:
        for part in ("Un", "Un mot", "Un mot."):
            put(translation, place, part, "writing")
            assert translation.so_far().startswith(before)
            before = translation.so_far()
        put(translation, place, "Un mot.")
    assert translation.so_far().startswith(before)
    assert translation.so_far() == translation.file().decode()


def test_what_is_not_translated_stays_as_it_is():
    translation = translation_of(TEXT)
    assert translation.file().decode() == TEXT
    put(translation, 2, "premier")
    assert translation.file().decode() == TEXT.replace("first", "premier")
    assert translation.missing == [0, 1, 3]


def test_a_text_without_words_needs_no_translation():
    translation = translation_of("42\n\n{name}")
    assert translation.segments == []
    assert translation.so_far() == translation.file().decode() == "42\n\n{name}"


@pytest.mark.parametrize("text", ["", " \n", 5, None, "a\ud800b"])
def test_what_is_no_text_is_refused(text: Any):
    with pytest.raises(InvalidInput):
        typed(text)


def test_too_many_segments_are_refused():
    with pytest.raises(InvalidInput, match=r"10,001 segments; at most 10,000 are possible\. Split it"):
        translation_of("word\n\n" * (MAX_SEGMENTS + 1))


def test_findings_name_the_segment_and_wait_for_its_end():
    translation = translation_of("See {name}.\n\nPay 42.", order(terms=GLOSSARY))
    put(translation, 0, "Voir", "writing")
    put(translation, 1, "Réglez.")
    assert [(place, finding.kind) for place, finding in translation.findings()] == [(1, "number"), (1, "term")]


def test_another_glossary_is_asked_for_in_what_is_translated_already():
    translation = translation_of("Pay.")
    put(translation, 0, "Réglez.")
    assert translation.findings() == []
    translation.reorder(order(terms=GLOSSARY))
    assert [finding.kind for _, finding in translation.findings()] == ["term"]


def test_an_edit_is_checked_and_not_overwritten_by_what_comes_later():
    translation = translation_of("Pay 42.\n\nBye.")
    translation.edit(0, " Payez.\n")
    put(translation, 0, "Payez 42.")
    assert translation.segments[0].translation == "Payez."
    assert [finding.text for finding in translation.segments[0].findings] == ["42"]
    assert translation.missing == [1]


def test_a_segment_whose_edit_is_empty_waits_again():
    translation = translation_of("Bye.")
    put(translation, 0, "Salut.")
    translation.edit(0, " ")
    assert translation.segments == [Segment("Bye.")]


def test_an_edit_that_no_file_could_hold_is_refused():
    translation = translation_of("Bye.")
    with pytest.raises(InvalidInput, match="not valid Unicode at character 3"):
        translation.edit(0, "Sa\ud83dlut")
    assert translation.missing == [0]


def test_a_file_keeps_its_format_and_is_translated_back_in_it():
    translation = begin(read("x.json", b'{"a": "Good day", "n": 3}'), order())
    put(translation, 0, "Bonjour")
    assert translation.file() == b'{"a": "Bonjour", "n": 3}'
    back = translation.reversed(order("en", "fr"))
    assert [segment.source for segment in back.segments] == ["Bonjour"]
    put(back, 0, "Hello")
    assert back.file() == b'{"a": "Hello", "n": 3}'


def test_a_file_that_holds_half_a_surrogate_pair_loses_no_translation():
    data = rb'{"a": "Good \ud83d day. Good night.", "b": "Sad \udE00 face", "c": "\u4f60 bye"}'
    translation = begin(read("x.json", data), order())
    put(translation, 2, "Salut")
    assert translation.file() == data.replace(rb"\u4f60 bye", b"Salut")
    put(translation, 0, "Bon \ud83d jour.")
    assert json.loads(translation.file())["a"] == "Bon \ud83d jour."
    assert translation.so_far()


def test_the_source_is_detected_unless_it_is_named():
    text = ["The library opens at nine o'clock in the morning, and closes late at night."]
    assert order_for(text, STANDARD, "French", "auto").source == find("en")
    assert order_for(text, STANDARD, "法语", "de").source == find("de")
    assert order_for(["xyz"], STANDARD, "fr", "AUTO").source is None  # not sure enough to tell the model


@pytest.mark.parametrize(
    ("target", "source", "terms", "says"),
    [
        ("Klingon", "auto", "", "no language 'Klingon'"),
        ("fr", "xx", "", "no language 'xx'"),
        (None, "auto", "", "Name the target language"),
        ("fr", 5, "", "Name the source language"),
        ("fr", "auto", "a = b\nnonsense", "Line 2 of the glossary"),
        ("fr", "auto", None, "glossary must be text"),
    ],
)
def test_what_can_not_be_ordered_is_named(target: Any, source: Any, terms: Any, says: str):
    with pytest.raises(InvalidInput, match=says):
        order_for(["text"], STANDARD, target, source, terms=terms)


def test_an_unknown_tone_is_refused():
    with pytest.raises(InvalidInput, match="tone must be one of plain, formal, informal, not 'rude'"):
        replace(order(), tone="rude")
