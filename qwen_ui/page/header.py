"""The page's head: which model runs and why, and while it is being prepared, how far that is."""

from collections.abc import Sequence
from html import escape

import gradio as gr

from qwen_ui.engine.base import EngineInfo, Feature, RemoteServer
from qwen_ui.models.progress import Progress
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Values
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked

TICK = 0.5
MODELS_SHOWN = 20
COMMAND = "python app.py --model Qwen/Qwen2.5-0.5B-Instruct"
PRECISIONS = {"4bit": "4-bit", "8bit": "8-bit"}
STAGES = {
    "choosing": marked("Choosing a model for this machine"),
    "connecting": marked("Waiting for the server at {detail}"),
    "asking": marked("Asking the server at {detail} what it can do"),
    "fetching": marked("Fetching {detail}"),
    "converting": marked("Converting {detail}: only needed once"),
    "loading": marked("Loading {detail}"),
    "warming": marked("Warming up {detail}"),
}

FEATURES: dict[Feature, str] = {
    "streaming": marked("Sends answers piece by piece"),
    "usage": marked("Counts the tokens"),
    "stop": marked("Ends at stop strings"),
    "n": marked("Several answers to one request"),
    "log-probabilities": marked("Tells the likeliest next tokens"),
    "prompt log-probabilities": marked("Tells probabilities of a given text"),
    "guided choice": marked("Can be made to choose"),
    "tools": marked("Calls tools"),
    "plain texts": marked("Goes on with a plain text"),
}
"""What each feature is, for people."""


class Header:
    """The head's widgets, made where this is called."""

    def __init__(self, app: App) -> None:
        self._app = app
        gr.Button(label("Skip to the content"), elem_id="skip")  # see style/keyboard.html
        with gr.Row(elem_id="head"):
            gr.HTML('<h1 class="brand">Qwen UI</h1>', elem_id="brand", padding=False)
            app.adapter.render()  # type: ignore[no-untyped-call]
            self._chip = gr.HTML(elem_id="model", padding=False)
        self._panel = gr.HTML(elem_id="opening", padding=False)
        self._timer = gr.Timer(TICK, active=False)

    def wire(self, page: gr.Blocks, senders: Sequence[gr.Button]) -> None:
        """Keeps the head up to date, and the buttons that need the model disabled until it is there."""
        outputs = [self._chip, self._panel, self._timer, *senders]

        def loaded(request: gr.Request) -> Values:
            return self._show(self._app.say(request), watched=False) | self._sendable(senders)

        def ticked(request: gr.Request) -> Values:
            return self._show(self._app.say(request), watched=True) | self._sendable(senders)

        page.load(loaded, None, outputs, **QUIET)
        self._timer.tick(ticked, None, outputs, **QUIET)

    def _show(self, say: Say, watched: bool) -> Values:
        progress, seconds = self._app.host.progress, self._app.host.seconds
        if progress.stage != "ready":
            panel, timer = opening_panel(progress, seconds, say), gr.Timer(active=progress.stage != "failed")
            return {self._chip: "", self._panel: panel, self._timer: timer}
        info = self._app.host.info
        ready = f'<p class="ready">{escape(say("Ready in {seconds:.1f} s.", seconds=seconds))}</p>' if watched else ""
        notice = embedded_notice(say) if info.embedded else ""
        return {self._chip: model_chip(info, say), self._panel: ready + notice, self._timer: gr.Timer(active=False)}

    def _sendable(self, senders: Sequence[gr.Button]) -> Values:
        return {button: gr.Button(interactive=self._app.host.progress.stage == "ready") for button in senders}


def model_chip(info: EngineInfo, say: Say) -> str:
    """Model, precision and device; opened, why these. HTML."""
    name = info.model.rsplit("/", 1)[-1]
    parts = [name, PRECISIONS.get(info.precision, info.precision), info.device]
    summary = " · ".join(part for part in parts if part)
    details = [
        info.model,
        say("{reason}", reason=info.reason),
        say("Context: {tokens:,} tokens", tokens=info.context_length),
        info.engine,
    ]
    body = "".join(f"<p>{escape(text)}</p>" for text in details)
    if info.remote is not None:
        body += server_table(info.remote, say)
    title = escape(say("Why this model"), quote=True)
    head = f'<summary title="{title}"><span>{escape(summary)}</span></summary>'
    return f'<details class="chip">{head}<div>{body}</div></details>'


def server_table(server: RemoteServer, say: Say) -> str:
    """What a remote server has and can do. HTML."""
    rows = "".join(
        f"<tr><th scope=row>{escape(say(meaning))}</th>"
        f"<td>{escape(say('yes') if feature in server.features else say('no'))}</td></tr>"
        for feature, meaning in FEATURES.items()
    )
    caption = escape(say("What the server at {address} can do", address=server.address))
    names = ", ".join(server.models[:MODELS_SHOWN]) + ("…" if len(server.models) > MODELS_SHOWN else "")
    models = escape(say("Models there: {names}", names=names))
    return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table><p>{models}</p>"


def embedded_notice(say: Say) -> str:
    """That the tiny model runs, and how to get a real one. HTML."""
    notice = say(
        "This tiny stand-in model is for trying the app out: English first, and often wrong. "
        "For a real one, go online or name it: {command}",
        command="\0",
    )
    before, after = notice.split("\0")
    return f'<p class="notice">{escape(before)}<code>{escape(COMMAND)}</code>{escape(after)}</p>'


def opening_panel(progress: Progress, seconds: float, say: Say) -> str:
    """How far the opening of the model is, or why it failed. HTML."""
    if progress.stage == "failed":
        title, reason = say("There is no model to answer with"), say("{reason}", reason=progress.reason)
        hint = say("Mend this and start the app again. Nothing that you wrote here is lost.")
        return (
            f'<div class="panel failed" role="alert"><h2>{escape(title)}</h2>'
            f"<p>{escape(reason)}</p><p>{escape(hint)}</p></div>"
        )
    stage, title = say(STAGES[progress.stage], detail=progress.detail), say("Preparing the model")
    facts = [_bytes(progress, say)] if progress.done or progress.total else []
    facts.append(say("{seconds:.0f} s", seconds=seconds))
    hint = say("You can write already. Sending is possible once the model is ready.")
    value = f' max="{progress.total}" value="{min(progress.done, progress.total)}"' if progress.total else ""
    return (
        f'<div class="panel" role="status"><h2>{escape(title)}</h2>'
        f"<p>{escape(stage)}<span>{escape(' · '.join(facts))}</span></p>"
        f'<progress aria-label="{escape(title, quote=True)}"{value}></progress><p>{escape(hint)}</p></div>'
    )


def _bytes(progress: Progress, say: Say) -> str:
    done = megabytes(progress.done)
    return say("{done} of {total}", done=done, total=megabytes(progress.total)) if progress.total else done


def megabytes(count: int) -> str:
    """A size for people: in GB from a billion bytes on, else in MB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
