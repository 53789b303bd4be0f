"""Writes docs/settings.md from the table of flags: ``python -m qwen_ui.settings_page``, or ``make docs``."""

from collections.abc import Iterator

from qwen_ui.config import PROJECT, shown_default
from qwen_ui.flags import SECTIONS, Flag, Section
from qwen_ui.kinds import Switch

PAGE = PROJECT / "docs" / "settings.md"

HEAD = """\
# Settings

<!-- Made from qwen_ui/flags.py by `make docs`. Change it there. -->

Each setting is a flag of `app.py` and an environment variable. A flag wins over its variable, that over the default;
an empty variable counts as not set. A switch such as `--share` is turned off with `--no-share`; in a variable, write
`true` or `false`. A value that can't work ends the start with one sentence and status 2. `python app.py --help` lists
the same.
"""

FOOT = """\
## Also read

| variable | meaning |
|---|---|
| `GRADIO_SERVER_NAME`, `GRADIO_SERVER_PORT` | host and port, where `QWEN_UI_HOST` and `QWEN_UI_PORT` say nothing |
| `SPACE_ID` | set on Hugging Face Spaces: listens on all addresses, in public mode |
| `HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` | the model hub's own: a mirror, its cache, access to gated models |
| `HTTPS_PROXY` | the proxy for fetching models |
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *("\n".join(_section(section)) for section in SECTIONS), FOOT])


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    if section.about:
        yield f"{section.about}\n"
    yield "| flag | variable | default | meaning |"
    yield "|---|---|---|---|"
    yield from (_row(flag) for flag in section.flags)
    yield ""


def _row(flag: Flag) -> str:
    name = flag.flag if isinstance(flag.kind, Switch) else f"{flag.flag} {flag.metavar}"
    meaning = f"{flag.help[0].upper()}{flag.help[1:]}."
    values = f"Values: {flag.kind.values}." if flag.kind.values else ""
    words = " ".join(part for part in (meaning, flag.more, values) if part)
    return f"| `{name}` | `{flag.variable}` | {shown_default(flag)} | {words} |"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
