"""How the tabs' events are wired: the settings that they share, and the scripts that run in the browser."""

from typing import Any

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Of events that answer at once and need no line."""
STREAMING: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""Of events that stream answers: any number at once, for the engine has its own line."""
SECRET = "qwen-ui"
"""Fixed, so that what the browser keeps outlives the server. It hides nothing: the browser is the visitor's own."""
LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]
"""What is set as formulas. A single $ is not: it is money more often."""
SAVE = """(text) => {
  const file = new Blob([text], {type: "%s;charset=utf-8"});
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(file), download: "%s"});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}"""
"""Saves a text as a file: fill in the media type and the name. No copy of it stays on the server."""
WIDE = "() => [window.matchMedia('(min-width: 900px)').matches]"
"""Whether there is room beside: what a phone keeps folded is open there."""
