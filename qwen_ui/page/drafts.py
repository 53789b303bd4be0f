"""What was typed and not sent yet: the browser keeps it over reloads, and the server is not asked."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.page.events import QUIET
from qwen_ui.page.scripts import kept_by_browser

LONGEST = 200_000
"""Characters of one text that are kept: browsers keep some megabytes for a page, the conversation among them."""
KEEP = """(...texts) => [Object.fromEntries(
  %s.map((name, place) => [name, texts[place]]).filter(([_, text]) => text && text.length <= %d)
)]"""
RESTORE = "(kept, ...texts) => %s.map((name, place) => texts[place] || (kept || {})[name] || '')"


def keep(page: gr.Blocks, boxes: Sequence[Component]) -> None:
    """Keeps what the boxes hold, each under its ``elem_id``; to be called outside of whatever may be closed."""
    kept = kept_by_browser("drafts")
    names = json.dumps([box.elem_id for box in boxes])
    page.load(None, [kept, *boxes], boxes, js=RESTORE % names, **QUIET)
    for box in boxes:
        changed: Any = box.change  # type: ignore[attr-defined]  # of those that text is typed into, all have it
        changed(None, boxes, [kept], js=KEEP % (names, LONGEST), trigger_mode="always_last", **QUIET)
