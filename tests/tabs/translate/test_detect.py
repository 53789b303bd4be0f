"""Which language a text is in: short ones, mixed ones, and those without words."""

import pytest

from qwen_ui.tabs.translate.detect import detect, detected
from qwen_ui.text.languages import find


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


def test_texts_are_looked_at_from_their_beginning_and_no_further():
    german = "Das ist ein schöner Tag, und wir gehen heute in den Garten. "
    assert detected([german, "Hello"]) == find("de")
    assert detected([german * 80, "Привет, как дела?" * 10_000]) == find("de")
    assert detected(["xyz"]) is None
    assert detected([]) is None
