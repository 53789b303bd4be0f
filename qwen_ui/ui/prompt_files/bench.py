"""What a visitor has open in the Prompts tab: a file, its text as it was read, and texts not saved yet. No widgets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import Template
from qwen_ui.prompts.edit import PromptEditor, render, samples
from qwen_ui.ui.texts import Say


@dataclass(frozen=True, slots=True)
class Bench:
    """The open file, and the unsaved texts of others that were open before."""

    task: str = ""
    id: str = ""
    source: str = ""
    """The file's text when it was opened or saved last."""
    drafts: Mapping[str, str] = field(default_factory=dict)
    """Unsaved texts under their files' keys."""

    @property
    def key(self) -> str:
        """The open file as the list knows it; empty when none is open."""
        return key(self.task, self.id) if self.id else ""

    def edited(self, text: str) -> bool:
        """Whether the text differs from the file's. Blank lines at its ends do not count: the editor drops them."""
        return bool(self.id) and text.strip() != self.source.strip()

    def putting_away(self, text: str) -> "Bench":
        """The bench with the editor's text kept as a draft, if it is one."""
        others = {key: draft for key, draft in self.drafts.items() if key != self.key}
        return replace(self, drafts=others | {self.key: text} if self.edited(text) else others)

    def opening(self, editor: PromptEditor, chosen: str) -> "Bench":
        """The bench with another file open. Raises `InvalidInput` when that can't be read."""
        task, _, id = chosen.partition("/")
        return replace(self, task=task, id=id, source=editor.read(task, id))

    def without_draft(self) -> "Bench":
        """The bench without an unsaved text of the open file."""
        return replace(self, drafts={key: text for key, text in self.drafts.items() if key != self.key})

    @property
    def text(self) -> str:
        """What the editor begins with: the draft, else the file's text."""
        return self.drafts.get(self.key, self.source)


def key(task: str, id: str) -> str:
    """How lists name a file. Neither part can hold a slash."""
    return f"{task}/{id}"


def values(template: Template, given: str, say: Say) -> dict[str, Any]:
    """The template's samples, overruled by the given JSON object. Raises `InvalidInput` for other JSON."""
    try:
        read = json.loads(given) if given.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InvalidInput(say("prompts_bad_values", error=error)) from error
    if not isinstance(read, dict):
        raise InvalidInput(say("prompts_bad_values", error=type(read).__name__))
    return samples(template) | read


def sample_text(template: Template) -> str:
    """The samples as JSON, to be edited."""
    return json.dumps(samples(template), ensure_ascii=False, indent=2) if template.inputs else ""


def conversation(template: Template, given: str, message: str, say: Say) -> list[Message]:
    """The messages to run: what the template makes of the values, and the extra message if there is one.

    Raises `InvalidInput` when nobody says anything in it, and like `values` and `render`.
    """
    messages = render(template, values(template, given, say))
    if message.strip():
        return [*messages, Message("user", message)]
    if all(made.role == "system" for made in messages):
        raise InvalidInput(say("prompts_needs_message"))
    return messages
