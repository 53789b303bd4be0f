"""Settings: command-line flags and QWEN_UI_* variables, read and checked once. `qwen_ui.flags` describes each."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from qwen_ui import __version__
from qwen_ui.errors import InvalidInput
from qwen_ui.flags import FLAGS, SECTIONS, Flag, LogLevel, Precision
from qwen_ui.kinds import Auth, Choice, Network, Switch
from qwen_ui.server.limits import Limits

PROJECT = Path(__file__).resolve().parent.parent
UPLOAD_MB = 50
PUBLIC_UPLOAD_MB = 10
PUBLIC_PIECES = 4
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8"
"""Where the proxy in front of a Space speaks from; nobody else can reach a Space directly."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this run of the app is set up. Raises `InvalidInput` for values that can't work.

    What each field means stands in `qwen_ui.flags`.
    """

    model: str = "auto"
    precision: Precision = "auto"
    max_context: int = 8192
    max_concurrent: int = 16
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: Auth | None = field(default=None, repr=False)
    """As given: "none" says that nobody needs to sign in, None says nothing. See `credentials`."""
    grace: int = 10
    prompts_dir: Path = PROJECT / "prompts"
    data_dir: Path = field(default_factory=lambda: Path.home() / ".qwen-ui")
    public: bool | None = None
    """As given. See `is_public`."""
    trusted_proxy: tuple[Network, ...] = ()
    requests_per_minute: int = 20
    running_per_visitor: int = 2
    tokens_per_hour: int = 50_000
    upload_mb: int | None = None
    """As given. See `upload_limit_mb`."""
    keep_hours: int = 24
    log_level: LogLevel = "info"
    log_text: bool = False
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        for flag in FLAGS.values():
            flag.kind.check(flag.name, getattr(self, flag.name))
        if self.metrics_port == self.port:
            raise InvalidInput(f"--metrics-port must not be the page's port, {self.port}.")

    @property
    def is_public(self) -> bool:
        """Whether strangers can reach the page."""
        return self.share if self.public is None else self.public

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose word is taken on where a visitor comes from. Gradio's relay speaks through this machine itself."""
        return (*self.trusted_proxy, *LOOPBACK) if self.share else self.trusted_proxy

    @property
    def limits(self) -> Limits | None:
        """What one visitor may do; None is anything."""
        if not self.is_public:
            return None
        return Limits(self.requests_per_minute, self.running_per_visitor, self.tokens_per_hour)

    @property
    def pieces_at_once(self) -> int:
        """How many pieces of one visitor's document are worked on together."""
        return min(PUBLIC_PIECES, self.max_concurrent) if self.is_public else self.max_concurrent

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password that the page and the API ask for, if they do."""
        return None if self.auth == "none" else self.auth

    @property
    def upload_limit_mb(self) -> int:
        """The largest file that can be uploaded."""
        if self.upload_mb is not None:
            return self.upload_mb
        return PUBLIC_UPLOAD_MB if self.is_public else UPLOAD_MB


def read(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings: a flag wins over its QWEN_UI_* variable, that over the default.

    A page on Spaces is public unless it is said not to be. Raises `InvalidInput` with a sentence to show.
    ``--help`` and ``--version`` print and exit.
    """
    given: dict[str, Any] = {"public": True, "trusted_proxy": PRIVATE} if environ.get("SPACE_ID") else {}
    given |= {flag.name: environ[flag.variable] for flag in FLAGS.values() if environ.get(flag.variable)}
    given |= {name: value for name, value in vars(parser().parse_args(argv)).items() if value is not None}
    return Settings(**{name: FLAGS[name].kind.read(name, value) for name, value in given.items()})


def shown_default(flag: Flag) -> str:
    """The setting's default, for people."""
    value = next(field.default for field in fields(Settings) if field.name == flag.name)
    if isinstance(value, bool):
        return "on" if value else "off"
    return flag.default or str(value)


def _options(flag: Flag) -> str:
    return f": {', '.join(flag.kind.options)}" if isinstance(flag.kind, Choice) else ""


def parser() -> argparse.ArgumentParser:
    """The command line, made from the table of flags."""
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Qwen UI: chat with a Qwen2.5-Instruct model and try it on tasks, in the browser.",
        epilog="Each flag is also an environment variable: --max-context is QWEN_UI_MAX_CONTEXT.",
    )
    parser.add_argument("--version", action="version", version=f"Qwen UI {__version__}")
    for section in SECTIONS:
        group = parser.add_argument_group(section.title.lower(), section.about or None)
        for flag in section.flags:
            text = f"{flag.help}{_options(flag)} ({shown_default(flag)})"
            if isinstance(flag.kind, Switch):
                group.add_argument(flag.flag, action=argparse.BooleanOptionalAction, default=None, help=text)
            else:
                group.add_argument(flag.flag, metavar=flag.metavar, help=text)
    return parser
