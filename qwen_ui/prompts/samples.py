"""Values to try a prompt file with."""

import json
from typing import Any

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
        return _value(entry.sample)
    return template.extra.get(entry.name, "") if entry.default is None else entry.default


def _value(sample: str) -> Any:
    try:
        return json.loads(sample)
    except (ValueError, RecursionError):
        return sample
