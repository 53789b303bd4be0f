"""The page's head: which model runs and why, and while it is being prepared, how far that is."""

from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr

from qwen_ui.engine.base import EngineInfo, Feature, RemoteServer
from qwen_ui.models.progress import Progress
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Values
from qwen_ui.page.picker import offered, short_name
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.server.hosted import Hosted

TICK, SELDOM = 0.5, 5.0
"""Seconds between two looks while nothing is ready, and while others are still to come."""
MODELS_SHOWN = 20
COMMAND = "python app.py --model Qwen/Qwen2.5-0.5B-Instruct"
PRECISIONS = {"4bit": "4-bit", "8bit": "8-bit"}
STAGES = {
    "choosing": marked("Choosing a model for this machine"),
    "connecting": marked("Waiting for the server at {detail}"),
    "asking": marked("Checking what the server at {detail} supports"),
    "fetching": marked("Fetching {detail}"),
    "converting": marked("Converting {detail}: only needed once"),
    "loading": marked("Loading {detail}"),
    "warming": marked("Warming up {detail}"),
}

FEATURES: dict[Feature, str] = {
    "streaming": marked("Streaming"),
    "usage": marked("Token counts"),
    "stop": marked("Stop strings"),
    "n": marked("Several answers per request"),
    "log-probabilities": marked("Probabilities of answer tokens"),
    "prompt log-probabilities": marked("Probabilities of a given text"),
    "guided choice": marked("Answers limited to given choices"),
    "tools": marked("Tool calls"),
    "plain texts": marked("Text completion"),
}
"""What each feature is, for people."""


class Header:
    """The head's widgets, made where this is called."""

    def __init__(self, app: App) -> None:
        self._app = app
        gr.Button(label("Skip to the content"), elem_id="skip")  # see style/keyboard.html
        with gr.Row(elem_id="head"):
            gr.HTML('<h1 class="brand">Qwen UI</h1>', elem_id="brand", padding=False)
            app.picker.render()  # type: ignore[no-untyped-call]
            self._chip = gr.HTML(elem_id="model", padding=False)
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
            return self._show(say, watched=False) | self._sendable(senders) | picker

        def ticked(request: gr.Request, seen: str, picked: str | None) -> Values:
            say = self._app.say(request)
            values = self._show(say, watched=True)
            if values[self._seen] and values[self._seen] == seen:
                return {self._timer: values[self._timer]}
            return values | self._sendable(senders) | {self._app.picker: offered(self._app, say, picked or "")}

        page.load(loaded, None, outputs, **QUIET)
        self._timer.tick(ticked, [self._seen, self._app.picker], outputs, **QUIET)

    def _show(self, say: Say, watched: bool) -> Values:
        models = self._app.host.names
        ready = [model for model in models.values() if model.ready]
        coming = [model for model in models.values() if not model.ready and model.progress.stage != "failed"]
        timer = gr.Timer(SELDOM if ready else TICK, active=bool(coming))
        if not ready:
            panels = [opening_panel(each.progress, each.seconds, say) for each in coming or models.values()]
            return {self._chip: "", self._seen: "", self._panel: "".join(panels), self._timer: timer}
        chip = models_chip(models, say)
        told = f'<p class="ready">{escape(say("Ready in {seconds:.1f} s.", seconds=ready[0].seconds))}</p>'
        notice = embedded_notice(say) if len(models) == 1 and ready[0].info.embedded else ""
        panel = (told if watched else "") + notice
        return {self._chip: chip, self._seen: chip, self._panel: panel, self._timer: timer}

    def _sendable(self, senders: Sequence[gr.Button]) -> Values:
        there = any(model.ready for model in self._app.host.models)
        return {button: gr.Button(interactive=there) for button in senders}


def models_chip(models: Mapping[str, Hosted], say: Say) -> str:
    """What runs; opened, why, and of those that don't run why not. HTML."""
    if len(models) == 1:
        return model_chip(next(iter(models.values())).info, say)
    there = sum(model.ready for model in models.values())
    if there == len(models):
        summary = say("{count} {count:model|models}", count=there)
    else:
        summary = say("{there} of {count} {count:model|models} ready", there=there, count=len(models))
    body = "".join(_section(name, model, say) for name, model in models.items())
    return _chip(summary, say("About the models"), body)


def _section(name: str, model: Hosted, say: Say) -> str:
    """A model among several. HTML."""
    if model.ready:
        about = _details(model.info, say) + (embedded_notice(say) if model.info.embedded else "")
        facts = " · ".join([short_name(name), *_facts(model.info)])
        return f"<section><h3>{escape(facts)}</h3>{about}</section>"
    progress = model.progress
    failed = progress.stage == "failed"
    why = say("{reason}", reason=progress.reason) if failed else say(STAGES[progress.stage], detail=progress.detail)
    state = say("Not available") if failed else say("Being prepared")
    head = f"{escape(short_name(name))} · {escape(state)}"
    return f"<section{' class=failed' if failed else ''}><h3>{head}</h3><p>{escape(why)}</p></section>"


def model_chip(info: EngineInfo, say: Say) -> str:
    """Model, precision and device; opened, why these. HTML."""
    summary = " · ".join([short_name(info.model), *_facts(info)])
    return _chip(summary, say("Why this model"), _details(info, say))


def _chip(summary: str, title: str, body: str) -> str:
    head = f'<summary title="{escape(title, quote=True)}"><span>{escape(summary)}</span></summary>'
    return f'<details class="chip">{head}<div>{body}</div></details>'


def _facts(info: EngineInfo) -> list[str]:
    return [each for each in (PRECISIONS.get(info.precision, info.precision), info.device) if each]


def _details(info: EngineInfo, say: Say) -> str:
    context = say("Context: {tokens:,} tokens", tokens=info.context_length)
    details = [info.model, say("{reason}", reason=info.reason), context, info.engine]
    body = "".join(f"<p>{escape(text)}</p>" for text in details)
    return body if info.remote is None else body + server_table(info.remote, say)


def server_table(server: RemoteServer, say: Say) -> str:
    """What a remote server has and can do. HTML."""
    rows = "".join(
        f"<tr><th scope=row>{escape(say(meaning))}</th>"
        f"<td>{escape(say('yes') if feature in server.features else say('no'))}</td></tr>"
        for feature, meaning in FEATURES.items()
    )
    caption = escape(say("Supported by the server at {address}", address=server.address))
    names = ", ".join(server.models[:MODELS_SHOWN]) + ("…" if len(server.models) > MODELS_SHOWN else "")
    models = escape(say("Models on this server: {names}", names=names))
    return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table><p>{models}</p>"


def embedded_notice(say: Say) -> str:
    """That the tiny model runs, and how to get a real one. HTML."""
    notice = say(
        "This small demo model is for trying out the app: mostly English, and often wrong. "
        "For a real model, go online or choose one: {command}",
        command="\0",
    )
    before, after = notice.split("\0")
    return f'<p class="notice">{escape(before)}<code>{escape(COMMAND)}</code>{escape(after)}</p>'


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


def megabytes(count: int) -> str:
    """A size for people: in GB from a billion bytes on, else in MB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
