"""How probable one and the same answer is after several prompts, part by part."""

import copy
from collections.abc import Iterator

import torch
from transformers import DynamicCache, PreTrainedModel

from qwen_ui.engine.given import Given
from qwen_ui.engine.local.scoring import Pause, common_prefix
from qwen_ui.errors import PromptTooLong

STEP_TOKENS = 512
"""Tokens of one forward pass: what running streams wait for. Shorter steps turn 4-bit weights back more often."""
HEAD_TOKENS = 64
"""Tokens whose logits are held at a time: a vocabulary's worth of numbers for each is much."""


@torch.inference_mode()
def likelihoods(model: PreTrainedModel, given: Given, pause: Pause) -> list[list[float]]:
    """The mean log-probability of each part's tokens after each prompt: one list a prompt, one number a part.

    What all prompts begin with is computed once. Each step is within a ``pause`` of its own, so that running streams go
    on in between. A ``pause`` that raises ends it there. Raises `PromptTooLong` where the memory does not suffice.
    """
    try:
        return _likelihoods(model, given, pause)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise PromptTooLong(
            "There is not enough memory to weigh an answer of {count:,} tokens. Ask about a shorter text.",
            count=len(given.answer),
        ) from error


def _likelihoods(model: PreTrainedModel, given: Given, pause: Pause) -> list[list[float]]:
    shared = common_prefix([prompt[:-1] for prompt in given.prompts])
    prefix = DynamicCache(config=model.config)
    for _ in _steps(model, prefix, shared, pause):
        pass
    rows = []
    for prompt in given.prompts:
        rest = prompt[len(shared) :]
        rows.append(given.means(_after(model, copy.deepcopy(prefix), rest, given.answer, pause)))
    return rows


def _after(
    model: PreTrainedModel, cache: DynamicCache, rest: list[int], answer: list[int], pause: Pause
) -> list[float]:
    """The log-probability of each of the answer's tokens, behind what the cache holds and the rest of the prompt."""
    tokens, first = rest + answer[:-1], len(rest) - 1  # the place before the answer's first token tells of it
    found: list[float] = []
    for begin, hidden in _steps(model, cache, tokens, pause):
        at = max(first - begin, 0)
        for start in range(at, len(hidden), HEAD_TOKENS):
            states = hidden[start : start + HEAD_TOKENS]
            targets = torch.tensor(answer[len(found) : len(found) + len(states)], device=states.device)
            with pause():
                logits = model.get_output_embeddings()(states).float()
            found += (-torch.nn.functional.cross_entropy(logits, targets, reduction="none")).tolist()
    return found


def _steps(
    model: PreTrainedModel, cache: DynamicCache, tokens: list[int], pause: Pause
) -> Iterator[tuple[int, torch.Tensor]]:
    """Runs the tokens behind what the cache holds: of each step where it begins, and its states (tokens, width)."""
    for begin in range(0, len(tokens), STEP_TOKENS):
        with pause():
            ids = torch.tensor([tokens[begin : begin + STEP_TOKENS]], device=model.device)
            hidden = model.base_model(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state[0]
        yield begin, hidden
