"""Settings: command-line flags and QWEN_UI_* variables, read and checked once."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from qwen_ui import __version__
from qwen_ui.errors import InvalidInput

Precision = Literal["auto", "4bit", "8bit", "bf16", "fp32"]
LogLevel = Literal["debug", "info", "warning", "error"]

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """How this run of the app is set up. Raises `InvalidInput` for values that can't work."""

    model: str = "auto"
    """auto, embedded, a hub id, a folder, or a .gguf file."""
    precision: Precision = "auto"
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: tuple[str, str] | None = field(default=None, repr=False)
    """User and password that the page and the API ask for."""
    prompts_dir: Path = PROJECT / "prompts"
    data_dir: Path = field(default_factory=lambda: Path.home() / ".qwen-ui")
    """Where models made or fetched by the app and the users' documents are kept."""
    max_context: int = 8192
    """Tokens of prompt and answer together; the model's own limit still holds."""
    max_concurrent: int = 16
    """Requests that generate at the same time; as many again times four may wait."""
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise InvalidInput(f"--precision must be one of {', '.join(get_args(Precision))}, not {self.precision!r}.")
        if self.log_level not in get_args(LogLevel):
            raise InvalidInput(f"--log-level must be one of {', '.join(get_args(LogLevel))}, not {self.log_level!r}.")
        if not self.model.strip():
            raise InvalidInput("--model must not be empty. Say auto, embedded, a hub id, a folder or a .gguf file.")
        for name, value, low, high in (
            ("--port", self.port, 1, 65535),
            ("--max-context", self.max_context, 256, 1_048_576),
            ("--max-concurrent", self.max_concurrent, 1, 1024),
        ):
            if not low <= value <= high:
                raise InvalidInput(f"{name} must be from {low} to {high}, not {value}.")
        if not self.prompts_dir.is_dir():
            raise InvalidInput(f"The prompts folder {self.prompts_dir} does not exist. Set --prompts-dir to one.")


def read(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings: a flag wins over its QWEN_UI_* variable, that over the default.

    Raises `InvalidInput` with a sentence to show. ``--help`` and ``--version`` print and exit.
    """
    defaults = {name: environ[f"QWEN_UI_{name.upper()}"] for name in _FLAGS if environ.get(f"QWEN_UI_{name.upper()}")}
    given = {name: value for name, value in vars(_parser().parse_args(argv)).items() if value is not None}
    values: dict[str, Any] = {name: _FLAGS[name](name, value) for name, value in (defaults | given).items()}
    return Settings(**values)


def _text(name: str, value: str) -> str:
    return value


def _path(name: str, value: str) -> Path:
    return Path(value).expanduser().resolve()


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidInput(f"--{name.replace('_', '-')} must be a whole number, not {value!r}.") from None


def _switch(name: str, value: str | bool) -> bool:
    if isinstance(value, bool):
        return value
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise InvalidInput(f"QWEN_UI_{name.upper()} must be true or false, not {value!r}.")


def _credentials(name: str, value: str) -> tuple[str, str]:
    user, colon, password = value.partition(":")
    if not (user and colon and password):
        raise InvalidInput("--auth must be user:password, with both parts there.")
    return user, password


_FLAGS: dict[str, Callable[[str, Any], Any]] = {
    "model": _text,
    "precision": _text,
    "host": _text,
    "port": _whole,
    "share": _switch,
    "auth": _credentials,
    "prompts_dir": _path,
    "data_dir": _path,
    "max_context": _whole,
    "max_concurrent": _whole,
    "log_level": _text,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Qwen UI: chat with a Qwen2.5-Instruct model and try it on tasks, in the browser.",
        epilog="Each flag is also an environment variable: --max-context is QWEN_UI_MAX_CONTEXT.",
    )
    add = parser.add_argument
    add("--model", metavar="NAME", help="auto (default), embedded, a hub id, a folder or a .gguf file")
    add("--precision", help=f"{', '.join(get_args(Precision))} (auto is 4bit)")
    add("--host", help="address to listen on (127.0.0.1: only this machine)")
    add("--port", help="port to listen on (7860)")
    add("--share", action="store_const", const=True, help="make a public link through Gradio's relay")
    add("--auth", metavar="USER:PASSWORD", help="ask visitors to sign in")
    add("--prompts-dir", metavar="DIR", help="folder of the prompt templates")
    add("--data-dir", metavar="DIR", help="folder for models and documents (~/.qwen-ui)")
    add("--max-context", metavar="TOKENS", help="tokens of prompt and answer together (8192)")
    add("--max-concurrent", metavar="N", help="requests that generate at the same time (16)")
    add("--log-level", help=f"{', '.join(get_args(LogLevel))} (info)")
    add("--version", action="version", version=f"Qwen UI {__version__}")
    return parser
