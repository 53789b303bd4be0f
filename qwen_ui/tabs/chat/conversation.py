"""A conversation as the chat tab holds it: kept in the browser, saved to and opened from files, shown."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.citations import cited, pieces, source
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.messages import Usage, conversation
from qwen_ui.page.passages import linked
from qwen_ui.tabs.chat.attachments import (
    Attachments,
    attachment_from_json,
    attachment_to_json,
    check,
    hit_from_json,
    hit_to_json,
)
from qwen_ui.tabs.chat.nodes import Chat, Node
from qwen_ui.text.markdown import as_typed, closed, harmless

MAX_BYTES = 3_000_000
"""Of a conversation as JSON: it comes along with each thing that is done."""


def to_browser(chat: Chat) -> dict[str, Any]:
    """What the browser keeps: the messages with their ids, each after the one that it follows."""
    firsts: dict[Attachments, int] = {}  # so that another version of a message holds no copy of what is attached
    nodes = [_kept(id, node, firsts) for id, node in sorted(chat.nodes.items())]
    return {"id": chat.id, "nodes": nodes, "first": chat.first}


def _kept(id: int, node: Node, firsts: dict[Attachments, int]) -> dict[str, Any]:
    """A message as it is kept; what it has not is left out.

    ``firsts`` are the ids of the messages that were the first with each of the attachments.
    """
    first = firsts.setdefault(node.attachments, id)
    message = node.message
    more = {
        "after": node.after,
        "next": node.next,
        "tokens": list(message.tokens),
        "model": node.model,
        "usage": node.usage and asdict(node.usage),
        "at": node.at,
        "attachments": first if first != id else [attachment_to_json(each) for each in node.attachments],
        "passages": None if node.passages is None else {"found": [hit_to_json(each) for each in node.passages]},
    }
    if not node.attachments:
        del more["attachments"]
    given = {name: value for name, value in more.items() if value not in (None, [], "")}
    return {"id": id, "role": message.role, "content": message.content, **given}


def from_browser(value: Any) -> Chat:
    """The conversation that the browser kept, this version's or an earlier one's, which had no branches.

    A page that has none yet gives nothing, or an empty text. Raises `InvalidInput` for what is not one.
    """
    if not value:
        return Chat()
    if not isinstance(value, Mapping):
        raise InvalidInput("It is not a conversation.")
    if "nodes" not in value:
        messages = [message for message in conversation(value.get("messages", [])) if message.role != "system"]
        return Chat.of(messages, _usage(value.get("usage")))
    return _tree(value)


def _tree(value: Mapping[str, Any]) -> Chat:
    entries = value["nodes"]
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise InvalidInput("It is not a conversation.")
    nodes: dict[int, Node] = {}
    last = -1
    for entry in entries:
        id, after = _id(entry.get("id")), _id(entry.get("after"))
        if id is None or id <= last or not (after is None or after in nodes):
            raise _damaged()
        nodes[id], last = _node(entry, after, nodes), id
    chat = Chat(nodes, _id(value.get("first")))
    if isinstance(key := value.get("id"), str) and key:
        chat = replace(chat, id=key)
    shown = [(None, chat.first), *((id, node.next) for id, node in nodes.items())]
    if any(to is not None and (to not in nodes or nodes[to].after != from_) for from_, to in shown):
        raise _damaged()
    return chat


def _id(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise _damaged()
    return value


def _damaged() -> InvalidInput:
    return InvalidInput("It is damaged: its messages do not follow each other.")


def _node(entry: Mapping[str, Any], after: int | None, before: Mapping[int, Node]) -> Node:
    (message,) = conversation([entry])
    model = entry.get("model", "")
    if message.role == "system" or not isinstance(model, str):
        raise InvalidInput("It is not a conversation.")
    message = replace(message, tokens=entry.get("tokens", ()))
    return Node(
        message,
        after,
        _id(entry.get("next")),
        _usage(entry.get("usage")),
        model,
        _id(entry.get("at")),
        _attachments(entry.get("attachments", []), before),
        _passages(entry.get("passages")),
    )


def _attachments(value: Any, before: Mapping[int, Node]) -> Attachments:
    """What is attached to a message: as it is, or the id of an earlier message that has the same."""
    if type(value) is int and value in before:
        return before[value].attachments
    if not isinstance(value, list):
        raise _damaged()
    return tuple(map(attachment_from_json, value))


def _passages(value: Any) -> tuple[SearchHit, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not isinstance(found := value.get("found"), list):
        raise _damaged()
    return tuple(hit_from_json(number, each) for number, each in enumerate(found))


def _usage(value: Any) -> Usage | None:
    """What an answer cost, None if it was kept by another version of the app: only the line under it is missing."""
    try:
        return Usage(**value) if value else None
    except TypeError:
        return None


def fits(chat: Chat) -> bool:
    """Whether a browser can keep it."""
    return len(json.dumps(to_browser(chat), ensure_ascii=False).encode()) <= MAX_BYTES


def to_markdown(chat: Chat, system: str, you: str, model: str) -> str:
    """The shown path to read, under headings with the two speakers' names."""
    parts = [f"> {line}".rstrip() for line in system.strip().splitlines()]
    head = ["\n".join(parts)] if parts else []
    names = {"user": you, "assistant": model}
    turns = [f"## {names[chat.nodes[id].message.role]}\n\n{_said(chat.nodes[id])}" for id in chat.path]
    return "\n\n".join([*head, *turns]) + "\n"


def _said(node: Node) -> str:
    """As Markdown; what the model was stopped in ends with it. What is attached and cited is named."""
    text = node.message.content.strip()
    if node.message.role == "user":
        return "\n\n".join([*(f"📎 {each.name}" for each in node.attachments), text])
    numbers = cited(pieces(text, len(node.passages or ())))
    sources = [f"[{number}] {source(hit)}" for number, hit in enumerate(node.passages or (), 1) if number in numbers]
    return "\n\n".join([closed(text), *sources])


def anchors(id: int) -> str:
    """How the addresses of the passages begin that a message was given."""
    return f"chat-{id}"


def shown_message(id: int, node: Node) -> dict[str, Any]:
    """One message for gr.Chatbot. Its content is a list of parts: a plain string would lose its code's indentation."""
    message = node.message
    if message.role == "user":
        text = as_typed(message.content)
    elif node.passages:
        text, _ = linked(message.content, anchors(id), len(node.passages))
    else:
        text = harmless(message.content)
    return {"role": message.role, "content": [{"type": "text", "text": text}]}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the user wants answered."""

    before: Chat
    """The conversation as it was: it comes back if nothing comes of the attempt."""
    asked: Chat
    """The conversation that ends with the message to answer."""
    typed: str | None = None
    """What the user typed for it, to be given back on failure; None if nothing was typed."""


def sending(chat: Chat, text: str, attachments: Attachments = ()) -> Attempt:
    """A new message. Raises `InvalidInput` for a blank or invalid one, and when the chat would grow too large."""
    if not text.strip() and attachments:
        raise InvalidInput("Write what to do with the attachments first.")
    if not text.strip():
        raise InvalidInput("Write something first.")
    check(attachments)
    return Attempt(chat, _with_room(chat.asking(text, attachments)), text)


def _with_room(chat: Chat) -> Chat:
    """The same. Raises `InvalidInput` when no browser can keep it."""
    if not fits(chat):
        raise InvalidInput("This conversation is too long to be kept in the browser. Export it and start a new one.")
    return chat


def retrying(chat: Chat) -> Attempt:
    """The last message again; its answer is kept. Raises `InvalidInput` when there is none, and like `sending`."""
    question = chat.last_question
    if question is None:
        raise InvalidInput("There is no message to answer.")
    return Attempt(chat, _with_room(ending(chat, question)))


def continuing(chat: Chat, id: int) -> Attempt:
    """An answer that reached its limit, gone on with. Raises `InvalidInput` when there is none, and like `sending`."""
    chat.answer(id)
    return Attempt(chat, _with_room(chat.showing(id)))


def branching(chat: Chat) -> Attempt:
    """Another answer beside one. Raises `InvalidInput` when the chat would grow too large."""
    return Attempt(chat, _with_room(chat))


def editing(chat: Chat, place: int, text: str) -> Attempt:
    """A message of the shown path in other words; the old one stays, with what came after it. Raises like `sending`."""
    if not 0 <= place < len(chat.path):
        raise InvalidInput("This message is no longer there.")
    id = chat.path[place]
    return Attempt(chat, sending(chat.up_to(id), text, chat.nodes[id].attachments).asked, text)


def ending(chat: Chat, id: int) -> Chat:
    """The same, with the shown path ending with that message."""
    shown = chat.showing(id)
    return shown.having(id, replace(shown.nodes[id], next=None))
