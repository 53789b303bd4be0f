"""Examples → batches: padded by their lengths, never by what a token is: padding may be the end of a turn as well."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Sampler

from qwen_ui.finetune.encode import Encoded

PADDING = 0
"""Any token: what comes after a row's end is never looked at."""
MOST_TOKENS = 576
"""Computed at once: what is kept of each for the backward pass is most of the memory."""
BATCHES_SORTED = 8
"""Examples of so many batches are sorted by length: little padding, and still another order each epoch."""


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes a batch of encoded examples: which tokens bear loss, and how much."""

    label_weights: Mapping[str, float]
    """By label; 1 for all others."""
    numbers: bool = False
    """Whether the labels are numbers: then each example counts once, else each token that bears loss."""
    most_tokens: int = MOST_TOKENS

    def __call__(self, examples: Sequence[Encoded]) -> dict[str, list[dict[str, Tensor]]]:
        """The batch in ``parts`` of at most ``most_tokens`` tokens, or one example.

        A part has ``input_ids`` (rows, longest); ``rows``, ``columns``, ``targets``, ``weights`` (targets,): each
        target is predicted at (row, column), and all weights of a batch sum to 1; ``starts`` (rows,): each row's first
        target; with numbers ``values`` and ``shares`` (rows,), the examples' weights.
        """
        total = sum(self._weight(each) * (1 if self.numbers else sum(each.bears_loss[1:])) for each in examples)
        return {"parts": [self._part(each, total) for each in _parts(examples, self.most_tokens)]}

    def _part(self, examples: Sequence[Encoded], total: float) -> dict[str, Tensor]:
        targets: list[tuple[int, int, int, float]] = []
        starts = []
        for row, example in enumerate(examples):
            starts.append(len(targets))
            share = self._weight(example) / total
            learnt = (place for place in range(1, len(example.ids)) if example.bears_loss[place])
            targets += [(row, place - 1, example.ids[place], share) for place in learnt]
        rows, columns, tokens, weights = zip(*targets, strict=True)
        part = {
            "input_ids": padded([example.ids for example in examples]),
            "rows": torch.tensor(rows),
            "columns": torch.tensor(columns),
            "targets": torch.tensor(tokens),
            "weights": torch.tensor(weights),
            "starts": torch.tensor(starts),
        }
        if self.numbers:
            part["values"] = torch.tensor([float(example.example.label) for example in examples])
            part["shares"] = torch.tensor([self._weight(example) / total for example in examples])
        return part

    def _weight(self, example: Encoded) -> float:
        return self.label_weights.get(example.example.label, 1.0)


def _parts(examples: Sequence[Encoded], most_tokens: int) -> Iterator[list[Encoded]]:
    """The examples, the longest first, in parts that don't hold too many tokens with their padding."""
    part: list[Encoded] = []
    for example in sorted(examples, key=lambda example: len(example.ids), reverse=True):
        if part and (len(part) + 1) * len(part[0].ids) > most_tokens:
            yield part
            part = []
        part.append(example)
    yield part


def padded(sequences: Sequence[Sequence[int]]) -> Tensor:
    """(sequences, longest), padded on the right, to a multiple of eight: for each new shape torch keeps memory."""
    longest = -(-max(map(len, sequences)) // 8) * 8
    return torch.tensor([[*ids, *([PADDING] * (longest - len(ids)))] for ids in sequences])


def balanced(labels: Sequence[str]) -> dict[str, float]:
    """Weights with which every label counts as much as any other, 1 on the average."""
    counts = Counter(labels)
    return {label: len(labels) / (len(counts) * count) for label, count in counts.items()}


class ByLength(Sampler[int]):
    """Examples of like length beside each other; by chance otherwise. The same for a seed and an epoch, so that a run
    that is continued in the middle of an epoch goes on with the examples that it has not seen."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = lengths, batch, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed} {self._epoch}")
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        stretch = self._batch * BATCHES_SORTED
        batches: list[list[int]] = []
        for start in range(0, len(order), stretch):
            near = sorted(order[start : start + stretch], key=lambda index: self._lengths[index])
            batches += [near[at : at + self._batch] for at in range(0, len(near), self._batch)]
        last = (
            [batches.pop()] if len(batches[-1]) < self._batch else []
        )  # a short one in between would shift the others
        chance.shuffle(batches)
        return iter([index for batch in batches + last for index in batch])
