"""ICU messages: their branches are translated, their syntax stays."""

import pytest

from qwen_ui.tabs.translate.icu import syntax
from qwen_ui.tabs.translate.protect import check, prose
from tests.tabs.translate.translator import translation_of

PLURAL = "{count, plural, =0 {No unread messages} one {# unread message} other {# unread messages}}"


@pytest.mark.parametrize(
    ("text", "branches"),
    [
        (PLURAL, ["", "No unread messages", "# unread message", "# unread messages", ""]),
        ("You have {n,plural,one{# item}other{# items}} left.", ["You have ", "# item", "# items", " left."]),
        ("{g, select, male {He has {n, selectordinal, offset:1 two {#nd {x}} other {#}}} other {They}}",
         ["", "He has ", "#nd {x}", "#", "", "They", ""]),
        ("{n, plural,\n  one {a '{' b}\n  other {c}\n}", ["", "a '{' b", "c", ""]),
        ("{n, plural, one {a} x {b}", None),
        ("{n, plural, one {a", None),
        ("{n, plural}", None),
        ("{a} and {b, number}", None),
        ("{{ {n, plural, other {a}}", ["{{ ", "a", ""]),
    ],
)  # fmt: skip
def test_the_syntax_is_told_from_what_the_branches_say(text: str, branches: list[str] | None):
    between, at = [], 0
    for start, end in syntax(text):
        between.append(text[at:start])
        at = end
    assert [*between, text[at:]] == (branches or [text])


def test_each_branch_is_translated_and_nothing_else_changes():
    translation = translation_of(f"Mail: {PLURAL}!")
    for place, segment in enumerate(translation.segments):
        translation.edit(place, segment.source.upper())
    assert translation.file().decode() == (
        "MAIL: {count, plural, =0 {NO UNREAD MESSAGES} one {# UNREAD MESSAGE} other {# UNREAD MESSAGES}}!"
    )


def test_what_shows_such_a_message_as_code_is_not_translated():
    text = f"```\n{PLURAL}\n```\n\nSee `{PLURAL}`."
    assert [segment.source for segment in translation_of(text).segments] == [f"See `{PLURAL}`."]


def test_lost_syntax_is_found_and_the_branches_are_prose():
    assert "plural" not in prose(PLURAL)
    assert [finding.text for finding in check(PLURAL, PLURAL.replace("one {", "un {"))] == ["} one {"]
