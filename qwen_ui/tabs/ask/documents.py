"""The documents of a collection, as a list: ticks for those that are searched, and ways to open and remove.

``documents.js`` draws it from what `listed` makes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.store import Document
from qwen_ui.page.events import brought
from qwen_ui.page.words import Say

SCRIPT = (Path(__file__).parent / "documents.js").read_text("utf-8")
MOST = 100_000
"""Documents that can be left out: more are not taken from the browser."""


def documents(**options: Any) -> gr.HTML:
    """The list. Its events: ``select`` when a tick has changed, ``delete`` to remove one: see `asked_for`."""
    return gr.HTML(None, html_template="", js_on_load=SCRIPT, apply_default_css=False, padding=False, **options)


def listed(there: Sequence[Document], left_out: frozenset[int], say: Say) -> dict[str, Any]:
    """What the list shows: these documents, all but those left out ticked."""
    return {
        "documents": [
            [each.id, each.name, say("{count:,} {count:passage|passages}", count=each.passages)] for each in there
        ],
        "left": sorted(left_out & {each.id for each in there}),
        "words": {
            "all": say("Search all documents"),
            "search": say("Search in {file}", file="#"),
            "open": say("Open {file}", file="#"),
            "remove": say("Remove {file}", file="#"),
        },
    }


def left_out(value: Any) -> frozenset[int]:
    """The ids of the documents that are not ticked, of what the browser holds. What is no id is none."""
    ids = value.get("left") if isinstance(value, Mapping) else None
    return numbers(ids)


def numbers(ids: Any) -> frozenset[int]:
    """The ids of documents in a list that comes from the browser."""
    return frozenset(id for id in ids[:MOST] if is_number(id)) if isinstance(ids, list) else frozenset()


def is_number(value: Any) -> bool:
    """Whether it can be an id, or a place, of what is in the database."""
    return type(value) is int and 0 <= value < 2**53


def asked_for(data: Any, *names: str) -> tuple[int, ...]:
    """The numbers of these names that an event brings. Raises `InvalidInput` for anything else."""
    values = tuple(brought(data).get(name) for name in names)
    if not all(map(is_number, values)):
        raise InvalidInput("This document is no longer there: it was removed, or its time was up.")
    return cast(tuple[int, ...], values)
