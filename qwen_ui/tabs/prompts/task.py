"""Prompts: a prompt file that is open to be changed, and running it as it stands in the editor."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace

from qwen_ui.engine.base import Engine, answers
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Answer, Message
from qwen_ui.prompts import Template
from qwen_ui.prompts.edit import Deleted, PromptEditor
from qwen_ui.prompts.samples import values


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The file that a visitor has open, and the unsaved texts of others that were open before."""

    task: str = ""
    id: str = ""
    source: str = ""
    """The file's text when it was opened or saved last."""
    drafts: Mapping[str, str] = field(default_factory=dict)
    """Unsaved texts under their files' keys."""
    deleted: Deleted | None = None
    """What was deleted last, to be brought back."""

    @property
    def key(self) -> str:
        """The open file as the list knows it; empty when none is open."""
        return key(self.task, self.id) if self.id else ""

    @property
    def text(self) -> str:
        """What the editor begins with: the draft, else the file's text."""
        return self.drafts.get(self.key, self.source)

    def edited(self, text: str) -> bool:
        """Whether the text differs from the file's. Blank lines at its ends do not count: the editor drops them."""
        return bool(self.id) and text.strip() != self.source.strip()

    def putting_away(self, text: str) -> "OpenFile":
        """With the editor's text kept as a draft, if it is one."""
        others = self.without_draft().drafts
        return replace(self, drafts={**others, self.key: text} if self.edited(text) else others)

    def opening(self, editor: PromptEditor, chosen: str) -> "OpenFile":
        """With another file open. Raises `InvalidInput` when that can't be read."""
        task, _, id = chosen.partition("/")
        return replace(self, task=task, id=id, source=editor.read(task, id))

    def renamed(self, editor: PromptEditor, id: str, text: str) -> "OpenFile":
        """Under its new name, with what the editor holds as its draft if it is none of the file's."""
        file = self.without_draft().opening(editor, key(self.task, id))
        return replace(file, drafts={**file.drafts, file.key: text}) if self.edited(text) else file

    def without(self, deleted: Deleted | None) -> "OpenFile":
        """With no file open."""
        return replace(self.without_draft(), task="", id="", source="", deleted=deleted)

    def without_deleted(self) -> "OpenFile":
        """With nothing to bring back."""
        return replace(self, deleted=None)

    def without_draft(self) -> "OpenFile":
        """Without an unsaved text of the open file."""
        return replace(self, drafts={key: text for key, text in self.drafts.items() if key != self.key})


def key(task: str, id: str) -> str:
    """How lists name a file. Neither part can hold a slash."""
    return f"{task}/{id}"


def run(engine: Engine, template: Template, given: Mapping[str, str], message: str) -> AsyncGenerator[Answer, None]:
    """The answer to what the template makes of the values, with the extra message after it if there is one.

    Raises `InvalidInput` when nobody says anything in it, and like `values` and `Template.render`.
    """
    messages = template.render(**values(template, given))
    if message.strip():
        messages = [*messages, Message("user", message)]
    elif all(made.role == "system" for made in messages):
        raise InvalidInput("This template has only a system prompt. Enter a user message.")
    return answers(engine, messages, template.sampling(), template.adapter)
