"""Which program wrote a conversation: what tells the formats apart, and what reads each.

A reader puts what people and model said into a `Transcript`; what can't be shown here is counted there.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.chat.conversation import from_browser
from qwen_ui.tabs.chat.rows import (
    alpaca,
    gemini,
    gemini_turns,
    lm_studio,
    messages,
    pairs,
    sharegpt,
    sharegpt_turns,
    silly_tavern,
    web_ui,
)
from qwen_ui.tabs.chat.transcript import Item, Transcript, is_list, mapping, string
from qwen_ui.tabs.chat.trees import chatgpt, claude, libre_chat, open_webui

Reader = Callable[[Any, Transcript], None]
PROGRAMS = (
    "ChatGPT, Claude, Gemini (AI Studio), DeepSeek, Open WebUI, LibreChat, text-generation-webui, SillyTavern, "
    "LM Studio, Gradio, ShareGPT, Alpaca, OpenAI"
)

_ENTRIES: tuple[tuple[set[str], Reader], ...] = (
    ({"role", "parts"}, gemini_turns),
    ({"role"}, messages),
    ({"from", "value"}, sharegpt_turns),
    ({"mes", "name"}, silly_tavern),
    ({"user_name", "character_name"}, silly_tavern),
    ({"chat_metadata"}, silly_tavern),
)
"""Lists whose entries make one conversation, by the keys of the first entry."""


def _by_messages(value: Any, transcript: Transcript) -> None:
    """A list called messages, as several programs have it."""
    first = mapping(next(iter(value["messages"]), None))
    if {"isCreatedByUser", "messageId"} & first.keys():
        return libre_chat(value, transcript)
    if "versions" in first:
        return lm_studio(value, transcript)
    if {"from", "value"} <= first.keys():
        return sharegpt_turns(value["messages"], transcript)
    return messages(value, transcript)


ABOUT = {"settings": dict, "pinned": bool, "created": int, "updated": int, "model": str}
"""What this app's files say of a conversation besides."""


def _own(value: Any, transcript: Transcript) -> None:
    """What was saved here: the messages that were shown, and the tree of all.

    Where somebody has changed the messages since, they are what counts.
    """
    messages(value, transcript)
    transcript.title = string(value.get("title"))
    transcript.about = {name: value[name] for name, kind in ABOUT.items() if isinstance(value.get(name), kind)}
    chat = from_browser(value["tree"])
    if list(chat.messages) == transcript.messages:
        transcript.chat = chat


def _has(key: str, kind: type = list) -> Callable[[Item], bool]:
    return lambda value: isinstance(value.get(key), kind)


def _is_row(value: Item) -> bool:
    """Whether it is a row of training data whose turns stand under this key."""
    turns = value.get("conversations")
    return isinstance(turns, list) and bool(turns) and bool({"from", "role"} & mapping(turns[0]).keys())


def _is_instruction(value: Item) -> bool:
    pairs = ("input", "output"), ("prompt", "completion"), ("prompt", "response"), ("question", "answer")
    return "instruction" in value or any(set(pair) <= value.keys() for pair in (*pairs, ("prompt", "chosen")))


_CONVERSATIONS: tuple[tuple[Callable[[Item], bool], Reader], ...] = (
    (lambda value: value.get("app") == "qwen-ui" and _has("messages")(value) and "tree" in value, _own),
    (_has("mapping", dict), chatgpt),
    (_has("chat_messages"), claude),
    (_has("chat", dict), open_webui),
    (lambda value: isinstance(mapping(value.get("history")).get("messages"), dict), open_webui),
    (_has("chunkedPrompt", dict), gemini),
    (_has("contents"), gemini),
    (_has("messagesTree"), libre_chat),
    (_has("internal"), web_ui),
    (_has("data_visible"), web_ui),
    (_has("visible"), web_ui),
    (_has("messages"), _by_messages),
    (_is_row, sharegpt),
    (_has("items"), sharegpt),
    (_has("conversation"), sharegpt),
    (_is_instruction, alpaca),
)
"""Single conversations, by what tells them apart."""

_WRAPPERS = ("data", "chats", "conversations", "history", "messages")
"""Keys under which programs put several conversations, or one."""
MAX_WRAPPERS = 4


def conversations(values: Iterator[Any]) -> Iterator[tuple[Reader, Any]]:
    """Each conversation among a file's values, with what reads it."""
    for first in values:
        if (read := _reader_of_entries(first)) is not None:
            yield read, [first, *values]
            return
        yield from _within(first)
        break
    for value in values:
        yield from _within(value)


def _reader_of_entries(first: Any) -> Reader | None:
    """What reads a list that begins with this, if its entries make one conversation."""
    if is_list(first):
        return pairs if len(first) == 2 and not any(isinstance(said, Mapping) for said in first) else None
    if isinstance(first, Mapping):
        for keys, read in _ENTRIES:
            if keys <= first.keys():
                return read
    return None


def _within(value: Any, depth: int = 0) -> Iterator[tuple[Reader, Any]]:
    """The conversations in a value: the value itself, or those that it wraps."""
    if is_list(value) and value and (read := _reader_of_entries(value[0])) is not None:
        yield read, value
        return
    if isinstance(value, Mapping):
        for matches, read in _CONVERSATIONS:
            if matches(value):
                yield read, value
                return
        for key in _WRAPPERS:
            if depth < MAX_WRAPPERS and isinstance(value.get(key), dict | list) and value[key]:
                for inner in value[key] if is_list(value[key]) else [value[key]]:
                    yield from _within(inner, depth + 1)
                return
    yield _unknown, value


def _unknown(value: Any, transcript: Transcript) -> None:
    raise InvalidInput(
        "It is JSON, but in no format that is known here. Open a conversation that was saved here, or an export of "
        "{programs}.",
        programs=PROGRAMS,
    )
