"""What training would see: shown before it starts."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any

from qwen_ui.finetune.data import Dataset
from qwen_ui.finetune.encode import Encoded, Encoder
from qwen_ui.finetune.rendering import Example
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.sentences import Sentence

MEASURED = 2000
"""Training rows whose lengths are measured; of more they are taken at even distances."""
BINS = 20
SHOWN_TOKENS = 2048
"""Of each row; of a longer one the last are shown, for there the answer is."""
_LONGEST_CHARACTER = 16
"""Tokens; one character of any tokenizer has fewer, and what is no character after so many never will be."""
NAMED_ROWS = 5

Piece = tuple[str, bool]
"""Text of a token, or of several that are one character, and whether it bears loss."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of training examples before they are cut."""

    edges: tuple[int, ...]
    """Of the bins: one more than there are of them."""
    counts: tuple[int, ...]
    measured: int
    """Examples that were measured."""
    median: int
    longest: int
    limit: int
    """The maximum length."""
    cut: int
    """How many of the measured are longer than that."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were left out."""

    reason: Sentence
    count: int
    numbers: tuple[int, ...]
    """Of the first ones."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An example as the model will see it."""

    number: int
    pieces: tuple[Piece, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What there is to know of a data set before it is learnt."""

    dataset: Dataset
    left_out: tuple[Reason, ...]
    """The most frequent ones first."""
    lengths: Lengths
    label_counts: dict[str, dict[str, int]]
    """By part and label; empty where there are no labels."""
    first: tuple[Shown, ...]
    warnings: tuple[Sentence, ...]

    def to_json(self) -> dict[str, Any]:
        """As the page and scripts get it. Sentences have their template, their values and the English text."""
        data = self.dataset
        return {
            "shape": data.shape,
            "labels": list(data.labels),
            "template": data.template,
            "columns": list(data.columns),
            "input": data.input,
            "target": data.target,
            "rows": {part: len(examples) for part, examples in _parts(data)},
            "left_out": {
                "count": len(data.left_out),
                "reasons": [
                    {"reason": _told(each.reason), "count": each.count, "numbers": list(each.numbers)}
                    for each in self.left_out
                ],
            },
            "duplicates": data.duplicates,
            "lengths": {name: getattr(self.lengths, name) for name in Lengths.__dataclass_fields__},
            "label_counts": self.label_counts,
            "first": [{"number": each.number, "cut": each.cut, "tokens": each.pieces} for each in self.first],
            "warnings": [_told(each) for each in self.warnings],
        }


def preview(tokenizer: Any, dataset: Dataset, settings: TrainSettings, rows: int = 5) -> Preview:
    """What training would see, with the first so many rows token by token. Raises like `Encoder.encode`."""
    encoder = Encoder(tokenizer, settings)
    step = -(-len(dataset.train) // MEASURED)
    measured = [encoder.encode(example) for example in dataset.train[::step]]
    first = [encoder.encode(example) for example in dataset.train[:rows]]
    lengths = _lengths([each.length for each in measured], settings.max_length)
    return Preview(
        dataset=dataset,
        left_out=_reasons(dataset),
        lengths=lengths,
        label_counts={part: _counted(dataset, examples) for part, examples in _parts(dataset)}
        if dataset.labels
        else {},
        first=tuple(Shown(each.example.number, pieces(tokenizer, each), each.cut) for each in first),
        warnings=(*dataset.warnings, *_warnings(tokenizer, measured, settings)),
    )


def pieces(tokenizer: Any, encoded: Encoded) -> tuple[Piece, ...]:
    """The text of each token, and whether it bears loss. Tokens that are one character only together are together."""
    found: list[Piece] = []
    marked = list(zip(encoded.ids, encoded.bears_loss, strict=True))[-SHOWN_TOKENS:]
    for learnt, group in groupby(marked, key=lambda each: each[1]):
        waiting: list[int] = []
        for id, _ in group:
            waiting.append(id)
            text = tokenizer.decode(waiting, clean_up_tokenization_spaces=False)
            if "\ufffd" not in text or len(waiting) == _LONGEST_CHARACTER:
                found.append((text, learnt))
                waiting = []
        if waiting:
            found.append((tokenizer.decode(waiting, clean_up_tokenization_spaces=False), learnt))
    return tuple(found)


def _parts(dataset: Dataset) -> Sequence[tuple[str, tuple[Example, ...]]]:
    return ("train", dataset.train), ("validation", dataset.validation), ("test", dataset.test)


def _counted(dataset: Dataset, examples: Sequence[Example]) -> dict[str, int]:
    counts = Counter(example.label for example in examples)
    return {label: counts[label] for label in dataset.labels}


def _reasons(dataset: Dataset) -> tuple[Reason, ...]:
    by_reason: dict[str, list[int]] = defaultdict(list)
    sentences: dict[str, Sentence] = {}
    for row in dataset.left_out:
        by_reason[str(row.reason)].append(row.number)
        sentences.setdefault(str(row.reason), row.reason)
    reasons = (Reason(sentences[key], len(rows), tuple(rows[:NAMED_ROWS])) for key, rows in by_reason.items())
    return tuple(sorted(reasons, key=lambda reason: -reason.count))


def _lengths(lengths: Sequence[int], limit: int) -> Lengths:
    longest = max(lengths)
    width = -(-longest // BINS) or 1
    bins = -(-longest // width)
    counts = Counter((length - 1) // width for length in lengths)
    return Lengths(
        edges=tuple(range(0, bins * width + 1, width)),
        counts=tuple(counts[place] for place in range(bins)),
        measured=len(lengths),
        median=round(median(lengths)),
        longest=longest,
        limit=limit,
        cut=sum(length > limit for length in lengths),
    )


def _warnings(tokenizer: Any, measured: Sequence[Encoded], settings: TrainSettings) -> list[Sentence]:
    """What is wrong with the examples as tokens."""
    warnings = []
    if cut := sum(each.cut for each in measured):
        warnings.append(
            Sentence(
                "{count:,} of {measured:,} rows are longer than {limit:,} tokens. Their prompts are shortened so that "
                "the answers stay, and what is still too long loses its end; a higher maximum length keeps more.",
                count=cut,
                measured=len(measured),
                limit=settings.max_length,
            )
        )
    if nothing := sum(not any(each.bears_loss) for each in measured):
        warnings.append(
            Sentence(
                "In {count:,} of {measured:,} rows nothing is left to learn within {limit:,} tokens. Raise the maximum "
                "length.",
                count=nothing,
                measured=len(measured),
                limit=settings.max_length,
            )
        )
    ended = [each for each in measured if not each.cut and not each.example.label]
    if ended and not any(_learns_to_end(tokenizer, each) for each in ended):
        warnings.append(
            Sentence("The token that ends an answer bears no loss: the model will not learn where to stop.")
        )
    return warnings


def _learns_to_end(tokenizer: Any, encoded: Encoded) -> bool:
    """Whether the last token that bears loss is one that ends a text."""
    last = next(
        (id for id, learnt in zip(reversed(encoded.ids), reversed(encoded.bears_loss), strict=True) if learnt), None
    )
    return last in tokenizer.all_special_ids


def _told(sentence: Sentence) -> dict[str, Any]:
    return {"template": sentence.template, "values": sentence.values, "text": str(sentence)}
