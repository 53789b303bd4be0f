"""What is noted of one request, for the log and the metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Via = Literal["page", "api"]
Outcome = Literal["ok", "length", "stopped", "closed", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Record:
    """One request, once it has ended."""

    task: str
    """The tab's or the endpoint's name, such as chat."""
    via: Via
    outcome: Outcome
    """Whole; cut at its limit of tokens; stopped by the visitor; left behind by one; not served; broken."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt's tokens, those that were not computed again."""
    new_tokens: int
    seconds: float
    """The whole request, its wait in line included."""
    seconds_to_first_token: float | None
    """None when no token came."""
    streams: int = 1
    """How many answers the request was made of: a document is translated in pieces."""
    error: str = ""
    """The class of the error that ended it. Never its message: that may quote the text."""
    text: str = field(default="", repr=False)
    """Prompt and answer. Given only with --log-text."""


Observe = Callable[[Record], None]
