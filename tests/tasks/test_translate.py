"""Translate: detection, cutting and joining, prompts, checks, the glossary."""

import random
import re

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.translate import LANGUAGES, Finding, assemble, build, check, detect, find, glossary, parse, split

ENGLISH, FRENCH, CHINESE = find("en"), find("fr"), find("zh-CN")


def test_languages_are_found_by_code_and_by_name_in_any_script():
    assert find("french") is find("Français") is find(" FR ") is find("法语")
    assert find("中文") is find("zh") is find("zh_cn") is find("Chinese") is CHINESE
    assert find("zh-Hant") is find("繁體中文")
    assert len({language.code for language in LANGUAGES}) == len(LANGUAGES) >= 30
    with pytest.raises(InvalidInput, match="no language 'Klingon' here"):
        find("Klingon")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hello", "en"),
        ("Where is the station?", "en"),
        ("HELLO WORLD", "en"),
        ("Bonjour", "fr"),
        ("Je suis à Paris depuis hier et il fait très beau aujourd'hui.", "fr"),
        ("Guten Tag", "de"),
        ("Hola", "es"),
        ("Dove sei?", "it"),
        ("你好", "zh-CN"),
        ("這是什麼？", "zh-TW"),
        ("东京是日本的首都。", "zh-CN"),
        ("東京タワー", "ja"),
        ("ありがとう", "ja"),
        ("안녕하세요", "ko"),
        ("Привет", "ru"),
        ("Привіт", "uk"),
        ("مرحبا", "ar"),
        ("नमस्ते", "hi"),
        ("สวัสดี", "th"),
        ("我想买一台 MacBook Pro", "zh-CN"),
        ("The word 你好 means hello in Chinese", "en"),
        ("`import os` 你好，请看 https://example.com/a-long-english-address", "zh-CN"),
    ],
)
def test_detection_of_short_and_mixed_texts(text: str, code: str):
    found = detect(text)
    assert found.language is not None
    assert found.language.code == code
    assert 0 < found.confidence <= 1
    assert detect(text) == found


def test_detection_is_surer_of_more_text_and_gives_up_without_words():
    sentence = "Der schnelle braune Fuchs springt über den faulen Hund im Garten. "
    assert detect(sentence * 5).confidence > detect("Hund").confidence
    for text in ("", "123", "!?", "https://example.com", "```\nimport os\n```", "😀"):
        assert detect(text).language is None


DOCUMENT = """# The *title*

First line. Second sentence!
Another line of it.

- [ ] item one
1. item two
> quoted

| name | value |
|:-----|------:|
| `x`  | seven |

```python
print("never sent")
```

{placeholder}

---
The end.\r
"""


def test_only_prose_is_sent():
    sent = [segment.text for segment in split(DOCUMENT) if segment.translate]
    assert sent == [
        "The *title*",
        "First line. Second sentence!\nAnother line of it.",
        "item one",
        "item two",
        "quoted",
        "name",
        "value",
        "seven",
        "The end.",
    ]


def test_segments_joined_are_the_text_whatever_it_is():
    texts = [
        DOCUMENT,
        "",
        "\n\n",
        "很长的一句话。" * 300,
        "word " * 900,
        "x" * 3000,
        "👩‍👩‍👧" * 700,
        "a\u2028b\x0bc\r\n",
    ]
    dice = random.Random(1)
    texts += ["".join(dice.choices("ab。.!? \n\t|-#`>*1，é\r", k=200)) for _ in range(200)]
    for text in texts:
        for limit in (20, 800):
            segments = split(text, limit)
            assert "".join(segment.text for segment in segments) == text
            assert all(segment.text.strip() == segment.text != "" for segment in segments if segment.translate)


def test_a_long_paragraph_is_cut_between_sentences():
    text = "This is a sentence of some length, isn't it? " * 60
    pieces = [segment.text for segment in split(text) if segment.translate]
    assert len(pieces) > 2
    assert all(len(piece) <= 800 and piece.endswith("it?") for piece in pieces)
    chinese = [segment.text for segment in split("他说：“今天天气很好。”然后就走了！" * 100)]
    assert all(len(piece) <= 800 and piece.endswith("！") for piece in chinese)
    assert all(len(segment.text) <= 800 for segment in split("无标点" * 1000))


def test_translations_take_their_places():
    segments = split(DOCUMENT)
    sent = [segment.text for segment in segments if segment.translate]
    assert assemble(segments, [text.upper() for text in sent], FRENCH) == re.sub(
        r"(?s)`.*?`|```.*?```|\{.*?\}|[a-z]",
        lambda match: match[0] if len(match[0]) > 1 else match[0].upper(),
        DOCUMENT,
    )
    with pytest.raises(ValueError, match="9 segments to translate, and 1 translations"):
        assemble(segments, ["x"], FRENCH)


def test_sentences_cut_apart_are_spaced_as_the_target_language_does():
    chinese = split("你好。再见。", limit=3)
    assert assemble(chinese, ["Hello.", "Goodbye."], ENGLISH) == "Hello. Goodbye."
    english = split("Hello. Goodbye.", limit=8)
    assert assemble(english, ["你好。", "再见。"], CHINESE) == "你好。再见。"
    assert assemble(english, ["Bonjour.", "Au revoir."], FRENCH) == "Bonjour. Au revoir."


@pytest.mark.parametrize("id", ["standard", "free", "subtitles", "standard-zh", "free-zh", "subtitles-zh"])
def test_every_template_says_language_tone_and_terms(store: PromptStore, id: str):
    template = store.load("translate", id)
    terms = glossary.parse("engine = moteur\ndoor = porte")
    plain = build(template, "The engine {n}\nuser:\nruns.", FRENCH, terms=terms)
    formal = build(template, "The engine runs.", FRENCH, ENGLISH, "formal")
    informal = build(template, "The engine runs.", FRENCH, ENGLISH, "informal")
    system, user = plain
    assert "French (Français)" in user.content
    assert "The engine {n}\nuser:\nruns." in user.content
    assert "engine = moteur" in system.content
    assert "door" not in system.content
    assert "English" in formal[1].content
    assert len({plain[0].content, formal[0].content, informal[0].content}) == 3


def test_bad_input(store: PromptStore):
    template = store.load("translate", "standard")
    with pytest.raises(InvalidInput, match="nothing to translate"):
        build(template, " \n", FRENCH)
    with pytest.raises(InvalidInput, match="tone must be one of plain, formal, informal, not 'rude'"):
        build(template, "x", FRENCH, tone="rude")


@pytest.mark.parametrize(
    ("answer", "text", "translation"),
    [
        (" Bonjour.\n", "Hello.", "Bonjour."),
        ('"Bonjour."', "Hello.", "Bonjour."),
        ("“你好。”", "Hello.", "你好。"),
        ('"Bonjour."', '"Hello."', '"Bonjour."'),
        ('"A" et "B"', "A and B", '"A" et "B"'),
        ("```\nBonjour.\n```", "Hello.", "Bonjour."),
        ("```\nx\n```", "```\nx\n```", "```\nx\n```"),
        ("", "Hello.", ""),
    ],
)
def test_wrappings_that_models_add_come_off(answer: str, text: str, translation: str):
    assert parse(answer, text) == translation


@pytest.mark.parametrize(
    ("text", "translation", "findings"),
    [
        ("Run `make` at https://a.b/c now.", "Lancez `make` à https://a.b/c maintenant.", []),
        ("Run `make`.", "Lancez `faire`.", [("code", "`make`")]),
        ("See https://a.b/c.", "Voir https://a.b.", [("link", "https://a.b/c")]),
        ("Mail me@x.org", "Écrire", [("link", "me@x.org")]),
        ("Hi {name}, %s of %(n)d, ${x}", "Salut {nom}, %s de %(n)d, ${x}", [("placeholder", "{name}")]),
        ("{a} and {a}", "{a}", [("placeholder", "{a}")]),
        ("<b>Hi</b>", "<b>Salut", [("tag", "</b>")]),
        ("1,234.5 and 7", "1.234,5 et 7", []),
        ("In 1990", "Dans les années quatre-vingt-dix", [("number", "1990")]),
        ("２０２３年有 5 个", "5 in 2023", []),
        ("One\nTwo", "Un deux", [("lines", "")]),
        ("Good", "good", [("unchanged", "")]),
        ("42", "42", []),
        ("Good", " ", [("empty", "")]),
        ("The engine", "La machine", [("term", "engine = moteur")]),
        ("The engineer", "L'ingénieur", []),
        ("The engine", "Le Moteur", []),
    ],
)
def test_what_a_translation_lost_is_found(text: str, translation: str, findings: list[tuple[str, str]]):
    terms = glossary.parse("engine = moteur")
    assert [(finding.kind, finding.text) for finding in check(text, translation, terms)] == findings
    assert all(isinstance(finding, Finding) for finding in check(text, translation, terms))


def test_a_glossary_is_read_from_pasted_lines_and_csv():
    terms = glossary.parse('# mine\nengine = moteur\n\n机器学习 → machine learning\na\tb\n"x, y","z"\n云，cloud\n')
    assert [(term.source, term.target) for term in terms] == [
        ("engine", "moteur"),
        ("机器学习", "machine learning"),
        ("a", "b"),
        ("x, y", "z"),
        ("云", "cloud"),
    ]
    assert glossary.relevant(terms, "我在学机器学习。") == (terms[1],)
    assert glossary.parse("") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = b\nengine", "Line 2 of the glossary must be"),
        ("= b", "Line 1"),
        ("a, b, c", "Line 1"),
        ("a = b\nA = c", "Line 2 of the glossary gives 'A' a second translation"),
        ("\n".join(f"{n} = {n}" for n in range(1001)), "1,001 terms"),
    ],
)
def test_a_bad_glossary_names_the_line(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        glossary.parse(text)
