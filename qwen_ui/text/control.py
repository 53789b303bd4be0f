"""Control tokens: what a text may not hold when a tokenizer reads it as more than text."""

import re
from collections.abc import Sequence
from typing import Any

_CONTROL = re.compile(r"<[|｜].*[|｜]>", re.DOTALL)
"""How control tokens are written that a tokenizer does not call special, DeepSeek's for one."""
_TURNS = re.compile(r"<[|｜](?=[^<>|｜\s]{1,40}[|｜]>)|<(?=(?:start|end)_of_turn>)|\[(?=/?INST\])|<(?=<SYS>>)")
"""The first characters of what opens or ends a turn in the chat templates of many models."""


def control_tokens(tokenizer: Any) -> list[str]:
    """The tokens that mean something to the chat template or the model when they stand in a text.

    Other added tokens are part of the text: runs of blanks, tags that people write about.
    """
    added = tokenizer.added_tokens_decoder.values()
    control = (token.content for token in added if token.special or _CONTROL.fullmatch(token.content))
    return [token for token in {*tokenizer.all_special_tokens, *control} if len(token) > 1 and not token.isspace()]


def disarmed(text: str, markers: Sequence[str]) -> str:
    """The text with the markers broken up, so that it can't open a turn of its own in a conversation."""
    for marker in markers:
        if marker in text:
            text = text.replace(marker, marker[0] + "\u200b" + marker[1:])  # a zero-width space
    return text


def disarmed_all(text: str) -> str:
    """The same for a model whose tokenizer is not here: all markers of turns that are in use."""
    return _TURNS.sub(lambda found: found[0][0] + "\u200b" + found[0][1:], text)
