"""The line under an answer: what it cost, and what the user should know about it."""

from html import escape

from qwen_ui.messages import Usage
from qwen_ui.ui.streaming import Answer
from qwen_ui.ui.texts import Say, ordinal


def statistics(usage: Usage, say: Say) -> str:
    """Tokens, speed and context of a whole answer, as HTML."""
    used = usage.prompt_tokens + usage.new_tokens
    parts = [say("tokens", count=usage.new_tokens), say("first_token", seconds=f"{usage.seconds_to_first_token:.1f}")]
    if usage.tokens_per_second:
        parts.append(say("speed", speed=f"{usage.tokens_per_second:.1f}"))
    parts.append(say("context_used", used=f"{used:,}", total=f"{usage.context_length:,}"))
    if usage.ended == "cancelled":
        parts.append(say("stopped"))
    notes = [say("length_reached")] if usage.ended == "length" else []
    if usage.dropped_messages:
        notes.append(say("dropped", count=usage.dropped_messages))
    return line(" · ".join(parts)) + "".join(line(note, "note") for note in notes)


def progress(answer: Answer, say: Say) -> str:
    """What goes on while an answer is being made, as HTML."""
    if answer.place:
        return line(say("waiting", place=ordinal(answer.place, say)), "busy")
    return line(say("writing" if answer.text else "thinking"), "busy")


def line(text: str, kind: str = "") -> str:
    """One line of the status area, as HTML. Errors are announced at once."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="status {kind}" role="{role}">{escape(text)}</p>'
