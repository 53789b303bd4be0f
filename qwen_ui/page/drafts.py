"""What was typed and not sent yet: the browser keeps it over reloads, and the server is not asked."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.page.events import QUIET


def keep(page: gr.Blocks, boxes: Sequence[Component]) -> None:
    """Keeps what the boxes hold, each under its ``elem_id``: see ``style/drafts.html``."""
    names = json.dumps([box.elem_id for box in boxes])
    page.load(None, boxes, boxes, js=f"(...texts) => window.qwenDrafts.begin({names}, texts)", **QUIET)
    for box in boxes:
        changed: Any = box.change  # type: ignore[attr-defined]  # of those that text is typed into, all have it
        kept = f"(text) => {{ window.qwenDrafts.keep({{{json.dumps(box.elem_id)}: text}}); }}"
        changed(None, [box], None, js=kept, trigger_mode="always_last", **QUIET)
