"""What a check of code says."""

from dataclasses import dataclass

from qwen_ui.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Syntax:
    """What a check found. ``valid`` is None when it could not be told; line and column count from 1."""

    valid: bool | None
    line: int = 0
    column: int = 0
    message: Sentence | str = ""
    """What is wrong, or why it could not be told; Python's parser has its own words."""


NOT_CHECKED = Syntax(None)
