"""The options of a decision, and of which kind it is: that is read from them."""

import re
from collections.abc import Sequence
from typing import Literal

from qwen_ui.errors import InvalidInput

Kind = Literal["choice", "yes/no", "score"]
"""Of any options; of yes and no; of whole numbers that follow each other, from the smallest on."""

FEWEST_OPTIONS, MOST_OPTIONS = 2, 20
LONGEST_OPTION = 100
YES_NO, YES_NO_CHINESE = ("yes", "no"), ("是", "否")

_SCALE = re.compile(r"(\d{1,3})\s*(?:-|–|—|~|～|to|至|到)\s*(\d{1,3})")
SEPARATOR = re.compile(r"[,，、;；\n]")


def parse_options(given: str | Sequence[str]) -> tuple[str, ...]:
    """Two to twenty options in any language: a list, or a text with commas, semicolons or lines, or with slashes.

    A text such as "1-5" stands for the whole numbers from one to the other. Raises `InvalidInput` for another number
    of options, for two that are the same, for one that is too long, and for what is no text.
    """
    if not isinstance(given, str | list | tuple) or not all(isinstance(option, str) for option in given):
        raise InvalidInput("The options must be a list of texts, or a text with commas between them.")
    options = tuple(" ".join(option.split()) for option in _separate(given) if option.strip())
    if not FEWEST_OPTIONS <= len(options) <= MOST_OPTIONS:
        raise InvalidInput(
            "Give {fewest} to {most} options, not {count:,}.",
            fewest=FEWEST_OPTIONS,
            most=MOST_OPTIONS,
            count=len(options),
        )
    seen: set[str] = set()
    for option in options:
        if len(option) > LONGEST_OPTION:
            raise InvalidInput(
                "An option may have {limit} characters; {option!r}… has {count:,}. Shorten it.",
                limit=LONGEST_OPTION,
                option=option[:20],
                count=len(option),
            )
        if option.casefold() in seen:
            raise InvalidInput("The option {option!r} appears twice. Give each option once.", option=option)
        seen.add(option.casefold())
    return options


def kind_of(options: Sequence[str]) -> Kind:
    """What the answer is one of."""
    if {option.casefold() for option in options} in ({*YES_NO}, {*YES_NO_CHINESE}):
        return "yes/no"
    numbers = [int(option) for option in options if option.isascii() and option.isdigit()]
    if len(numbers) == len(options) and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return "score"
    return "choice"


def _separate(given: str | Sequence[str]) -> Sequence[str]:
    if not isinstance(given, str):
        return given
    if scale := _SCALE.fullmatch(given.strip()):
        return [str(number) for number in range(int(scale[1]), int(scale[2]) + 1)]
    return SEPARATOR.split(given) if SEPARATOR.search(given) else given.split("/")
