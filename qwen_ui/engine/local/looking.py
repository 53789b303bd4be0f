"""How probable a model holds each token of a text, and what else could have come: one pass, each token given."""

from collections.abc import Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from qwen_ui.engine.local.scoring import Pause
from qwen_ui.engine.looking import Looked, Place
from qwen_ui.errors import PromptTooLong

STEP_TOKENS = 128
"""Tokens of one forward pass: what running streams wait for, and what bounds the memory for a vocabulary's logits."""


@torch.inference_mode()
def look(model: PreTrainedModel, looked: Looked, top: int, pause: Pause) -> list[Place]:
    """What the model holds probable at each token that is looked at, but for a text's first one.

    Each step is within a ``pause`` of its own, so that running streams go on in between. A ``pause`` that raises ends
    the look there. Raises `PromptTooLong` where the memory does not suffice: the text has a cache of its own.
    """
    try:
        return _look(model, looked, top, pause)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise PromptTooLong(
            "There is not enough memory for a look at {count:,} tokens. Look at a shorter text or conversation.",
            count=len(looked.tokens),
        ) from error


def _look(model: PreTrainedModel, looked: Looked, top: int, pause: Pause) -> list[Place]:
    tokens, first = looked.tokens, max(looked.start, 1)
    cache = DynamicCache(config=model.config)
    places: list[Place] = []
    for begin in range(0, len(tokens) - 1, STEP_TOKENS):  # what would come after the last one is not asked
        end = min(begin + STEP_TOKENS, len(tokens) - 1)
        nexts = tokens[max(begin + 1, first) : end + 1]  # those of the step's next tokens that are looked at
        with pause():
            ids = torch.tensor([tokens[begin:end]], device=model.device)
            out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=max(1, len(nexts)))
            if nexts:
                places += _places(out.logits[0], nexts, top)
    return places


def _places(logits: torch.Tensor, tokens: Sequence[int], top: int) -> list[Place]:
    """From logits (tokens, vocabulary), in whatever precision, to what they make of the tokens; computed in fp32."""
    scores = logits.float().log_softmax(dim=-1)
    own = scores.gather(1, torch.tensor(tokens, device=scores.device)[:, None])
    ranks = (scores > own).sum(dim=-1) + 1
    best = scores.topk(min(top, scores.shape[-1]), dim=-1)
    columns = (own[:, 0].exp(), ranks, best.indices, best.values.exp())
    return [Place(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
