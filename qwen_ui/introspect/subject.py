"""What a look looks into: the model with what has to be known of it, and the text's tokens."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.results import Origin, Piece
from qwen_ui.introspect.words import Words


@dataclass(frozen=True)
class Subject:
    """The model and the text."""

    anatomy: Anatomy
    words: Words
    origin: Origin
    context_here: int
    """Tokens that a prompt and its answer may have here"""
    ids: tuple[int, ...] = ()
    plain: Path | None = None
    """The folder of the model's 16-bit weights; None where there is none"""

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The text's tokens as the reader sees them."""
        return self.words.pieces(self.ids)
