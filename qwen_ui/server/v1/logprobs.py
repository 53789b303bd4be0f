"""Log-probabilities in OpenAI's two shapes: the model's own, before temperature, top-k and top-p."""

import math
from collections.abc import Sequence
from typing import Any

from openai.types.chat import ChatCompletionTokenLogprob
from openai.types.chat.chat_completion_token_logprob import TopLogprob
from openai.types.completion_choice import Logprobs

from qwen_ui.messages import TokenLook, bytes_of, text_of

LOWEST = -9999.0
"""What stands for the logarithm of 0, which JSON has no number for."""


def log_of(probability: float | None) -> float:
    """Its logarithm."""
    return max(math.log(probability), LOWEST) if probability else LOWEST


def of_chat(looks: Sequence[TokenLook], top: int) -> list[ChatCompletionTokenLogprob]:
    """For an answer's tokens."""
    return [
        ChatCompletionTokenLogprob(
            **_named(look.token),
            logprob=log_of(look.probability),
            top_logprobs=[
                TopLogprob(**_named(other.token), logprob=log_of(other.probability))
                for other in look.alternatives[:top]
            ],
        )
        for look in looks
    ]


def _named(token: str) -> dict[str, Any]:
    return {"token": text_of([token]), "bytes": list(bytes_of(token))}


def of_text(looks: Sequence[TokenLook], top: int, offset: int) -> Logprobs:
    """For tokens of a text, the first of them so many characters behind its beginning.

    A token is written as it is in `TokenLook`: tokens that are parts of a character would all look alike as text. One
    that begins within a character is where that is.
    """
    offsets = []
    for look in looks:
        inside = [byte & 0xC0 == 0x80 for byte in bytes_of(look.token)]  # bytes within a character, not its first one
        offsets.append(max(0, offset - 1) if inside[:1] == [True] else offset)
        offset += inside.count(False)
    return Logprobs.model_construct(
        tokens=[look.token for look in looks],
        token_logprobs=[None if look.probability is None else log_of(look.probability) for look in looks],
        top_logprobs=[_best(look, top) for look in looks],
        text_offset=offsets,
    )


def _best(look: TokenLook, top: int) -> dict[str, float] | None:
    """The likeliest and the token itself, as OpenAI has it; nothing stands before a text's first token."""
    if look.probability is None:
        return None
    best = {other.token: log_of(other.probability) for other in reversed(look.alternatives[:top])}
    return best | {look.token: log_of(look.probability)}
