"""What a translation has lost is put back: all of it where that is asked for, by itself what can't go wrong."""

import pytest

from qwen_ui.tabs.translate.mending import put_back, restored


@pytest.mark.parametrize(
    ("text", "translation", "mended"),
    [
        ("Hi {name}, run `make`.", "Salut {nom}, lancez `faire`.", "Salut {name}, lancez `make`."),
        ("See https://a.b/c.", "Voir https://a.b.", "Voir https://a.b/c."),
        ("You have %d items", "Vous avez des articles", "Vous avez des %d articles"),
        ("{name}: hello", "bonjour", "{name} bonjour"),
        ("Hello {name}", "Bonjour", "Bonjour {name}"),
        ("<b>Hi</b>", "Salut", "<b>Salut</b>"),
        ("<b>Hi</b> you", "<b>Salut toi", "<b>Salut</b> toi"),
        ("![logo](a.png) here", "ici", "![logo](a.png) ici"),
        ("![logo](a.png)", "![le logo](b.png)", "![le logo](a.png)"),
        ("你好，{name}！", "Hello!", "Hello! {name}"),
        ("It costs 5 and all is there", "Il coûte cinq", "Il coûte cinq"),
        ("Hi {name}, see ![it](a.png) now", "Salut {nom}, voyez", "Salut {name}, ![it](a.png) voyez"),
        ("", "x", "x"),
    ],
)
def test_what_got_lost_is_put_back(text: str, translation: str, mended: str):
    assert put_back(text, translation) == mended


@pytest.mark.parametrize(
    ("text", "translation", "mended", "found"),
    [
        ("It is 42, see https://a.b/x?y=1", "C'est 42.", "C'est 42 https://a.b/x?y=1.", [("link", "end")]),
        ("See https://a.b for 3 rooms.", "On y va.", "On y va https://a.b.", [("link", "end")]),
        (
            "Mail me@x.org. Then wait. See https://b.c/ too!",
            "Écrire. Attendez ! Voyez.",
            "Écrire me@x.org. Attendez ! Voyez https://b.c/.",
            [("link", "end")] * 2,
        ),
        ("Hi {a}. Bye {b}.", "Salut et au revoir.", "Salut et au revoir {a} {b}.", [("placeholder", "end")] * 2),
        ("See https://a.b/c.", "Voir https://a.b.", "Voir https://a.b/c.", [("link", "place")]),
        ("Hi {name}, it is", "Salut {nom}, c'est", "Salut {name}, c'est", [("placeholder", "place")]),
        ("{name}: hello", "bonjour", "{name} bonjour", [("placeholder", "place")]),
        ("你好，{name}！", "Hello!", "Hello {name}!", [("placeholder", "end")]),
        ("请看https://a.b/c 。", "Look.", "Look https://a.b/c.", [("link", "end")]),
        ("![logo](a.png) here", "ici", "![logo](a.png) ici", [("image", "place")]),
        ("<b>Hi</b>", "Salut", "<b>Salut</b>", [("tag", "place"), ("tag", "end")]),
        ("<b>Hi!</b>", "Salut !", "<b>Salut !</b>", [("tag", "place"), ("tag", "end")]),
        ("Hi, run `make`.", "Lancez.", "Lancez `make`.", [("code", "end")]),
        ("Order 20418 is late.", "La commande 20481.", "La commande 20418.", [("number", "place")]),
        # What may be meant so, or has no place of its own, stays for a reader to look at.
        ("<b>Hi</b> you", "Salut toi", "Salut toi", []),
        ("Run `make` now.", "Lancez.", "Lancez.", []),
        ("In 1990", "Dans les années quatre-vingt-dix", "Dans les années quatre-vingt-dix", []),
        ("At 10 pm", "À 22 h", "À 22 h", []),
        ("Pay 1000 or 2000", "Payez 2001 ou 1000", "Payez 2001 ou 1000", []),
        ("one|two", "un deux", "un deux", []),
        ("See [it](./a.md#b)", "Voir ça", "Voir ça", []),
        ("Good", "Bon", "Bon", []),
    ],
)
def test_what_cannot_go_wrong_is_put_back_by_itself(
    text: str, translation: str, mended: str, found: list[tuple[str, str]]
):
    now, findings = restored(text, translation)
    assert (now, [(finding.kind, finding.restored) for finding in findings]) == (mended, found)
    assert all(finding.text in now for finding in findings)
