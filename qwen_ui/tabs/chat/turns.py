"""The row under each message: which of its versions is shown, and for an answer ways to look into it."""

from collections.abc import Callable, Collection
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.page.events import brought
from qwen_ui.page.words import Say
from qwen_ui.tabs.chat.nodes import Chat, Node

SCRIPT = (Path(__file__).parent / "turns.js").read_text("utf-8")


def turns(**options: Any) -> gr.HTML:
    """Puts what `rows` makes under the messages.

    Its events bring what `chosen` reads: ``select`` is to show a message, ``click`` to look at its tokens, ``submit``
    to ask how sure the model is of it, ``apply`` to go on with it, ``retry`` to answer the last question, ``copy`` to
    begin a conversation with what leads to it, ``delete`` to delete this version.
    """
    return gr.HTML(js_on_load=SCRIPT, visible="hidden", padding=False, **options)


def chosen(data: Any) -> int:
    """The id of the message that an event is about. Raises `InvalidInput` for something else."""
    id = brought(data).get("id")
    if type(id) is not int:
        raise InvalidInput("This message is no longer there.")
    return id


Below = Callable[[Chat, int], str]


def rows(
    chat: Chat,
    say: Say,
    below: Below = lambda chat, id: "",
    growing: Collection[int] = (),
    can_look: bool = True,
) -> str:
    """The rows of the messages that are shown, in their order, as HTML; empty where there is nothing to offer.

    ``below`` is what else stands below a message, ``growing`` are the answers that are still being written,
    ``can_look`` is whether the model's tokens can be had.
    """
    parts, path = [], chat.versions
    last = next(reversed(path), None)
    for id, versions in path.items():
        node = chat.nodes[id]
        if node.message.content.strip():
            whole = id not in growing
            row = _row(id, node, id == last, versions, say, can_look) if whole else _steps(id, versions, say)
            row = _attached(node, say) + row + (below(chat, id) if whole else "")
            speaker = say("Assistant") if node.message.role == "assistant" else say("You")
            parts.append(f'<div class="turn" data-id="{id}" data-speaker="{escape(speaker)}">{row}</div>')
    return "".join(parts)


def _row(id: int, node: Node, last: bool, versions: tuple[int, ...], say: Say, can_look: bool) -> str:
    """What is offered for a message that is whole, and what it took."""
    ways = [_way("copy", id, say("Fork"))]
    if len(versions) > 1:
        ways.append(_way("delete", id, say("Delete this version")))
    if node.message.role == "user" and last:
        ways.insert(0, _way("retry", id, say("Retry")))
    if node.message.role == "assistant" and can_look:
        ways = [_way("click", id, say("Look at tokens")), _way("submit", id, say("How sure?")), *ways]
        if last and node.usage and node.usage.ended == "length" and node.message.tokens:
            ways.insert(0, _way("apply", id, say("Continue")))
    return _steps(id, versions, say) + "".join(ways) + _took(node, say)


def _attached(node: Node, say: Say) -> str:
    """The files of a message, as chips."""
    if not node.attachments:
        return ""
    names = [escape(each.name) for each in node.attachments]
    chips = "".join(f'<li class="chip"><span class="name" title="{name}">{name}</span></li>' for name in names)
    return f'<ul class="chips" aria-label="{escape(say("Attachments"))}">{chips}</ul>'


def _took(node: Node, say: Say) -> str:
    """By which model an answer is, when it was written, and what that took."""
    parts = [escape(node.model.rsplit("/", 1)[-1])] if node.model else []
    if node.at is not None:
        parts.append(f'<time data-at="{node.at}"></time>')
    if usage := node.usage:
        writing = (usage.new_tokens - 1) / usage.tokens_per_second if usage.tokens_per_second else 0.0
        parts.append(escape(say("{count:,} {count:token|tokens}", count=usage.new_tokens)))
        parts.append(escape(say("{seconds:.1f} s", seconds=usage.seconds_to_first_token + writing)))
        if usage.tokens_per_second:
            parts.append(escape(say("{speed:.1f} tokens/s", speed=usage.tokens_per_second)))
    return f'<span class="took">{" · ".join(parts)}</span>' if parts else ""


def _steps(id: int, versions: tuple[int, ...], say: Say) -> str:
    return _versions(id, versions, say) if len(versions) > 1 else ""


def _versions(id: int, versions: tuple[int, ...], say: Say) -> str:
    """‹ 1/3 ›"""
    place, count = versions.index(id), len(versions)
    before = versions[place - 1] if place else None
    after = versions[place + 1] if place + 1 < count else None
    told = say("Version {number:,} of {count:,}", number=place + 1, count=count)
    return (
        f'<span class="versions" role="group" aria-label="{escape(told)}">'
        f"{_step('‹', say('Previous version'), before, 'before')}"
        f'<span aria-live="polite" aria-label="{escape(told)}" role="status">{place + 1}/{count}</span>'
        f"{_step('›', say('Next version'), after, 'after')}</span>"
    )


def _step(sign: str, name: str, to: int | None, key: str) -> str:
    """A button that shows another version; it does nothing where there is none."""
    leads = 'aria-disabled="true"' if to is None else f'data-event="select" data-id="{to}"'
    return f'<button type="button" data-key="{key}" {leads} aria-label="{escape(name)}">{sign}</button>'


def _way(event: str, id: int, name: str) -> str:
    button = f'<button type="button" data-key="{event}" data-event="{event}" data-id="{id}">'
    return f"{button}{escape(name)}</button>"
