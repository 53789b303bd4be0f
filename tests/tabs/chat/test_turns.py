"""The rows under the messages: what they offer."""

import re
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Usage
from qwen_ui.tabs.chat.nodes import Chat, Node
from qwen_ui.tabs.chat.turns import chosen, rows
from tests.pages import words

SAY = words().speaker(gr.Request(headers={"accept-language": "en"}, client=None))
ASKED = Chat.of([Message("user", "a"), Message("assistant", "one")])
CHAT = ASKED.with_one(Message("assistant", "two"), 0)[0].with_one(Message("assistant", "three"), 0)[0]


def each(chat: Chat, **options: Any) -> list[str]:
    return re.split('<div class="turn" [^>]*>', rows(chat, SAY, **options))[1:]


def test_a_message_without_siblings_has_no_versions():
    question, answer = each(ASKED)
    assert re.findall(r'data-event="(\w+)"', question) == ["copy"]
    assert "versions" not in answer
    assert "Look at tokens" in answer


def test_one_of_several_versions_leads_to_those_beside_it():
    _, last = each(CHAT)
    assert "3/3" in last
    assert re.findall(r'data-event="select" data-id="(\d)"', last) == ["2"]
    _, middle = each(CHAT.showing(2))
    assert re.findall(r'data-event="select" data-id="(\d)"', middle) == ["1", "3"]
    assert 'aria-label="Version 2 of 3"' in middle


def test_what_an_answer_took_and_what_goes_on_from_it():
    usage = Usage(9, 21, 0, 0.5, 20.0, "length", 4096)
    node = Node(Message("assistant", "<b>", (1, 2)), 0, None, usage, "Qwen/Qwen<2>", at=7)
    question, answer = each(ASKED.having(1, node))
    assert '>Qwen&lt;2&gt; · <time data-at="7"></time> · 21 tokens · 1.5 s · 20.0 tokens/s<' in answer
    assert ("Continue" in answer, "Retry" in question) == (True, False)
    assert "Continue" not in each(ASKED)[1]
    [question] = each(Chat.of([Message("user", "a")]))
    assert "Retry" in question


def test_an_answer_that_grows_or_a_model_that_cannot_is_not_looked_into():
    assert "Look at tokens" not in each(CHAT, growing={3})[1]
    assert "How sure?" not in each(CHAT, can_look=False)[1]
    assert "3/3" in each(CHAT, can_look=False)[1]


@pytest.mark.parametrize("data", [{}, None, {"id": "1"}, {"id": True}])
def test_a_button_that_names_no_message_is_refused(data: Any):
    assert chosen(SimpleNamespace(_data={"id": 3})) == 3
    with pytest.raises(InvalidInput):
        chosen(data)
