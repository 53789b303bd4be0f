"""Which tokens are looked at, and what is told of them: what an engine does around its pass over them."""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qwen_ui.engine.base import MAX_ALTERNATIVES
from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.engine.threads import Checkpoint
from qwen_ui.errors import InvalidInput, PromptTooLong
from qwen_ui.introspect.looks import MAX_CHARACTERS, MAX_TOKENS
from qwen_ui.messages import Alternative, Message, TokenLook
from qwen_ui.text.pieces import Pieces, check_ids


@dataclass(frozen=True, slots=True)
class Looked:
    """Tokens that a model is to be run over, and from which of them on they are looked at."""

    tokens: list[int]
    start: int


@dataclass(frozen=True, slots=True)
class Place:
    """What a model held probable at one place."""

    probability: float
    """Of the token that stands there."""
    rank: int
    """Its rank, 1 for the likeliest."""
    best: list[int]
    """The likeliest tokens, best first."""
    probabilities: list[float]
    """Theirs."""


def looked_at(
    prompts: PromptEncoder,
    tokenizer: Any,
    text: str,
    messages: Sequence[Message],
    top: int,
    checkpoint: Checkpoint = lambda: None,
) -> Looked:
    """The tokens of a plain text or of a conversation's last message: raises like `Engine.tokens`."""
    check_top(top)
    if bool(text) == bool(messages):
        raise InvalidInput("Give either a text or a conversation to look at: one of the two.")
    if len(messages) == 1 and messages[0].role == "text":
        return Looked(prompts.fit(messages, 0, checkpoint).tokens, 0)
    return _answer(prompts, tokenizer, messages, checkpoint) if messages else _text(tokenizer, text)


def check_top(top: Any) -> int:
    """The number of alternatives to tell; JSON gives 5.0 for 5. Raises `InvalidInput` for what is none."""
    if isinstance(top, bool) or not isinstance(top, int | float) or top not in range(1, MAX_ALTERNATIVES + 1):
        raise InvalidInput(
            "The number of alternatives must be a whole number from 1 to {limit}, not {top}.",
            limit=MAX_ALTERNATIVES,
            top=reprlib.repr(top),
        )
    return int(top)


def _text(tokenizer: Any, text: str) -> Looked:
    if len(text) <= MAX_CHARACTERS:
        tokens = tokenizer.encode(text)
        if len(tokens) <= MAX_TOKENS:
            return Looked(tokens, 0)
    raise PromptTooLong(
        "A text of at most {limit} tokens can be looked at, and this one has more. Shorten it.", limit=MAX_TOKENS
    )


def _answer(prompts: PromptEncoder, tokenizer: Any, messages: Sequence[Message], checkpoint: Checkpoint) -> Looked:
    *before, answer = messages
    if answer.role != "assistant":
        raise InvalidInput("The conversation's last message must be the assistant's: that is what is looked at.")
    check_ids(tokenizer.backend_tokenizer, answer.tokens)
    try:
        tokens = list(answer.tokens) or prompts.encode_answer(answer.content)
        if not tokens:
            raise InvalidInput("The conversation's last message is empty, so there is nothing to look at.")
        prompt = prompts.fit(before, len(tokens), checkpoint)
    except PromptTooLong as error:
        raise PromptTooLong(
            "The message and the answer to it have more tokens than the context of {context:,}, which is as far as a "
            "look reaches. Shorten them.",
            context=prompts.context,
        ) from error
    return Looked(prompt.tokens + tokens, len(prompt.tokens))


def token_looks(looked: Looked, places: Sequence[Place], pieces: Pieces) -> list[TokenLook]:
    """What is told of the tokens that are looked at. There is a place for each of them but a text's first one."""
    ids = looked.tokens[looked.start :]
    first = [] if looked.start else [TokenLook(pieces(token), token, None, None, ()) for token in ids[:1]]
    rest = [_look(token, place, pieces) for token, place in zip(ids[len(first) :], places, strict=True)]
    return first + rest


def _look(token: int, place: Place, pieces: Pieces) -> TokenLook:
    best = zip(place.best, place.probabilities, strict=True)
    alternatives = tuple(Alternative(pieces(each), each, probability) for each, probability in best)
    return TokenLook(pieces(token), token, place.probability, place.rank, alternatives)
