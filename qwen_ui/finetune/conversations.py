"""Conversations in files: OpenAI's and ShareGPT's shapes, and bare lists of messages → rows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.columns import CONVERSATIONS, Columns, given
from qwen_ui.finetune.rows import DAMAGED, Part, Row, Rows, part_of
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.messages import ROLES, Message
from qwen_ui.sentences import Sentence
from qwen_ui.text.decode import decode, is_damaged
from qwen_ui.text.tables import EMPTY, MAX_ROWS, OBJECTS, SkippedRow, Table, read

MAX_MESSAGES = 1000
"""Of one conversation."""
_SYSTEM = ("system", "system_prompt")
_NO_JSON, _NO_LIST = Sentence("not valid JSON"), Sentence("it holds no list of messages")
_NO_MESSAGE = Sentence('a message in it is no object with "role" and "content", or "from" and "value"')
_NO_TEXT = Sentence("a message in it is more than text")
_EMPTY_ANSWER = Sentence("an answer in it is empty")
_NO_ANSWER = Sentence("there is no answer in it")
_NO_QUESTION = Sentence("nothing is asked in it")
_TOO_MANY = Sentence("it has more than {limit:,} messages", limit=MAX_MESSAGES)


def read_conversations(name: str, data: bytes, sheet: str, encoding: str, settings: TrainSettings) -> Rows:
    """The conversations of a file, one a row.

    Of JSON each object or list; of a table the column that holds such a list as JSON. Raises `InvalidInput` for a file
    that can't be read, and for one that holds columns instead.
    """
    if PurePath(name).suffix.lower() in OBJECTS:
        columns = Columns("", split=settings.split)
        items = list(_objects(decode(data, name, keep_damaged=True, encoding=encoding), name))
    else:
        table = read(name, data, sheet, encoding)
        column = given(table.columns, settings.input) or next((c for c in table.columns if c in CONVERSATIONS), "")
        columns = Columns(column, split=given(table.columns, settings.split))
        items = list(_cells(table, column))
    usable, left_out = [], []
    for number, item in items:
        row = _row(number, item, columns.split)
        if isinstance(row, Row):
            usable.append(row)
        else:
            left_out.append(SkippedRow(number, row))
    keys = next((tuple(item) for _, item in items if isinstance(item, Mapping)), ())
    if not usable and keys and all(each.reason == _NO_LIST for each in left_out):
        raise InvalidInput(
            "{file} holds no conversations; its columns are {columns}. Choose answers for what the rows are, or name "
            "the column that holds lists of messages.",
            file=name,
            columns=", ".join(map(str, keys[:20])),
        )
    return Rows(usable, left_out, (), columns)


def _cells(table: Table, column: str) -> Iterator[tuple[int, Any]]:
    """Each row as an object, with the messages that the column holds as JSON."""
    for number, cells in table.rows:
        values = dict(zip(table.columns, cells, strict=True))
        yield number, {**values, CONVERSATIONS[0]: _parsed(values[column])} if column else values


def _objects(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Each conversation in JSON or JSON lines, with its line or its place; a `Sentence` for what is no JSON."""
    whole = _parsed(text)
    lines = text.rstrip("\n").split("\n") if isinstance(whole, Sentence) else []
    if isinstance(whole, Mapping) and _messages(whole) is None:
        whole = max((value for value in whole.values() if isinstance(value, list)), key=len, default=[whole])
    elif isinstance(whole, Mapping) or (isinstance(whole, list) and whole and _is_message(whole[0])):
        whole = [whole]
    elif not isinstance(whole, list):
        whole = []
    if len(whole) > MAX_ROWS or len(lines) > MAX_ROWS:
        raise InvalidInput(
            "{file} has more than the {limit:,} rows that are possible. Split it.", file=name, limit=MAX_ROWS
        )
    yield from enumerate(whole, 1)
    yield from ((number, _parsed(line) if line.strip() else EMPTY) for number, line in enumerate(lines, 1))


def _parsed(text: str) -> Any:
    """What the JSON says, or a sentence for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON


def _row(number: int, item: Any, split: str) -> Row | Sentence:
    """The conversation as a row, or why it can't be used."""
    if isinstance(item, Sentence):
        return item
    turns = _turns(item)
    if isinstance(turns, Sentence):
        return turns
    part: Part | Sentence = part_of(str(item.get(split, ""))) if split and isinstance(item, Mapping) else ""
    if isinstance(part, Sentence):
        return part
    asked = "\n".join(f"{turn.role}: {turn.content}" for turn in turns[:-1])
    return _fault(turns) or Row(number, asked, turns[-1].content, part, turns=turns)


def _turns(item: Any) -> tuple[Message, ...] | Sentence:
    """The messages up to the last answer, or what is wrong with one of them."""
    said = _messages(item)
    if said is None:
        return _NO_LIST
    if len(said) > MAX_MESSAGES:
        return _TOO_MANY
    turns = _system(item)
    for each in said:
        message = _message(each)
        if isinstance(message, Sentence):
            return message
        turns.append(message)
    while turns and turns[-1].role != "assistant":
        turns.pop()
    return tuple(turns)


def _fault(turns: tuple[Message, ...]) -> Sentence | None:
    """Why nothing can be learnt from a conversation, None if something can."""
    answers = [turn.content.strip() for turn in turns if turn.role == "assistant"]
    if not answers:
        return _NO_ANSWER
    if not all(answers):
        return _EMPTY_ANSWER
    asked = any(turn.content.strip() for turn in turns if turn.role == "user")
    return None if asked else _NO_QUESTION


def _messages(item: Any) -> list[Any] | None:
    """The list of messages in an item, which may be one itself."""
    if isinstance(item, list):
        return item
    if not isinstance(item, Mapping):
        return None
    return next((item[key] for key in CONVERSATIONS if isinstance(item.get(key), list)), None)


def _is_message(item: Any) -> bool:
    return isinstance(item, Mapping) and bool({"role", "from"} & item.keys())


def _system(item: Any) -> list[Message]:
    """The system prompt beside the messages, if there is one."""
    given = [item.get(key) for key in _SYSTEM] if isinstance(item, Mapping) else []
    texts = [text for text in given if isinstance(text, str) and text.strip() and not is_damaged(text)]
    return [Message("system", text) for text in texts[:1]]


def _message(item: Any) -> Message | Sentence:
    """A message, or what is wrong with it."""
    if not _is_message(item):
        return _NO_MESSAGE
    role, text = item.get("role", item.get("from")), item.get("content", item.get("value"))
    if isinstance(text, list):
        text = _of_parts(text)
    known = ROLES.get(role.casefold()) if isinstance(role, str) else None
    if known is None:
        return Sentence("a message in it has the role {role!r}", role=str(role)[:40])
    if not isinstance(text, str) or item.get("tool_calls"):
        return _NO_TEXT
    return DAMAGED if is_damaged(text) else Message(known, text)


def _of_parts(parts: list[Any]) -> str | None:
    """The text of a message that is given in parts; None where one of them is none."""
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    known = [text for text in texts if isinstance(text, str)]
    return "\n".join(known) if len(known) == len(texts) else None
