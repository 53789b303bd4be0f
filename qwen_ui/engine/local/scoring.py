"""How probable given continuations are, for many prompts at once."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from qwen_ui.errors import InvalidInput, PromptTooLong

STEP_TOKENS = 2048
"""Tokens of one forward pass: what running streams have to wait for, and what bounds the memory."""

Pause = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt's tokens, and for each candidate the tokens that follow them."""

    prompt: list[int]
    continuations: list[list[int]]


def tokenize(tokenizer: Any, prompts: Sequence[str], candidates: Sequence[str], context: int) -> list[Row]:
    """Splits each prompt and its candidates into tokens as the model would meet them.

    A tokenizer may join the end of a prompt with the start of a candidate. So each whole text is
    encoded, and what all of a prompt's texts begin with counts as the prompt.
    Raises `InvalidInput` for an empty prompt or candidate, `PromptTooLong` beyond ``context`` tokens.
    """
    if not candidates or not all(candidates) or not all(prompts):
        raise InvalidInput("Scoring needs prompts and candidates that are not empty.")
    wholes = tokenizer([prompt + candidate for prompt in prompts for candidate in candidates])["input_ids"]
    bare = tokenizer(list(prompts))["input_ids"]
    rows = []
    for number, prompt in enumerate(bare):
        texts = wholes[number * len(candidates) : (number + 1) * len(candidates)]
        shared = common_prefix([prompt, *texts])
        shared = shared[: min(len(text) for text in texts) - 1]  # each candidate keeps a token to be scored
        if not shared:
            raise InvalidInput("A prompt to score must be longer than one token.")
        if max(len(text) for text in texts) > context:
            raise PromptTooLong(
                "Prompt {number:,} is longer than the context of {context:,} tokens. Shorten it.",
                number=number + 1,
                context=context,
            )
        rows.append(Row(shared, [text[len(shared) :] for text in texts]))
    return rows


@torch.inference_mode()
def score(model: PreTrainedModel, rows: Sequence[Row], pause: Pause) -> list[list[float]]:
    """Sum of the log-probabilities of each continuation's tokens: one list a row, one number a candidate.

    What all prompts begin with is computed once, the rest in padded batches, each within a ``pause``
    of its own, so that running streams go on in between. A ``pause`` that raises ends the scoring there.
    """
    shared = common_prefix([row.prompt[:-1] for row in rows])
    with pause():
        prefix = _prefill(model, shared)
    scores: list[list[float]] = [[]] * len(rows)
    for batch in _batches(rows, len(shared)):
        with pause():
            for index, values in zip(batch, _score_batch(model, [rows[i] for i in batch], shared, prefix), strict=True):
                scores[index] = values
    return scores


def common_prefix(texts: Sequence[list[int]]) -> list[int]:
    """What all the texts begin with."""
    low, high = min(texts), max(texts)  # in their order these two differ first
    same = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:same]


def _batches(rows: Sequence[Row], shared: int) -> Iterator[list[int]]:
    """Indices of the rows, longest first, in batches of at most STEP_TOKENS with their padding."""
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i].prompt))
    while order:
        longest = rows[order[0]]
        width = len(longest.prompt) - shared + max(map(len, longest.continuations))
        size = max(1, STEP_TOKENS // width)
        yield order[:size]
        order = order[size:]


def _prefill(model: PreTrainedModel, tokens: list[int]) -> DynamicCache:
    cache = DynamicCache(config=model.config)
    for start in range(0, len(tokens), STEP_TOKENS):
        part = torch.tensor([tokens[start : start + STEP_TOKENS]], device=model.device)
        model(input_ids=part, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache


def _score_batch(
    model: PreTrainedModel, rows: Sequence[Row], shared: list[int], prefix: DynamicCache
) -> list[list[float]]:
    cache = copy.deepcopy(prefix)
    if shared:
        cache.batch_repeat_interleave(len(rows))
    rests = [row.prompt[len(shared) :] for row in rows]
    seen = torch.ones(len(rows), len(shared), dtype=torch.long, device=model.device)
    last = torch.tensor([len(rest) - 1 for rest in rests], device=model.device)
    logits, seen = _forward(model, rests, seen, cache, keep=last)
    first = logits.log_softmax(dim=-1)  # (rows, vocabulary): the token after each prompt
    heads = torch.tensor([[c[0] for c in row.continuations] for row in rows], device=model.device)
    totals = first.gather(1, heads)
    if any(len(c) > 1 for row in rows for c in row.continuations):
        totals = totals + _score_tails(model, rows, seen, cache)
    return [[float(value) for value in row] for row in totals]


def _score_tails(model: PreTrainedModel, rows: Sequence[Row], seen: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Log-probabilities of what follows each continuation's first token, summed: (rows, candidates)."""
    width = len(rows[0].continuations)
    flat = [continuation for row in rows for continuation in row.continuations]
    cache.batch_repeat_interleave(width)
    logits, _ = _forward(model, flat, seen.repeat_interleave(width, dim=0), cache)
    logits = logits.log_softmax(dim=-1)
    sums = [
        sum((logits[i, at, token] for at, token in enumerate(tokens[1:])), torch.zeros((), device=logits.device))
        for i, tokens in enumerate(flat)
    ]
    return torch.stack(sums).view(len(rows), width)


def _forward(
    model: PreTrainedModel,
    texts: Sequence[list[int]],
    seen: torch.Tensor,
    cache: DynamicCache,
    keep: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Runs right-padded texts after what the cache holds.

    ``seen`` (rows, cached) marks the cached tokens that are no padding. Gives float32 logits, of all
    positions or only of position ``keep`` of each row, and ``seen`` with the new columns.
    """
    width = max(map(len, texts))
    ids = torch.tensor([text + [0] * (width - len(text)) for text in texts], device=model.device)
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts], device=model.device)
    before = seen.sum(dim=1, keepdim=True)
    seen = torch.cat([seen, mask], dim=1)
    positions = before + torch.arange(width, device=model.device)
    hidden = model.base_model(
        input_ids=ids, attention_mask=seen, position_ids=positions, past_key_values=cache, use_cache=True
    ).last_hidden_state
    if keep is not None:  # before the output layer: a vocabulary's worth of numbers for each position is much
        hidden = hidden[torch.arange(len(texts), device=hidden.device), keep]
    return model.get_output_embeddings()(hidden).float(), seen
