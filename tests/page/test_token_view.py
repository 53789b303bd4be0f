"""The look at an answer's tokens: its figures, its shades, what a choice begins with, and that text stays text."""

import json
import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Alternative, TokenLook
from qwen_ui.page.token_view import Choice, average, chosen, covering, level_of, looked, perplexity, share
from qwen_ui.sentences import Sentence
from tests.pages import words

SAY = words().speaker(gr.Request(headers={"accept-language": "en"}, client=None))
NOTE = Sentence("Choose another token, and a version beside this one goes on from there.")


def look(token: str, probability: float | None = 0.5, *others: str, id: int = 0) -> TokenLook:
    alternatives = tuple(Alternative(other, number, 0.25) for number, other in enumerate(others, 10))
    return TokenLook(token, id, probability, None if probability is None else 1, alternatives)


def test_average_and_perplexity_leave_out_what_comes_after_nothing():
    looks = [look("a", None), look("b", 0.5), look("c", 0.125)]
    assert average(looks) == 0.3125
    assert perplexity(looks) == pytest.approx(4)
    assert (average([]), perplexity([])) == (0, 1)
    assert perplexity([look("a", 0.0)]) < float("inf")
    assert "3 tokens · average probability 31.2% · perplexity 4.00" in looked(looks, "1", SAY, NOTE)


@pytest.mark.parametrize(("probability", "level"), [(1.0, 0), (0.9, 0), (0.89, 1), (0.5, 1), (0.05, 3), (0.0, 4)])
def test_the_less_likely_the_darker(probability: float, level: int):
    assert level_of(probability) == level


def test_what_is_not_nothing_is_not_told_as_nothing():
    assert [share(each) for each in (0.0004, 0.0, 0.5)] == ["< 0.1%", "0.0%", "50.0%"]


def test_no_token_becomes_html_or_leaves_its_attribute():
    evil = "\"><img src=x onerror=alert(1)>'"
    html = looked([look(evil, 0.5, evil)], evil, SAY, NOTE)
    assert "<img" not in html
    (top,) = re.findall(r'data-top="([^"]*)"', html)
    assert json.loads(unescape(top)) == [[evil.replace(" ", "␣"), 10, "25.0%"]]


def test_line_ends_are_seen_and_kept():
    html = looked([look("a\n")], "1", SAY, NOTE)
    assert '<i aria-hidden="true">⏎</i>\n</span>' in html
    assert "a⏎: 50.0%, number 1" in html


def test_what_was_given_to_begin_with_is_not_shown_but_begun_with():
    looks = [look("Once", id=1), look(" upon", id=2), look(" a", id=3)]
    html = looked(looks, "1", SAY, NOTE, "Once up")
    assert 'data-before="[1, 2]"' in html
    assert re.findall(r'data-id="(\d+)"', html) == ["3"]
    assert "1 token ·" in html


def test_bytes_of_a_character_count_together():
    looks = [look(token) for token in ("<0xE4>", "<0xBD>", "<0xA0>", "好")]
    assert [covering(looks, given) for given in ("", "你", "你好")] == [0, 3, 4]


def test_a_choice_is_checked():
    assert chosen(SimpleNamespace(_data={"subject": "3", "begun": [1, 2]})) == Choice("3", (1, 2))


@pytest.mark.parametrize("data", [None, {}, {"subject": 1, "begun": []}, {"subject": "1", "begun": [True]}])
def test_something_else_is_no_choice(data: Any):
    with pytest.raises(InvalidInput, match="Choose one of the tokens"):
        chosen(data)
