"""The Prompts tab's HTML: lists, rendered messages and differences. Everything from files is escaped."""

from collections.abc import Sequence
from html import escape

from qwen_ui.errors import QwenUIError, TemplateError
from qwen_ui.messages import Message
from qwen_ui.page.status import line
from qwen_ui.page.templates import problems
from qwen_ui.page.words import Say
from qwen_ui.prompts.edit import Entry
from qwen_ui.prompts.template import SUFFIX, Template
from qwen_ui.sentences import marked
from qwen_ui.tabs.prompts.task import OpenFile, key

AT_LINE = marked("Line {line}: {cause}")
"""What is wrong in the open file, with the values of any `TemplateError`."""
LONGEST_SHOWN = 20_000
"""Characters of a message, and lines of a difference, that the page shows."""


def choices(entries: Sequence[Entry], task: str, say: Say) -> list[tuple[str, str]]:
    """Labels and keys of files, with their tasks if no task is given."""
    return [(_label(entry, task, say), key(entry.task, entry.id)) for entry in entries]


def _label(entry: Entry, task: str, say: Say) -> str:
    name = entry.template.name if entry.template else f"{entry.id}{SUFFIX}"
    marks = [say("⚠ broken")] if entry.error else [say("changed")] if entry.changed else []
    return " · ".join([*([] if task else [entry.task]), name, *marks])


def broken(entries: Sequence[Entry], say: Say) -> str:
    """What is wrong with the broken files; empty if none is broken."""
    return problems([entry.error for entry in entries if entry.error], say)


def warnings(template: Template, say: Say) -> str:
    """What in the file has no meaning here; empty if all has one."""
    if not template.warnings:
        return ""
    items = "".join(f"<li>{escape(say(AT_LINE, **warning.values))}</li>" for warning in template.warnings)
    title = escape(say("Ignored here (written for another program):"))
    return f'<div class="prompts-warnings" role="status">{title}<ul>{items}</ul></div>'


def fault(error: QwenUIError, say: Say) -> str:
    """What is wrong with the open file, or with the values that it was given."""
    told = say(AT_LINE, **error.sentence.values) if isinstance(error, TemplateError) else say("{error}", error=error)
    return line(told, "error")


def unusable(assistant: Template, say: Say) -> str:
    """Why Chat can't use an assistant; empty if it can."""
    if [section.role for section in assistant.sections] == ["system"]:
        return ""
    return line(say("Chat can't use this assistant: it must have just one section, system:."), "note")


def head(file: OpenFile, entry: Entry | None, say: Say) -> str:
    """Name, file and description of what is open."""
    if not file.id:
        return line(say("Pick a template."))
    template = entry.template if entry else None
    name, description = (template.name, template.description) if template else (file.id, "")
    return f"<h2>{escape(name)}</h2><p><code>{escape(file.key + SUFFIX)}</code> {escape(description)}</p>"


def messages(made: Sequence[Message]) -> str:
    """The messages, each under its role, blanks and line breaks as they are."""
    parts = (f"<section><h3>{escape(one.role)}</h3><pre>{escape(_short(one.content))}</pre></section>" for one in made)
    return f'<div class="prompts-messages">{"".join(parts)}</div>'


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… (+{len(text) - LONGEST_SHOWN:,})"


def differences(lines: Sequence[str], say: Say) -> str:
    """A unified diff with what went and what came told apart by sign and by colour."""
    if not lines:
        return line(say("No changes: this is the original text."))
    kinds = {"+": "ins", "-": "del"}
    tags = (f"<{tag}>{escape(text)}</{tag}>" for text in lines[:LONGEST_SHOWN] for tag in [kinds.get(text[:1], "span")])
    return f'<pre class="prompts-difference">{"".join(tags)}</pre>'
