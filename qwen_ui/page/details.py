"""What runs, in the page's head; opened, all about it, and the choice of theme and language. All HTML."""

from collections.abc import Iterable, Mapping
from html import escape

import psutil

from qwen_ui import __version__
from qwen_ui.engine.base import EngineInfo, Feature, RemoteServer
from qwen_ui.models.licences import APACHE, licence_of
from qwen_ui.page.picker import short_name
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.server.hosted import Hosted

MODELS_SHOWN = 20
COMMAND = "python app.py --model Qwen/Qwen2.5-0.5B-Instruct"
PRECISIONS = {"4bit": "4-bit", "8bit": "8-bit"}
LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
THEMES = {"light": marked("Light"), "dark": marked("Dark")}
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


def models_chip(models: Mapping[str, Hosted], say: Say) -> str:
    """What runs; opened, why, and of those that don't run why not."""
    if len(models) == 1:
        model = next(iter(models.values()))
        summary = _summary(model.info)
        if model.info.embedded:
            summary += " · " + say("Demo")
        return _chip(summary, model_details(model, say), say)
    there = sum(model.ready for model in models.values())
    if there == len(models):
        summary = say("{count} {count:model|models}", count=there)
    else:
        summary = say("{there} of {count} {count:model|models} ready", there=there, count=len(models))
    return _chip(summary, "".join(_section(name, model, say) for name, model in models.items()), say)


def _section(name: str, model: Hosted, say: Say) -> str:
    """A model among several."""
    if model.ready:
        title = " · ".join([short_name(name), *_facts(model.info)])
        return f"<section><h3>{escape(title)}</h3>{model_details(model, say)}</section>"
    progress = model.progress
    failed = progress.stage == "failed"
    state = say("Not available") if failed else say("Being prepared")
    why = say("{reason}", reason=progress.reason) if failed else say(STAGES[progress.stage], detail=progress.detail)
    head = f"{escape(short_name(name))} · {escape(state)}"
    return f"<section{' class=failed' if failed else ''}><h3>{head}</h3><p>{escape(why)}</p></section>"


def _chip(summary: str, body: str, say: Say) -> str:
    title = escape(say("About the model and this app"), quote=True)
    head = f'<summary title="{title}"><span>{escape(summary)}</span></summary>'
    return f'<details class="chip">{head}<div>{body}<div class="live"></div>{_about(say)}</div></details>'


def _summary(info: EngineInfo) -> str:
    """Model, precision and device."""
    return " · ".join([short_name(info.model), *_facts(info)])


def _facts(info: EngineInfo) -> list[str]:
    return [each for each in (PRECISIONS.get(info.precision, info.precision), info.device) if each]


def model_details(model: Hosted, say: Say) -> str:
    """All about a model that is ready."""
    info = model.info
    rows = {
        say("Context"): say("{count:,} {count:token|tokens}", count=info.context_length),
        say("Engine"): info.engine,
        say("Loaded in"): say("{seconds:.1f} s", seconds=model.seconds) if info.remote is None else "",
        say("Licence of the model"): licence_of(info.model),
    }
    reason = escape(say("{reason}", reason=info.reason))
    notice = embedded_notice(say) if info.embedded else ""
    table = "" if info.remote is None else server_table(info.remote, say)
    return f"<p>{escape(info.model)}</p><p>{reason}</p>{notice}{_table(rows)}{table}"


def live(models: Iterable[Hosted], say: Say, private: bool) -> str:
    """What changes from one moment to the next. Strangers are not told of the machine."""
    engines = [model.engine for model in models if model.ready]
    answers = say(
        "{active} writing, {waiting} waiting",
        active=sum(engine.active for engine in engines),
        waiting=sum(engine.waiting for engine in engines),
    )
    memory = megabytes(psutil.Process().memory_info().rss) if private else ""
    return _table({say("Answers"): answers, say("Memory of the server"): memory})


def _about(say: Say) -> str:
    """The app, and what can be chosen of it."""
    rows = {say("Version"): f"Qwen UI {__version__}", say("Licence of the app"): APACHE}
    themes = {theme: say(name) for theme, name in THEMES.items()}
    choices = _choice("theme", say("Theme"), themes, say) + _choice("language", say("Language"), LANGUAGES, say)
    return f'{_table(rows)}<div class="choices">{choices}</div>'


def _choice(name: str, title: str, options: Mapping[str, str], say: Say) -> str:
    """A list to choose from: the browser does what is chosen, see style/choices.html."""
    all_options = {"": say("System"), **options}
    items = "".join(f'<option value="{value}">{escape(shown)}</option>' for value, shown in all_options.items())
    return f'<label>{escape(title)} <select data-choice="{name}">{items}</select></label>'


def _table(rows: Mapping[str, str]) -> str:
    """A line for each that has a value."""
    lines = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items() if value
    )
    return f'<table class="facts"><tbody>{lines}</tbody></table>'


def server_table(server: RemoteServer, say: Say) -> str:
    """What a remote server has and can do."""
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
    """That the tiny model runs, and how to get a real one."""
    notice = say(
        "This small demo model is for trying out the app: mostly English, and often wrong. "
        "For a real model, go online or choose one: {command}",
        command="\0",
    )
    before, after = notice.split("\0")
    return f'<p class="notice">{escape(before)}<code>{escape(COMMAND)}</code>{escape(after)}</p>'


def megabytes(count: int) -> str:
    """A size for people: in GB from a billion bytes on, else in MB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
