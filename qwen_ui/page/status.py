"""The status line of a tab: what goes on, what an answer cost, what the reader should know about it. All HTML."""

from html import escape

from qwen_ui.messages import Answer, Usage
from qwen_ui.page.words import Say
from qwen_ui.sentences import Sentence

UNEXPECTED = Sentence("Something went wrong on the server. Try again; the server's log says more.")
LENGTH_REACHED = Sentence("The answer reached its maximum length. Raise “Maximum length (tokens)”, or send “continue”.")


def line(text: str, kind: str = "") -> str:
    """One line of the status area. Errors are announced at once."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="status {kind}" role="{role}">{escape(text)}</p>'


def progress(answer: Answer, say: Say) -> str:
    """What goes on while an answer is being made."""
    if answer.position:
        return line(say("Position {position} in the queue", position=answer.position), "busy")
    return line(say("Writing…") if answer.text else say("Reading the prompt…"), "busy")


def finished(answer: Answer, say: Say, length_reached: Sentence = LENGTH_REACHED) -> str:
    """What a whole answer cost, and that it is empty where it is."""
    if answer.usage is None:
        return ""
    stopped = answer.usage.ended == "cancelled"
    silent = say("The model gave an empty answer. Try again, or rephrase.")
    nothing = say("Stopped before the first word.") if stopped else silent
    note = "" if answer.text.strip() else line(nothing, "note")
    return note + statistics(answer.usage, say, length_reached)


def statistics(usage: Usage, say: Say, length_reached: Sentence = LENGTH_REACHED) -> str:
    """Tokens, speed and context of a whole answer. ``length_reached``: the advice for one that is truncated."""
    used = usage.prompt_tokens + usage.new_tokens
    parts = cost(usage, say)
    parts.append(say("context {used:,} of {total:,}", used=used, total=usage.context_length))
    if usage.ended == "cancelled":
        parts.append(say("stopped"))
    notes = [say("{advice}", advice=length_reached)] if usage.ended == "length" else []
    if usage.dropped_messages:
        notes.append(
            say(
                "Left out, as they no longer fit into the context: the {count} oldest {count:message|messages}.",
                count=usage.dropped_messages,
            )
        )
    return line(" · ".join(parts)) + "".join(line(note, "note") for note in notes)


def cost(usage: Usage, say: Say) -> list[str]:
    """Tokens and speed, for a line with more."""
    parts = [
        say("{count:,} {count:token|tokens}", count=usage.new_tokens),
        say("first token after {seconds:.1f} s", seconds=usage.seconds_to_first_token),
    ]
    if usage.tokens_per_second:
        parts.append(say("{speed:.1f} tokens/s", speed=usage.tokens_per_second))
    return parts
