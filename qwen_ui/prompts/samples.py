"""Values to try a prompt file with."""

import json
from collections.abc import Mapping
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts.template import Input, Template


def samples(template: Template) -> dict[str, Any]:
    """Values to try a template with: its inputs' samples, read as JSON where they are numbers, lists and the like.

    Where a sample is blank, the default is taken, or the value of the front matter's key of the input's name. A
    template that lists no inputs gets the names of its variables for their values.
    """
    if not template.inputs:
        return {name: name for name in template.variables}
    return {name: _sample(template, entry) for name, entry in template.inputs.items()}


def _sample(template: Template, entry: Input) -> Any:
    if entry.sample.strip():
        return _read(entry.sample)
    return template.extra.get(entry.name, "") if entry.default is None else entry.default


def _read(sample: str) -> Any:
    try:
        return json.loads(sample)
    except (ValueError, RecursionError):
        return sample


def values(template: Template, given: Mapping[str, str]) -> dict[str, Any]:
    """The template's samples, overruled by the texts that are given: JSON where the sample is more than a text.

    Raises `InvalidInput` for other JSON.
    """
    own = samples(template)
    return own | {name: _value(name, text, own[name]) for name, text in given.items() if name in own}


def _value(name: str, text: str, sample: Any) -> Any:
    if isinstance(sample, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "{name} must be written like its sample, as JSON: {sample}", name=name, sample=_text(sample)
        ) from error


def sample_texts(template: Template) -> dict[str, str]:
    """The samples by their variables, as texts to be edited."""
    return {name: _text(sample) for name, sample in samples(template).items()}


def _text(sample: Any) -> str:
    return sample if isinstance(sample, str) else json.dumps(sample, ensure_ascii=False, default=str)


def read_names(held: Any) -> list[str]:
    """The names of variables as a form keeps them: a JSON list. None of what is no such list."""
    try:
        names = json.loads(held)
    except (TypeError, ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
