"""From the Code tab's fields to messages, and from the answer to code, explanation and its check."""

import re
from dataclasses import dataclass
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import Template
from qwen_ui.tasks.code.answer import split_answer
from qwen_ui.tasks.code.languages import Language
from qwen_ui.tasks.code.syntax import Syntax, check

ACTIONS = ("generate", "explain", "fix", "improve", "tests", "translate")


@dataclass(frozen=True, slots=True)
class CodeResult:
    """An answer taken apart."""

    code: str
    language: Language
    explanation: str
    syntax: Syntax

    def as_dict(self) -> dict[str, Any]:
        """What /code gives."""
        return {
            "code": self.code,
            "language": self.language.id,
            "explanation": self.explanation,
            "valid": self.syntax.valid,
        }


def build(
    template: Template, action: str, language: Language, *, instruction: str = "", code: str = "", problem: str = ""
) -> list[Message]:
    """The messages that ask for the action.

    ``language`` is the code's, for translate the one to translate to; ``problem`` is an error message to
    mend. Raises `InvalidInput` when the action is unknown or lacks its code or its instruction.
    """
    if action not in ACTIONS:
        raise InvalidInput(f"There is no action {action!r}. Choose one of {', '.join(ACTIONS)}.")
    if action == "generate" and not instruction.strip():
        raise InvalidInput("Say what the code should do.")
    if action != "generate" and not code.strip():
        raise InvalidInput(f"Paste the code to work on: the action {action!r} needs some.")
    return template.render(
        instruction=instruction,
        language=language.name,
        tag=language.id,
        code=code,
        fence=_fence(code),
        problem=problem,
    )


def parse(answer: str, action: str, language: Language, code: str = "") -> CodeResult:
    """The answer's code, explanation and check. An explanation keeps the code that it is about."""
    if action == "explain":
        return CodeResult(code, language, answer.strip(), check(code, language))
    written, explanation = split_answer(answer, language)
    return CodeResult(written, language, explanation, check(written, language))


def _fence(code: str) -> str:
    """A fence that the code can't close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    return "`" * (longest + 1)
