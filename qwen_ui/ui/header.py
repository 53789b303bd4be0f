"""The page's head: which model runs and why, and while it is being prepared, how far that is."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from qwen_ui.engine.base import EngineInfo
from qwen_ui.models.progress import Progress
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.texts import Say, speaker

TICK = 0.5
COMMAND = "python app.py --model Qwen/Qwen2.5-0.5B-Instruct"
PRECISIONS = {"4bit": "4-bit", "8bit": "8-bit"}


class Header:
    """The head's widgets, made where this is called."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        with gr.Row(elem_id="head"):
            gr.HTML('<h1 class="brand">Qwen UI</h1>', elem_id="brand", padding=False)
            self._chip = gr.HTML(elem_id="model", padding=False)
        self._panel = gr.HTML(elem_id="opening", padding=False)
        self._timer = gr.Timer(TICK, active=False)

    def wire(self, page: gr.Blocks, senders: Sequence[gr.Button]) -> None:
        """Keeps the head up to date, and the buttons that need the model disabled until it is there."""
        outputs = [self._chip, self._panel, self._timer, *senders]
        hidden: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

        def loaded(request: gr.Request) -> tuple[Any, ...]:
            return (*self._show(speaker(request), watched=False), *self._sendable(senders))

        def ticked(request: gr.Request) -> tuple[Any, ...]:
            return (*self._show(speaker(request), watched=True), *self._sendable(senders))

        page.load(loaded, None, outputs, **hidden)
        self._timer.tick(ticked, None, outputs, **hidden)

    def _show(self, say: Say, watched: bool) -> tuple[Any, ...]:
        progress, seconds = self._host.progress, self._host.seconds
        if progress.stage != "ready":
            return "", opening_panel(progress, seconds, say), gr.Timer(active=progress.stage != "failed")
        info = self._host.info
        ready = f'<p class="ready">{escape(say("ready_in", seconds=f"{seconds:.1f}"))}</p>' if watched else ""
        notice = embedded_notice(say) if info.embedded else ""
        return model_chip(info, say), ready + notice, gr.Timer(active=False)

    def _sendable(self, senders: Sequence[gr.Button]) -> list[gr.Button]:
        return [gr.Button(interactive=self._host.progress.stage == "ready") for _ in senders]


def model_chip(info: EngineInfo, say: Say) -> str:
    """Model, precision and device; opened, why these. HTML."""
    name = info.model.rsplit("/", 1)[-1]
    summary = " · ".join([name, PRECISIONS.get(info.precision, info.precision), info.device])
    details = [info.model, info.reason, say("context", tokens=f"{info.context_length:,}"), info.engine]
    body = "".join(f"<p>{escape(text)}</p>" for text in details)
    title = escape(say("why"), quote=True)
    head = f'<summary title="{title}"><span>{escape(summary)}</span></summary>'
    return f'<details class="chip">{head}<div>{body}</div></details>'


def embedded_notice(say: Say) -> str:
    """That the tiny model runs, and how to get a real one. HTML."""
    before, after = say("embedded_notice", command="\0").split("\0")
    return f'<p class="notice">{escape(before)}<code>{escape(COMMAND)}</code>{escape(after)}</p>'


def opening_panel(progress: Progress, seconds: float, say: Say) -> str:
    """How far the opening of the model is, or why it failed. HTML."""
    if progress.stage == "failed":
        return (
            f'<div class="panel failed" role="alert"><h2>{escape(say("failed_title"))}</h2>'
            f"<p>{escape(progress.detail)}</p><p>{escape(say('failed_hint'))}</p></div>"
        )
    stage = escape(say(progress.stage, detail=progress.detail))
    facts = [_bytes(progress, say)] if progress.done or progress.total else []
    facts.append(say("elapsed", seconds=f"{seconds:.0f}"))
    return (
        f'<div class="panel" role="status"><h2>{escape(say("loading_title"))}</h2>'
        f"<p>{stage}<span>{escape(' · '.join(facts))}</span></p>{_bar(progress, say)}"
        f"<p>{escape(say('loading_hint'))}</p></div>"
    )


def _bar(progress: Progress, say: Say) -> str:
    value = f' max="{progress.total}" value="{min(progress.done, progress.total)}"' if progress.total else ""
    return f'<progress aria-label="{escape(say("loading_title"), quote=True)}"{value}></progress>'


def _bytes(progress: Progress, say: Say) -> str:
    done = megabytes(progress.done)
    return say("bytes", done=done, total=megabytes(progress.total)) if progress.total else done


def megabytes(count: int) -> str:
    """A size for people: in GB from a billion bytes on, else in MB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
