"""Translate: detect the language, cut long texts, ask for translations, check them; files in, same format out."""

from qwen_ui.tasks.translate import glossary
from qwen_ui.tasks.translate.detect import Detection, detect
from qwen_ui.tasks.translate.files import ENDINGS, Document, columns, read
from qwen_ui.tasks.translate.languages import LANGUAGES, Language, find
from qwen_ui.tasks.translate.segments import Segment, assemble, split
from qwen_ui.tasks.translate.task import Finding, Tone, build, check, parse

__all__ = [
    "ENDINGS",
    "LANGUAGES",
    "Detection",
    "Document",
    "Finding",
    "Language",
    "Segment",
    "Tone",
    "assemble",
    "build",
    "check",
    "columns",
    "detect",
    "find",
    "glossary",
    "parse",
    "read",
    "split",
]
