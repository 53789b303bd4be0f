"""Which adapter answers: one choice in the page's head, for all tabs."""

import gradio as gr

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import QUIET, Values
from qwen_ui.page.words import Say, label


def picker() -> gr.Dropdown:
    """The dropdown, to be put on the page later. Its value is an adapter's name, empty for the model itself."""
    dropdown = gr.Dropdown(
        [],
        value=None,
        label=label("Adapter"),
        show_label=False,
        container=False,
        elem_id="adapter",
        min_width=0,
        visible=False,
        render=False,
    )
    return as_held(dropdown)


def wire(app: App, page: gr.Blocks) -> None:
    """Fills the picker when the page opens, and when it gets the focus. Without an adapter there is nothing to pick.

    Nor is there with another server's model: adapters are for one that is here.
    """
    if app.settings.is_remote:
        return

    def opened(request: gr.Request) -> Values:
        return {app.adapter: offered(app.adapters, app.say(request), "")}

    def looked(picked: str | None, request: gr.Request) -> Values:
        return {app.adapter: offered(app.adapters, app.say(request), picked or "")}

    page.load(opened, None, [app.adapter], **QUIET)
    app.adapter.focus(looked, [app.adapter], [app.adapter], **QUIET)


def offered(adapters: AdapterStore, say: Say, picked: str) -> gr.Dropdown:
    """The adapters that there are now, one of them or the base model picked."""
    names = [adapter.name for adapter in adapters.all()]
    choices = [(say("Base model"), ""), *((name, name) for name in names)]
    return gr.Dropdown(choices=choices, value=picked if picked in names else "", visible=bool(names))
