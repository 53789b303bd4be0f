"""What runs in the browser, and what it keeps."""

from typing import Any

import gradio as gr

from qwen_ui.text.markdown import FORMULA

LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
    {"left": f"${FORMULA}", "right": f"{FORMULA}$", "display": False},
]
"""What is set as formulas. A single $ only where it was marked, by `harmless`: it is money more often."""
DOWNLOAD = """(content, type, name) => {
  const file = new Blob([content], {type});
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(file), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}"""
"""Saves a text or bytes as a file. No copy of it stays on the server."""
COPY = """(text) => {
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text);
    return;
  }
  const box = Object.assign(document.createElement("textarea"), {value: text});
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}"""
"""The clipboard is there on safe addresses only; elsewhere the old way does."""
WIDE = "() => [window.matchMedia('(min-width: 900px)').matches]"
"""Whether there is room beside: what a phone keeps folded is open there."""


def save_as(name: str, media_type: str) -> str:
    """Saves a text as a file of that name."""
    return f'(text) => ({DOWNLOAD})(text, "{media_type};charset=utf-8", "{name}")'


def kept_by_browser(name: str, **options: Any) -> gr.BrowserState:
    """Something that the browser keeps over reloads and restarts of the server."""
    # Gradio encrypts it; the fixed secret lets it outlive the server, and hides nothing: the browser is the visitor's.
    return gr.BrowserState(None, storage_key=f"qwen-ui-{name}", secret="qwen-ui", **options)
