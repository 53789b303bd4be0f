"""The conversation's tree: what is shown of it, and that nothing is lost."""

from qwen_ui.messages import Message
from qwen_ui.tabs.chat.nodes import Chat, Node

BEFORE = Chat.of(
    [Message("user", "first"), Message("assistant", "one"), Message("user", "second"), Message("assistant", "two")]
)


def said(chat: Chat) -> list[str]:
    return [message.content for message in chat.messages]


def test_another_answer_stands_beside_the_old_one():
    chat, id = BEFORE.with_one(Message("assistant", "uno"), 0)
    assert said(chat) == ["first", "uno"]
    assert chat.versions[id] == (1, id)
    assert said(chat.showing(1)) == ["first", "one", "second", "two"]


def test_what_was_last_shown_further_down_is_shown_again():
    chat, zwei = BEFORE.with_one(Message("assistant", "zwei"), 2)
    chat = chat.showing(3)
    chat, _ = chat.with_one(Message("assistant", "uno"), 0)
    assert said(chat.showing(1)) == ["first", "one", "second", "two"]
    assert said(chat.showing(zwei)) == ["first", "one", "second", "zwei"]


def test_a_path_that_ends_earlier_keeps_what_came_after():
    chat = BEFORE.up_to(2)
    assert said(chat) == ["first", "one"]
    assert len(chat.nodes) == 4
    again = chat.asking("other")
    assert said(again) == ["first", "one", "other"]
    assert again.versions[4] == (2, 4)
    assert said(BEFORE.up_to(0)) == []


def test_a_message_that_is_taken_out_gives_way_to_its_newest_sibling():
    chat, first = BEFORE.with_one(Message("assistant", "zwei"), 2)
    chat, second = chat.with_one(Message("assistant", "drei"), 2)
    assert said(chat.without(second))[-1] == "zwei"
    assert said(chat.without(first))[-1] == "drei"
    alone = Chat.of([Message("user", "a")])
    assert alone.without(0) == Chat()


def test_a_model_gets_its_own_ids_only():
    asked = Chat.of([Message("user", "a")])
    chat, id = asked.with_one(Message("assistant", "b", (7,)), 0)
    chat = chat.having(id, Node(chat.nodes[id].message, 0, model="Echo"))
    assert chat.prompt(id, "Echo")[-1].tokens == (7,)
    assert chat.prompt(id, "Other")[-1].tokens == ()
    assert [message.content for message in chat.prompt(0, "Echo")] == ["a"]
