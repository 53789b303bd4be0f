"""What a tab is to the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.page.app import App
from qwen_ui.page.sending import Entrance, Exit


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page needs of a tab that was laid out."""

    senders: Sequence[gr.Button]
    """The buttons that need the model."""
    exits: Sequence[Exit] = ()
    entrance: Entrance | None = None
    kept: Sequence[Component] = ()
    """What the browser keeps for it, not rendered yet: within a tab that is not open it would not be read."""
    typed: Sequence[Component] = ()
    """Boxes that people type into, each with an ``elem_id``: see `qwen_ui.page.drafts`."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: everything that the page, the API and the metrics know of it."""

    id: str
    """Also the folder of its prompts, and its name in the log and the metrics."""
    name: str
    """In English."""
    folder: Path
    """Where its ``zh.po`` and its ``style.css`` are, if it has them."""
    lay_out: Callable[[App, gr.Blocks, gr.Tab], Parts]
    """Lays it out where it is called, and wires it: given the page, and its own place on it."""
    endpoints: Callable[[App], Sequence[Callable[..., Any]]] = lambda app: ()
    """What scripts call, each under its function's name."""
    owner_only: bool = False
    """Whether it is left out in public mode. Its endpoints are there: they must refuse then."""
    chinese: Mapping[str, str] = field(default_factory=dict)
    """Its words in Chinese, by the English ones: for a tab that has too few of them for a file."""
