"""Terms: what is the same word to the search, in any script."""

import random
from collections import Counter

import pytest

from qwen_ui.knowledge.terms import is_general, marks, question_terms, size, spans, terms


def wanted(question: str) -> list[str]:
    return [term.text for term in question_terms(question)]


def test_chinese_gives_characters_and_pairs():
    assert terms("袋鼠科") == ["袋", "鼠", "科", "袋鼠", "鼠科"]


def test_the_quick_way_to_the_terms_of_a_text_gives_what_the_long_one_does():
    characters = "abzAB 12.,-_/'，。中国裡の가é\u0301\u200d３Ⅳ½\n（）—·/[]`@…\u3000~\\"
    dice = random.Random(7)
    for _ in range(5000):
        text = "".join(dice.choices(characters, k=dice.randint(0, 14)))
        assert Counter(terms(text)) == Counter(term.text for term in spans(text)), repr(text)


def test_a_question_keeps_a_character_that_stands_alone():
    assert wanted("蓍的别名是什么？") == ["蓍", "别名"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "cafe"),
        ("cafe\u0301", "café"),
        ("ＡＢＣ１２３", "abc123"),
        ("requirements", "requirement"),
        ("cancelled", "cancel"),
        ("STRASSE", "straße"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("⾏⼈", "行人"),
        ("Ёлка", "елка"),
        ("更換濾芯", "更换滤芯"),
        ("裡臺衞説", "裏台衛說"),
        ("看著瞭解", "看着了解"),
        ("図書館の黒い猫", "圖書館の黑い貓"),
        ("Æsop's smørrebrød in Łódź", "aesop's smorrebrod in lodz"),
        ("IŞIK İzmir", "ışık izmir"),
        ("دَرَجَةُ الحـــرارة", "درجة الحرارة"),
        ("إسلام آية هدى مؤمن", "اسلام اية هدي مومن"),
        ("ﺩﺭﺟﺔ", "درجة"),
        ("فارسی یک", "فارسي يك"),
        ("٢٥ ۲۵", "25 25"),
        ("שָׁלוֹם", "שלום"),
        ("Donau\u00addampf\u200dschiff", "donaudampfschiff"),
        ("CO₂ m²", "co2 m2"),
    ],
)
def test_spellings_of_one_word(one, other):
    assert Counter(terms(one)) == Counter(terms(other))


@pytest.mark.parametrize(
    "one", ["ab1234", "AB-1234", "AB 1234", "AB_1234", "AB‑1234", "ＡＢ－１２３４", "AB1234-C", "AB/1234"]
)
@pytest.mark.parametrize("other", ["ab1234", "AB-1234", "AB 1234", "AB_1234", "AB1234-C", "型号AB–1234。"])
def test_part_numbers_find_each_other_however_they_are_written(one, other):
    assert "ab1234" in wanted(one)
    assert "ab1234" in terms(other)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("1,299.00 EUR", "1299"),
        ("1.299,00 EUR", "1299"),
        ("1’299 CHF", "1299"),
        ("ISBN 978-3-16-148410-0", "9783161484100"),
        ("an e-mail", "email"),
        ("max_new_tokens", "max tokens"),
        ("AB1234", "1234"),
        ("5 kg", "5kg"),
    ],
)
def test_what_a_number_or_a_tied_word_is_found_by(text, question):
    assert set(wanted(question)) <= set(terms(text))


def test_a_part_number_is_not_found_by_half_of_another():
    assert not set(wanted("AB5678 cd1234")) & set(terms("AB1234"))
    assert wanted("What is the A-1234?") == ["a", "1234", "a1234"]
    assert terms("a1b2c3d4e5f6") == ["a1b2c3d4e5f6"]  # a check sum


def test_ordinary_words_give_no_other_terms():
    assert terms("The dog, and/or cat.The end") == ["the", "dog", "and", "or", "cat", "the", "end"]


def test_vowel_signs_stay_in_their_word():
    assert terms("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_size_counts_characters_of_chinese_and_words_of_english():
    assert size("He saw 三只袋鼠, twice.") == 7


@pytest.mark.parametrize(
    "question",
    [
        "What is this about?",
        "Summarize the documents.",
        "What are the main points of this file?",
        "这篇文章主要讲了什么？",
        "帮我总结一下这份文件的要点",
        "請總結這份文檔",
        "この文書の内容を要約してください",
    ],
)
def test_questions_about_the_whole(question):
    assert is_general(question)


@pytest.mark.parametrize(
    "question", ["", "天气怎么样？", "What is the refund policy?", "总结一下退款政策", "你好", "中国"]
)
def test_questions_about_something(question):
    assert not is_general(question)


def test_stop_words_are_cut_out_but_not_out_of_words():
    assert wanted("What is the IT policy of the US?") == ["it", "polici", "us"]
    assert wanted("東京の人口は何人ですか") == wanted("東京 人口 人")
    assert wanted("はなの色") == ["はな", "なの", "の色"]


def test_marks_are_places_in_the_text():
    text = "The Café refunds\u3000退款须在三十天内申请。"
    assert [text[a:b] for a, b in marks(text, "How do I get a cafe refund? 怎么申请退款？")] == [
        "Café",
        "refunds",
        "退款",
        "申请",
    ]
    assert [text[a:b] for text in ["更換濾芯 (ref. AB-1234)"] for a, b in marks(text, "滤芯 ab1234")] == [
        "濾芯",
        "AB-1234",
    ]
    assert marks("袋鼠科", "袋鼠科是什么") == [(0, 3)]
    assert marks(text, "") == []
