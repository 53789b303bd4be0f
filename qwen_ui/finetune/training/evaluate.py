"""How good the model is on some rows: its loss, and accuracy and macro-F1 of labels, or chrF of translations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional

from qwen_ui.finetune.encode import Encoded, Encoder
from qwen_ui.finetune.metrics import label_metrics, translation_metrics
from qwen_ui.finetune.rendering import Example
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training.collate import Collator, padded
from qwen_ui.finetune.training.load import judging
from qwen_ui.finetune.training.loss import logits_at

ROWS_AT_ONCE = 16
MOST_GENERATED = 32
"""Rows that are translated: each takes as long as a hundred that are only read."""
LONGEST_ANSWER = 96
"""Tokens."""
PAD = 0
"""Any token: it is masked."""

Continuation = tuple[list[int], int]
"""Tokens, and where among them begins what is asked for."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of the rows."""

    loss: float
    """The mean over all tokens that bear loss."""
    metrics: dict[str, float]
    said: tuple[str, ...] = ()
    """A label or a translation for each row; none where neither is asked for."""


class Judge:
    """Judges rows of one kind of task, with the model as it is at that time."""

    def __init__(
        self,
        tokenizer: Any,
        settings: TrainSettings,
        labels: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> None:
        """``candidates`` are the labels as they follow a prompt."""
        self._tokenizer = tokenizer
        self._settings = replace(settings, loss_on="answer")
        self._encoder = Encoder(tokenizer, self._settings)
        self._labels = labels
        self._candidates = candidates

    def __call__(self, model: Any, rows: Sequence[Encoded]) -> Judged:
        with judging(model):
            return self._judge(model, rows)

    def _judge(self, model: Any, rows: Sequence[Encoded]) -> Judged:
        if self._candidates:
            return self._labelled(model, rows)
        loss = mean_loss(model, rows)
        if self._settings.shape != "translation":
            return Judged(loss, {})
        some = rows[:MOST_GENERATED]
        said = tuple(answers(model, self._tokenizer, [row.example for row in some]))
        references = [row.example.turns[-1].content if row.example.turns else row.example.answer for row in some]
        return Judged(loss, translation_metrics(references, said), said)

    def _labelled(self, model: Any, rows: Sequence[Encoded]) -> Judged:
        """Loss and labels from one pass: the answer that a row has is among the candidates."""
        scores = log_probabilities(model, [self._continuations(row) for row in rows])
        gold = [row.example.label for row in rows]
        totals = torch.tensor([[sum(each) for each in row] for row in scores])
        said = tuple(self._labels[index] for index in totals.argmax(-1).tolist())
        if self._settings.loss == "mean-squared-error":
            values = torch.tensor([float(label) for label in self._labels])
            expected = (totals.softmax(-1) * values).sum(-1)
            loss = float((expected - torch.tensor([float(label) for label in gold])).square().mean())
            return Judged(loss, label_metrics(gold, said, self._labels), said)
        right = [row[self._labels.index(label)] for row, label in zip(scores, gold, strict=True)]
        tokens = [value for row in right for value in row]
        return Judged(-sum(tokens) / max(1, len(tokens)), label_metrics(gold, said, self._labels), said)

    def _continuations(self, row: Encoded) -> list[Continuation]:
        """The row's prompt with each candidate after it, in the tokens that the model would meet."""
        answers = zip(self._candidates, self._labels, strict=True)
        examples = [replace(row.example, answer=answer, label=label) for answer, label in answers]
        encoded = [self._encoder.encode(example) for example in examples]
        start = min(each.bears_loss.index(True) for each in encoded)
        return [(each.ids, start) for each in encoded]


def log_probabilities(model: Any, asked: Sequence[Sequence[Continuation]]) -> list[list[list[float]]]:
    """For each row and each of its continuations, the log-probability of each token from its beginning on.

    A sequence that another one begins with is computed with that: labels of one token cost one pass for all.
    """
    rows: list[tuple[int, list[int]]] = []
    for number, continuations in enumerate(asked):
        needed = sorted({tuple(ids[:-1]) for ids, _ in continuations}, key=len, reverse=True)
        kept: list[tuple[int, ...]] = []
        for ids in needed:
            if not any(longer[: len(ids)] == ids for longer in kept):
                kept.append(ids)
        rows += [(number, list(ids)) for ids in kept]
    found: list[list[list[float]]] = [[[] for _ in continuations] for continuations in asked]
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][1]))
    for start in range(0, len(order), ROWS_AT_ONCE):
        _score(model, [rows[index] for index in order[start : start + ROWS_AT_ONCE]], asked, found)
    return found


def _score(
    model: Any,
    rows: Sequence[tuple[int, list[int]]],
    asked: Sequence[Sequence[Continuation]],
    found: list[list[list[float]]],
) -> None:
    """Fills in what these rows tell."""
    wanted: list[tuple[int, int, int, int, int]] = []
    for row, (number, ids) in enumerate(rows):
        for which, (whole, start) in enumerate(asked[number]):
            if not found[number][which] and ids[: len(whole) - 1] == whole[:-1]:
                found[number][which] = [0.0] * (len(whole) - start)
                wanted += [(row, place - 1, whole[place], number, which) for place in range(start, len(whole))]
    device = next(model.parameters()).device
    batch = {
        "input_ids": padded([ids for _, ids in rows]).to(device),
        "rows": torch.tensor([each[0] for each in wanted], device=device),
        "columns": torch.tensor([each[1] for each in wanted], device=device),
    }
    targets = torch.tensor([each[2] for each in wanted], device=device)
    values = logits_at(model, batch).log_softmax(-1)[torch.arange(len(wanted), device=device), targets].tolist()
    for (_, column, _, number, which), value in zip(wanted, values, strict=True):
        found[number][which][column + 1 - asked[number][which][1]] = value


def mean_loss(model: Any, rows: Sequence[Encoded]) -> float:
    """Cross-entropy over all tokens that bear loss."""
    ordered = sorted(rows, key=lambda row: len(row.ids))
    total, tokens = 0.0, 0
    device = next(model.parameters()).device
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        for part in Collator({})(ordered[start : start + ROWS_AT_ONCE])["parts"]:
            batch = {name: each.to(device) for name, each in part.items()}
            logits = logits_at(model, batch)
            total += float(functional.cross_entropy(logits, batch["targets"], reduction="sum"))
            tokens += len(batch["targets"])
    return total / max(1, tokens)


def answers(model: Any, tokenizer: Any, examples: Sequence[Example], most: int = LONGEST_ANSWER) -> list[str]:
    """What the model says, greedily, after each of the examples' prompts."""
    device = next(model.parameters()).device
    said: list[str] = []
    for start in range(0, len(examples), ROWS_AT_ONCE):
        prompts = [prompt_ids(tokenizer, example) for example in examples[start : start + ROWS_AT_ONCE]]
        longest = max(map(len, prompts))
        ids = torch.tensor([[PAD] * (longest - len(each)) + each for each in prompts], device=device)
        mask = torch.tensor([[0] * (longest - len(each)) + [1] * len(each) for each in prompts], device=device)
        greedy = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        with judging(model):
            made = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=most,
                pad_token_id=tokenizer.eos_token_id,
                use_cache=True,
                **greedy,
            )
        said += [text.strip() for text in tokenizer.batch_decode(made[:, longest:], skip_special_tokens=True)]
    return said


def prompt_ids(tokenizer: Any, example: Example) -> list[int]:
    """What the model reads before it answers."""
    if not example.turns:
        return list(tokenizer(example.prompt)["input_ids"])
    turns = [{"role": turn.role, "content": turn.content} for turn in example.turns]
    if turns[-1]["role"] == "assistant":
        turns.pop()
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
