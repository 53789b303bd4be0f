"""Every setting, once: its flag, its QWEN_UI_* variable, ``--help`` and docs/settings.md come from `Settings`."""

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from qwen_ui import __version__, remotes
from qwen_ui.errors import InvalidInput
from qwen_ui.remotes import Remote
from qwen_ui.server.limits import Limits

T = TypeVar("T")
Precision = Literal["auto", "4bit", "8bit", "bf16", "fp32"]
LogLevel = Literal["debug", "info", "warning", "error"]
Network = IPv4Network | IPv6Network
Auth = tuple[str, str] | Literal["none"]
Key = tuple[str, str]
"""A client's name, and the key that it shows."""
MIN_KEY, MAX_KEY = 8, 512
"""Characters."""

PROJECT = Path(__file__).resolve().parent.parent
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
"""Addresses to listen on which nobody else reaches."""
PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8"
"""Where the proxy in front of a Space speaks from; nobody else can reach a Space directly."""
ON_SPACES = {"host": "0.0.0.0", "public": "true", "trusted_proxy": PRIVATE, "allowed_host": "*.hf.space"}
"""Defaults there."""
RELAY = "*.gradio.live"
"""What links of --share are named."""
HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
GRADIO = {"host": "GRADIO_SERVER_NAME", "port": "GRADIO_SERVER_PORT"}
"""Variables of Gradio's that are heeded where those of our own say nothing."""


def flag_of(name: str) -> str:
    """The setting's flag: ``--max-context`` for ``max_context``."""
    return f"--{name.replace('_', '-')}"


def variable_of(name: str) -> str:
    """The setting's environment variable: ``QWEN_UI_MAX_CONTEXT`` for ``max_context``."""
    return f"QWEN_UI_{name.upper()}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be given for a setting."""

    read: Callable[[str, Any], Any]
    """From the setting's name and its value, or text that stands for it, to the value. Raises `InvalidInput`."""
    values: str = ""
    """Those that can work, where the setting's meaning doesn't say it."""
    repeated: bool = False
    """Whether the flag may be given more than once."""


def _text(hint: str) -> Kind:
    def read(name: str, value: str) -> str:
        if not value.strip():
            raise InvalidInput("{flag} must not be empty. {hint}", flag=flag_of(name), hint=hint)
        return value

    return Kind(read)


def _read_models(name: str, value: str | Sequence[str]) -> str:
    """One a line."""
    models = remotes.named([value] if isinstance(value, str) else value)
    if not models:
        raise InvalidInput(
            "{flag} must not be empty. Say auto, embedded, a hub id, a folder, a .gguf file or a server's address.",
            flag=flag_of(name),
        )
    here = [model for model in models if not remotes.is_address(model)]
    if here[1:]:
        raise InvalidInput(
            "{flag}: one model at most can run here, not both {one} and {other}. Of the others give the addresses of "
            "servers that have them.",
            flag=flag_of(name),
            one=here[0],
            other=here[1],
        )
    found = [Remote.of(model) for model in models if remotes.is_address(model)]
    twice = next((each for at, each in enumerate(found) if each in found[:at]), None)
    if twice is not None:
        raise InvalidInput("{flag}: {address} is there twice.", flag=flag_of(name), address=twice.url)
    return "\n".join(models)


def _choice(literal: Any) -> Kind:
    options = get_args(literal)
    values = ", ".join(options)

    def read(name: str, value: str) -> str:
        if value not in options:
            raise InvalidInput(
                "{flag} must be one of {values}, not {value!r}.", flag=flag_of(name), values=values, value=value
            )
        return value

    return Kind(read, values)


def _whole(low: int, high: int) -> Kind:
    def read(name: str, value: str | int) -> int:
        flag = flag_of(name)
        try:
            number = int(value)
        except ValueError:
            raise InvalidInput("{flag} must be a whole number, not {value!r}.", flag=flag, value=value) from None
        if not low <= number <= high:
            raise InvalidInput(
                "{flag} must be from {low} to {high}, not {value}.", flag=flag, low=low, high=high, value=number
            )
        return number

    return Kind(read, f"{low:,} to {high:,}")


def _read_switch(name: str, value: str | bool) -> bool:
    word = str(value).lower()
    if word not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise InvalidInput("{variable} must be true or false, not {value!r}.", variable=variable_of(name), value=value)
    return word in {"1", "true", "yes", "on"}


def _read_folder(name: str, value: str | Path) -> Path:
    return Path(value).expanduser().resolve()


def _read_prompts_folder(name: str, value: str | Path) -> Path:
    folder = _read_folder(name, value)
    if not folder.is_dir():
        raise InvalidInput(
            "The prompts folder {folder} does not exist. Set {flag} to one.", folder=folder, flag=flag_of(name)
        )
    return folder


def _read_key_file(name: str, value: str | Path) -> Path:
    file = _read_folder(name, value)
    _keys_in(name, file)
    return file


def _keys_in(name: str, file: Path) -> dict[str, str]:
    try:
        found = remotes.keys(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        found = {}
    if not found:
        raise InvalidInput(
            "The file {file} can't be read, or holds no key. Set {flag} to a text file with the key in it.",
            file=file,
            flag=flag_of(name),
        )
    return found


def _read_credentials(name: str, value: str | Auth) -> Auth:
    if isinstance(value, tuple):
        return value
    if value == "none":
        return "none"
    user, _, password = value.partition(":")
    if not (user and password):
        raise InvalidInput("{flag} must be user:password, with both parts there, or the word none.", flag=flag_of(name))
    return user, password


def _read_networks(name: str, value: str | tuple[Network, ...]) -> tuple[Network, ...]:
    if not isinstance(value, str):
        return value
    return tuple(_read_network(name, part.strip()) for part in value.split(",") if part.strip())


def _read_network(name: str, text: str) -> Network:
    try:
        return ip_network(text)  # an address is a network of one
    except ValueError:
        raise InvalidInput(
            "{flag} must be IP addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8; "
            "{text!r} is none.",
            flag=flag_of(name),
            text=text,
        ) from None


def _key(name: str, key: str) -> str:
    if not MIN_KEY <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput(
            "A key in {flag} must have {low} to {high} letters, digits and signs, without blanks. "
            "Make one with: openssl rand -hex 24",
            flag=flag_of(name),
            low=MIN_KEY,
            high=MAX_KEY,
        )
    return key


def _read_keys_file(name: str, value: str | Path | tuple[Key, ...]) -> tuple[Key, ...]:
    if isinstance(value, tuple):
        return value
    path = _read_folder(name, value)
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InvalidInput(
            "{flag}: {path} can't be read ({reason}).", flag=flag_of(name), path=path, reason=reason
        ) from error
    named = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    keys = tuple((words[0] if words[1:] else f"key{at}", _key(name, words[-1])) for at, words in enumerate(named, 1))
    if not keys:
        raise InvalidInput("{flag}: there is no key in {path}.", flag=flag_of(name), path=path)
    return keys


def _network_of(host: str) -> tuple[Network, ...]:
    """The address alone; nothing of a name."""
    try:
        return (ip_network(host),)
    except ValueError:
        return ()


def _read_hosts(name: str, value: str | tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, str):
        return value
    return tuple(_read_host(name, part.strip().lower()) for part in value.split(",") if part.strip())


def _read_host(name: str, text: str) -> str:
    if not HOST.fullmatch(text):
        raise InvalidInput(
            "{flag} must be names separated by commas, such as chat.example.com,*.example.org; {text!r} is none.",
            flag=flag_of(name),
            text=text,
        )
    return text


SWITCH = Kind(_read_switch)
ADDRESS = _text("Give an address, such as 127.0.0.1.")


@dataclass(frozen=True, slots=True)
class Setting:
    """What people are told of a setting, and what they can give for it."""

    section: str
    kind: Kind
    metavar: str
    """Empty for a switch, which takes no value."""
    help: str
    default: str
    """In words."""
    on_command_line: bool = True
    """Whether there is a flag for it: a secret has only the variable, as others can read a command line."""


def _setting(
    section: str,
    default: T,
    kind: Kind,
    metavar: str,
    meaning: str,
    shown: str = "",
    secret: bool = False,
    on_command_line: bool = True,
) -> T:
    """Declares a field of `Settings`. ``shown`` is the default in words, where the value itself doesn't say it."""
    help_ = f"{meaning} Values: {kind.values}." if kind.values else meaning
    setting = Setting(section, kind, metavar, help_, shown or str(default), on_command_line)
    return field(default=default, repr=not secret, metadata={"setting": setting})


@dataclass(frozen=True, slots=True)
class Settings:
    """How this run of the app is set up. Raises `InvalidInput` for values that can't work.

    None says nothing: what holds then is told by a property.
    """

    model: str = _setting(
        "Model",
        "auto",
        Kind(_read_models, repeated=True),
        "NAME",
        "Which one: auto, embedded, a hub id, a folder, a .gguf file, or the address of a server that speaks OpenAI's "
        "API, such as `http://127.0.0.1:8080/v1`; `http://127.0.0.1:8000/v1#qwen` is one of its models. "
        "With `auto` the machine decides; the page says which model runs and why. Given more than once, or with blanks "
        "or commas beside addresses, all of them can be picked, the first is the default, and one at most runs here.",
    )
    model_name: str | None = _setting(
        "Model",
        None,
        _text("Say which of the server's models."),
        "NAME",
        "Which of the server's models, where it has several. With several servers, write it behind each address.",
        "its only one",
    )
    api_key_file: Path | None = _setting(
        "Model",
        None,
        Kind(_read_key_file),
        "FILE",
        "File with the key that the server asks for; or with a line for each server, its address and its key.",
        "none",
    )
    remote_key: str | None = _setting(
        "Model",
        None,
        _text("Give the key that the server asks for."),
        "KEY",
        "The key itself. Only as a variable: others on the machine can read a command line.",
        "none",
        secret=True,
        on_command_line=False,
    )
    precision: Precision = _setting(
        "Model",
        "auto",
        _choice(Precision),
        "HOW",
        "How the weights are kept; auto is 4bit, or 8bit on most CPUs.",
    )
    max_context: int = _setting(
        "Model",
        8192,
        _whole(256, 1_048_576),
        "TOKENS",
        "Tokens of prompt and answer together. The model's own limit still holds.",
    )
    max_concurrent: int = _setting(
        "Model",
        16,
        _whole(1, 1024),
        "N",
        "Answers that are generated at the same time. Four times as many may wait; what comes then is refused.",
    )
    max_adapters: int = _setting(
        "Model",
        4,
        _whole(0, 1024),
        "N",
        "Adapters of rank 16 that have room in memory at once; those of higher rank take more. The one that was used "
        "the longest time ago makes room for others. More can be on disk.",
    )
    host: str = _setting(
        "Page", "127.0.0.1", ADDRESS, "ADDRESS", "Address to listen on; 127.0.0.1 is only this machine."
    )
    port: int = _setting("Page", 7860, _whole(1, 65535), "PORT", "Port to listen on.")
    allowed_host: tuple[str, ...] = _setting(
        "Page",
        (),
        Kind(_read_hosts),
        "NAME[,NAME...]",
        "Names that the page is opened under besides this machine's own, such as chat.example.com where a proxy stands "
        "in front; `*.example.com` is every name below that. IP addresses always work. Other names are refused: they "
        "may be another site's.",
        "none; *.hf.space on Spaces",
    )
    share: bool = _setting("Page", False, SWITCH, "", "Make a public link through Gradio's relay.", "off")
    auth: Auth | None = _setting(
        "Page",
        None,
        Kind(_read_credentials),
        "USER:PASSWORD",
        "What visitors sign in with, or the word none: nobody needs to. "
        "Other users of the machine can read a command line: give a password that matters as the variable.",
        "not set",
        secret=True,
    )
    grace: int = _setting(
        "Page",
        10,
        _whole(0, 3600),
        "SECONDS",
        "Seconds that running answers get to finish when the server is told to stop.",
    )
    api: bool | None = _setting(
        "API for other programs",
        None,
        SWITCH,
        "",
        "Serve the model at `/v1` too, as OpenAI's API does. In public mode, and where the page asks for a sign-in, "
        "only with keys.",
        "on with keys, and where only this machine can reach the page",
    )
    mcp: bool = _setting(
        "API for other programs",
        False,
        SWITCH,
        "",
        "Serve the tasks as tools at `/gradio_api/mcp/`, for programs that speak MCP. In public mode, and where the "
        "page asks for a sign-in, only with keys.",
        "off",
    )
    api_key: str | None = _setting(
        "API for other programs",
        None,
        Kind(_key),
        "KEY",
        "What programs have to show for `/v1` and MCP. Other users of the machine can read a command line: "
        "give it as the variable, or in a file.",
        "none is asked for",
        secret=True,
    )
    api_keys_file: tuple[Key, ...] = _setting(
        "API for other programs",
        (),
        Kind(_read_keys_file),
        "FILE",
        "A key a line, each after a name and a blank: the limits hold for each, and the log tells them apart by their "
        "names. Lines with `#` are left out. Read at the start.",
        "none",
        secret=True,
    )
    prompts_dir: Path = _setting(
        "Folders", PROJECT / "prompts", Kind(_read_prompts_folder), "DIR", "Folder of the prompt files.", "prompts"
    )
    data_dir: Path = _setting(
        "Folders",
        Path("~/.qwen-ui"),
        Kind(_read_folder),
        "DIR",
        "Folder for the models that the app fetched or made, and for documents.",
    )
    public: bool | None = _setting(
        "Public mode",
        None,
        SWITCH,
        "",
        "Strangers can reach the page: keep visitors apart and limit each. "
        "The limits below hold for each visitor, and only in public mode.",
        "on with --share and on Spaces",
    )
    trusted_proxy: tuple[Network, ...] = _setting(
        "Public mode",
        (),
        Kind(_read_networks),
        "ADDRESS[,ADDRESS...]",
        "Proxies whose word is taken on where a visitor comes from, and on the name and scheme that the page is opened "
        "under. IP addresses and networks such as `10.0.0.0/8`. What others say in `X-Forwarded-*` is ignored.",
        "none",
    )
    requests_per_minute: int = _setting(
        "Public mode", 20, _whole(1, 100_000), "N", "Requests a visitor may send in a minute."
    )
    running_per_visitor: int = _setting(
        "Public mode", 2, _whole(1, 1024), "N", "Answers a visitor may have running at once."
    )
    tokens_per_hour: int = _setting(
        "Public mode", 50_000, _whole(1, 1_000_000_000), "TOKENS", "New tokens a visitor may have made in an hour."
    )
    upload_mb: int | None = _setting(
        "Public mode",
        None,
        _whole(1, 10_000),
        "MB",
        "Largest file that can be uploaded, in MB. Unlike the other limits it holds always.",
        "50; 10 in public mode",
    )
    keep_hours: int = _setting(
        "Public mode", 24, _whole(1, 87_600), "HOURS", "Hours that a visitor's documents are kept."
    )
    log_level: LogLevel = _setting("Operations", "info", _choice(LogLevel), "LEVEL", "What is worth a line in the log.")
    log_text: bool = _setting(
        "Operations",
        False,
        SWITCH,
        "",
        "Write prompts and answers into the log too. Without it no text of a visitor gets there.",
        "off",
    )
    metrics_port: int = _setting(
        "Operations",
        0,
        _whole(0, 65535),
        "PORT",
        "Port of the Prometheus metrics; 0 is none. A port of its own: metrics are not for the page's visitors.",
    )
    metrics_host: str = _setting("Operations", "127.0.0.1", ADDRESS, "ADDRESS", "Address that the metrics listen on.")

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, setting.kind.read(name, value))  # the way into a frozen object
        if self.model_name and sum(map(remotes.is_address, self.models)) > 1:
            raise InvalidInput(
                "--model-name is for one server. With several, write the name behind each address: "
                "--model http://127.0.0.1:8000/v1#{name}.",
                name=self.model_name,
            )
        if self.metrics_port == self.port:
            raise InvalidInput("--metrics-port must not be the page's port, {port}.", port=self.port)
        for flag, wanted in (("--api", self.api), ("--mcp", self.mcp)):
            if wanted and not self.api_keys and (self.is_public or self.credentials):
                raise InvalidInput(
                    "{flag} needs keys in public mode, and where the page asks for a sign-in: "
                    "give --api-key or --api-keys-file.",
                    flag=flag,
                )

    @property
    def models(self) -> tuple[str, ...]:
        """All that can be picked, the default first."""
        return tuple(self.model.splitlines())

    @property
    def is_remote(self) -> bool:
        """Whether no model runs here."""
        return all(map(remotes.is_address, self.models))

    @property
    def remote(self) -> Remote:
        """The model on another server, where that is the only one."""
        remote = Remote.of(self.model)
        return replace(remote, name=remote.name or self.model_name or "")

    @property
    def remote_secret(self) -> str:
        """The key for that server, empty for none; as it is in its file now. Raises `InvalidInput` like the setting."""
        found = _keys_in("api_key_file", self.api_key_file) if self.api_key_file else {}
        return found.get(self.remote.url) or found.get("") or self.remote_key or ""

    @property
    def is_public(self) -> bool:
        """Whether strangers can reach the page."""
        return self.share if self.public is None else self.public

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose word is taken on where a visitor comes from. Gradio's relay speaks through this machine itself."""
        return (*self.trusted_proxy, *LOOPBACK, *_network_of(self.host)) if self.share else self.trusted_proxy

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names that the page is served under, besides the machine's own."""
        return (*self.allowed_host, RELAY) if self.share else self.allowed_host

    @property
    def limits(self) -> Limits | None:
        """What one visitor may do; None is anything."""
        if not self.is_public:
            return None
        return Limits(self.requests_per_minute, self.running_per_visitor, self.tokens_per_hour)

    @property
    def api_keys(self) -> tuple[Key, ...]:
        """The programs that use /v1 and MCP by their names; none: nobody is asked for a key."""
        return (*((("key", self.api_key),) if self.api_key else ()), *self.api_keys_file)

    @property
    def serves_api(self) -> bool:
        """Whether /v1 is there."""
        if self.api is not None:
            return self.api
        return bool(self.api_keys) or not (self.is_public or self.credentials or self.host not in THIS_MACHINE)

    @property
    def segments_at_once(self) -> int:
        """How many segments of one visitor's document are worked on together."""
        return min(4, self.max_concurrent) if self.is_public else self.max_concurrent

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password that the page and the API ask for, if they do."""
        return None if self.auth == "none" else self.auth

    @property
    def upload_limit_mb(self) -> int:
        """The largest file that can be uploaded."""
        return self.upload_mb or (10 if self.is_public else 50)


SETTINGS: dict[str, Setting] = {each.name: each.metadata["setting"] for each in fields(Settings)}
SECTIONS = {title: dict(group) for title, group in groupby(SETTINGS.items(), key=lambda item: item[1].section)}


def read(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings: a flag wins over its QWEN_UI_* variable, that over the default.

    Raises `InvalidInput` with a sentence to show. ``--help`` and ``--version`` print and exit.
    """
    given: dict[str, Any] = dict(ON_SPACES) if environ.get("SPACE_ID") else {}
    for name, variable in (*GRADIO.items(), *((name, variable_of(name)) for name in SETTINGS)):
        if environ.get(variable):
            given[name] = environ[variable]
    return Settings(**given | vars(_parser().parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Qwen UI: chat with a Qwen2.5-Instruct model and try it on tasks, in the browser.",
        epilog="Each flag is also an environment variable: --max-context is QWEN_UI_MAX_CONTEXT.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--version", action="version", version=f"Qwen UI {__version__}")
    for title, settings in SECTIONS.items():
        group = parser.add_argument_group(title.lower())
        for name, setting in settings.items():
            if not setting.on_command_line:
                continue
            text = f"{setting.help} ({setting.default})"
            if setting.metavar:
                action = "append" if setting.kind.repeated else "store"
                group.add_argument(flag_of(name), action=action, metavar=setting.metavar, help=text)
            else:
                group.add_argument(flag_of(name), action=argparse.BooleanOptionalAction, help=text)
    return parser
