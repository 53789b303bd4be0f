"""Targets that are labels or numbers: made alike, put into an order, and looked at before anything is learnt."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.rows import Row
from qwen_ui.sentences import Sentence

MOST_LABELS, MOST_IN_THE_TAB = 50, 20
LONGEST_LABEL = 50
"""Characters, as in the Sentiment tab."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows whose targets are labels."""

    rows: list[Row]
    labels: tuple[str, ...]
    """Numbers by their value, words by the alphabet."""
    warnings: list[Sentence]


def labelled(rows: Sequence[Row], column: str) -> Labelled:
    """The rows, with labels that differ only by case or spaces made one.

    Raises `InvalidInput` for values that are no labels, and where there is only one.
    """
    spelled, warnings = _spellings([row.target for row in rows])
    labels = sorted(set(spelled.values()), key=_order)
    if len(labels) == 1:
        raise InvalidInput(
            "All rows have the same label, {label!r}. To learn labels the column {column!r} needs at least two.",
            label=labels[0],
            column=column,
        )
    if len(labels) > MOST_LABELS and all(number(label) is not None for label in labels):
        raise InvalidInput(
            "The column {column!r} has {count:,} different numbers; at most {most} are possible. Round them.",
            column=column,
            count=len(labels),
            most=MOST_LABELS,
        )
    longest = max(labels, key=len)
    if len(labels) > MOST_LABELS or len(longest) > LONGEST_LABEL:
        raise InvalidInput(
            "The column {column!r} has {count:,} different values, the longest of {length:,} characters: they are "
            "probably no labels. Choose another target column, or answers for what the rows are; at most {most} labels "
            "of {limit} characters are possible.",
            column=column,
            count=len(labels),
            length=len(longest),
            most=MOST_LABELS,
            limit=LONGEST_LABEL,
        )
    if len(labels) > MOST_IN_THE_TAB:
        warnings.append(
            Sentence(
                "There are {count:,} labels; the Sentiment tab shows at most {most}.",
                count=len(labels),
                most=MOST_IN_THE_TAB,
            )
        )
    counts = Counter(spelled[row.target] for row in rows)
    if single := [label for label in labels if counts[label] == 1]:
        warnings.append(
            Sentence(
                "These labels have one row only, so little can be learnt of them: {labels}. Add more.",
                labels=", ".join(single),
            )
        )
    changed = [replace(row, target=spelled[row.target]) for row in rows]
    return Labelled(changed, tuple(labels), warnings)


def check_numbers(rows: Sequence[Row], column: str) -> None:
    """Raises `InvalidInput` where a target is no number, and where there is no column of targets."""
    if not column:
        raise InvalidInput(
            "The mean squared error needs a column of numbers. Choose labels for what the rows are, or cross-entropy "
            "as the loss."
        )
    if bad := [row for row in rows if number(row.target) is None]:
        raise InvalidInput(
            "For the mean squared error the column {column!r} must hold numbers, but {count:,} {count:row|rows} "
            "{count:does|do} not: row {number:,} says {value!r}. Choose cross-entropy as the loss, or mend the file.",
            column=column,
            count=len(bad),
            number=bad[0].number,
            value=bad[0].target[:40],
        )


def number(text: str) -> float | None:
    """The finite number that a text is, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _spellings(targets: Sequence[str]) -> tuple[dict[str, str], list[Sentence]]:
    """For each target the label that it is: of those that differ only by case or spaces, the most frequent one."""
    counts = Counter(targets)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for target, count in counts.items():
        plain = " ".join(target.split())
        groups[plain.casefold()][plain] += count
    merged = {folded: group for folded, group in groups.items() if len(group) > 1}
    warnings = []
    if merged:
        told = "; ".join(" = ".join(map(repr, group)) for group in list(merged.values())[:10])
        warnings.append(
            Sentence("Labels that differ only by case or spaces are taken for the same one: {labels}.", labels=told)
        )
    best = {folded: group.most_common(1)[0][0] for folded, group in groups.items()}
    return {target: best[" ".join(target.split()).casefold()] for target in counts}, warnings


def _order(label: str) -> tuple[bool, float, str, str]:
    value = number(label)
    return value is None, value or 0.0, label.casefold(), label
