"""From a piece of text to the messages that translate it, and from the answer to the translation and its checks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import Template
from qwen_ui.tasks.translate import glossary
from qwen_ui.tasks.translate.glossary import Term
from qwen_ui.tasks.translate.languages import Language
from qwen_ui.tasks.translate.protect import Kind, has_words
from qwen_ui.tasks.translate.protect import missing as missing_parts

Tone = Literal["plain", "formal", "informal"]

_QUOTES = {'"': '"', "“": "”", "「": "」", "«": "»"}
_FENCED = re.compile(r"```\w*\n(.*?)\n?```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a translation to look at. ``text`` is the part of the source that it is about."""

    kind: Kind | Literal["term", "lines", "unchanged", "empty"]
    text: str = ""


def build(
    template: Template,
    text: str,
    target: Language,
    source: Language | None = None,
    tone: str = "plain",
    terms: Sequence[Term] = (),
) -> list[Message]:
    """The messages that ask for the translation of one piece of text. Of the glossary only what occurs in it goes in.

    Raises `InvalidInput` when there is nothing to translate or the tone is unknown.
    """
    if not text.strip():
        raise InvalidInput("There is nothing to translate. Write or paste a text first.")
    if tone not in get_args(Tone):
        raise InvalidInput(f"The tone must be one of {', '.join(get_args(Tone))}, not {tone!r}.")
    return template.render(
        text=text,
        target=_named(target),
        source=_named(source) if source else "",
        tone=tone,
        glossary="\n".join(f"{term.source} = {term.target}" for term in glossary.relevant(terms, text)),
    )


def parse(answer: str, text: str) -> str:
    """The translation in an answer, without the quotes or the code fence that models put around it."""
    answer = answer.strip()
    fenced = _FENCED.fullmatch(answer)
    if fenced and "```" not in text:
        answer = fenced[1].strip()
    opening = answer[:1]
    if len(answer) > 2 and opening in _QUOTES and opening not in text:
        inner = answer[1:-1]
        if answer[-1] == _QUOTES[opening] and not set(inner) & {opening, answer[-1]}:
            answer = inner.strip()
    return answer


def check(text: str, translation: str, terms: Sequence[Term] = ()) -> tuple[Finding, ...]:
    """What a translation may have lost: code, links, tags, placeholders, numbers, terms, lines, or everything."""
    if not translation.strip():
        return (Finding("empty"),) if text.strip() else ()
    findings = [Finding(part.kind, part.text) for part in missing_parts(text, translation)]
    findings += [
        Finding("term", f"{term.source} = {term.target}") for term in glossary.missing(terms, text, translation)
    ]
    if len(text.strip().splitlines()) != len(translation.strip().splitlines()):
        findings.append(Finding("lines"))
    if has_words(text) and text.strip().casefold() == translation.strip().casefold():
        findings.append(Finding("unchanged"))
    return tuple(findings)


def _named(language: Language) -> str:
    return language.name if language.name == language.own_name else f"{language.name} ({language.own_name})"
