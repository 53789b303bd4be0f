"""Conversations in the files of other chat programs: opened as they were shown there, and what is lost is named."""

import json
from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.tabs.chat import exports
from qwen_ui.tabs.chat.content import told
from qwen_ui.tabs.chat.conversation import MAX_BYTES, to_browser
from qwen_ui.tabs.chat.exports import Opened, opened
from qwen_ui.tabs.chat.nodes import Chat


def read(document: Any) -> list[Opened]:
    return opened(json.dumps(document).encode())


def said(one: Opened) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in one.chat.messages]


def lost(one: Opened) -> list[str]:
    return [str(sentence) for sentence in told(one.left_out)]


HELLO = [("user", "Hello"), ("assistant", "Hi there!")]


def webui(id: str, parent: str | None, role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "parentId": parent, "childrenIds": [], "role": role, "content": content, **more}


OPEN_WEBUI: dict[str, Any] = {
    "id": "c1",
    "title": "Greetings",
    "chat": {
        "params": {"system": "Be kind."},
        "history": {
            "currentId": "b2",
            "messages": {
                "a": webui("a", None, "user", "Hello", files=[{"type": "image", "name": "cat.png", "url": "data:x"}]),
                "b1": webui("b1", "a", "assistant", "Go away."),
                "b2": webui(
                    "b2",
                    "a",
                    "assistant",
                    '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> hm\n</details>\nHi there!',
                ),
            },
        },
        "messages": [],
    },
}


def node(id: str, parent: str | None, role: str = "", parts: Any = None, **message: Any) -> dict[str, Any]:
    content = {"content_type": message.pop("content_type", "text"), "parts": parts}
    made = {"author": {"role": role}, "content": content, **message} if role else None
    return {"id": id, "parent": parent, "children": [], "message": made}


CHATGPT: dict[str, Any] = {
    "title": "Weather",
    "current_node": "e",
    "mapping": {
        "r": node("r", None),
        "s": node("s", "r", "system", [""], metadata={"is_visually_hidden_from_conversation": True}),
        "a": node(
            "a",
            "s",
            "user",
            [{"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}, "Will it rain?"],
            content_type="multimodal_text",
        ),
        "b": node("b", "a", "assistant", ["Let me look."]),
        "c": node("c", "b", "assistant", ["search('rain')"], recipient="web"),
        "d": node("d", "c", "tool", ["Cloudy"]),
        "e": node("e", "d", "assistant", ["No."]),
        "x": node("x", "a", "assistant", ["Yes!"]),
    },
}

CASES: dict[str, tuple[Any, list[tuple[str, str]], list[str]]] = {
    "ChatGPT": (
        [CHATGPT],
        [("user", "[image]\nWill it rain?"), ("assistant", "Let me look.\n\nNo.")],
        ["1 message of another version", "1 image", "1 tool call", "1 result of a tool"],
    ),
    "DeepSeek": (
        [
            {
                "title": "t",
                "mapping": {
                    "root": {"id": "root", "parent": None, "children": ["1"], "message": None},
                    "1": {
                        "id": "1",
                        "parent": "root",
                        "children": ["2"],
                        "message": {"fragments": [{"type": "REQUEST", "content": "Hello"}]},
                    },
                    "2": {
                        "id": "2",
                        "parent": "1",
                        "children": [],
                        "message": {
                            "fragments": [
                                {"type": "THINK", "content": "hm"},
                                {"type": "RESPONSE", "content": "Hi there!"},
                            ]
                        },
                    },
                },
            }
        ],
        HELLO,
        ["1 thought before an answer"],
    ),
    "Open WebUI": (
        [OPEN_WEBUI],
        [("user", "[image: cat.png]\n\nHello"), ("assistant", "Hi there!")],
        ["1 message of another version", "1 image", "1 thought before an answer"],
    ),
    "Open WebUI, the chat alone": (
        {"title": "t", "history": {"messages": {"a": webui("a", None, "user", "Hello")}}},
        [("user", "Hello")],
        [],
    ),
    "Claude": (
        [
            {
                "uuid": "1",
                "name": "Greetings",
                "chat_messages": [
                    {"uuid": "a", "sender": "human", "text": "Hello", "attachments": [{"file_name": "notes.txt"}]},
                    {
                        "uuid": "b",
                        "sender": "assistant",
                        "text": "",
                        "content": [
                            {"type": "thinking", "thinking": "hm"},
                            {"type": "text", "text": "Hi there!"},
                            {"type": "tool_use", "name": "x", "input": {}},
                        ],
                    },
                ],
            }
        ],
        [("user", "[file: notes.txt]\n\nHello"), ("assistant", "Hi there!")],
        ["1 attached file", "1 thought before an answer", "1 tool call"],
    ),
    "text-generation-webui": (
        {"internal": [["<|BEGIN-VISIBLE-CHAT|>", "Hi there!"], ["a < b", "yes"]], "visible": [["", "Hi"], ["a", "y"]]},
        [("assistant", "Hi there!"), ("user", "a < b"), ("assistant", "yes")],
        [],
    ),
    "text-generation-webui, only what was shown": (
        {"data_visible": [["a &lt; b", "yes"]]},
        [("user", "a < b"), ("assistant", "yes")],
        [],
    ),
    "ShareGPT": (
        [
            {
                "id": "x_0",
                "conversations": [
                    {"from": "human", "value": "Hello"},
                    {"from": "function_call", "value": "{}"},
                    {"from": "observation", "value": "{}"},
                    {"from": "gpt", "value": "Hi there!"},
                ],
            }
        ],
        HELLO,
        ["1 tool call", "1 result of a tool"],
    ),
    "Alpaca": (
        [{"instruction": "Add", "input": "1 2", "output": "3", "history": [["Hello", "Hi there!"]]}],
        [*HELLO, ("user", "Add\n1 2"), ("assistant", "3")],
        [],
    ),
    "preferences": (
        [{"instruction": "Hello", "input": "", "chosen": "Hi there!", "rejected": "Go away."}],
        HELLO,
        ["1 message of another version"],
    ),
    "LibreChat": (
        {
            "conversationId": "c",
            "title": "Greetings",
            "messages": [
                {"messageId": "a", "parentMessageId": "0", "text": "Hello", "sender": "User", "isCreatedByUser": True},
                {"messageId": "x", "parentMessageId": "a", "text": "Go!", "sender": "GPT", "isCreatedByUser": False},
                {
                    "messageId": "b",
                    "parentMessageId": "a",
                    "text": "",
                    "content": [{"type": "text", "text": {"value": "Hi there!"}}],
                    "sender": "GPT",
                    "isCreatedByUser": False,
                },
            ],
        },
        HELLO,
        ["1 message of another version"],
    ),
    "LibreChat, nested": (
        {
            "title": "Greetings",
            "recursive": True,
            "messages": [
                {
                    "messageId": "a",
                    "text": "Hello",
                    "isCreatedByUser": True,
                    "children": [{"messageId": "b", "text": "Hi there!", "isCreatedByUser": False, "children": []}],
                }
            ],
        },
        HELLO,
        [],
    ),
    "OpenAI": (
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}, {"id": "2"}]},
                {"role": "tool", "content": "x", "tool_call_id": "1"},
                {"role": "assistant", "content": "Hi there!"},
            ],
        },
        HELLO,
        ["2 tool calls", "1 result of a tool"],
    ),
    "Ollama": (
        {"messages": [{"role": "user", "content": "Look", "images": ["iVBORw0KGgo="]}]},
        [("user", "[image]\n\nLook")],
        ["1 image"],
    ),
    "Gradio": (
        [
            {"role": "user", "metadata": None, "options": None, "content": [{"type": "text", "text": "Hello"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Hi there!"},
                    {"type": "file", "file": {"path": "/tmp/a.wav", "mime_type": "audio/wav"}},
                ],
            },
        ],
        [("user", "Hello"), ("assistant", "Hi there!\n[sound: a.wav]")],
        ["1 sound recording"],
    ),
    "Gradio, pairs": ([["Hello", "Hi there!"], [None, "More?"]], [*HELLO, ("assistant", "More?")], []),
    "Gemini": (
        {
            "chunkedPrompt": {
                "chunks": [
                    {"text": "Hello", "role": "user"},
                    {"text": "hm", "role": "model", "isThought": True},
                    {"text": "Hi there!", "role": "model"},
                ]
            }
        },
        HELLO,
        ["1 thought before an answer"],
    ),
    "LM Studio": (
        {
            "name": "Greetings",
            "messages": [
                {
                    "versions": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
                    "currentlySelected": 0,
                },
                {
                    "versions": [
                        {"role": "assistant", "steps": [{"content": [{"type": "text", "text": "Go away."}]}]},
                        {"role": "assistant", "steps": [{"content": [{"type": "text", "text": "Hi there!"}]}]},
                    ],
                    "currentlySelected": 1,
                },
            ],
        },
        HELLO,
        ["1 message of another version"],
    ),
}


@pytest.mark.parametrize(("document", "messages", "left_out"), CASES.values(), ids=CASES)
def test_a_conversation_of_another_program(document: Any, messages: Any, left_out: list[str]):
    [one] = read(document)
    assert said(one) == messages
    assert sorted(lost(one)) == sorted(left_out)


def test_images_and_files_beside_a_message_stand_on_a_line_each():
    message = {"role": "user", "content": "Look.", "images": ["a.png"], "files": [{"name": "b.pdf"}]}
    (one,) = opened(json.dumps([message]).encode())
    assert one.chat.messages[0].content == "[image: a.png]\n[file: b.pdf]\n\nLook."


def test_silly_tavern_s_lines():
    lines = [
        {"user_name": "You", "character_name": "Ada", "create_date": "2024-1-1"},
        {"name": "Ada", "is_user": False, "is_system": False, "mes": "Hi there!"},
        {"name": "You", "is_user": True, "mes": "Hello"},
    ]
    [one] = opened("\n".join(map(json.dumps, lines)).encode())
    assert one.title == "Ada"
    assert said(one) == [("assistant", "Hi there!"), ("user", "Hello")]


def test_system_prompts_and_titles_come_along():
    [one] = read([OPEN_WEBUI])
    assert (one.title, one.system) == ("Greetings", "Be kind.")
    [row] = read([{"conversations": [{"from": "system", "value": "Be brief"}, {"from": "human", "value": "Hello"}]}])
    assert (row.title, row.system) == ("Hello", "Be brief")


def test_every_conversation_of_a_file_is_there_also_when_one_is_broken():
    broken = {"title": "Broken", "mapping": {"a": 5}}
    found = read([CHATGPT, broken, CHATGPT | {"title": "Other"}])
    assert [(one.title, one.error is None) for one in found] == [("Weather", True), ("Broken", False), ("Other", True)]
    lines = "\n".join(json.dumps({"messages": [{"role": "user", "content": f"Hello {i}"}]}) for i in range(3))
    assert [one.title for one in opened(lines.encode())] == ["Hello 0", "Hello 1", "Hello 2"]
    wrapped = {"success": True, "data": [OPEN_WEBUI, OPEN_WEBUI]}
    assert len(read(wrapped)) == 2
    chats = {"version": 4, "history": [{"name": "One", "messages": [{"role": "user", "content": "Hello"}]}]}
    assert [one.title for one in read(chats)] == ["One"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-32", "gb18030"])
def test_any_encoding(encoding: str):
    text = json.dumps([{"role": "user", "content": "请介绍一下杭州的西湖，并推荐三个景点。"}], ensure_ascii=False)
    [one] = opened(text.encode(encoding))
    assert said(one) == [("user", "请介绍一下杭州的西湖，并推荐三个景点。")]


def test_without_the_node_that_was_shown_last_the_newest_branch_is_taken():
    document = {key: value for key, value in CHATGPT.items() if key != "current_node"}
    assert said(read([document])[0])[-1] == ("assistant", "Yes!")


def test_parents_in_a_circle_and_deep_trees_end():
    ring = {str(i): node(str(i), str((i + 1) % 5), "user", [f"text {i}"]) for i in range(5)}
    assert len(said(read([{"mapping": ring, "current_node": "2"}])[0])) == 5
    size = 20_000
    deep = {str(i): node(str(i), str(i - 1), "user", [f"text {i}"]) for i in range(size)}
    assert len(said(read([{"mapping": deep, "current_node": str(size - 1)}])[0])) == size


def as_saved(chat: Chat, system: str = "", **about: Any) -> dict[str, Any]:
    """The file that the browser saves."""
    opening = [Message("system", system)] if system else []
    messages = [{"role": message.role, "content": message.content} for message in (*opening, *chat.messages)]
    return {"app": "qwen-ui", "version": 3, "messages": messages, "tree": to_browser(chat), **about}


def test_what_was_saved_here_opens_the_same():
    chat = Chat.of((Message("user", " a\n"), Message("user", "b"), Message("assistant", "```\n    c\n```")))
    [one] = read(as_saved(chat, "Be kind.", title="A", pinned=True, updated="late"))
    assert (one.chat, one.system, lost(one)) == (chat, "Be kind.", [])
    assert (one.title, one.about) == ("A", {"pinned": True})  # what can't be is left out


def test_a_saved_file_carries_its_branches():
    chat = Chat.of([Message("user", "a"), Message("assistant", "b")])
    chat, id = chat.with_one(Message("assistant", "c", (1, 2)), 0)
    [one] = read(as_saved(chat))
    assert one.chat == chat
    assert one.chat.nodes[id].message.tokens == (1, 2)


def test_of_a_saved_file_that_somebody_edited_the_messages_count():
    chat = Chat.of([Message("user", "a"), Message("assistant", "b")])
    document = as_saved(chat)
    document["messages"][0]["content"] = "edited"
    assert said(read(document)[0]) == [("user", "edited"), ("assistant", "b")]
    document["tree"]["nodes"] = 3
    with pytest.raises(InvalidInput):
        read(document)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a JSON file"),
        (b"\xff\xfe", "not a JSON file"),
        (b"[1, 2", "not a JSON file"),
        (b"# A chat", "not a JSON file"),
        (b"[" * 100_000, "nested too deeply"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"{}", "no format that is known"),
        (b"[5]", "no format that is known"),
        (b'{"messages": "hi"}', "no format that is known"),
        (b'{"data": {"data": {"data": {"data": {"data": {"data": {}}}}}}}', "no format that is known"),
        (b'[{"role": "user"}]', "Entry 1"),
        (b'[{"role": "robot", "content": "hi"}]', "role must be"),
        (b'[{"role": "user", "content": 3}]', "content must be text"),
        (b'[{"role": "user", "content": "\\ud800"}]', "not valid Unicode"),
        (b'{"mapping": {"a": 5}}', "damaged"),
        (b'{"chat": {"history": {"messages": {"a": []}}}}', "damaged"),
        (b'{"visible": [5]}', "damaged"),
        (b'{"instruction": "a", "history": 5}', "damaged"),
        (b'{"mapping": {"a": {"message": {"author": {"role": "user"}, "content": {"parts": 5}}}}}', "damaged"),
        (b'{"messages": []}', "no conversation"),
        (json.dumps([{"role": "user", "content": "x" * MAX_BYTES}]).encode(), "larger than 3 MB"),
    ],
)
def test_a_file_that_is_no_conversation_is_refused_with_a_reason(data: bytes, says: str):
    with pytest.raises(InvalidInput, match=says):
        opened(data)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exports, "MAX_VALUES", 1000)
    with pytest.raises(InvalidInput, match="more than 1,000 lists"):
        opened(b"[" + b"[]," * 2000 + b"[]]")
    monkeypatch.setattr(exports, "MAX_FILE_BYTES", 1000)
    with pytest.raises(InvalidInput, match="larger than"):
        opened(b" " * 2000)
    monkeypatch.setattr(exports, "MAX_VALUES", 10**9)
    monkeypatch.setattr(exports, "MAX_FILE_BYTES", 10**9)
    monkeypatch.setattr(exports, "MAX_LISTED", 3)
    with pytest.raises(InvalidInput, match="more than 3 conversations"):
        read([OPEN_WEBUI] * 4)
