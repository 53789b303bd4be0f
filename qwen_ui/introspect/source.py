"""From the text that is to be looked at to its tokens."""

from typing import Any

from qwen_ui.engine.looking import looked_at
from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.introspect.looks import Backward, Source, check_tokens
from qwen_ui.text.pieces import check_ids


def tokens_of(source: Source, tokenizer: Any, prompts: PromptEncoder) -> tuple[int, ...]:
    """The text's tokens, at most MAX_TOKENS. Raises `InvalidInput`, for ids that the model does not have too.

    A plain text may write control tokens out: it is the reader's own, and nothing is answered to it.
    """
    tokens = _tokens(source, tokenizer, prompts)
    check_tokens(len(tokens))
    return tokens


def answered(prompt: tuple[int, ...], look: Backward, tokenizer: Any, prompts: PromptEncoder) -> tuple[int, ...]:
    """The prompt's tokens and the answer's. Raises `InvalidInput` beyond MAX_TOKENS."""
    if look.source.messages:
        answer = prompts.encode_answer(look.answer)
    else:
        answer = tokenizer.encode(look.answer, add_special_tokens=False)
    check_tokens(len(prompt) + len(answer))
    return (*prompt, *answer)


def _tokens(source: Source, tokenizer: Any, prompts: PromptEncoder) -> tuple[int, ...]:
    if source.ids:
        check_ids(tokenizer.backend_tokenizer, source.ids)
        return source.ids
    if source.text:
        return tuple(tokenizer.encode(source.text))
    if source.messages[-1].role == "assistant":
        return tuple(looked_at(prompts, tokenizer, "", source.messages, 1).tokens)
    return tuple(prompts.fit(source.messages, 1).tokens)
