"""Results on their way to another tab: what each tab gives away, and where it takes a text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from qwen_ui.page.events import STREAMING, Event, Values
from qwen_ui.page.words import label

if TYPE_CHECKING:
    from qwen_ui.page.app import App
    from qwen_ui.page.tab import Parts


def below(before: str | None, text: str) -> str:
    """The text, under what the box holds already: nothing that was typed is lost."""
    return f"{before.rstrip()}\n\n{text}" if before and before.strip() else text


@dataclass(frozen=True, slots=True)
class Exit:
    """A result, and the picker of where it goes."""

    picker: gr.Dropdown
    results: Sequence[Component]
    read: Callable[[Event], str]
    """The text to send, from what the results hold."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where a tab takes a text."""

    box: Component
    """What it goes into; ``fill`` may look at what it holds."""
    others: Sequence[Component] = ()
    """What it changes besides."""
    fill: Callable[[Event, str], Values] | None = None
    """Values for these, from the text that comes; by default it goes below what the box holds."""

    def take(self, event: Event, text: str) -> Values:
        """The tab's values once it has taken the text."""
        return self.fill(event, text) if self.fill else {self.box: below(event[self.box], text)}


def menu(title: Any, choices: Sequence[tuple[Any, str]] = (), **options: Any) -> gr.Dropdown:
    """A list of things to do, made where this is called. Its title is the choice of nothing, the empty text.

    What is done is done on `change`: `input` comes twice for a choice, and once when the list is only passed.
    """
    return gr.Dropdown(
        [(title, ""), *choices],
        value="",
        label=title,
        container=False,
        filterable=False,
        scale=0,
        elem_classes="send-to",
        **options,
    )


def send_to(**options: Any) -> gr.Dropdown:
    """A menu of the other tabs; `connect` fills it."""
    return menu(label("Send to…"), min_width=128, **options)


def connect(app: "App", tabs: gr.Tabs, names: Mapping[str, str], parts: Mapping[str, "Parts"]) -> None:
    """Wires every tab's results to the entrances of the others. Everything is by the tabs' ids."""
    entrances = {id: part.entrance for id, part in parts.items() if part.entrance}
    filled = [widget for entrance in entrances.values() for widget in (entrance.box, *entrance.others)]
    for id, part in parts.items():
        others = [(label(names[other]), other) for other in entrances if other != id]
        for way in part.exits:
            way.picker.choices = [*way.picker.choices, *others]
            inputs: set[Any] = {way.picker, *way.results, *(entrance.box for entrance in entrances.values())}
            outputs = list(dict.fromkeys([tabs, way.picker, *filled]))
            way.picker.change(_sender(app, tabs, way, entrances), inputs, outputs, **STREAMING)


def _sender(app: "App", tabs: gr.Tabs, way: Exit, entrances: Mapping[str, Entrance]) -> Callable[..., Values]:
    def send(request: gr.Request, given: Values) -> Values:
        event, back = Event(request, app.say(request), given), Values({way.picker: ""})
        entrance = entrances.get(event[way.picker])
        if entrance is None:  # it is back at its title, or the choice is none of these
            return Values({way.picker: gr.skip()})
        if not (text := way.read(event)).strip():
            gr.Info(event.say("There is nothing to send yet."))
            return back
        return back | {tabs: gr.Tabs(selected=event[way.picker])} | entrance.take(event, text)

    return send
