"""Has the syntax of code checked, in processes of their own.

Parsers are made for the code that people write. Over other text they may take hours, and hold the interpreter
meanwhile.
"""

import asyncio
from typing import Any

from qwen_ui.sentences import Sentence
from qwen_ui.text.code.found import NOT_CHECKED, Syntax
from qwen_ui.text.code.languages import Language
from qwen_ui.text.confined import unpacked
from qwen_ui.text.kept import GaveUp, Kept, TooMany

MAX_CHARACTERS = 60_000
_CHECK = "qwen_ui.text.code.syntax"
_SECONDS = 4
_MEMORY = 1_000_000_000  # bytes


class Checker:
    """Checks code. Its processes start with the first check."""

    def __init__(self) -> None:
        self._processes = Kept(_CHECK, seconds=_SECONDS, memory=_MEMORY)

    async def check(self, code: str, language: Language) -> Syntax:
        """Where the first syntax error is, if there is one, and if that can be told."""
        if not code.strip():
            return NOT_CHECKED
        if len(code) > MAX_CHARACTERS:
            limit = Sentence("Code of more than {limit:,} characters is not checked.", limit=MAX_CHARACTERS)
            return Syntax(None, message=limit)
        try:
            found = await asyncio.wrap_future(self._processes.ask([code, language.id]))
        except GaveUp:
            return Syntax(None, message=Sentence("It is not checked: that would take too long."))
        except TooMany:
            return Syntax(None, message=Sentence("It is not checked: too much code is being checked now."))
        return _syntax(found)


def _syntax(found: dict[str, Any]) -> Syntax:
    message = found["message"]
    return Syntax(**{**found, "message": unpacked(message) if isinstance(message, dict) else message})
