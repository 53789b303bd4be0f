"""What the user set → an `Order`."""

from collections.abc import Sequence
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.tasks.translate import Language, detect, find
from qwen_ui.tasks.translate import glossary as glossaries
from qwen_ui.ui.translate.work import STANDARD, Order

AUTO = "auto"
SURE = 0.5
"""Below this confidence the model is not told a language, and finds out by itself."""
SAMPLE = 4000


def ordered(
    texts: Sequence[str], target: Any, source: Any, tone: str = "plain", template: str = STANDARD, glossary: Any = ""
) -> Order:
    """How to translate the texts. Raises `InvalidInput` for a language or a glossary that can't be used."""
    language = detected(texts) if _name(source, "source").lower() == AUTO else find(source)
    return Order(find(_name(target, "target")), language, tone, terms_of(glossary), template)


def detected(texts: Sequence[str]) -> Language | None:
    """The language of the texts, None when that is not sure enough."""
    detection = detect(sample(texts))
    return detection.language if detection.confidence >= SURE else None


def sample(texts: Sequence[str]) -> str:
    """The beginning of the texts: enough to tell their language."""
    taken: list[str] = []
    size = 0
    for text in texts:
        taken.append(text)
        size += len(text)
        if size >= SAMPLE:
            break
    return "\n".join(taken)[:SAMPLE]


def terms_of(text: Any) -> tuple[glossaries.Term, ...]:
    """The terms of a pasted glossary. Raises `InvalidInput`, naming the line."""
    if not isinstance(text, str):
        raise InvalidInput("The glossary must be text: lines of the form term = translation.")
    return glossaries.parse(text)


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"Name the {what} language, by its code or its name.")
    return value.strip()
