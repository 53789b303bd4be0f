"""Reads conversations that are kept as trees of messages, of which one branch is the conversation."""

import re
from collections.abc import Mapping
from typing import Any

from qwen_ui.tabs.chat import content
from qwen_ui.tabs.chat.content import text_of
from qwen_ui.tabs.chat.transcript import Item, Transcript, items_of, list_of, mapping, string


def claude(value: Any, transcript: Transcript) -> None:
    """Claude: messages with their parents, in the order in which they were written."""
    transcript.title = string(value.get("name"))
    messages = items_of(value["chat_messages"])
    by_id = {string(item.get("uuid")) or str(place): item for place, item in enumerate(messages)}
    leaf = string(value.get("current_leaf_message_uuid"))
    for item in _branch(by_id, "parent_message_uuid", leaf, transcript):
        files = content.marks(item.get("attachments"), content.FILES, transcript.left_out)
        files += content.marks(item.get("files") or item.get("files_v2"), content.FILES, transcript.left_out)
        text = text_of(item.get("content") or item.get("text"), transcript.left_out)
        role = item.get("sender") or item.get("role")
        transcript.record(role, "\n".join(files), text or string(item.get("text")))


def _branch(nodes: Mapping[str, Item], parent: str, leaf: str, transcript: Transcript) -> list[Item]:
    """The messages from the root to the leaf; where no leaf is named, to the last one that nothing answers.

    Messages that name no parents are a row. Those on other branches are counted as left out.
    """
    parents = {id: string(node.get(parent)) for id, node in nodes.items()}
    if not any(above in nodes for above in parents.values()):
        return list(nodes.values())
    if leaf not in nodes:
        answered = set(parents.values())
        leaf = next((id for id in reversed(parents) if id not in answered), next(reversed(parents)))
    path: dict[str, Item] = {}
    while leaf in nodes and leaf not in path:
        path[leaf] = nodes[leaf]
        leaf = parents[leaf]
    transcript.leave_out(content.OTHERS, sum(_is_said(node) for id, node in nodes.items() if id not in path))
    return list(reversed(path.values()))


def _is_said(node: Item) -> bool:
    """Whether people would miss this node."""
    if "message" not in node:
        return True
    author = mapping(mapping(node["message"]).get("author")).get("role")
    return author in ("user", "assistant") or "fragments" in mapping(node["message"])


def open_webui(value: Any, transcript: Transcript) -> None:
    """Open WebUI, and what was made of it."""
    chat = value["chat"] if isinstance(value.get("chat"), Mapping) else value
    transcript.title = string(value.get("title") or chat.get("title"))
    transcript.record("system", string(chat.get("system") or mapping(chat.get("params")).get("system")))
    history = mapping(chat.get("history"))
    nodes = mapping(history.get("messages"))
    items_of(nodes)
    leaf = string(history.get("currentId"))
    row = items_of(chat.get("messages") or [])
    shown = _branch(nodes, "parentId", leaf, transcript) if nodes else row
    for item in shown:
        files = content.marks(item.get("files"), content.FILES, transcript.left_out)
        said = item.get("content") or item.get("content_list")
        text = _without_details(said, transcript) if isinstance(said, str) else _phases(said, transcript)
        transcript.record(item.get("role"), "\n".join(files), text)


def _phases(said: Any, transcript: Transcript) -> str:
    """An answer in parts, of which some are thoughts."""
    said = list_of(said)
    shown = [part for part in said if "think" not in string(mapping(part).get("phase"))]
    transcript.leave_out(content.THOUGHTS, len(said) - len(shown))
    texts = [{"text": part["content"]} if isinstance(part, Mapping) and "content" in part else part for part in shown]
    return text_of(texts, transcript.left_out)


_DETAILS = re.compile(r'<details type="(reasoning|tool_calls|code_interpreter)"')
_END = "</details>"


def _without_details(text: str, transcript: Transcript) -> str:
    """The text without what the model thought and did before it, which Open WebUI puts into it as HTML."""
    kept, place = [], 0
    while (begin := _DETAILS.search(text, place)) and (end := text.find(_END, begin.end())) >= 0:
        kept.append(text[place : begin.start()])
        place = end + len(_END)
        transcript.left_out[content.THOUGHTS if begin[1] == "reasoning" else content.TOOL_CALLS] += 1
    kept.append(text[place:])
    return "".join(kept).strip() if place else text


def libre_chat(value: Any, transcript: Transcript) -> None:
    """LibreChat: a list of messages with their parents, or messages within messages."""
    transcript.title = string(value.get("title"))
    options = mapping(value.get("options"))
    transcript.record("system", string(options.get("promptPrefix") or options.get("system")))
    messages: dict[str, Item] = {}
    left = [(item, "") for item in reversed(items_of(value.get("messages") or value.get("messagesTree")))]
    while left:
        item, above = left.pop()
        id = string(item.get("messageId")) or str(len(messages))
        messages[id] = {"parentMessageId": above, **item}
        left += [(child, id) for child in reversed(items_of(item.get("children") or []))]
    for item in _branch(messages, "parentMessageId", "", transcript):
        files = content.marks(item.get("files"), content.FILES, transcript.left_out)
        text = string(item.get("text")) or text_of(item.get("content"), transcript.left_out)
        role = "user" if item.get("isCreatedByUser") or string(item.get("sender")).lower() == "user" else "assistant"
        transcript.record(role, "\n".join(files), text)


def chatgpt(value: Any, transcript: Transcript) -> None:
    """ChatGPT, and DeepSeek, whose export is made like it."""
    transcript.title = string(value.get("title"))
    nodes = dict(value["mapping"])
    for id, node in value["mapping"].items():
        items_of([node])
        for child in list_of(node.get("children")):
            if isinstance(child, str) and isinstance(nodes.get(child), Mapping) and not nodes[child].get("parent"):
                nodes[child] = {**nodes[child], "parent": id}
    leaf = string(value.get("current_node"))
    for node in _branch(nodes, "parent", leaf, transcript):
        if isinstance(node.get("message"), Mapping):
            read = _fragments if "fragments" in node["message"] else _chatgpt_message
            read(node["message"], transcript)


def _chatgpt_message(message: Item, transcript: Transcript) -> None:
    inner = mapping(message.get("content"))
    kind = string(inner.get("content_type")) or "text"
    role = mapping(message.get("author")).get("role")
    parts = inner.get("parts") if inner.get("parts") is not None else inner.get("text", inner.get("result"))
    parts = parts if isinstance(parts, str) else list_of(parts)
    if kind in ("thoughts", "reasoning_recap"):
        transcript.leave_out(content.THOUGHTS)
    elif role == "tool" or kind in _CHATGPT_RESULTS:
        text_of([part for part in parts if not isinstance(part, str)], transcript.left_out)
        transcript.leave_out(content.TOOL_RESULTS)
    elif _is_hidden(message, kind, role):
        transcript.leave_out(content.HIDDEN, int(bool(string(parts) or any(parts))))
    elif role == "assistant" and message.get("recipient") not in (None, "", "all"):
        transcript.leave_out(content.TOOL_CALLS)
    elif kind not in ("text", "multimodal_text", "code"):
        transcript.leave_out(content.kind_of(kind))
    else:
        transcript.record(role, text_of(parts, transcript.left_out))


_CHATGPT_RESULTS = ("execution_output", "tether_browsing_display", "tether_quote", "system_error", "super_widget")


def _is_hidden(message: Item, kind: str, role: Any) -> bool:
    """Whether ChatGPT did not show it: what it tells the model of its own accord."""
    metadata = mapping(message.get("metadata"))
    hidden = metadata.get("is_visually_hidden_from_conversation") or message.get("weight") == 0
    return bool(hidden) or role == "system" or kind in ("user_editable_context", "model_editable_context")


def _fragments(message: Item, transcript: Transcript) -> None:
    for fragment in items_of(message["fragments"] or []):
        kind = string(fragment.get("type"))
        if kind in ("REQUEST", "RESPONSE"):
            transcript.record("user" if kind == "REQUEST" else "assistant", string(fragment.get("content")))
        else:
            transcript.leave_out(content.kind_of(kind))
    content.marks(message.get("files"), content.FILES, transcript.left_out)
