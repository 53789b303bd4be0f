"""How far the opening of a model is, for whoever watches."""

from dataclasses import dataclass
from typing import Literal

from qwen_ui.sentences import Sentence

Stage = Literal["choosing", "connecting", "asking", "fetching", "converting", "loading", "warming", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of the opening."""

    stage: Stage
    detail: str = ""
    """What exactly: the file's name, the model's name."""
    done: int = 0
    """Bytes so far, while fetching."""
    total: int = 0
    """Bytes in all, while fetching; 0 when it is not known."""
    reason: Sentence | None = None
    """Why it failed."""
