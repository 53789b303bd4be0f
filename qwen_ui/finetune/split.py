"""Rows → training, validation and test, without a text that is in two of them. The same seed gives the same parts."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from sklearn.model_selection import train_test_split
from sklearn.utils import shuffle

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.rows import Row
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows of each part, in the file's order."""

    train: list[Row]
    validation: list[Row]
    test: list[Row]
    duplicates: int
    """Rows that were left out because another one says the same."""


def parts(rows: Sequence[Row], settings: TrainSettings, stratified: bool) -> Parts:
    """The parts: as the split column has them, else by chance, with each label's share in each where it can be.

    Of rows that say the same in a part the first is kept; what is in the training part is in no other, and what is in
    the test part not in the validation. Raises `InvalidInput` for a split column without training rows.
    """
    different = _without_repeats(rows)
    group: Callable[[Row], Hashable] = (lambda row: (row.part, row.target)) if stratified else (lambda row: row.part)
    chosen = _taken(different, settings.rows, settings.seed, group)[1] if settings.rows else different
    if any(row.part for row in chosen):
        by_part = {part: [row for row in chosen if row.part == part] for part in ("train", "validation", "test")}
        train, validation, test = by_part.values()
        if not train:
            raise InvalidInput("The split column {column!r} has no training rows.", column=settings.split)
    else:
        count = len(chosen)
        rest, test = _taken(chosen, _share(settings.test, count), settings.seed, group)
        train, validation = _taken(rest, _share(settings.validation, count), settings.seed, group)
    ours = {row.key for row in train}
    only_test = [row for row in test if row.key not in ours]
    ours |= {row.key for row in only_test}
    only_validation = [row for row in validation if row.key not in ours]
    repeated = len(rows) - len(different)
    between = len(test) - len(only_test) + len(validation) - len(only_validation)
    return Parts(train, only_validation, only_test, repeated + between)


def contradictions(rows: Sequence[Row]) -> list[Sentence]:
    """A warning where the same text has several labels."""
    first: dict[str, Row] = {}
    compared = [(first.setdefault(row.key, row), row) for row in rows]
    pairs = [(earlier, row) for earlier, row in compared if earlier.target != row.target]
    if not pairs:
        return []
    earlier, row = pairs[0]
    return [
        Sentence(
            "{count:,} {count:row contradicts|rows contradict} an earlier one: row {one:,} and row {other:,} have the "
            "same text, once as {label!r} and once as {label_too!r}.",
            count=len(pairs),
            one=earlier.number,
            other=row.number,
            label=earlier.target,
            label_too=row.target,
        )
    ]


def _without_repeats(rows: Sequence[Row]) -> list[Row]:
    """The first of those rows of a part that say the same."""
    first: dict[Hashable, Row] = {}
    for row in rows:
        first.setdefault((row.part, row.key, row.target), row)
    return list(first.values())


def _share(share: float, count: int) -> int:
    """So many rows are a share: at least one of a share above zero."""
    return max(1, round(share * count)) if share else 0


def _taken(rows: Sequence[Row], count: int, seed: int, group: Callable[[Row], Hashable]) -> tuple[list[Row], list[Row]]:
    """The rows that stay, and so many that are taken by chance, of each group its share.

    A group of one row stays; so does one row of each, where there are too few for shares.
    """
    if not count or count >= len(rows):
        return ([], list(rows)) if count else (list(rows), [])
    groups = [group(row) for row in rows]
    sizes = Counter(groups)
    able = [place for place, each in enumerate(groups) if sizes[each] > 1]
    kinds = len({groups[place] for place in able})
    if kinds <= count <= len(able) - kinds:
        _, taken = train_test_split(
            able, test_size=count, stratify=[str(groups[place]) for place in able], random_state=seed
        )
    else:
        order = shuffle(range(len(rows)), random_state=seed)
        first = {groups[place]: place for place in reversed(order)}  # of each group the one that comes first
        taken = [place for place in order if first[groups[place]] != place][:count]
    chosen = set(taken)
    return (
        [row for place, row in enumerate(rows) if place not in chosen],
        [row for place, row in enumerate(rows) if place in chosen],
    )
