"""Losses. Logits are computed only where there is loss: with a large vocabulary they are most of the memory."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.finetune.training.load import bodies

_BEYOND_THE_HEAD = ("final_logit_softcapping", "logits_scaling", "logit_scale")
"""Settings of models that do more to logits than their head does."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers that a target can be, for the mean squared error."""

    tokens: Tensor
    """(numbers,) The token that tells each number from the others."""
    values: Tensor
    """(numbers,)"""
    skipped: int
    """Tokens of an answer before that one; the same for all numbers."""


def logits_at(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The logits that predict the batch's targets: (targets, vocabulary), in fp32.

    Rows are padded on the right, where causal attention never looks from a target: no mask is needed.
    """
    decoder, head = bodies(model)
    rows, columns = batch["rows"], batch["columns"]
    if any(getattr(model.config, name, None) for name in _BEYOND_THE_HEAD):
        logits: Tensor = model(input_ids=batch["input_ids"], use_cache=False).logits
        return logits[rows, columns].float()
    hidden = decoder(input_ids=batch["input_ids"], use_cache=False).last_hidden_state
    chosen: Tensor = head(hidden[rows, columns])
    return chosen.float()


def cross_entropy(logits: Tensor, batch: dict[str, Tensor], smoothing: float) -> Tensor:
    """Summed over the targets, each by its weight."""
    each = functional.cross_entropy(logits, batch["targets"], reduction="none", label_smoothing=smoothing)
    return (each * batch["weights"]).sum()


def squared_error(logits: Tensor, batch: dict[str, Tensor], numbers: Numbers) -> Tensor:
    """The squares of (expected value − target), summed by the examples' shares. The value is expected over the numbers'
    tokens alone."""
    tokens, values = numbers.tokens.to(logits.device), numbers.values.to(logits.device)
    shares = logits[batch["starts"] + numbers.skipped][:, tokens].softmax(-1)
    errors = (shares * values).sum(-1) - batch["values"]
    return (errors.square() * batch["shares"]).sum()


def of(model: Any, batch: dict[str, Tensor], settings: TrainSettings, numbers: Numbers | None) -> Tensor:
    """The loss that the settings ask for."""
    logits = logits_at(model, batch)
    if numbers is not None:
        return squared_error(logits, batch, numbers)
    return cross_entropy(logits, batch, settings.smoothing)


def numbers_of(tokenizer: Any, prompt: str, candidates: tuple[str, ...], labels: tuple[str, ...]) -> Numbers:
    """How the labels, which are numbers, are told apart. Raises `InvalidInput` when one token does not suffice."""
    ids = [tokenizer(prompt + candidate, add_special_tokens=False)["input_ids"] for candidate in candidates]
    bare = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    shared = 0
    while all(len(each) > shared and each[shared] == ids[0][shared] for each in ids):
        shared += 1
    tokens = [each[shared] for each in ids if len(each) > shared]
    if len(set(tokens)) < len(labels):
        raise InvalidInput(
            "The mean squared error needs numbers that differ in their first digit, such as 1 to 5, not {labels}. "
            "Take fewer of them, or cross-entropy.",
            labels=", ".join(labels[:20]),
        )
    return Numbers(torch.tensor(tokens), torch.tensor([float(label) for label in labels]), max(0, shared - len(bare)))
