"""Traces: results of looks as JSON (`Result.to_json`), opened again."""

from typing import Any, get_args

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.codec import read
from qwen_ui.introspect.results import FORMAT, VERSION, AnyResult, Result

KINDS: dict[str, type[Result]] = {each.kind: each for each in get_args(AnyResult)}


def from_json(trace: Any) -> AnyResult:
    """The result of a trace. Raises `InvalidInput` for what is none."""
    if not isinstance(trace, dict) or trace.get("format") != FORMAT:
        raise InvalidInput("This file is no trace of a look inside. Choose one that was downloaded there.")
    if trace.get("version") != VERSION or str(trace.get("kind")) not in KINDS:
        raise InvalidInput("This trace was made by another version of the app. Look again.")
    try:
        result: AnyResult = read(trace, KINDS[trace["kind"]])
    except (TypeError, ValueError, LookupError, OverflowError, RecursionError) as error:
        raise InvalidInput("This trace is damaged ({error}). Look again.", error=error) from error
    return result
