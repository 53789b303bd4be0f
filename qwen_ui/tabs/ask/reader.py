"""A document, opened: its text as it was read, a stretch at a time, with the passage that an answer cites marked.

``reader.js`` opens and closes what `opened` makes, and asks for documents.
"""

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.knowledge.library import Library
from qwen_ui.knowledge.passages import Passage
from qwen_ui.page.words import Say

SCRIPT = (Path(__file__).parent / "reader.js").read_text("utf-8")
STRETCH = 60
"""Passages that are shown at a time: some twenty pages of a book."""


def reader(**options: Any) -> gr.HTML:
    """Where documents are opened. Its event ``select`` asks for one, by ``document``, ``position`` and ``cited``."""
    return gr.HTML("", js_on_load=SCRIPT, apply_default_css=False, padding=False, **options)


def opened(library: Library, owner: str, document: int, position: int, cited: bool, say: Say) -> str:
    """The stretch of the owner's document with the passage at that position, as HTML.

    ``cited`` is whether that passage is marked. Raises `InvalidInput` if they have no such document.
    """
    there = library.document(document, owner)
    position = min(position, max(0, there.passages - 1))
    start = position // STRETCH * STRETCH
    passages = library.read(there, start, STRETCH)
    ways = [(start - STRETCH, say("‹ Earlier")), (start + STRETCH, say("Later ›"))]
    buttons = "".join(
        f'<button type="button" data-open="{document}-{at}">{escape(name)}</button>'
        for at, name in ways
        if 0 <= at < there.passages
    )
    where = say(
        "Passages {first:,} to {last:,} of {count:,}",
        first=start + 1,
        last=start + len(passages),
        count=there.passages,
    )
    name, close = escape(there.name), escape(say("Close"))
    return (
        f'<dialog class="reader" aria-label="{name}"><header><h2>{name}</h2>'
        f'<button type="button" data-do="close" aria-label="{close}" title="{close}">✕</button></header>'
        f'<div class="text" tabindex="0">{_text(passages, position if cited else -1, say)}</div>'
        f"<footer><span>{escape(where)}</span>{buttons}</footer></dialog>"
    )


def _text(passages: list[Passage], cited: int, say: Say) -> str:
    """The passages one after the other, with headings and pages where others begin."""
    parts, heading, page = [], "", None
    for passage in passages:
        if passage.page != page and passage.page:
            parts.append(f'<p class="page">{escape(say("page {page}", page=passage.page))}</p>')
        if passage.heading != heading and passage.heading:
            parts.append(f"<h3>{escape(passage.heading)}</h3>")
        heading, page = passage.heading, passage.page
        text = escape(passage.text)
        marked = f'<mark tabindex="-1">{text}</mark>' if passage.position == cited else text
        parts.append(f'<div class="passage">{marked}</div>')
    return "".join(parts)
