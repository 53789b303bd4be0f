"""The list of prompt files: of a task or of all, in the reader's language or in all, searched by name and text."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Values
from qwen_ui.page.templates import in_chinese
from qwen_ui.page.words import label, reads_chinese
from qwen_ui.prompts.edit import Entry, PromptEditor
from qwen_ui.tabs.prompts import show
from qwen_ui.tabs.prompts.task import key


class FileList:
    """The widgets, made where this is called."""

    def __init__(self, editor: PromptEditor) -> None:
        self._editor = editor
        self.task = as_held(gr.Dropdown([], label=label("Task"), elem_id="prompts-task"))
        self.search = gr.Textbox(
            "", label=label("Search"), placeholder=label("Name or text"), max_lines=1, elem_id="prompts-search"
        )
        self.own = gr.Checkbox(True, label=label("Hide files in other languages"), elem_id="prompts-own")
        self.problems = gr.HTML(elem_id="prompts-problems", padding=False)
        self.files = as_held(gr.Radio([], label=label("Templates"), elem_id="prompts-list"))

    @property
    def inputs(self) -> list[Any]:
        """What the list depends on."""
        return [self.task, self.search, self.own]

    @property
    def outputs(self) -> list[Any]:
        return [self.files, self.problems]

    def tasks(self, event: Event) -> Values:
        """The tasks to choose from, on a new page."""
        tasks = [(event.say("All tasks"), ""), *((task, task) for task in self._editor.store.tasks())]
        return {self.task: gr.Dropdown(choices=tasks, value="")}

    def first(self, event: Event) -> str:
        """The key of the first file in the reader's language, else of the first one; empty where there is none."""
        entries = self._editor.entries()
        own = [entry for entry in entries if entry.template and not _foreign(entry, event)]
        return next((key(entry.task, entry.id) for entry in [*own, *entries]), "")

    def filter(self, event: Event) -> Values:
        """The files that are wanted. What is picked stays as it is by now."""
        entries = self._editor.entries()
        listed = show.choices(self._wanted(entries, event), event[self.task] or "", event.say)
        return {self.files: gr.Radio(choices=listed), self.problems: show.broken(entries, event.say)}

    def show(self, event: Event, entries: Sequence[Entry], chosen: str) -> Values:
        """The files that are wanted, with the chosen one among them."""
        wanted = self._wanted(entries, event, chosen)
        listed = show.choices(wanted, event[self.task] or "", event.say)
        picked = chosen if chosen in (value for _, value in listed) else None
        return {self.files: gr.Radio(choices=listed, value=picked), self.problems: show.broken(entries, event.say)}

    def _wanted(self, entries: Sequence[Entry], event: Event, chosen: str = "") -> list[Entry]:
        words, task = (event[self.search] or "").casefold().strip(), event[self.task] or ""
        return [
            entry
            for entry in entries
            if task in ("", entry.task)
            and (
                key(entry.task, entry.id) == chosen
                or (words in _searched(entry) and not (event[self.own] and _foreign(entry, event)))
            )
        ]


def _foreign(entry: Entry, event: Event) -> bool:
    """Whether a file is known to be in another language than the reader's."""
    return entry.template is not None and in_chinese(entry.template) != reads_chinese(event.request)


def _searched(entry: Entry) -> str:
    template = entry.template
    texts = (template.name, template.description, template.source) if template else ()
    return "\n".join([entry.id, *texts]).casefold()
