"""The Prompts tab: every prompt file of every task, to read, change, try and restore."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError, TemplateError
from qwen_ui.messages import Answer
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Run, Values, answering
from qwen_ui.page.status import finished, line, progress
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.words import label
from qwen_ui.prompts import Template
from qwen_ui.prompts.edit import PromptEditor
from qwen_ui.prompts.samples import sample_texts, values
from qwen_ui.prompts.sources import difference
from qwen_ui.prompts.template import SUFFIX
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.prompts import show, task
from qwen_ui.tabs.prompts.form import Trial
from qwen_ui.tabs.prompts.listing import FileList
from qwen_ui.tabs.prompts.task import OpenFile, key

LENGTH_REACHED = Sentence("The answer reached the maximum length that the template sets.")
NOT_SAVED = marked("Not saved: {error}")
SAVED = marked("Saved {file}. It applies from the next request on.")
CREATED = marked("Created {file}.")
RENAMED = marked("It is called {file} now.")
BACK = marked("{file} is back.")
NEW, COPY, RENAME = "new", "copy", "rename"
"""What a name is asked for."""


class PromptsTab:
    """The tab, laid out where this is made.

    Where visitors may not edit, files can be read, previewed and run; nothing changes them, whatever is sent.
    """

    def __init__(self, app: App, place: gr.Tab) -> None:
        self._app = app
        self._editor = PromptEditor(app.prompts, editable=not app.settings.is_public)
        self._open_file = gr.State(OpenFile())
        self._key = gr.Textbox(visible="hidden", container=False)  # the browser's own, which outlives the server
        with gr.Row(elem_id="prompts"):
            with gr.Column(elem_id="prompts-side"):
                self._list = FileList(self._editor)
                with gr.Row(elem_id="prompts-list-buttons"):
                    self._new = gr.Button(
                        label("New…"), size="sm", visible=self._editor.editable, elem_id="prompts-new"
                    )
                    self._refresh = gr.Button(label("Reload files"), size="sm", elem_id="prompts-refresh")
            with gr.Column(elem_id="prompts-main"):
                self._lay_out_editor()
                with gr.Tabs():
                    with gr.Tab(label("Test")):
                        self._lay_out_trial()
                    with gr.Tab(label("Changes")):
                        self._changes = gr.HTML(elem_id="prompts-changes", padding=False)
        self._wire(place)

    @property
    def parts(self) -> Parts:
        return Parts([self._run], kept=[self._trial.kept])

    def _lay_out_editor(self) -> None:
        self._head = gr.HTML(elem_id="prompts-head", padding=False)
        self._text = gr.Code(
            label=label("Template"),
            language="jinja2",
            lines=14,
            max_lines=28,
            wrap_lines=True,
            interactive=self._editor.editable,
            elem_id="prompts-input",
        )
        self._status = gr.HTML(elem_id="prompts-status", padding=False)
        with gr.Row(elem_id="prompts-buttons", visible=self._editor.editable):
            self._save = gr.Button(label("Save"), variant="primary", size="sm", elem_id="prompts-save")
            self._restore = gr.Button(label("Restore original"), size="sm", visible=False, elem_id="prompts-restore")
            self._copy = gr.Button(label("Save as a copy…"), size="sm", elem_id="prompts-copy")
            self._rename = gr.Button(label("Rename…"), size="sm", elem_id="prompts-rename")
            self._delete = gr.Button(label("Delete"), size="sm", variant="stop", elem_id="prompts-delete")
            self._undelete = gr.Button(label("Undo"), size="sm", visible=False, elem_id="prompts-undelete")
        with gr.Row(visible=False, elem_id="prompts-naming") as self._naming:
            self._name = gr.Textbox(label=label("Name"), max_length=100, max_lines=1, elem_id="prompts-name")
            self._named = gr.Button(label("OK"), variant="primary", size="sm", elem_id="prompts-named")
            self._unnamed = gr.Button(label("Cancel"), size="sm", elem_id="prompts-unnamed")
        self._purpose = gr.Textbox("", visible="hidden", container=False, elem_id="prompts-purpose")
        if not self._editor.editable:
            gr.Markdown(label("Prompt files can't be changed on this server."), elem_id="prompts-closed")

    def _lay_out_trial(self) -> None:
        with gr.Row(elem_id="prompts-try"):
            with gr.Column(min_width=280):
                self._trial = Trial()
                self._message = gr.Textbox(
                    label=label("User message"),
                    info=label("For templates with only a system prompt"),
                    max_lines=6,
                    elem_id="prompts-message",
                )
                self._run = gr.Button(label("Run"), variant="primary", interactive=False, elem_id="prompts-run")
                self._stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="prompts-stop")
            with gr.Column(min_width=280):
                self._preview = gr.HTML(label=label("Preview"), elem_id="prompts-preview", padding=False)
        self._result = gr.Textbox(
            label=label("Answer"),
            lines=3,
            max_lines=20,
            interactive=False,
            buttons=["copy"],
            elem_id="prompts-result",
        )
        self._line = gr.HTML(elem_id="prompts-line", padding=False)

    def _wire(self, place: gr.Tab) -> None:
        listed, trial = self._list, self._trial
        opened = [self._open_file, self._key]
        shown = [*opened, *listed.outputs, self._head, self._text, *trial.inputs]
        buttons = [self._restore, self._rename, self._delete, self._copy, self._undelete]
        view = [*shown, self._preview, self._changes, self._status, *buttons, self._naming, self._purpose]
        running = Buttons([self._run], self._stop)
        events = Events(self._app, TAB.id, self._status, running)
        editing = [*opened, self._text, trial.kept, *listed.inputs]
        # Not with the page: what changes then is what the page takes longest for.
        events.on(place.select, self._enter, [self._key, trial.kept, *listed.inputs], [listed.task, *view])
        filters = [listed.task.input, listed.search.change, listed.own.input]
        events.on(filters, listed.filter, listed.inputs, listed.outputs, trigger_mode="always_last")
        cannot_open = marked("This template can't be opened: {error}")
        events.on(listed.files.input, self._open, [*editing, listed.files], view, refused=cannot_open)
        events.on(self._refresh.click, self._reload, editing, view)
        naming = [self._naming, self._name, self._purpose, self._status]
        events.on(self._new.click, lambda event: self._ask_name(event, NEW), [*opened, listed.task], naming)
        events.on(self._copy.click, lambda event: self._ask_name(event, COPY), opened, naming)
        events.on(self._rename.click, lambda event: self._ask_name(event, RENAME), opened, naming)
        events.on(self._unnamed.click, lambda event: self._unasked(), (), naming)
        changes = [
            (self._save.click, self._saved, editing),
            (self._restore.click, self._restored, editing),
            ([self._named.click, self._name.submit], self._given_name, [*editing, self._name, self._purpose]),
            (self._delete.click, self._deleted, editing),
            (self._undelete.click, self._undeleted, editing),
        ]
        for trigger, handler, inputs in changes:
            events.on(trigger, handler, inputs, view, refused=NOT_SAVED)
        reviewed = [self._status, self._preview, self._changes, *trial.inputs]
        given = [*opened, self._text, *trial.inputs]
        for typed in (self._text.input, *trial.typed):
            events.on(typed, self._review, given, reviewed, trigger_mode="always_last")

        self._trials = Events(self._app, TAB.id, self._line, running)
        asked = [*given, self._message]
        self._trials.run([self._run.click, self._message.submit], self._running, asked, [self._result])
        self._trials.stop()

    def _enter(self, event: Event) -> Values:
        """The tasks for the picker, and the first template in the visitor's language; later the files of now."""
        if event[self._key]:
            return self._list.filter(event)
        return self._opened(OpenFile(), self._list.first(event), event) | self._list.tasks(event)

    def _open(self, event: Event) -> Values:
        """Opens the chosen file. What was typed and not saved is kept, and comes back with its file."""
        return self._opened(self._known(event).putting_away(event[self._text] or ""), event[self._list.files], event)

    def _reload(self, event: Event) -> Values:
        """Reads the list and the open file again, dropping what was not saved."""
        file = self._known(event)
        return self._opened(file.without_draft(), file.key, event)

    def _saved(self, event: Event) -> Values:
        file = self._file_of(event)
        with _by_line():
            self._editor.save(file.task, file.id, event[self._text] or "", file.source)
        return self._done(event, file.without_draft(), file.key, SAVED)

    def _restored(self, event: Event) -> Values:
        """Brings the original text back. What is in the editor goes."""
        file = self._file_of(event)
        self._editor.restore(file.task, file.id)
        return self._done(event, file.without_draft(), file.key, marked("Restored the original of {file}."))

    def _ask_name(self, event: Event, purpose: str) -> Values:
        """The form for a name, and what it is asked for."""
        if purpose == NEW:
            title, name = event.say("Name of the new file in {task}", task=self._task_of(event)), ""
        else:
            file = self._file_of(event)
            name = file.id
            title = event.say("Name of the copy") if purpose == COPY else event.say("New name")
        return {
            self._naming: gr.Row(visible=True),
            self._name: gr.Textbox(name, label=title),
            self._purpose: purpose,
            self._status: "",
        }

    def _unasked(self) -> Values:
        return {self._naming: gr.Row(visible=False), self._purpose: ""}

    def _given_name(self, event: Event) -> Values:
        """Makes, copies or renames a file, and opens that. What is in the editor is kept."""
        purpose, name, text = event[self._purpose], event[self._name] or "", event[self._text] or ""
        if purpose == NEW:
            file, task = self._known(event), self._task_of(event)
            new = key(task, self._editor.create(task, name))
            return self._done(event, file.putting_away(text), new, CREATED)
        file = self._file_of(event)
        if purpose == RENAME:
            file = file.renamed(self._editor, self._editor.rename(file.task, file.id, name), text)
            return self._done(event, file, file.key, RENAMED)
        with _by_line():
            copy = key(file.task, self._editor.duplicate(file.task, file.id, name, text))
        return self._done(event, file.without_draft(), copy, SAVED)

    def _deleted(self, event: Event) -> Values:
        """Deletes the open file. Until another is deleted it can be brought back."""
        file = self._file_of(event)
        deleted = self._editor.delete(file.task, file.id)
        values = self._opened(file.without(deleted), "", event)
        return values | {self._status: line(event.say("Deleted {file}.", file=f"{file.key}{SUFFIX}"))}

    def _undeleted(self, event: Event) -> Values:
        """Brings back what was deleted last."""
        file = self._known(event)
        if file.deleted is None:
            raise InvalidInput("There is nothing to bring back.")
        self._editor.undelete(file.deleted)
        back = key(file.deleted.task, file.deleted.id)
        return self._done(event, file.putting_away(event[self._text] or "").without_deleted(), back, BACK)

    def _task_of(self, event: Event) -> str:
        """Where a new file goes: to the chosen task, else beside the open file."""
        task = event[self._list.task] or self._known(event).task
        if not task:
            raise InvalidInput("Choose a task first.")
        return str(task)

    def _done(self, event: Event, file: OpenFile, chosen: str, template: str) -> Values:
        done = line(event.say(template, file=f"{chosen}{SUFFIX}"))
        values = self._opened(file, chosen, event)
        return values | {self._status: done + values[self._status]}

    def _review(self, event: Event) -> Values:
        file, text = self._known(event), event[self._text] or ""
        reviewed = self._reviewed(file, text, event, self._trial.given(event), event.say("Unsaved changes."))
        template = self._template(file, text)
        if template is None:
            return reviewed
        return reviewed | self._trial.follow(event, template) | self._trial.keep(event, file.key, template)

    def _running(self, event: Event) -> Run[Answer]:
        """Runs the text in the editor, saved or not."""
        file = self._file_of(event)
        with _by_line():
            template = self._editor.check(file.task, file.id, self._readable(file, event[self._text] or ""))
        given, message = self._trial.given(event), event[self._message] or ""

        def status(answer: Answer, running: bool) -> str:
            return progress(answer, event.say) if running else finished(answer, event.say, LENGTH_REACHED)

        return answering(
            event.say,
            lambda engine: task.run(engine, template, given, message),
            lambda answer, running: {self._result: answer.text},
            status=status,
        )

    def _known(self, event: Event) -> OpenFile:
        """What is open. Where the server has forgotten it, after a restart, the file as it is now."""
        file: OpenFile = event[self._open_file]
        return file if file.id or not event[self._key] else file.opening(self._editor, event[self._key])

    def _file_of(self, event: Event) -> OpenFile:
        """The file that is open. Raises `InvalidInput` where none is."""
        file = self._known(event)
        if not file.id:
            raise InvalidInput("Open a template first.")
        return file

    def _readable(self, file: OpenFile, text: str) -> str:
        """The text to work with: the visitor's own only where visitors may edit."""
        return text if self._editor.editable else file.source

    def _opened(self, file: OpenFile, chosen: str, event: Event) -> Values:
        """The page with the chosen file open. Raises `InvalidInput` when that can't be read."""
        entries, say = self._editor.entries(), event.say
        file = file.opening(self._editor, chosen) if chosen else file
        entry = next((entry for entry in entries if key(entry.task, entry.id) == file.key), None)
        template = self._template(file, file.text)
        kept = self._trial.of(event, file.key) if template else {}
        given = (sample_texts(template) | kept) if template else {}
        draft = say("Unsaved draft restored. “Reload files” discards it.")
        is_open = bool(file.id)
        return self._reviewed(file, file.text, event, given, unsaved=draft) | {
            self._open_file: file,
            self._key: file.key,
            **self._list.show(event, entries, file.key),
            **self._trial.trying(template, kept),
            **self._unasked(),
            self._head: show.head(file, entry, say),
            self._text: file.text,
            self._restore: gr.Button(visible=bool(entry and entry.changed) and self._editor.editable),
            self._undelete: gr.Button(visible=file.deleted is not None),
            **{button: gr.Button(interactive=is_open) for button in (self._rename, self._delete, self._copy)},
        }

    def _template(self, file: OpenFile, text: str) -> Template | None:
        """The template that the text makes; None where it makes none, which the status line says."""
        try:
            return self._editor.check(file.task, file.id, self._readable(file, text)) if file.id else None
        except TemplateError:
            return None

    def _reviewed(self, file: OpenFile, text: str, event: Event, given: Mapping[str, str], unsaved: str) -> Values:
        """Status, preview and changes of a text. ``unsaved`` is what is said of one that is not the file's."""
        if not file.id:
            return {self._status: "", self._preview: "", self._changes: ""}
        say, text = event.say, self._readable(file, text)
        original = self._editor.original(file.task, file.id)
        lines = difference((original or file.source).strip(), text.strip())
        reviewed: Values = {self._changes: show.differences(lines, say)}
        try:
            template = self._editor.check(file.task, file.id, text)
        except TemplateError as error:
            return reviewed | {self._status: show.fault(error, say), self._preview: ""}
        try:
            preview = show.messages(template.render(**values(template, given)))
        except QwenUIError as error:
            preview = show.fault(error, say)
        status = line(unsaved, "note") if file.edited(text) else ""
        status += show.warnings(template, say)
        if file.task == "chat":
            status += show.unusable(template, say)
        return reviewed | {self._status: status, self._preview: preview}


@contextmanager
def _by_line() -> Iterator[None]:
    """Tells what is wrong in the open file by its line alone."""
    try:
        yield
    except TemplateError as error:
        raise InvalidInput(show.AT_LINE, **error.sentence.values) from error


TAB = Tab("prompts", marked("Prompts"), Path(__file__).parent, lambda app, page, place: PromptsTab(app, place).parts)
