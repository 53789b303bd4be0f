"""What a translation has lost of what it must not change."""

import pytest

from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.protect import check


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
