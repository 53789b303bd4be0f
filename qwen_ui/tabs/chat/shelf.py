"""The list of conversations, and their place in the browser: the server holds none of them.

``store.js`` keeps them, ``keeping.js`` passes the open one to and fro, ``list.js`` draws the list into what `shelf`
makes.
"""

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.page.words import Say
from qwen_ui.sentences import marked

HERE = Path(__file__).parent
_STORE, _KEEPING, _LIST = ((HERE / f"{name}.js").read_text("utf-8") for name in ("store", "keeping", "list"))

KEYS = (
    ("Enter", marked("Send the message")),
    ("Shift + Enter", marked("Start a new line")),
    ("Ctrl + Enter", marked("Send from anywhere on the page")),
    ("Esc", marked("Stop the answer, or close what is open")),
    ("↑", marked("Edit your last message, from the empty box")),
    ("Ctrl + Shift + O", marked("New chat")),
    ("?", marked("Show keyboard shortcuts")),
)
"""What can be done by key; on a Mac, ⌘ does what Ctrl does."""

TROUBLES = {
    "none": marked(
        "This browser keeps no conversations here (a private window?): they last as long as this window. Export what "
        "you want to keep."
    ),
    "full": marked("The browser has no room left: this conversation is not kept. Export it, or delete others."),
    "failed": marked("The browser could not keep this conversation. Export it, so that nothing is lost."),
    "copied": marked("This conversation was continued in another window, so it is kept here as a copy."),
}
"""What may go wrong with keeping them."""


def keeping(**options: Any) -> gr.HTML:
    """The open conversation, as `conversation.from_browser` reads it; None where there is none.

    Its events: ``select`` when another one is open, ``release`` before that, ``click`` to show a message of it.
    """
    script = f"{_STORE}\n{_KEEPING}"
    return gr.HTML(None, html_template="", js_on_load=script, visible="hidden", padding=False, **options)


def listing(**options: Any) -> gr.HTML:
    """Shows what `shelf` makes, with the conversations in it."""
    return gr.HTML(js_on_load=f"{_STORE}\n{_LIST}", padding=False, **options)


def shelf(say: Say) -> str:
    """The list without its entries, in the reader's language, as HTML."""
    ways = "".join(
        f'<button type="button" data-do="{does}" title="{escape(name)}" aria-label="{escape(name)}">{sign}</button>'
        for does, sign, name in (
            ("rename", "✎", say("Rename")),
            ("pin", "⚲", say("Pin")),
            ("delete", "✕", say("Delete")),
        )
    )
    title_, none = escape(say("Title")), escape(say("Your conversations are kept in this browser and listed here."))
    troubles = "".join(
        f'<p class="status error" role="alert" data-trouble="{name}" hidden>{escape(say(sentence))}</p>'
        for name, sentence in TROUBLES.items()
    )
    return (
        f'<nav class="shelf" aria-label="{escape(say("Conversations"))}" data-untitled="{escape(say("New chat"))}">'
        f'<input type="search" data-part="search" placeholder="{escape(say("Search all messages…"))}" '
        f'aria-label="{escape(say("Search all messages"))}">'
        f'{troubles}<ul data-part="list"></ul><ul data-part="hits" hidden></ul>'
        f'<p class="about" data-part="none" hidden>{none}</p>'
        f'<p class="about" data-part="nothing" hidden>{escape(say("No messages found."))}</p>'
        f'<div class="undo" data-part="undo" role="status" hidden>'
        f'<span data-said="deleted">{escape(say("Deleted:"))}</span>'
        f'<span data-said="pruned">{escape(say("Version deleted."))}</span> <b></b> '
        f'<button type="button" data-do="undo">{escape(say("Undo"))}</button></div>'
        f'<template data-part="item"><li><button type="button" data-do="open"></button>{ways}</li></template>'
        f'<template data-part="hit"><li><button type="button"><b></b><span></span></button></li></template>'
        f'<template data-part="field"><input type="text" maxlength="200" aria-label="{title_}"></template>'
        "</nav>"
    )


def _keys(say: Say) -> str:
    rows = "".join(f"<dt><kbd>{escape(key)}</kbd></dt><dd>{escape(say(does))}</dd>" for key, does in KEYS)
    title = escape(say("Keyboard shortcuts"))
    return (
        f'<dialog class="keys" aria-label="{title}"><h2>{title}</h2><dl>{rows}</dl>'
        f'<button type="button" data-part="close">{escape(say("Close"))}</button></dialog>'
    )


def title(say: Say) -> str:
    """The head of the conversation: its title, with what opens the list before it and the help after it. HTML."""
    untitled, all_, keys = (
        escape(say(text)) for text in (marked("New chat"), marked("Conversations"), marked("Keyboard shortcuts"))
    )
    return (
        f'<div class="chat-title"><button type="button" data-do="list" aria-expanded="false" aria-controls="chats" '
        f'aria-label="{all_}" title="{all_}">☰</button><h2 data-untitled="{untitled}">{untitled}</h2>'
        f'<button type="button" data-do="help" aria-label="{keys}" title="{keys}">?</button></div>{_keys(say)}'
    )
