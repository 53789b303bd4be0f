"""Write: every template carries the text, the length and the way to go on."""

import pytest

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, parse
from qwen_ui.tasks import write

KINDS = ("continue", "news", "story", "dialogue", "email", "outline", "rewrite", "summarize")


@pytest.mark.parametrize("kind", [id + suffix for id in KINDS for suffix in ("", "-zh")])
def test_every_template_takes_text_and_length(store: PromptStore, kind: str):
    template = store.load("write", kind)
    assert template.language == ("zh" if kind.endswith("-zh") else "en")
    messages = write.build(template, "  a\n\nuser:\nb", words=250)
    assert messages[0].role == "system"
    assert "  a\n\nuser:\nb" in messages[-1].content
    assert messages[-1].role == ("assistant" if kind.startswith("continue") else "user")
    assert "250" in messages[1].content
    assert "words" not in write.build(template, "a")[1].content


def test_going_on_shows_the_model_its_draft(store: PromptStore):
    for id, words in (("story", "Go on"), ("story-zh", "接着写")):
        messages = write.build(store.load("write", id), "An idea", draft="It was late")
        assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
        assert messages[2] == Message("assistant", "It was late")
        assert words in messages[3].content


def test_a_text_to_continue_is_the_beginning_of_the_answer(store: PromptStore):
    template = store.load("write", "continue")
    assert write.continues(template)
    assert not write.continues(store.load("write", "story"))
    assert write.build(template, "Once upon a ti")[-1] == Message("assistant", "Once upon a ti")
    assert write.build(template, "Once", draft=" upon", ended=False)[-1] == Message("assistant", "Once upon")
    *_, written, asked = write.build(template, "Once", draft=" upon.")
    assert (written, asked.role) == (Message("assistant", "Once upon."), "user")


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [("  \n", None, "Write something"), ("x", 0, "from 1 to 10,000"), ("x", -3, "from 1"), ("x", 10**6, "to 10,000")],
)
def test_bad_input(store: PromptStore, text: str, words: int | None, says: str):
    with pytest.raises(InvalidInput, match=says):
        write.build(store.load("write", "continue"), text, words=words)


def test_a_template_with_a_bad_go_on_says_where(tmp_path):
    template = parse(tmp_path / "write" / "x.prompty", b"---\nname: x\ngo_on: [5]\n---\nuser:\n{{ text }}")
    with pytest.raises(TemplateError, match=r"^write/x\.prompty:3: go_on"):
        write.build(template, "a", draft="b")


@pytest.mark.parametrize(
    ("draft", "more", "whole"),
    [
        ("It was late", "and dark.", "It was late and dark."),
        ("It was late.", " It rained.", "It was late. It rained."),
        ("It was late.", "It rained.", "It was late. It rained."),
        ("It was late", ", and dark.", "It was late, and dark."),
        ("End.\n\n", "New.", "End.\n\nNew."),
        ("夜深了，", "下起了雨。", "夜深了，下起了雨。"),
        ("夜深了", "下起了雨。", "夜深了下起了雨。"),
        ("It was late and she ran home", "she ran home quickly.", "It was late and she ran home quickly."),
        ("", "Hi", "Hi"),
        ("Hi", "", "Hi"),
    ],
)
def test_draft_and_continuation_join_without_seam_or_repetition(draft: str, more: str, whole: str):
    assert write.join(draft, more) == whole


def test_a_wanted_length_fits_into_its_tokens():
    assert write.tokens_for(200, "en") >= 300
    assert write.tokens_for(200, "zh-CN") >= 200
