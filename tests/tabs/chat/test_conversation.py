"""Conversations: kept, saved, opened and shown."""

import json
from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Usage
from qwen_ui.tabs.chat.conversation import (
    MAX_BYTES,
    branching,
    editing,
    fits,
    from_browser,
    retrying,
    sending,
    shown_message,
    to_browser,
    to_markdown,
)
from qwen_ui.tabs.chat.nodes import Chat

USAGE = Usage(10, 5, 0, 0.1, 20.0, "stop", 4096)
CHAT = Chat.of((Message("user", "你好 🙂"), Message("assistant", "```python\n    x = 1\n```")), USAGE)


def test_the_browser_gives_back_what_it_keeps():
    assert from_browser(json.loads(json.dumps(to_browser(CHAT)))) == CHAT
    assert from_browser(None) == from_browser("") == Chat()


@pytest.mark.parametrize("kept", ["text", [1], {"messages": 3}, {"messages": [{"role": "x", "content": ""}]}])
def test_something_else_in_the_browser_is_refused(kept: Any):
    with pytest.raises(InvalidInput):
        from_browser(kept)


def test_ids_branches_and_costs_are_kept():
    chat, _ = CHAT.with_one(Message("assistant", "x", (3, 1)), 0)
    kept = from_browser(json.loads(json.dumps(to_browser(chat))))
    assert kept == chat
    assert kept.nodes[2].message.tokens == (3, 1)
    assert kept.showing(1).usage == USAGE


def test_what_a_version_without_branches_kept_is_read():
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    usage = {name: getattr(USAGE, name) for name in USAGE.__slots__}
    old = from_browser({"messages": messages, "usage": usage})
    assert ([message.content for message in old.messages], old.usage) == (["a", "b"], USAGE)


NODE = {"id": 0, "role": "user", "content": "a"}


@pytest.mark.parametrize(
    "broken",
    [
        {"nodes": [NODE, NODE], "first": 0},
        {"nodes": [{**NODE, "after": 0}], "first": 0},
        {"nodes": [{**NODE, "id": [1]}], "first": 0},
        {"nodes": [{**NODE, "next": 5}], "first": 0},
        {"nodes": [{**NODE, "next": 0}], "first": 0},
        {"nodes": [NODE], "first": 3},
        {"nodes": [{**NODE, "tokens": ["x"]}], "first": 0},
        {"nodes": [{**NODE, "model": 3}], "first": 0},
        {"nodes": [{**NODE, "role": "system"}], "first": 0},
        {"nodes": {"0": NODE}, "first": 0},
        {"nodes": [3], "first": 0},
    ],
)
def test_a_tree_that_is_none_is_refused(broken: Any):
    with pytest.raises(InvalidInput):
        from_browser(broken)


def test_statistics_kept_by_another_version_are_left_out():
    assert from_browser({"messages": [], "usage": {"tokens": 3}}) == Chat()


def test_markdown_names_the_speakers_and_quotes_the_system_prompt():
    text = to_markdown(CHAT, "Be\nkind.", "You", "Assistant")
    assert text.startswith("> Be\n> kind.\n\n## You\n\n你好 🙂\n\n## Assistant\n\n```python\n    x = 1\n```\n")


def test_a_conversation_too_large_for_a_browser_does_not_fit():
    assert fits(CHAT)
    assert not fits(CHAT.asking("好" * (MAX_BYTES // 3)))


def test_shown_content_keeps_the_indentation_of_code():
    assert shown_message(1, CHAT.nodes[1])["content"] == [{"type": "text", "text": CHAT.messages[1].content}]


BEFORE = Chat.of(
    (Message("user", "first"), Message("assistant", "one"), Message("user", "second"), Message("assistant", "two"))
)


def test_retry_asks_the_last_message_again():
    assert [m.content for m in retrying(BEFORE).asked.messages] == ["first", "one", "second"]


def test_an_edited_message_goes_beside_the_old_one_which_keeps_what_came_after_it():
    attempt = editing(BEFORE, 0, "other")
    assert [m.content for m in attempt.asked.messages] == ["other"]
    assert attempt.before == BEFORE
    assert attempt.asked.versions == {4: (0, 4)}
    assert attempt.asked.showing(0).messages == BEFORE.messages
    with pytest.raises(InvalidInput, match="no longer there"):
        editing(BEFORE, 9, "other")


@pytest.mark.parametrize("text", ["", " \n\t", "bad \ud800"])
def test_a_blank_or_invalid_message_is_refused(text: str):
    with pytest.raises(InvalidInput):
        sending(BEFORE, text)


def test_a_conversation_that_no_browser_can_keep_does_not_grow():
    with pytest.raises(InvalidInput, match="too long to be kept"):
        sending(BEFORE, "x" * MAX_BYTES)
    large = BEFORE.asking("x" * MAX_BYTES)
    for begin in (retrying, branching):
        with pytest.raises(InvalidInput, match="too long to be kept"):
            begin(large)


def test_there_is_nothing_to_retry_in_an_empty_chat():
    with pytest.raises(InvalidInput, match="no message to answer"):
        retrying(Chat())


def test_the_last_answer_is_the_models():
    assert BEFORE.asking("third").last_answer == "two"
    assert Chat().last_answer == ""
