"""What answers: one choice in the page's head, for all tabs."""

from collections import Counter
from collections.abc import Mapping

import gradio as gr

from qwen_ui.errors import NotReady
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import QUIET, Values
from qwen_ui.page.words import Say, label
from qwen_ui.server.offer import Picked


def picker() -> gr.Dropdown:
    """The dropdown, to be put on the page later. Its value is a name as `Offer` has it, empty for the default model."""
    dropdown = gr.Dropdown(
        [],
        value=None,
        label=label("Model"),
        show_label=False,
        container=False,
        elem_id="picker",
        min_width=0,
        visible=False,
        render=False,
    )
    return as_held(dropdown)


def wire(app: App) -> None:
    """Fills the picker anew when it gets the focus. At first the head does."""

    def looked(picked: str | None, request: gr.Request) -> Values:
        return {app.picker: offered(app, app.say(request), picked or "")}

    app.picker.focus(looked, [app.picker], [app.picker], **QUIET)


def offered(app: App, say: Say, picked: str) -> gr.Dropdown:
    """All that can be picked now: what is picked stays, if it is among them, else it is the first.

    With one thing alone there is nothing to pick.
    """
    try:
        found = app.offer.all()
    except NotReady:
        found = {}
    default = Picked(app.host.default)
    choices = [(shown, "" if found[name] == default else name) for name, shown in _shown(found, say).items()]
    values = [value for _, value in choices]
    value = picked if picked in values else next(iter(values), None)
    return gr.Dropdown(choices=choices, value=value, visible=len(choices) > 1)


def _shown(found: Mapping[str, Picked], say: Say) -> dict[str, str]:
    """What stands for each name: the adapter, or of several models the end of its name, if there is no other such."""
    if len({id(each.model) for each in found.values()}) == 1:
        return {name: each.adapter or say("Base model") for name, each in found.items()}
    short = {name: each.adapter or short_name(name) for name, each in found.items()}
    times = Counter(short.values())
    return {name: end if times[end] == 1 else name for name, end in short.items()}


def short_name(name: str) -> str:
    """A model's name without whose it is."""
    model, at, place = name.partition("@")
    return model.rsplit("/", 1)[-1] + at + place
