"""Writes docs/settings.md: ``python -m qwen_ui.settings_page``, or ``make docs``."""

from qwen_ui.settings import PROJECT, SECTIONS, Setting, flag_of, variable_of

PAGE = PROJECT / "docs" / "settings.md"

HEAD = """\
# Settings

<!-- Made from qwen_ui/settings.py by `make docs`. Change it there. -->

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
    return "\n".join([HEAD, *(_section(title, settings) for title, settings in SECTIONS.items()), FOOT])


def _section(title: str, settings: dict[str, Setting]) -> str:
    rows = "\n".join(_row(name, setting) for name, setting in settings.items())
    return f"## {title}\n\n| flag | variable | default | meaning |\n|---|---|---|---|\n{rows}\n"


def _row(name: str, setting: Setting) -> str:
    flag = f"{flag_of(name)} {setting.metavar}".rstrip()
    shown = f"`{flag}`" if setting.on_command_line else ""
    return f"| {shown} | `{variable_of(name)}` | {setting.default} | {setting.help} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
