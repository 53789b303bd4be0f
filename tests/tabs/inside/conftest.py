"""The tab without a page, and looks as it holds them."""

from typing import Any

import gradio as gr
import pytest

from qwen_ui.introspect.looks import (
    Architecture,
    Attention,
    Backward,
    Compare,
    FeedForward,
    Forward,
    Look,
    Microscope,
    Positions,
    Source,
)
from qwen_ui.page.events import Event
from qwen_ui.tabs.inside.tab import InsideTab
from qwen_ui.tabs.inside.task import Asked, Held
from tests.pages import app_of, event_of
from tests.tabs.inside.made_up import LookingEngine, architecture, made_up

TEXT = "the <b>cat</b> saw\n the bird"
SOURCE = Source(text=TEXT)
LOOKS: tuple[Look, ...] = (
    Architecture(),
    Forward(SOURCE),
    Attention(SOURCE, 1, frozenset({(1, 0)}), frozenset({2})),
    Positions(SOURCE),
    FeedForward(SOURCE, 1),
    Backward(SOURCE, " <i>so</i> it is"),
    Microscope(SOURCE, "model.layers.0.mlp.up_proj", 3, whole=True),
    Compare(SOURCE, 1),
)


def held(look: Look) -> Held:
    """A look that was taken."""
    adapter = "films" if isinstance(look, Compare) else ""
    return Held(Asked(look, adapter), made_up(look))


class Laid:
    """The tab, and events on it."""

    def __init__(self) -> None:
        self.app = app_of(LookingEngine())
        with gr.Blocks() as page, gr.Tabs(), gr.Tab() as place:
            self.tab = InsideTab(self.app, page, place)

    def event(self, given: dict[Any, Any] | None = None, language: str = "en-US", pick: str = "") -> Event:
        """What the widgets hold at first, but for what is given; ``pick``: what was pressed in a drawing."""
        tab = self.tab
        widgets = [tab._text, tab._reading, tab._open, tab._model, tab._asking.count, tab._chain.grown, tab._upload]
        for part in tab._parts.values():
            widgets += [part.held, *part.controls]
        values = {widget: widget.value for widget in widgets}
        data = gr.EventData(None, {"pick": pick}) if pick else None
        model = architecture(Architecture(), made_up(Architecture()).origin)
        return event_of(self.app, {**values, tab._model: model, **(given or {})}, language, data)


@pytest.fixture(scope="package")
def laid() -> Laid:
    return Laid()
