"""Examples → batches: padded by their lengths, never by what a token is, as the padding may be the end of a turn too."""

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
BATCHES_SORTED = 8
"""Examples of so many batches are sorted by length: little padding, and still another order each epoch."""


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes a batch of encoded examples: which tokens bear loss, and how much."""

    label_weights: Mapping[str, float]
    """By label; 1 for all others."""
    values: bool = False
    """Whether the labels are numbers."""

    def __call__(self, examples: Sequence[Encoded]) -> dict[str, Tensor]:
        """``input_ids`` (rows, longest); ``rows``, ``columns``, ``targets``, ``weights`` (targets,): each target is
        predicted at (row, column); ``starts`` (rows,): each row's first target; ``values`` (rows,)."""
        rows, columns, targets, weights, starts = [], [], [], [], []
        for row, example in enumerate(examples):
            starts.append(len(targets))
            weight = self.label_weights.get(example.example.label, 1.0)
            for place in range(1, len(example.ids)):
                if example.bears_loss[place]:
                    rows.append(row)
                    columns.append(place - 1)
                    targets.append(example.ids[place])
                    weights.append(weight)
        batch = {
            "input_ids": padded([example.ids for example in examples]),
            "rows": torch.tensor(rows),
            "columns": torch.tensor(columns),
            "targets": torch.tensor(targets),
            "weights": torch.tensor(weights),
            "starts": torch.tensor(starts),
        }
        if self.values:
            batch["values"] = torch.tensor([float(example.example.label) for example in examples])
        return batch


def padded(sequences: Sequence[Sequence[int]]) -> Tensor:
    """(sequences, longest), padded on the right."""
    longest = max(map(len, sequences))
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
        last = [batches.pop()] if len(batches[-1]) < self._batch else []  # a short one in between would shift the others
        chance.shuffle(batches)
        return iter([index for batch in batches + last for index in batch])
