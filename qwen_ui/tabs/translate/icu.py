"""Messages with plurals and choices as ICU writes them: ``{count, plural, one {# item} other {# items}}``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"'(?=[{}])[^']*'?|[{}]")  # an apostrophe before a brace quotes up to the next one
_ARGUMENT = re.compile(r"\{\s*+[\w.-]++\s*+,\s*+(?:plural|selectordinal|select)\s*+,\s*+(?:offset\s*+:\s*+\d++\s++)?")
_SELECTOR = re.compile(r"\s*+(?:=\d++|[\w-]++)\s*+\{")
_END = re.compile(r"\s*+\}")


@dataclass(slots=True)
class _Open:
    """What a brace has opened: an argument with branches, each between braces of its own, or anything else."""

    is_argument: bool
    whole: bool = False


def syntax(text: str) -> Iterator[tuple[int, int]]:
    """The syntax of all such messages, as characters [start, end), in order: what is between says something."""
    spans: list[tuple[int, int, _Open]] = []
    opened: list[_Open] = []
    at = 0
    while token := _TOKEN.search(text, at):
        start, at = token.span()
        selector = None
        if token[0] == "{":
            argument = _ARGUMENT.match(text, start)
            selector = _SELECTOR.match(text, argument.end()) if argument else None
            opened.append(_Open(selector is not None))
        elif token[0] == "}" and opened:
            selector = _SELECTOR.match(text, at) if opened[-1].is_argument else None
            if selector is None and (closed := opened.pop()).is_argument and (end := _END.match(text, at)):
                closed.whole, at = True, end.end()
                spans.append((start, at, closed))
        if selector:
            at = selector.end()
            spans.append((start, at, opened[-1]))
    yield from ((start, end) for start, end, argument in spans if argument.whole)
