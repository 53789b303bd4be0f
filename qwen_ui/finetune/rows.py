"""A file's rows, before they are split and rendered; those that can't be used are named with their reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import PurePath
from typing import Literal

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.columns import Columns, find, with_header
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.messages import Message
from qwen_ui.sentences import Sentence
from qwen_ui.text.decode import is_damaged
from qwen_ui.text.tables import OBJECTS, SkippedRow, Table

Part = Literal["", "train", "validation", "test"]
PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "训练", "训练集"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development", "验证", "验证集", "开发集"), "validation"),
    **dict.fromkeys(("test", "testing", "测试", "测试集"), "test"),
}
"""By what the split column says, in small letters."""
NO_INPUT, NO_ANSWER = Sentence("its input is empty"), Sentence("its answer is empty")
DAMAGED = Sentence("wrong encoding")


@dataclass(frozen=True, slots=True)
class Row:
    """What the model reads and what it is to write, as the file has it."""

    number: int
    input: str
    target: str
    part: Part = ""
    """As the split column has it."""
    values: Mapping[str, str] = field(default_factory=dict)
    """By column, without the target."""
    turns: tuple[Message, ...] = ()
    """Of a conversation, whose last message is the model's."""

    @property
    def key(self) -> str:
        """What rows are compared by: the input without case and white space."""
        return normalized(self.input or self.target)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that can be used, and those that can't."""

    usable: list[Row]
    left_out: list[SkippedRow]
    columns: tuple[str, ...]
    chosen: Columns


def normalized(text: str) -> str:
    """The text without case, and with one space wherever it has white space."""
    return " ".join(text.casefold().split())


def of_table(table: Table, name: str, settings: TrainSettings) -> Rows:
    """The rows of a table, by columns. Raises `InvalidInput` for columns that are not there or can't be used."""
    if PurePath(name).suffix.lower() not in OBJECTS:
        table = with_header(table, settings)
    chosen = find(table, settings)
    if PurePath(name).suffix.lower() == ".txt":
        table = _paragraphs(table)
    usable, left_out = [], list(table.skipped)
    for number, cells in table.rows:
        row = _row(number, dict(zip(table.columns, cells, strict=True)), chosen, settings.shape == "text")
        if isinstance(row, Row):
            usable.append(row)
        else:
            left_out.append(SkippedRow(number, row))
    return Rows(usable, left_out, table.columns, chosen)


def part_of(said: str) -> Part | Sentence:
    """The part that a value of the split column names, or what is wrong with it."""
    return PARTS.get(normalized(said)) or Sentence("its part is {part!r}", part=said.strip()[:40])


def check_some(rows: Sequence[Row], left_out: Sequence[SkippedRow], fewest: int) -> None:
    """Raises `InvalidInput` for too few rows to learn from."""
    if len(rows) >= fewest:
        return
    reasons = Counter(str(each.reason) for each in left_out).most_common(1)
    if reasons:
        reason = next(each.reason for each in left_out if str(each.reason) == reasons[0][0])
        raise InvalidInput(
            "Only {count:,} {count:row|rows} can be used; at least {fewest:,} are needed. Of the others most are left "
            "out because of this: {reason}.",
            count=len(rows),
            fewest=fewest,
            reason=reason,
        )
    raise InvalidInput(
        "The file has only {count:,} {count:row|rows}; at least {fewest:,} are needed. Add more.",
        count=len(rows),
        fewest=fewest,
    )


def _row(number: int, values: dict[str, str], chosen: Columns, plain: bool) -> Row | Sentence:
    """The row, or why it can't be used."""
    input, target = values[chosen.input].strip(), values.get(chosen.target, "").strip()
    part: Part | Sentence = part_of(values[chosen.split]) if chosen.split else ""
    if plain:
        input, target = "", input
    elif not input:
        return NO_INPUT
    if not target:
        return NO_INPUT if plain else NO_ANSWER
    if is_damaged(input) or is_damaged(target):
        return DAMAGED
    if isinstance(part, Sentence):
        return part
    if chosen.beside and (beside := values[chosen.beside].strip()):
        input = f"{input}\n\n{beside}"
    return Row(number, input, target, part, {name: value for name, value in values.items() if name != chosen.target})


def _paragraphs(table: Table) -> Table:
    """Plain text with empty lines between its paragraphs: a row each, instead of one each line."""
    if all(cells[0].strip() for _, cells in table.rows):
        return table
    rows = []
    for blank, group in groupby(table.rows, key=lambda row: not row[1][0].strip()):
        lines = list(group)
        if not blank:
            rows.append((lines[0][0], ("\n".join(cells[0] for _, cells in lines),)))
    return replace(table, rows=tuple(rows))
