"""The table of all settings. Parsing, checking, ``--help`` and docs/settings.md come from it."""

from dataclasses import dataclass
from typing import Literal, get_args

from qwen_ui.kinds import Choice, Credentials, Folder, Kind, Networks, Switch, Text, Whole, flag_of, variable_of

Precision = Literal["auto", "4bit", "8bit", "bf16", "fp32"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One setting, as people meet it."""

    name: str
    """The field of `Settings`."""
    kind: Kind
    help: str
    """What it is, in a phrase without its default: for ``--help`` and the page."""
    metavar: str = ""
    more: str = ""
    """Sentences that only the page has."""
    default: str = ""
    """How the default is shown where the value itself would not say it."""

    @property
    def flag(self) -> str:
        """As on the command line."""
        return flag_of(self.name)

    @property
    def variable(self) -> str:
        """As in the environment."""
        return variable_of(self.name)


@dataclass(frozen=True, slots=True)
class Section:
    """Settings that belong together."""

    title: str
    flags: tuple[Flag, ...]
    about: str = ""
    """What holds for all of them."""


MODEL = Section(
    "Model",
    (
        Flag(
            "model",
            Text("Say auto, embedded, a hub id, a folder or a .gguf file."),
            "which one: auto, embedded, a hub id, a folder or a .gguf file",
            "NAME",
            "With `auto` the machine decides; the page says which model runs and why.",
        ),
        Flag(
            "precision",
            Choice(get_args(Precision)),
            "how the weights are kept; auto is 4bit where that works",
            "HOW",
        ),
        Flag(
            "max_context",
            Whole(256, 1_048_576),
            "tokens of prompt and answer together",
            "TOKENS",
            "The model's own limit still holds.",
        ),
        Flag(
            "max_concurrent",
            Whole(1, 1024),
            "answers that are generated at the same time",
            "N",
            "Four times as many may wait; what comes then is refused.",
        ),
    ),
)

PAGE = Section(
    "Page",
    (
        Flag("host", Text(), "address to listen on; 127.0.0.1 is only this machine", "ADDRESS"),
        Flag("port", Whole(1, 65535), "port to listen on", "PORT"),
        Flag("share", Switch(), "make a public link through Gradio's relay"),
        Flag(
            "auth",
            Credentials(),
            "what visitors sign in with, or the word none: nobody needs to",
            "USER:PASSWORD",
            "Other users of the machine can read a command line: give a password that matters as the variable.",
            "not set",
        ),
        Flag(
            "grace",
            Whole(0, 3600),
            "seconds that running answers get to finish when the server is told to stop",
            "SECONDS",
        ),
    ),
)

FOLDERS = Section(
    "Folders",
    (
        Flag("prompts_dir", Folder("prompts"), "folder of the prompt files", "DIR", default="prompts"),
        Flag(
            "data_dir",
            Folder(),
            "folder for the models that the app fetched or made, and for documents",
            "DIR",
            default="~/.qwen-ui",
        ),
    ),
)

PUBLIC = Section(
    "Public mode",
    (
        Flag(
            "public",
            Switch(),
            "strangers can reach the page: keep visitors apart and limit each",
            default="on with --share and on Spaces",
        ),
        Flag(
            "trusted_proxy",
            Networks(),
            "proxies whose word is taken on where a visitor comes from",
            "ADDRESS[,ADDRESS...]",
            "IP addresses and networks such as `10.0.0.0/8`. From anyone else the `X-Forwarded-For` header is ignored.",
            "none",
        ),
        Flag("requests_per_minute", Whole(1, 100_000), "requests a visitor may send in a minute", "N"),
        Flag("running_per_visitor", Whole(1, 1024), "answers a visitor may have running at once", "N"),
        Flag("tokens_per_hour", Whole(1, 1_000_000_000), "new tokens a visitor may have made in an hour", "TOKENS"),
        Flag(
            "upload_mb",
            Whole(1, 10_000),
            "largest file that can be uploaded, in MB",
            "MB",
            "Unlike the other limits it holds always.",
            "50; 10 in public mode",
        ),
        Flag("keep_hours", Whole(1, 87_600), "hours that a visitor's documents are kept", "HOURS"),
    ),
    "Limits hold for each visitor, and only in public mode.",
)

OPERATIONS = Section(
    "Operations",
    (
        Flag("log_level", Choice(get_args(LogLevel)), "what is worth a line in the log", "LEVEL"),
        Flag(
            "log_text",
            Switch(),
            "write prompts and answers into the log too",
            more="Without it no text of a visitor gets there.",
        ),
        Flag(
            "metrics_port",
            Whole(0, 65535),
            "port of the Prometheus metrics; 0 is none",
            "PORT",
            "A port of its own: metrics are not for the page's visitors.",
        ),
        Flag("metrics_host", Text(), "address that the metrics listen on", "ADDRESS"),
    ),
)

SECTIONS = (MODEL, PAGE, FOLDERS, PUBLIC, OPERATIONS)
FLAGS = {flag.name: flag for section in SECTIONS for flag in section.flags}
