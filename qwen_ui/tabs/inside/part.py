"""What all parts of the tab have in common: a look that is held, its drawing, its file, and the code behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Look, Source
from qwen_ui.introspect.results import ArchitectureResult
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.scripts import save_as
from qwen_ui.page.words import Say, label
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.inside.draw import ON_LOAD
from qwen_ui.tabs.inside.task import Asked, Held, trace_of


class Asking:
    """Has the part that is open look anew: a count that begins a look whenever it changes."""

    def __init__(self) -> None:
        # Not a State: its changes are told of by events that go through the queue only.
        self.count = gr.Number(0, visible="hidden", container=False)

    def now(self, event: Event) -> Values:
        """The value that begins a look."""
        return {self.count: int(event[self.count] or 0) + 1}

    def on(self, events: Events, triggers: Any) -> None:
        """Looks anew whenever one of these happens."""
        events.on(triggers, self.now, [self.count], [self.count])


def drawing(elem_id: str) -> gr.HTML:
    """A place for a drawing that tells what was picked in it."""
    return gr.HTML(elem_id=elem_id, js_on_load=ON_LOAD, elem_classes="inside-view")


def picked(event: Event, name: str) -> int | None:
    """The number behind what was picked in a drawing; None when it was something else."""
    kind, _, number = str(getattr(event.data, "pick", "")).partition(":")
    return int(number) if kind == name and number.isdecimal() else None


class Part(ABC):
    """One part of the tab, laid out where this is made."""

    id: ClassVar[str]
    """Also the kind of its results."""
    name: ClassVar[str]
    about: ClassVar[str]
    """Two sentences on what one sees."""
    code: ClassVar[str]
    """The file in qwen_ui that computes it."""
    needs_text: ClassVar[bool] = True
    by_itself: ClassVar[bool] = True
    """Whether it is computed when it is opened."""
    view: gr.HTML
    """What a part draws in that needs but one place for it."""

    def __init__(self, app: App, place: gr.Tab) -> None:
        self.app = app
        self.place = place
        self.held = gr.State(None)
        gr.Markdown(label(self.about), elem_classes="inside-about")
        self.lay_out()
        with gr.Row(elem_classes="inside-file"):
            self._save = gr.Button(
                label("Save as a trace (JSON)"), size="sm", scale=0, elem_id=f"inside-{self.id}-save"
            )
        self._trace = gr.Textbox(visible="hidden", container=False)
        with gr.Accordion(label("Show the code"), open=False, elem_id=f"inside-{self.id}-code") as self._unfold:
            self._code = gr.Code(language="python", interactive=False, max_lines=30, label=f"qwen_ui/{self.code}")

    @abstractmethod
    def lay_out(self) -> None:
        """Makes the part's own widgets."""

    @abstractmethod
    def wanted(self, event: Event, source: Source, model: ArchitectureResult) -> Look:
        """What is to be looked at in that model. Raises `InvalidInput`. Parts that need no text get any."""

    @property
    def controls(self) -> Sequence[Component]:
        """What `wanted` and `show` read."""
        return ()

    @property
    def shown(self) -> Sequence[Component]:
        """What `show` gives the values of."""
        return (self.view,)

    @abstractmethod
    def show(self, held: Held, event: Event) -> Values:
        """The drawing of a look."""

    def connect(self, events: Events, asking: Asking) -> None:
        """Wires what the part's own widgets do."""
        del events, asking  # most have none

    def begin(self, model: ArchitectureResult) -> Values:
        """What the controls hold at first, where that hangs on the model."""
        return {}

    def fit(self, model: ArchitectureResult) -> Values:
        """The controls for that model, with what they hold at first."""
        return {}

    def asked(self, event: Event, source: Source, model: ArchitectureResult) -> Asked:
        """What is to be looked at, and with what."""
        return Asked(self.wanted(event, source, model), self.adapter(event))

    def adapter(self, event: Event) -> str:
        """The adapter that is picked in the page's head, of the model that runs here."""
        return self.app.offer.find(event.given.get(self.app.picker) or "").adapter

    def wire(self, events: Events, asking: Asking) -> None:
        """Wires all that the part does."""
        self.connect(events, asking)
        saved = events.on(self._save.click, self._file, [self.held], [self._trace])
        saved.success(None, self._trace, None, js=SAVE % save_as(f"qwen-ui-{self.id}.json", "application/json"))
        events.on(self._unfold.expand, self._show_code, (), [self._code])

    def _file(self, event: Event) -> Values:
        if not (held := event[self.held]):
            raise InvalidInput("There is nothing to save yet: look first.")
        return {self._trace: trace_of(held)}

    def _show_code(self, event: Event) -> Values:
        return {self._code: (PROJECT / "qwen_ui" / self.code).read_text("utf-8")}


SAVE = "(text) => text && (%s)(text)"


def layer_slider(elem_id: str) -> gr.Slider:
    """Which layer; its end is set once the model is known."""
    return gr.Slider(0, 1, 0, step=1, label=label("Layer"), elem_id=elem_id, scale=1, min_width=220)


def within(layer: Any, model: ArchitectureResult) -> int:
    """The layer of a slider that may have been of another model."""
    return max(0, min(int(layer or 0), model.layers - 1))


def of_layers(model: ArchitectureResult) -> gr.Slider:
    """The slider for that model."""
    return gr.Slider(maximum=max(model.layers - 1, 1), value=middle(model))


def middle(model: ArchitectureResult) -> int:
    """A layer from which there is something to see."""
    return model.layers // 2


def described(held: Held, say: Say) -> str:
    """What was looked into, in a line."""
    origin = held.result.origin
    told = [origin.model, origin.precision]
    if origin.adapter:
        told.append(say("adapter {name} × {scale:g}", name=origin.adapter, scale=origin.scale))
    pieces = getattr(held.result, "pieces", ())
    if pieces:
        told.append(say("{count:,} {count:token|tokens}", count=len(pieces)))
    if held.opened:
        told.append(say("opened from a file"))
    else:
        told.append(say("{seconds:.1f} s", seconds=held.seconds))
    return " · ".join(told)
