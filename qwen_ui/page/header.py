"""The page's head: which model runs and why, and while it is being prepared, how far that is."""

from collections.abc import Sequence
from html import escape

import gradio as gr

from qwen_ui.models.progress import Progress
from qwen_ui.page.app import App
from qwen_ui.page.details import STAGES, live, megabytes, models_chip
from qwen_ui.page.events import QUIET, Values
from qwen_ui.page.picker import offered
from qwen_ui.page.words import Say, label

TICK, SELDOM = 0.5, 5.0
"""Seconds between two looks while nothing is ready, and while others are still to come."""
LIVE = """
const show = () => {
  const place = document.querySelector("#model .live");
  if (place) place.innerHTML = props.value ?? "";
};
watch("value", show);
document.addEventListener("toggle", ({target}) => {
  if (!target.matches("#model details[open]")) return;
  show();
  trigger("select");
}, true);
"""
"""Asks for what changes when the details are opened, and puts it into them."""


class Header:
    """The head's widgets, made where this is called."""

    def __init__(self, app: App) -> None:
        self._app = app
        gr.Button(label("Skip to the content"), elem_id="skip")  # see style/keyboard.html
        with gr.Row(elem_id="head"):
            gr.HTML('<h1 class="brand">Qwen UI</h1>', elem_id="brand", padding=False)
            gr.Markdown(label("Reconnecting…"), elem_id="lost")  # see style/connection.html
            app.picker.render()  # type: ignore[no-untyped-call]
            self._chip = gr.HTML(elem_id="model", padding=False)
        self._live = gr.HTML("", html_template="", js_on_load=LIVE, visible="hidden")
        self._panel = gr.HTML(elem_id="opening", padding=False)
        self._timer = gr.Timer(TICK, active=False)
        self._seen = gr.State("")
        """What the chip shows: one that has not changed is not sent again, for that would close it."""

    def wire(self, page: gr.Blocks, senders: Sequence[gr.Button]) -> None:
        """Keeps the head up to date, and the buttons that need a model disabled until one is there."""
        outputs = [self._chip, self._panel, self._timer, self._seen, self._app.picker, *senders]

        def loaded(request: gr.Request) -> Values:
            say = self._app.say(request)
            picker = {self._app.picker: offered(self._app, say, "")}
            return self._show(say) | self._sendable(senders) | picker

        def ticked(request: gr.Request, seen: str, picked: str | None) -> Values:
            say = self._app.say(request)
            values = self._show(say)
            if values[self._seen] and values[self._seen] == seen:
                return {self._timer: values[self._timer]}
            return values | self._sendable(senders) | {self._app.picker: offered(self._app, say, picked or "")}

        def opened(request: gr.Request) -> str:
            return live(self._app.host.models, self._app.say(request), private=not self._app.settings.is_public)

        page.load(loaded, None, outputs, **QUIET)
        self._live.select(opened, None, [self._live], **QUIET)
        self._timer.tick(ticked, [self._seen, self._app.picker], outputs, **QUIET)

    def _show(self, say: Say) -> Values:
        models = self._app.host.names
        ready = [model for model in models.values() if model.ready]
        coming = [model for model in models.values() if not model.ready and model.progress.stage != "failed"]
        timer = gr.Timer(SELDOM if ready else TICK, active=bool(coming))
        if not ready:
            panels = [opening_panel(each.progress, each.seconds, say) for each in coming or models.values()]
            return {self._chip: "", self._seen: "", self._panel: "".join(panels), self._timer: timer}
        chip = models_chip(models, say)
        return {self._chip: chip, self._seen: chip, self._panel: "", self._timer: timer}

    def _sendable(self, senders: Sequence[gr.Button]) -> Values:
        there = any(model.ready for model in self._app.host.models)
        return {button: gr.Button(interactive=there) for button in senders}


def opening_panel(progress: Progress, seconds: float, say: Say) -> str:
    """How far the opening of the model is, or why it failed. HTML."""
    if progress.stage == "failed":
        title, reason = say("There is no model to answer with"), say("{reason}", reason=progress.reason)
        hint = say("Fix this and restart the app. What you typed here is kept.")
        return (
            f'<div class="panel failed" role="alert"><h2>{escape(title)}</h2>'
            f"<p>{escape(reason)}</p><p>{escape(hint)}</p></div>"
        )
    stage, title = say(STAGES[progress.stage], detail=progress.detail), say("Preparing the model")
    facts = [_bytes(progress, say)] if progress.done or progress.total else []
    facts.append(say("{seconds:.0f} s", seconds=seconds))
    hint = say("You can start typing. Sending works once the model is ready.")
    value = f' max="{progress.total}" value="{min(progress.done, progress.total)}"' if progress.total else ""
    return (
        f'<div class="panel" role="status"><h2>{escape(title)}</h2>'
        f"<p>{escape(stage)}<span>{escape(' · '.join(facts))}</span></p>"
        f'<progress aria-label="{escape(title, quote=True)}"{value}></progress><p>{escape(hint)}</p></div>'
    )


def _bytes(progress: Progress, say: Say) -> str:
    done = megabytes(progress.done)
    return say("{done} of {total}", done=done, total=megabytes(progress.total)) if progress.total else done
