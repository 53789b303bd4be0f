"""Conversations: kept, saved, opened and shown."""

import json
from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Usage
from qwen_ui.tabs.chat.conversation import (
    MAX_BYTES,
    Chat,
    editing,
    fits,
    from_browser,
    retrying,
    sending,
    shown,
    to_browser,
    to_markdown,
)

USAGE = Usage(10, 5, 0, 0.1, 20.0, "stop", 4096)
CHAT = Chat((Message("user", "你好 🙂"), Message("assistant", "```python\n    x = 1\n```")), USAGE)


def test_the_browser_gives_back_what_it_keeps():
    assert from_browser(json.loads(json.dumps(to_browser(CHAT)))) == CHAT
    assert from_browser(None) == Chat()


@pytest.mark.parametrize("kept", ["text", [1], {"messages": 3}, {"messages": [{"role": "x", "content": ""}]}])
def test_something_else_in_the_browser_is_refused(kept: Any):
    with pytest.raises(InvalidInput):
        from_browser(kept)


def test_statistics_kept_by_another_version_are_left_out():
    assert from_browser({"messages": [], "usage": {"tokens": 3}}) == Chat()


def test_markdown_names_the_speakers_and_quotes_the_system_prompt():
    text = to_markdown(CHAT, "Be\nkind.", "You", "Assistant")
    assert text.startswith("> Be\n> kind.\n\n## You\n\n你好 🙂\n\n## Assistant\n\n```python\n    x = 1\n```\n")


def test_a_conversation_too_large_for_a_browser_does_not_fit():
    assert fits(CHAT)
    assert not fits(CHAT.asking("好" * (MAX_BYTES // 3)))


def test_shown_content_keeps_the_indentation_of_code():
    assert shown(CHAT)[1]["content"] == [{"type": "text", "text": CHAT.messages[1].content}]


BEFORE = Chat(
    (Message("user", "first"), Message("assistant", "one"), Message("user", "second"), Message("assistant", "two"))
)


def test_retry_asks_the_last_message_again():
    assert [m.content for m in retrying(BEFORE).asked.messages] == ["first", "one", "second"]


def test_an_edited_message_drops_what_came_after_it():
    attempt = editing(BEFORE, 0, "other")
    assert [m.content for m in attempt.asked.messages] == ["other"]
    assert attempt.before == BEFORE


@pytest.mark.parametrize("text", ["", " \n\t", "bad \ud800"])
def test_a_blank_or_invalid_message_is_refused(text: str):
    with pytest.raises(InvalidInput):
        sending(BEFORE, text)


def test_a_conversation_that_no_browser_can_keep_does_not_grow():
    with pytest.raises(InvalidInput, match="too long to be kept"):
        sending(BEFORE, "x" * MAX_BYTES)


def test_there_is_nothing_to_retry_in_an_empty_chat():
    with pytest.raises(InvalidInput, match="no message to answer"):
        retrying(Chat())


def test_the_last_answer_is_the_models():
    assert BEFORE.asking("third").last_answer == "two"
    assert Chat().last_answer == ""
