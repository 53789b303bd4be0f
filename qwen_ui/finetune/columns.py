"""Which columns of a table hold what the model reads and what it is to write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import mean

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.settings import Shape, TrainSettings
from qwen_ui.text.languages import Language, known
from qwen_ui.text.tables import Table

_LOOKED_AT = 500
"""Rows from which columns are guessed."""
_LONGEST_NAME = 60
"""Characters; what is longer is no column's name."""
_NO_LANGUAGES = ("id", "no")
"""Codes of languages that as columns are something else."""
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
INPUTS: dict[Shape, Sequence[str]] = {
    "labels": (
        *("text", "sentence", "review", "comment", "content", "body", "message", "tweet", "title"),
        *("文本", "句子", "评论", "内容", "评价", "正文"),
    ),
    "answers": (
        *("instruction", "prompt", "question", "query", "input", "user", "ask"),
        *("指令", "问题", "提问", "输入"),
    ),
    "translation": ("source", "src", "original", "text", "原文", "源文"),
    "text": ("text", "content", "body", "document", "文本", "内容", "正文"),
}
TARGETS: dict[Shape, Sequence[str]] = {
    "labels": (
        *("label", "sentiment", "class", "category", "rating", "stars", "score", "polarity", "target"),
        *("标签", "情感", "类别", "分类", "评分"),
    ),
    "answers": (
        *("output", "response", "answer", "completion", "reply", "assistant", "target"),
        *("输出", "回答", "答案", "回复"),
    ),
    "translation": ("target", "tgt", "translation", "译文", "翻译"),
}
CONVERSATIONS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns")
"""Keys and columns that hold a conversation in each row."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns to use; an empty name is none."""

    input: str
    target: str = ""
    beside: str = ""
    """What the instruction in the input column is about, as in Alpaca's rows."""
    system: str = ""
    split: str = ""


def with_header(table: Table, settings: TrainSettings) -> Table:
    """The table; one whose first row is no header gets that row back, and columns with usual names."""
    shape = settings.shape
    if not _headerless(table, settings):
        return table
    first = max(1, table.rows[0][0] - 1)
    rows = ((first, table.columns), *table.rows)
    names = [f"column {number}" for number in range(1, len(table.columns) + 1)]
    if len(names) == 2 and shape in TARGETS:
        input, target = (0, 1) if shape != "labels" or _distinct(table, 0) >= _distinct(table, 1) else (1, 0)
        names[input], names[target] = INPUTS[shape][0], TARGETS[shape][0]
        if settings.input in INPUTS[shape]:
            names[input] = settings.input
        if settings.target in TARGETS[shape]:
            names[target] = settings.target
    elif len(names) == 1:
        names = ["text"]
    return replace(table, columns=tuple(names), rows=rows)


def find(table: Table, settings: TrainSettings) -> Columns:
    """The columns that the settings name; by their names and values where the settings leave that open.

    Raises `InvalidInput` for a column that is not there, or where none can be found.
    """
    shape, names = settings.shape, table.columns
    if shape == "text":
        input = given(names, settings.input) or _named(names, INPUTS[shape]) or _longest(table, names)
        return Columns(input, split=given(names, settings.split))
    if len(names) < 2:
        raise InvalidInput(
            "The file has one column, {column!r}; what the model reads and what it learns to write need one each. Save "
            "it as .csv or .tsv with two columns, or choose plain text.",
            column=names[0],
        )
    if conversations := [name for name in names if name in CONVERSATIONS]:
        raise InvalidInput(
            "The column {column!r} holds conversations. Choose conversations for what the rows are.",
            column=conversations[0],
        )
    input, target, split = (given(names, name) for name in (settings.input, settings.target, settings.split))
    others = [name for name in names if name not in (input, target, split)]
    target = target or _target(table, shape, others, input)
    others = [name for name in others if name != target]
    input = input or _named(others, INPUTS[shape]) or _input(table, shape, others)
    if input == target:
        raise InvalidInput("The input and the target are both the column {column!r}. Choose two.", column=input)
    if shape != "answers":
        return Columns(input, target, split=split)
    beside = _named([name for name in others if name != input], ("input", "context", "输入"))
    alpaca = input.casefold() in ("instruction", "指令")
    return Columns(input, target, beside if alpaca else "", _named(others, ("system", "system_prompt")), split)


def language_in(column: str) -> Language | None:
    """The language after which a column is named, as "fr", "French" and "translation.fr" are."""
    name = column.rpartition(".")[2]
    return None if name.casefold() in _NO_LANGUAGES else known(name)


def given(names: Sequence[str], name: str) -> str:
    """The column of that name, in any case; none for no name. Raises `InvalidInput` where there is no such column."""
    if not name:
        return ""
    found = [each for each in names if each == name] or [each for each in names if each.casefold() == name.casefold()]
    if not found:
        raise InvalidInput(
            "There is no column {column!r}. There are: {columns}.", column=name, columns=", ".join(names)
        )
    return found[0]


def _named(names: Sequence[str], wanted: Sequence[str]) -> str:
    """The column of one of the wanted names, in their order; else one whose last part is."""
    plain = {name.casefold().strip(): name for name in reversed(names)}
    parts = {name.casefold().rpartition(".")[2].strip(): name for name in reversed(names)}
    return next((where[name] for where in (plain, parts) for name in wanted if name in where), "")


def _target(table: Table, shape: Shape, names: Sequence[str], input: str) -> str:
    """The likeliest column for the target, of those names."""
    if found := _named(names, TARGETS[shape]):
        return found
    if shape == "labels":
        return min(names, key=lambda name: _distinct(table, table.columns.index(name)))
    if shape == "translation":
        languages = [name for name in names if language_in(name)]
        if languages[1:] or (languages and input):
            return languages[0 if input else 1]
    after = names if input else names[1:]
    if not after:
        raise InvalidInput(
            "Which column the model learns to write can't be told. Name the target column; there are: {columns}.",
            columns=", ".join(table.columns),
        )
    return after[0]


def _input(table: Table, shape: Shape, names: Sequence[str]) -> str:
    if not names:
        raise InvalidInput(
            "Which column the model reads can't be told. Name the input column; there are: {columns}.",
            columns=", ".join(table.columns),
        )
    if shape == "labels":
        return _longest(table, names)
    languages = [name for name in names if language_in(name)]
    return languages[0] if shape == "translation" and languages else names[0]


def _longest(table: Table, names: Sequence[str]) -> str:
    """The column with the longest texts."""
    return max(names, key=lambda name: mean(map(len, _head(table, table.columns.index(name)))))


def _distinct(table: Table, place: int) -> int:
    return len({value.strip() for value in _head(table, place)})


def _head(table: Table, place: int) -> list[str]:
    return [values[place] for _, values in islice(table.rows, _LOOKED_AT)]


def _headerless(table: Table, settings: TrainSettings) -> bool:
    """Whether the row that was taken for a header is one of the others: it has a value of theirs, or a long text."""
    names = [name.casefold() for name in table.columns]
    usual = {*INPUTS.get(settings.shape, ()), *TARGETS.get(settings.shape, ()), *CONVERSATIONS, "id"}
    usual |= {name.casefold() for name in (settings.input, settings.target, settings.split) if name}
    if usual & {*names, *(name.rpartition(".")[2] for name in names)}:
        return False
    return any(
        len(name) > _LONGEST_NAME or _NUMBER.fullmatch(name) or name in _head(table, place)
        for place, name in enumerate(table.columns)
    )
