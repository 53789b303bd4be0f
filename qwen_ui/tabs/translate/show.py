"""A translation as the page shows it: its text, HTML about it, and the rows of the table of segments."""

import re
from html import escape
from typing import Any

from qwen_ui.messages import Answer
from qwen_ui.page.events import told
from qwen_ui.page.status import cost, line, progress
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.translate.detect import SURE
from qwen_ui.tabs.translate.files import Document
from qwen_ui.tabs.translate.protect import Finding
from qwen_ui.tabs.translate.task import Progress
from qwen_ui.tabs.translate.translation import AUTO, Segment, Translation
from qwen_ui.text.detect import Detection
from qwen_ui.text.languages import LANGUAGES, Language

SHOWN_FINDINGS = 50
SHOWN_CHARACTERS = 50_000
"""Of a translated file; saving gives all of it."""
STATES = {
    "waiting": marked("not translated"),
    "writing": marked("translating…"),
    "done": marked("✓ done"),
    "edited": marked("✓ edited"),
    "truncated": marked("⚠ cut off"),
    "stopped": marked("stopped"),
    "failed": marked("failed"),
}
FINDINGS = {
    "code": marked("the code {text} is missing"),
    "link": marked("the link {text} is missing"),
    "tag": marked("the tag {text} is missing"),
    "placeholder": marked("the placeholder {text} is missing"),
    "image": marked("the image {text} is missing"),
    "footnote": marked("the footnote {text} is missing"),
    "formula": marked("the formula {text} is missing"),
    "mention": marked("the mention {text} is missing"),
    "path": marked("the path {text} is missing"),
    "number": marked("the number {text} is missing"),
    "term": marked("glossary term not used: {text}"),
    "lines": marked("line count differs"),
    "unchanged": marked("same as the source"),
    "empty": marked("translation is empty"),
    "truncated": marked("cut off at the maximum length"),
}
RESTORED = {
    "place": marked("{text} was missing: put back, check its place"),
    "end": marked("{text} was missing: put back at the end of the sentence"),
}
FACTS = marked("{name}: {count:,} {count:text|texts} to translate, {characters:,} {characters:character|characters}.")
FORMAT = marked("You get the same format back: only the texts change.")
MISSING = marked(
    "{count:,} of {total:,} segments {count:is|are} not translated; the source stays in {count:its|their} place."
)
NOT_TRANSLATED = marked("Not translated: {error}")
NOTHING_LOST = marked("✓ Checked: no code, link, tag, placeholder, number, line or glossary term is missing.")
SO_FAR = marked("Nothing is missing in the {count:,} of {total:,} segments translated so far.")
UNSURE = marked("Possibly {language} ({percent:.0%} sure). Choose the language if this is wrong.")
_SURROGATE = re.compile("[\ud800-\udfff]")


def named(language: Language, locale: str) -> str:
    """The language's own name, and the reader's for it where that is another."""
    name = language.name_in(locale)
    return language.own_name if name == language.own_name else f"{language.own_name} · {name}"


def languages(locale: str) -> list[tuple[str, str]]:
    """All languages for a picker: names and codes."""
    return [(named(language, locale), language.code) for language in LANGUAGES]


def displayed(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no browser takes."""
    return _SURROGATE.sub("\ufffd", text)


def text_of(translation: Translation) -> str:
    """The translation to show, as far as it is while it is being written; nothing while there is none."""
    if translation.running or not any(segment.whole for segment in translation.segments):
        text = translation.so_far()
    elif translation.document.is_shown_as_texts:
        text = "\n".join(translation.results())
    else:
        text = translation.file().decode()
    if not translation.is_file:
        return text
    return displayed(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…")


def underway(now: Progress, say: Say) -> str:
    """How far it is, as HTML."""
    total = len(now.wanted)
    if now.position or total < 2:
        growing = [now.translation.segments[place].translation for place in now.wanted[:1]]
        return progress(Answer("".join(growing), now.position), say)
    text = say("Segment {number:,} of {total:,}", number=min(now.done + 1, total), total=total)
    return f'<progress class="translate-progress" max="{total}" value="{now.done}"></progress>{line(text, "busy")}'


def outcome(now: Progress, say: Say) -> str:
    """What came of it and what it cost, as HTML."""
    translation, lines = now.translation, []
    total, missing = len(translation.segments), len(translation.missing)
    if translation.error is not None:
        lines.append(line(say(NOT_TRANSLATED, error=told(translation.error)), "error"))
    if 0 < missing < total:
        lines.append(line(say(MISSING, count=missing, total=total), "note"))
    if now.usage is not None and now.usage.new_tokens:
        count = [say("{count:,} {count:segment|segments}", count=total)] if total > 1 else []
        stopped = [say("stopped")] if now.usage.ended == "cancelled" else []
        lines.append(line(" · ".join([*count, *cost(now.usage, say), *stopped])))
    return "".join(lines)


def checks(translation: Translation, say: Say) -> str:
    """The list of what got lost, or that nothing did, as HTML; empty while nothing is translated."""
    total, missing = len(translation.segments), len(translation.missing)
    if missing == total:
        return ""
    findings = translation.findings()
    if not findings and missing:
        return line(say(SO_FAR, count=total - missing, total=total))
    if not findings:
        return f'<p class="translate-fine" role="status">{escape(say(NOTHING_LOST))}</p>'
    items = [_item(translation, place, finding, say) for place, finding in findings[:SHOWN_FINDINGS]]
    if (more := len(findings) - len(items)) > 0:
        items.append(f"<li>{escape(say('and {count:,} more', count=more))}</li>")
    lost = escape(say("{count:,} {count:thing|things} to check", count=len(findings)))
    return f'<div class="translate-lost" role="status">{lost}<ul>{"".join(items)}</ul></div>'


def _item(translation: Translation, place: int, finding: Finding, say: Say) -> str:
    """A finding; a click on it leads to its segment."""
    text = escape(_found(finding, say))
    if len(translation.segments) > 1:
        text = f"<b>{escape(say('Segment {number:,}:', number=place + 1))}</b> {text}"
    return f'<li><button type="button" data-segment="{place}">{text}</button></li>'


def _found(finding: Finding, say: Say) -> str:
    template = RESTORED[finding.restored] if finding.restored else FINDINGS[finding.kind]
    return displayed(say(template, text=finding.text))


def rows(translation: Translation, say: Say) -> dict[str, Any]:
    """The segments for ``rows.js``, with all that it says."""
    count = sum(_to_check(segment) for segment in translation.segments)
    target = translation.order.target
    return {
        "id": translation.id,
        "language": target.code,
        "rtl": target.right_to_left,
        "open": translation.is_file or len(translation.segments) > 1,
        "rows": [_row(segment, say) for segment in translation.segments],
        "words": {
            "title": say("{count:,} {count:segment|segments}", count=len(translation.segments)),
            "only": say("Only what needs checking ({count:,})", count=count),
            "source": say("Source"),
            "target": say("Translation"),
            "edit": say("Edit the translation of segment {number}", number="#"),
            "translation": say("Translation of segment {number}", number="#"),
            "apply": say("Apply"),
            "cancel": say("Cancel"),
            "again": say("Translate again"),
            "before": say("Previous version"),
            "after": say("Next version"),
        },
    }


def _row(segment: Segment, say: Say) -> dict[str, Any]:
    check = _to_check(segment)
    return {
        "source": displayed(segment.source),
        "translation": displayed(segment.translation),
        "kind": "check" if check else segment.state,
        "state": say("⚠ check") if check and segment.state in {"done", "edited"} else say(STATES[segment.state]),
        "check": check,
        "findings": [_found(finding, say) for finding in segment.findings],
        "version": segment.version,
        "versions": len(segment.versions),
    }


def _to_check(segment: Segment) -> bool:
    return bool(segment.findings) or segment.state in {"truncated", "stopped", "failed"}


def facts(document: Document, say: Say) -> str:
    """What there is to translate in a file, as HTML."""
    characters = sum(map(len, document.texts))
    return line(say(FACTS, name=document.name, count=len(document.texts), characters=characters)) + line(say(FORMAT))


def recognized(detection: Detection, source: str, locale: str, say: Say) -> str:
    """Which language the text is in, with the confidence, as HTML; empty when there is nothing to say."""
    if detection.language is None:
        return ""
    values = {"language": named(detection.language, locale), "percent": detection.confidence}
    sure = detection.confidence >= SURE
    if source == AUTO and sure:
        return line(say("Detected: {language} ({percent:.0%} sure)", **values))
    if source == AUTO:
        return line(say(UNSURE, **values), "note")
    if sure and source != detection.language.code:
        return line(say("This looks like {language} ({percent:.0%} sure).", **values), "note")
    return ""
