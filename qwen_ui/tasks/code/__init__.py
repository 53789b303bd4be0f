"""Code: generate, explain, fix, improve, test and translate programs. Nothing that was written is ever run."""

from qwen_ui.tasks.code.answer import split_answer
from qwen_ui.tasks.code.languages import LANGUAGES, Language, find, known
from qwen_ui.tasks.code.syntax import Syntax, check
from qwen_ui.tasks.code.task import ACTIONS, CodeResult, build, parse

__all__ = [
    "ACTIONS",
    "LANGUAGES",
    "CodeResult",
    "Language",
    "Syntax",
    "build",
    "check",
    "find",
    "known",
    "parse",
    "split_answer",
]
