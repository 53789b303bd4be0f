"""A work as the page shows it: HTML, and the rows of the table of segments."""

from collections.abc import Sequence
from html import escape
from typing import Any

from qwen_ui.errors import QwenUIError
from qwen_ui.messages import Usage
from qwen_ui.tasks.translate import LANGUAGES, Detection, Finding, Language
from qwen_ui.ui.statistics import line, progress
from qwen_ui.ui.streaming import Answer
from qwen_ui.ui.texts import Say
from qwen_ui.ui.translate.orders import AUTO, SURE
from qwen_ui.ui.translate.work import Piece, Work

SHOWN_FINDINGS = 50
SHOWN_CHARACTERS = 50_000
"""Of a translated file; saving gives all of it."""
Findings = Sequence[tuple[int, Finding]]


def named(language: Language, say: Say) -> str:
    """The language's own name, and the visitor's for it where that is another."""
    name = say(f"translate_in_{language.code}")
    return language.own_name if name == language.own_name else f"{language.own_name} · {name}"


def languages(say: Say) -> list[tuple[str, str]]:
    """All languages for a picker: names and codes."""
    return [(named(language, say), language.code) for language in LANGUAGES]


def text_of(work: Work, running: bool = False) -> str:
    """The translation to show; nothing while there is none."""
    if not running and not any(piece.translation for piece in work.pieces) and work.pieces:
        return ""
    text = work.so_far() if running else work.file().decode()
    if work.is_file and len(text) > SHOWN_CHARACTERS:
        return f"{text[:SHOWN_CHARACTERS]}…"
    return text


def underway(work: Work, answer: Answer, streams: int, say: Say) -> str:
    """How far it is, as HTML."""
    total = len(work.pieces)
    if answer.place or total < 2:
        return progress(answer, say)
    done = total - len(work.missing)
    text = say("translate_progress", done=done, total=total, streams=streams)
    return f'<progress class="translate-progress" max="{total}" value="{done}"></progress>{line(text, "busy")}'


def outcome(work: Work, usage: Usage | None, say: Say) -> str:
    """What came of it and what it cost, as HTML."""
    missing, error = len(work.missing), next((piece.error for piece in work.pieces if piece.error), None)
    lines = []
    if error is not None:
        lines.append(line(say("translate_failed", error=worded(error, say)), "error"))
    if missing and len(work.pieces) > 1:
        lines.append(line(say("translate_missing", count=missing, total=len(work.pieces)), "note"))
    if usage is not None and usage.new_tokens:
        lines.append(line(" · ".join(_cost(work, usage, say))))
    return "".join(lines)


def _cost(work: Work, usage: Usage, say: Say) -> list[str]:
    parts = [say("translate_segments_count", count=len(work.pieces))] if len(work.pieces) > 1 else []
    parts.append(say("tokens", count=usage.new_tokens))
    parts.append(say("first_token", seconds=f"{usage.seconds_to_first_token:.1f}"))
    parts.append(say("speed", speed=f"{usage.tokens_per_second:.1f}"))
    return [*parts, say("stopped")] if usage.ended == "cancelled" else parts


def worded(error: Exception, say: Say) -> str:
    """A sentence for the error: its own if it is meant for users."""
    return str(error) if isinstance(error, QwenUIError) else say("unexpected")


def checks(work: Work, findings: Findings | None, say: Say) -> str:
    """The list of what got lost, or that nothing did, as HTML; empty while nothing is translated."""
    if findings is None or not any(piece.whole for piece in work.pieces):
        return ""
    cut = [place for place, piece in enumerate(work.pieces) if piece.state == "cut"]
    items = [_item(work, place, say("translate_finding_cut"), say) for place in cut]
    items += [_item(work, place, _worded(finding, say), say) for place, finding in findings]
    if not items:
        return f'<p class="translate-fine" role="status">{escape(say("translate_nothing_lost"))}</p>'
    more = len(items) - SHOWN_FINDINGS
    rest = f"<li>{escape(say('translate_more', count=more))}</li>" if more > 0 else ""
    return (
        f'<div class="translate-lost" role="status">{escape(say("translate_lost", count=len(items)))}'
        f"<ul>{''.join(items[:SHOWN_FINDINGS])}{rest}</ul></div>"
    )


def _item(work: Work, place: int, text: str, say: Say) -> str:
    number = f"<b>{escape(say('translate_number', number=place + 1))}</b> " if len(work.pieces) > 1 else ""
    return f"<li>{number}{escape(text)}</li>"


def _worded(finding: Finding, say: Say) -> str:
    return say(f"translate_finding_{finding.kind}", text=finding.text)


def rows(work: Work | None, findings: Findings, say: Say) -> dict[str, Any]:
    """The table of segments for gr.Dataframe: number, source, translation, state."""
    headers = ["#", say("translate_source_text"), say("translate_translation"), say("translate_state")]
    odd = {place for place, _ in findings}
    pieces = work.pieces if work else ()
    data = [[place + 1, p.source, p.translation, _state(p, place in odd, say)] for place, p in enumerate(pieces)]
    return {"headers": headers, "data": data}


def _state(piece: Piece, odd: bool, say: Say) -> str:
    state = "check" if odd and piece.state == "done" else piece.state
    return say(f"translate_state_{state}")


def recognized(detection: Detection, source: str, say: Say) -> str:
    """Which language the text is in, with the confidence, as HTML; empty when there is nothing to say."""
    if detection.language is None:
        return ""
    name, percent = named(detection.language, say), f"{detection.confidence:.0%}"
    if source == AUTO:
        key = "translate_detected" if detection.confidence >= SURE else "translate_unsure"
    elif source == detection.language.code or detection.confidence < SURE:
        return ""
    else:
        key = "translate_other"
    return line(say(key, language=name, percent=percent), "" if key == "translate_detected" else "note")
