"""The Prompts tab: every prompt file of every task, to read, change, try and restore."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError, TemplateError
from qwen_ui.messages import Answer
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Buttons, Event, Events, Run, Values, answering
from qwen_ui.page.status import finished, line, progress
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.templates import in_chinese
from qwen_ui.page.words import Say, label, reads_chinese
from qwen_ui.prompts.edit import PromptEditor, difference
from qwen_ui.prompts.template import SUFFIX
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.prompts import show, task
from qwen_ui.tabs.prompts.task import OpenFile, key, sample_text, values

LENGTH_REACHED = Sentence("The answer reached the maximum length that the template sets.")
NOT_SAVED = marked("Not saved: {error}")


class PromptsTab:
    """The tab, laid out where this is made.

    Where visitors may not edit, files can be read, previewed and run; nothing changes them, whatever is sent.
    """

    def __init__(self, app: App, page: gr.Blocks, place: gr.Tab) -> None:
        self._app = app
        self._editor = PromptEditor(app.prompts, editable=not app.settings.is_public)
        self._open_file = gr.State(OpenFile())
        self._key = gr.Textbox(visible="hidden", container=False)  # the browser's own, which outlives the server
        with gr.Row(elem_id="prompts"):
            with gr.Column(elem_id="prompts-side"):
                self._lay_out_list()
            with gr.Column(elem_id="prompts-main"):
                self._lay_out_editor()
                with gr.Tabs():
                    with gr.Tab(label("Test")):
                        self._lay_out_trial()
                    with gr.Tab(label("Changes")):
                        self._changes = gr.HTML(elem_id="prompts-changes", padding=False)
        self._wire(page, place)

    @property
    def parts(self) -> Parts:
        return Parts([self._run])

    def _lay_out_list(self) -> None:
        self._task = as_held(gr.Dropdown([], label=label("Task"), elem_id="prompts-task"))
        self._refresh = gr.Button(label("Reload files"), size="sm", elem_id="prompts-refresh")
        self._problems = gr.HTML(elem_id="prompts-problems", padding=False)
        self._files = as_held(gr.Radio([], label=label("Templates"), elem_id="prompts-list"))

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
            self._name = gr.Textbox(
                label=label("Name of the copy"),
                placeholder=label("Name of the copy"),
                container=False,
                max_length=100,
                elem_id="prompts-name",
            )
            self._duplicate = gr.Button(label("Save as a copy"), size="sm", elem_id="prompts-duplicate")
        if not self._editor.editable:
            gr.Markdown(label("Prompt files can't be changed on this server."), elem_id="prompts-closed")

    def _lay_out_trial(self) -> None:
        with gr.Row(elem_id="prompts-try"):
            with gr.Column(min_width=280):
                self._values = gr.Code(
                    label=label("Test values (JSON)"),
                    language="json",
                    lines=4,
                    max_lines=12,
                    wrap_lines=True,
                    interactive=True,
                    elem_id="prompts-values",
                )
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

    def _wire(self, page: gr.Blocks, place: gr.Tab) -> None:
        opened = [self._open_file, self._key]
        shown = [*opened, self._files, self._problems, self._head, self._text, self._values]
        view = [*shown, self._preview, self._changes, self._status, self._restore, self._name]
        buttons = Buttons([self._run], self._stop)
        events = Events(self._app, TAB.id, self._status, buttons)
        editing = [*opened, self._text, self._task]
        events.on(page.load, self._enter, (), [self._task, *view])
        listed = [self._files, self._problems]
        events.on([self._task.input, place.select], self._filter, [self._task], listed)
        events.on(
            self._files.input,
            self._open,
            [*editing, self._files],
            view,
            refused=marked("This template can't be opened: {error}"),
        )
        events.on(self._refresh.click, self._reload, editing, view)
        events.on(self._save.click, self._saved, editing, view, refused=NOT_SAVED)
        events.on(self._restore.click, self._restored, editing, view, refused=NOT_SAVED)
        copying = [self._duplicate.click, self._name.submit]
        events.on(copying, self._duplicated, [*editing, self._name], view, refused=NOT_SAVED)
        reviewed = [self._status, self._preview, self._changes]
        for typed in (self._text, self._values):
            given = [*opened, self._text, self._values]
            events.on(typed.input, self._review, given, reviewed, trigger_mode="always_last")

        self._trial = Events(self._app, TAB.id, self._line, buttons)
        asked = [*opened, self._text, self._values, self._message]
        self._trial.run([self._run.click, self._message.submit], self._running, asked, [self._result])
        self._trial.stop()

    def _enter(self, event: Event) -> Values:
        """The tasks for the picker, and the first template in the visitor's language."""
        entries = self._editor.entries()
        chinese = reads_chinese(event.request)
        own = [entry for entry in entries if entry.template and in_chinese(entry.template) == chinese]
        first = next((key(entry.task, entry.id) for entry in [*own, *entries]), "")
        tasks = [(event.say("All tasks"), ""), *((task, task) for task in self._editor.store.tasks())]
        opened = self._opened(OpenFile(), first, "", event.say)
        return opened | {self._task: gr.Dropdown(choices=tasks, value="")}

    def _filter(self, event: Event) -> Values:
        """The files of one task, or of all. What is picked stays as it is by now."""
        entries = self._editor.entries()
        listed = show.choices(entries, event[self._task] or "", event.say)
        return {self._files: gr.Radio(choices=listed), self._problems: show.broken(entries, event.say)}

    def _open(self, event: Event) -> Values:
        """Opens the chosen file. What was typed and not saved is kept, and comes back with its file."""
        file = self._known(event).putting_away(event[self._text] or "")
        return self._opened(file, event[self._files], event[self._task], event.say)

    def _reload(self, event: Event) -> Values:
        """Reads the list and the open file again, dropping what was not saved."""
        file = self._known(event)
        return self._opened(file.without_draft(), file.key, event[self._task], event.say)

    def _saved(self, event: Event) -> Values:
        file = self._file_of(event)
        with _by_line():
            self._editor.save(file.task, file.id, event[self._text] or "", file.source)
        return self._done(event, file, file.key, marked("Saved {file}. It applies from the next request on."))

    def _restored(self, event: Event) -> Values:
        """Brings the original text back. What is in the editor goes."""
        file = self._file_of(event)
        self._editor.restore(file.task, file.id)
        return self._done(event, file, file.key, marked("Restored the original of {file}."))

    def _duplicated(self, event: Event) -> Values:
        """Saves the editor's text as a new file and opens that. The file it comes from stays as it is."""
        file = self._file_of(event)
        with _by_line():
            new = self._editor.duplicate(file.task, file.id, event[self._name], event[self._text] or "")
        return self._done(
            event, file, key(file.task, new), marked("Saved {file}. It applies from the next request on.")
        )

    def _done(self, event: Event, file: OpenFile, chosen: str, template: str) -> Values:
        done = line(event.say(template, file=f"{chosen}{SUFFIX}"))
        values = self._opened(file.without_draft(), chosen, event[self._task], event.say)
        return values | {self._status: done + values[self._status]}

    def _review(self, event: Event) -> Values:
        file, text = self._known(event), event[self._text] or ""
        return self._reviewed(file, text, event[self._values] or "", event.say, unsaved=event.say("Unsaved changes."))

    def _running(self, event: Event) -> Run[Answer]:
        """Runs the text in the editor, saved or not."""
        file = self._file_of(event)
        with _by_line():
            template = self._editor.check(file.task, file.id, self._readable(file, event[self._text] or ""))
        given, message = event[self._values] or "", event[self._message] or ""

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

    def _opened(self, file: OpenFile, chosen: str, task: str, say: Say) -> Values:
        """The page with the chosen file open. Raises `InvalidInput` when that can't be read."""
        entries = self._editor.entries()
        file = file.opening(self._editor, chosen) if chosen else file
        entry = next((entry for entry in entries if key(entry.task, entry.id) == file.key), None)
        given = sample_text(entry.template) if entry and entry.template else ""
        draft = say("Unsaved draft restored. “Reload files” discards it.")
        return self._reviewed(file, file.text, given, say, unsaved=draft) | {
            self._open_file: file,
            self._key: file.key,
            self._files: _radio(show.choices(entries, task, say), file.key),
            self._problems: show.broken(entries, say),
            self._head: show.head(file, entry, say),
            self._text: file.text,
            self._values: given,
            self._restore: gr.Button(visible=bool(entry and entry.changed) and self._editor.editable),
            self._name: "",
        }

    def _reviewed(self, file: OpenFile, text: str, given: str, say: Say, unsaved: str) -> Values:
        """Status, preview and changes of a text. ``unsaved`` is what is said of one that is not the file's."""
        if not file.id:
            return {self._status: "", self._preview: "", self._changes: ""}
        text = self._readable(file, text)
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


def _radio(listed: list[tuple[str, str]], chosen: str) -> gr.Radio:
    return gr.Radio(choices=listed, value=chosen if chosen in (value for _, value in listed) else None)


TAB = Tab(
    "prompts", marked("Prompts"), Path(__file__).parent, lambda app, page, place: PromptsTab(app, page, place).parts
)
