"""Results on their way to another tab: what each tab gives away, and where it takes a text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.ui.texts import I18N, speaker
from qwen_ui.ui.wiring import STREAMING

NAMES = {
    "chat": "chat",
    "write": "write",
    "ask": "ask_tab",
    "translate": "translate",
    "sentiment": "sentiment",
    "code": "code_tab",
}
"""The tabs that take a text, by id, and the texts that name them."""


def below(before: str, text: str) -> str:
    """The text, under what the box holds already: nothing that was typed is lost."""
    return f"{before.rstrip()}\n\n{text}" if before.strip() else text


def _text(value: Any) -> str:
    return str(value or "")


@dataclass(frozen=True, slots=True)
class Exit:
    """A result, and the picker of where it goes."""

    picker: gr.Dropdown
    results: Sequence[Component]
    read: Callable[..., str] = _text
    """The text to send, from the results' values."""


def _append(request: gr.Request, before: str, text: str) -> Sequence[Any]:
    return [below(before, text)]


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where a tab takes a text."""

    widgets: Sequence[Component]
    """What it changes; the first one's value is known to ``fill``."""
    fill: Callable[[gr.Request, str, str], Sequence[Any]] = _append
    """Values for the widgets, from what the first one holds and the text that comes."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page needs of a tab that was laid out."""

    senders: Sequence[gr.Button]
    """The buttons that need the model."""
    exits: Sequence[Exit] = ()
    entrance: Entrance | None = None
    kept: Sequence[gr.BrowserState] = ()
    """What the browser keeps for it, not rendered yet: within a tab that is not open it would not be read."""
    typed: Sequence[Component] = ()
    """Boxes that people type into, each with an ``elem_id``: see `qwen_ui.ui.drafts`."""


def picker(tab: str, **options: Any) -> gr.Dropdown:
    """A picker of the other tabs, made where this is called."""
    others = [(I18N(text), id) for id, text in NAMES.items() if id != tab]
    return gr.Dropdown(
        [(I18N("send_to"), ""), *others],
        value="",
        label=I18N("send_to"),
        container=False,
        filterable=False,
        scale=0,
        min_width=128,
        elem_classes="send-to",
        **options,
    )


def connect(tabs: gr.Tabs, parts: Mapping[str, Parts]) -> None:
    """Wires every tab's results to the entrances of the others."""
    entrances = {id: part.entrance for id, part in parts.items() if part.entrance}
    boxes = [entrance.widgets[0] for entrance in entrances.values()]
    widgets = [widget for entrance in entrances.values() for widget in entrance.widgets]
    for part in parts.values():
        for way in part.exits:
            inputs, outputs = [way.picker, *boxes, *way.results], [tabs, way.picker, *widgets]
            way.picker.input(_sender(tabs, way, entrances), inputs, outputs, **STREAMING)


def _sender(tabs: gr.Tabs, way: Exit, entrances: Mapping[str, Entrance]) -> Callable[..., dict[Any, Any]]:
    def send(request: gr.Request, to: str, *values: Any) -> dict[Any, Any]:
        before = dict(zip(entrances, values, strict=False))
        text = way.read(*values[len(entrances) :])
        if to not in entrances:
            return {way.picker: ""}
        if not text.strip():
            gr.Info(speaker(request)("nothing_to_send"))
            return {way.picker: ""}
        entrance = entrances[to]
        filled = entrance.fill(request, before[to] or "", text)
        return {tabs: gr.Tabs(selected=to), way.picker: "", **dict(zip(entrance.widgets, filled, strict=True))}

    return send
