"""What a translation has lost of what it must not change."""

import pytest

from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.protect import check
from qwen_ui.text.languages import find


@pytest.mark.parametrize(
    ("text", "translation", "findings"),
    [
        ("Run `make` at https://a.b/c now.", "Lancez `make` à https://a.b/c maintenant.", []),
        ("Run `make`.", "Lancez `faire`.", [("code", "`make`")]),
        ("See https://a.b/c.", "Voir https://a.b.", [("link", "https://a.b/c")]),
        ("See https://a.b/c now.", "请看https://a.b/c吧。", []),
        ("Mail me@x.org", "Écrire", [("link", "me@x.org")]),
        ("Hi {name}, %s of %(n)d, ${x}", "Salut {nom}, %s de %(n)d, ${x}", [("placeholder", "{name}")]),
        ("{a} and {a}", "{a}", [("placeholder", "{a}")]),
        ("Hello :name, welcome", "Bonjour, bienvenue", [("placeholder", ":name")]),
        ("%1$s of %2$d (%.2f%%) in %ld s", "%1$s 共 %2$d，%ld 秒", [("placeholder", "%.2f"), ("placeholder", "%%")]),
        ("Terms &amp; conditions&nbsp;apply", "Conditions &amp; termes", [("tag", "&nbsp;")]),
        ("<b>Hi</b>", "<b>Salut", [("tag", "</b>")]),
        ("![logo](img/logo.png) here", "![le logo](img/logo.png) ici", []),
        ("![logo](img/logo.png) here", "[le logo](img/logo.png) ici", [("image", "![logo](img/logo.png)")]),
        ("See [it](./a.md#b)[^1]", "Voir [ça](./c.md)", [("link", "./a.md#b"), ("footnote", "[^1]")]),
        ("Where $E = mc^2$ holds", "Où E = mc² vaut", [("formula", "$E = mc^2$")]),
        ("Ask @anna about #travel", "Demandez", [("mention", "@anna"), ("mention", "#travel")]),
        ("Open src/main.py", "Ouvrez", [("path", "src/main.py")]),
        ("1,234.5 and 7", "1.234,5 et 7", []),
        ("In 1990", "Dans les années quatre-vingt-dix", [("number", "1990")]),
        ("The 12th day", "Le douzième jour", []),
        ("２０２３年有 5 个", "5 in 2023", []),
        ("One\nTwo", "Un deux", [("lines", "")]),
        ("Good", "good", [("unchanged", "")]),
        ("42", "42", []),
        ("Good", " ", [("empty", "")]),
        ("The engine", "La machine", [("term", "engine = moteur")]),
        ("The engineer", "L'ingénieur", []),
        ("The engine", "Le Moteur", []),
        ("See https://engine.io/", "Voir https://engine.io/", []),
    ],
)
def test_what_a_translation_lost_is_found(text: str, translation: str, findings: list[tuple[str, str]]):
    terms = glossary.parse("engine = moteur", find("en"), find("fr"))
    assert [(finding.kind, finding.text) for finding in check(text, translation, terms)] == findings
