"""Conversations: kept, saved, opened and shown."""

import html
import json
import re
from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Usage
from qwen_ui.ui.conversation import (
    MAX_BYTES,
    Chat,
    as_typed,
    fits,
    from_browser,
    from_json,
    harmless,
    shown,
    to_browser,
    to_json,
    to_markdown,
)

USAGE = Usage(10, 5, 0, 0.1, 20.0, "stop", 4096)
CHAT = Chat((Message("user", "你好 🙂"), Message("assistant", "```python\n    x = 1\n```")), USAGE)


def test_the_browser_gives_back_what_it_keeps():
    assert from_browser(json.loads(json.dumps(to_browser(CHAT)))) == CHAT
    assert from_browser(None) == Chat()


def test_a_file_gives_back_what_was_saved():
    chat, system = from_json(to_json(CHAT, "Be kind.").encode())
    assert (chat.messages, system) == (CHAT.messages, "Be kind.")


def test_a_bare_list_of_messages_opens_too():
    chat, system = from_json(b'\xef\xbb\xbf[{"role": "user", "content": "hi"}]')
    assert (chat.messages, system) == ((Message("user", "hi"),), "")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a JSON file"),
        (b"\xff\xfe", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"{}", "history must be a list"),
        (b'{"messages": "hi"}', "history must be a list"),
        (b'[{"role": "user"}]', "Entry 1"),
        (b'[{"role": "robot", "content": "hi"}]', "role must be"),
        (b'[{"role": "user", "content": 3}]', "content must be text"),
        (b'[{"role": "user", "content": "\\ud800"}]', "not valid Unicode"),
        (b" " * (MAX_BYTES + 1), "larger than 3 MB"),
    ],
)
def test_a_file_that_is_no_conversation_is_refused_with_a_reason(data: bytes, says: str):
    with pytest.raises(InvalidInput, match=says):
        from_json(data)


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
    assert shown(CHAT, "more")[-1]["content"][0]["text"] == "more"


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "# not a *heading*", "1. x\n\n\n    y\t|z|", "a & b &lt; &#0060;", "$$x$$ \\(y\\)"],
)
def test_what_was_typed_can_be_read_back_and_holds_no_markup(text: str):
    shown_text = as_typed(text)
    assert html.unescape(shown_text) == text
    assert not re.search(r"[<*`|$\\\n]|^#", shown_text)
    assert re.sub(r"&#(\d{4});", lambda m: chr(int(m[1])), shown_text) == text  # as the page's script does


def test_plain_prose_is_shown_unchanged():
    for text in ("Well-known facts: 3.5 is more than 3 (or so)!", "今天天气怎么样？"):
        assert as_typed(text) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<img src=x onerror=alert(1)>", "&#0060;img src=x onerror=alert(1)>"),
        ("![x](http://outside.example/x.png)", "&#0033;[x](http://outside.example/x.png)"),
        ("a `<b>` and <b>", "a `<b>` and &#0060;b>"),
        ("```html\n<b>![x](y)\n```\n<b>", "```html\n<b>![x](y)\n```\n&#0060;b>"),
        ("```html\n<b>", "```html\n<b>"),
        ("~~~\n<b>\n~~~\n</b>", "~~~\n<b>\n~~~\n&#0060;/b>"),
        ("a ` tick <b>\n\n ` <i>", "a ` tick &#0060;b>\n\n ` &#0060;i>"),
        ("```mermaid\ngraph TD\n```", "``` mermaid\ngraph TD\n```"),
        ("1 < 2 <https://qwen.ai> [a](b)", "1 < 2 <https://qwen.ai> [a](b)"),
    ],
)
def test_html_and_images_of_a_model_are_text_outside_code(text: str, says: str):
    assert harmless(text) == says
