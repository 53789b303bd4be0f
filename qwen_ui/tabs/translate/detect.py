"""Which language a text to translate is in, and how sure that is: code, links and marks in it don't count."""

from collections.abc import Sequence

from qwen_ui.tabs.translate.protect import prose
from qwen_ui.text import detect as plain
from qwen_ui.text.detect import Detection
from qwen_ui.text.languages import Language

SURE = 0.5
"""Below this confidence the model is not told a language, and finds out by itself."""
_SAMPLE = 2 * plain.SAMPLE
"""Characters of a text that are looked at; of what is left without code and links, half as many."""


def detect(text: str) -> Detection:
    """The language that most of the text's words are in."""
    return plain.detect(prose(text[:_SAMPLE]))


def detected(texts: Sequence[str]) -> Language | None:
    """The language of the texts, None when that is not sure enough."""
    detection = detect("\n".join(text[:_SAMPLE] for text in texts[:_SAMPLE]))
    return detection.language if detection.confidence >= SURE else None
