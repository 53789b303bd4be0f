"""What messages hold besides text, in the shapes in which scripts and programs give it."""

from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.tabs.chat.content import LeftOut, history_of, text_of, told

HELLO = [Message("user", "Hello"), Message("assistant", "Hi")]


@pytest.mark.parametrize(
    "history",
    [
        [["Hello", "Hi"]],
        [("Hello", "Hi")],
        [["Hello", None], [None, "Hi"]],
        [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": ["Hi"]}],
        [{"role": "user", "content": {"type": "text", "text": "Hello"}}, ["", "Hi"]],
        [
            {"role": "user", "metadata": {"title": None}, "content": [{"type": "text", "text": "Hello"}]},
            {"role": "assistant", "options": [], "content": [{"type": "text", "text": "Hi"}]},
        ],
    ],
)
def test_a_history_in_gradio_s_shapes(history: Any):
    assert [message for message in history_of(history) if message.content] == HELLO


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("text", "must be a list"),
        ({}, "must be a list"),
        ([["a"]], "Entry 1"),
        ([["a", "b"], 5], "Entry 2"),
        ([{"role": "user"}], 'Entry 1.*"role" and "content"'),
        ([{"role": "tool", "content": "x"}], "role must be"),
        ([{"role": "user", "content": None}], "must be text, not null"),
        ([{"role": "user", "content": [5]}], "must be text, not int"),
        ([{"role": "user", "content": [{"type": "file", "file": {"path": "/tmp/a.png"}}]}], "holds 1 image"),
        ([{"role": "user", "content": {"path": "/tmp/a.pdf"}}], "holds 1 attached file"),
        ([[("/tmp/a.mp3",), "x"]], "Entry 1"),
    ],
)
def test_a_history_that_can_t_be_answered_is_refused_with_its_place(history: Any, says: str):
    with pytest.raises(InvalidInput, match=says):
        history_of(history)


@pytest.mark.parametrize(
    ("part", "text", "what"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,xx"}}, "[image]", "1 image"),
        ({"type": "input_audio", "input_audio": {}}, "[sound]", "1 sound recording"),
        ({"type": "file", "file": {"path": "/tmp/x/report.pdf"}}, "[file: report.pdf]", "1 attached file"),
        ({"type": "file", "file": {"path": "C:\\a\\cat.png"}}, "[image: cat.png]", "1 image"),
        ({"type": "tool_use", "name": "x"}, "", "1 tool call"),
        ({"type": "tool_result", "content": "x"}, "", "1 result of a tool"),
        ({"type": "thinking", "thinking": "hm"}, "", "1 thought before an answer"),
        ({"type": "component", "component": "plot"}, "", "1 part of an unknown kind"),
    ],
)
def test_what_is_no_text_is_named(part: Any, text: str, what: str):
    left_out = LeftOut()
    assert text_of([part], left_out) == text
    assert [str(sentence) for sentence in told(left_out)] == [what]
