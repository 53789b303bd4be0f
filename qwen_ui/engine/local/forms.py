"""Answers held to a form: which tokens may come next so that an answer becomes JSON that fits a schema.

llguidance (https://github.com/guidance-ai/llguidance) tells them, at each token anew. A schema comes from strangers:
its size, its regular expressions, and what compiling it and each token may cost are all bounded.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.hf import from_tokenizer

from qwen_ui.errors import InvalidInput

KEPT = 16
"""Compiled forms that are kept for the next answer of the same."""
MAX_PATTERNS = 8
"""Different regular expressions in one form: whether several have a text in common takes ten times as long for every
two more."""
MAX_REASON = 300
LIMITS = LLParserLimits(
    initial_lexer_fuel=200_000,  # of steps, about 50,000 a millisecond
    step_lexer_fuel=50_000,  # about 14,000 a millisecond, at each token
    step_max_items=50_000,
    max_lexer_states=20_000,  # up to 2 kB each
    max_grammar_size=200_000,
    precompute_large_lexemes=False,
    verbose_errors=False,
)
WRITTEN = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": False}
"""On one line, as `json.dumps` does it: where blanks are free, small models write nothing else for ever."""


class Form:
    """How far one answer has come in its form."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher  # not to be touched by two threads at a time
        self.error = ""
        """Why the answer can't be held to its form any more; empty while it can."""

    def rule_out(self, scores: torch.Tensor) -> None:
        """Takes the tokens that can't come next out of one row of scores. What ends the answer stays after an error."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = torch.from_numpy(np.unpackbits(bits, count=len(scores), bitorder="little").view(np.bool_))
        scores.masked_fill_(~allowed.to(scores.device), -torch.inf)
        if self._matcher.is_error():
            self.error = _short(self._matcher.get_error())

    def take(self, token: int) -> None:
        """The token has come."""
        self._matcher.consume_token(token)


class Forms:
    """The forms that a model's answers were held to lately."""

    def __init__(self, tokenizer: Any, vocabulary: int, eos: Iterable[int]) -> None:
        """``vocabulary`` is how many scores the model gives, which may be more than the tokenizer has tokens."""
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._eos = sorted(eos)
        self._compiled: dict[str, LLMatcher] = {}
        self._lock = threading.Lock()

    def begin(self, schema: str) -> Form:
        """An answer's form, at its beginning. Compiling may take a second: not for the event loop.

        Raises `InvalidInput` for what is no JSON schema, or one that answers can't be held to.
        """
        with self._lock:  # one at a time, as each takes a core
            matcher = self._compiled.pop(schema, None) or self._compile(schema)
            self._compiled[schema] = matcher
            if len(self._compiled) > KEPT:
                del self._compiled[next(iter(self._compiled))]
            return Form(matcher.deep_copy())

    def _compile(self, schema: str) -> LLMatcher:
        _check(schema)
        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides=WRITTEN)  # type: ignore[arg-type]
        except ValueError as error:
            raise _refused(str(error)) from error
        matcher = LLMatcher(self._tokens, grammar, log_level=0, limits=LIMITS)
        if matcher.is_error():
            raise _refused(matcher.get_error())
        matcher.compute_bitmask()
        if matcher.is_error():
            raise InvalidInput("No answer fits this JSON schema ({reason}).", reason=_short(matcher.get_error()))
        return matcher

    @cached_property
    def _tokens(self) -> LLTokenizer:
        """Made for the first form: it takes a second."""
        return from_tokenizer(self._tokenizer, self._vocabulary, self._eos, slices=LLTokenizer.json_slices())


def _check(schema: str) -> None:
    try:
        read = json.loads(schema)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise InvalidInput("A JSON schema must be an object in JSON that is not nested too deeply.")
    if len(set(_patterns(read))) > MAX_PATTERNS:
        raise InvalidInput("A JSON schema may have up to {limit} different patterns.", limit=MAX_PATTERNS)


def _patterns(schema: dict[str, Any]) -> Iterator[str]:
    """All regular expressions in the schema, and perhaps texts that are none."""
    left: list[Any] = [schema]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            pattern, properties = each.get("pattern"), each.get("patternProperties")
            yield from [pattern] if isinstance(pattern, str) else []
            yield from properties if isinstance(properties, dict) else []
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)


def _refused(reason: str) -> InvalidInput:
    return InvalidInput("Answers can't be held to this JSON schema: {reason}.", reason=_short(reason))


def _short(reason: str) -> str:
    """What llguidance says, without what it adds of its own state."""
    said = " ".join(reason.partition("<non-verbose/>")[0].split()).rstrip(".")
    return said if len(said) <= MAX_REASON else f"{said[:MAX_REASON]}…"
