"""Sentences that another process wrote as JSON: their template and values, so that the page can translate them."""

from collections.abc import Mapping
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.sentences import Sentence


def read_sentence(given: Any) -> Sentence:
    """The sentence; plain text is one that is the same in all languages."""
    if isinstance(given, Mapping) and "template" in given:
        template = str(given["template"])
        return Sentence(template, **_values(given))
    return Sentence("{text}", text=given)


def read_error(given: Any) -> InvalidInput:
    """The same as an error."""
    sentence = read_sentence(given)
    return InvalidInput(sentence.template, **sentence.values)


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: read_sentence(value) if isinstance(value, Mapping) else value
        for name, value in given.get("values", {}).items()
    }
