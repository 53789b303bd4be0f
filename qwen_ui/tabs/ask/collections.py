"""The visitor's collections of documents: to choose, make, rename and delete, to fill and to clear out."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.convert import EXTENSIONS
from qwen_ui.knowledge.library import Step, Upload
from qwen_ui.knowledge.store import CollectionInfo
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.encoding import EncodingChoice
from qwen_ui.page.events import NOT_DONE, Buttons, Event, Events, Run, Values
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.ask import task
from qwen_ui.tabs.ask.task import Report
from qwen_ui.text.decode import UncertainEncoding

MOST_FILES = 200
"""Files that can be added at a time."""
ADDING = "ask-adding"
"""The name of the work that adds files; it goes on while questions are asked."""
SIGNS = {"added": "✓", "duplicate": "=", "skipped": "✕", "uncertain": "?"}


Uncertain = tuple[Path, Step]
"""A file that waits for its encoding, and how it went without."""


class Collections:
    """The widgets, made where this is called, and what they do."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.chosen = as_held(gr.Dropdown([], label=label("Collection"), elem_id="ask-collection"))
        self._status = gr.HTML(elem_id="ask-collection-status", padding=False)
        self.manage = gr.Accordion(label("Collections and documents"), open=False, elem_id="ask-manage")
        with self.manage:
            with gr.Row(elem_id="ask-collection-buttons"):
                self._new = gr.Button(label("New…"), size="sm", elem_id="ask-new")
                self._rename = gr.Button(label("Rename…"), size="sm", elem_id="ask-rename")
                self._delete = gr.Button(label("Delete…"), size="sm", elem_id="ask-delete")
            self._lay_out_forms()
            self._lay_out_documents()
        buttons = Buttons([], self._stop)
        self._events = Events(app, ADDING, self._status, buttons, admit=app.work, refused=NOT_DONE)

    def _lay_out_forms(self) -> None:
        self._renaming = gr.Checkbox(visible="hidden", container=False)
        with gr.Column(visible=False, elem_id="ask-naming") as self._naming:
            self._name = gr.Textbox(
                label=label("Name"), placeholder=label("Name of the collection"), max_lines=1, elem_id="ask-name"
            )
            with gr.Row():
                self._save = gr.Button(label("Save"), size="sm", variant="primary", elem_id="ask-save-name")
                self._unnamed = gr.Button(label("Cancel"), size="sm", elem_id="ask-cancel-name")
        with gr.Column(visible=False, elem_id="ask-deleting") as self._deleting:
            self._sure = gr.HTML(elem_id="ask-sure", padding=False)
            with gr.Row():
                self._yes = gr.Button(label("Delete"), size="sm", variant="stop", elem_id="ask-delete-yes")
                self._no = gr.Button(label("Cancel"), size="sm", elem_id="ask-cancel-delete")

    def _lay_out_documents(self) -> None:
        self._files = gr.File(
            label=label("Add documents"),
            file_count="multiple",
            file_types=list(EXTENSIONS),
            type="filepath",
            height=110,
            visible=False,
            elem_id="ask-files",
        )
        self._report = gr.HTML(elem_id="ask-report", padding=False)
        self._encoding = EncodingChoice("ask-encoding")
        self._uncertain = gr.State(())
        self._stop = gr.Button(label("Stop"), size="sm", variant="stop", visible=False, elem_id="ask-stop-adding")
        self._documents = as_held(
            gr.CheckboxGroup([], label=label("Documents"), visible=False, elem_id="ask-in-collection")
        )
        self._remove = gr.Button(label("Remove selected"), size="sm", visible=False, elem_id="ask-remove")

    def wire(self, page: gr.Blocks) -> None:
        """Connects the widgets among themselves."""
        events = self._events
        forms = [self._naming, self._deleting, self._name, self._renaming, self._sure]
        documents = [self._files, self._documents, self._remove]
        view = [self.chosen, self._rename, self._delete, *documents, *forms]
        events.on([page.load, self.chosen.input], self._choose, [self.chosen], view)
        events.on(self.chosen.focus, self._refresh, (), [self.chosen])
        events.on(self._new.click, lambda event: self._ask_name("", renaming=False), (), forms)
        events.on(self._rename.click, self._ask_new_name, [self.chosen], forms)
        events.on(
            [self._save.click, self._name.submit], self._save_name, [self.chosen, self._name, self._renaming], view
        )
        events.on(self._delete.click, self._ask_sure, [self.chosen], forms)
        events.on(self._yes.click, self._delete_it, [self.chosen], view)
        events.on([self._unnamed.click, self._no.click], lambda event: self._closed(), (), forms)
        events.on(self._remove.click, self._remove_them, [self.chosen, self._documents], view)
        told = [self._report, self._files, self._encoding.radio, self._uncertain]
        adding = [
            events.run(self._files.upload, self._adding, [self.chosen, self._files], told),
            events.run(
                self._encoding.radio.input,
                self._adding_in,
                [self.chosen, self._encoding.radio, self._uncertain],
                told,
            ),
        ]
        for added in adding:
            events.on(added, self._added, [self.chosen], view)
        events.stop()

    def _choose(self, event: Event) -> Values:
        return self._open(event, event[self.chosen])

    def _open(self, event: Event, id: str | None) -> Values:
        """The visitor's collection with that id, or else the first; the forms closed."""
        infos, say = self._infos(event), event.say
        current = next((info for info in infos if info.id == id), infos[0] if infos else None)
        there = self._app.library.open(current.id, self._owner(event)).documents() if current else []
        names = [
            (say("{name} ({count:,} {count:passage|passages})", name=each.name, count=each.passages), each.id)
            for each in there
        ]
        hint = say("There is no collection yet. Make one with “New…”, then add documents to it.")
        if current:
            hint = "" if there else say("There are no documents in this collection yet. Add some.")
        return self._closed() | {
            self.chosen: gr.Dropdown(choices=_choices(infos, say), value=current.id if current else None),
            self._status: line(hint) if hint else "",
            self._rename: gr.Button(interactive=current is not None),
            self._delete: gr.Button(interactive=current is not None),
            self._files: gr.File(value=None, visible=current is not None),
            self._documents: gr.CheckboxGroup(choices=names, value=[], visible=bool(there)),
            self._remove: gr.Button(visible=bool(there)),
        }

    def _infos(self, event: Event) -> list[CollectionInfo]:
        return self._app.library.collections(self._owner(event))

    def _owner(self, event: Event) -> str:
        return self._app.owner(event.request)

    def _info(self, event: Event) -> CollectionInfo:
        """The chosen collection. Raises `InvalidInput` when there is none any more."""
        for info in self._infos(event):
            if info.id == event[self.chosen]:
                return info
        raise InvalidInput("Choose a collection, or make one with “New…”.")

    def _closed(self) -> Values:
        return {self._naming: gr.Column(visible=False), self._deleting: gr.Column(visible=False)}

    def _refresh(self, event: Event) -> Values:
        """The collections that there are now: others may have made some."""
        return {self.chosen: gr.Dropdown(choices=_choices(self._infos(event), event.say))}

    def _ask_name(self, before: str, *, renaming: bool) -> Values:
        return self._closed() | {
            self._naming: gr.Column(visible=True),
            self._name: before,
            self._renaming: renaming,
        }

    def _ask_new_name(self, event: Event) -> Values:
        return self._ask_name(self._info(event).name, renaming=True)

    def _save_name(self, event: Event) -> Values:
        """Makes a collection of that name, or renames the chosen one."""
        id, name = event[self.chosen] or "", event[self._name] or ""
        if event[self._renaming]:
            self._app.library.rename(id, name, self._owner(event))
        else:
            id = self._app.library.create(name, self._owner(event), self._app.address(event.request)).id
        return self._open(event, id)

    def _ask_sure(self, event: Event) -> Values:
        info = self._info(event)
        question = event.say(
            "Delete “{name}” and its {count:,} {count:document|documents}? This can't be undone.",
            name=info.name,
            count=info.documents,
        )
        return self._closed() | {self._deleting: gr.Column(visible=True), self._sure: line(question, "note")}

    def _delete_it(self, event: Event) -> Values:
        self._app.library.delete(event[self.chosen] or "", self._owner(event))
        return self._open(event, None)

    def _remove_them(self, event: Event) -> Values:
        """Takes the selected documents out."""
        if not event[self._documents]:
            raise InvalidInput("Tick the documents to remove first.")
        collection = self._app.library.open(event[self.chosen] or "", self._owner(event))
        for document in event[self._documents]:
            collection.remove(document)
        return self._open(event, collection.id)

    def _adding(self, event: Event) -> Run[Report]:
        """Adds the uploaded files, telling of each."""
        files = event[self._files] or []
        if len(files) > MOST_FILES:
            raise InvalidInput(
                "These are {count:,} files. Add at most {limit:,} at a time.", count=len(files), limit=MOST_FILES
            )
        return self._adding_all(event, [Upload(Path(file)) for file in files], ())

    def _adding_in(self, event: Event) -> Run[Report]:
        """Adds the first uncertain file in the chosen encoding."""
        if not event[self._uncertain]:
            raise InvalidInput("The server no longer has this file. Add it again.")
        (path, _), *others = event[self._uncertain]
        return self._adding_all(event, [Upload(path, encoding=event[self._encoding.radio])], others)

    def _adding_all(self, event: Event, uploads: Sequence[Upload], before: Iterable[Uncertain]) -> Run[Report]:
        """Adds the files, and asks for the encoding of those where that is needed, after those that wait ``before``."""
        collection = self._app.library.open(event[self.chosen] or "", self._owner(event))
        steps = collection.add(uploads, self._app.address(event.request))

        def show(report: Report, running: bool) -> Values:
            told = {self._report: report_html(report, running, event.say)}
            uncertain = [(uploads[s.number - 1].path, s) for s in report.results if s.state == "uncertain"]
            return told if running else told | self._ask_encoding([*before, *uncertain], event.say)

        return Run(
            lambda work: task.add(steps, len(uploads), lambda: work.stopped),
            show,
            status=lambda report, running: "",
            said=lambda report: True,
            begun={self._files: gr.File(value=None, visible=False), self._status: ""} | self._encoding.none(),
            broken=NOT_DONE,
        )

    def _ask_encoding(self, uncertain: Sequence[Uncertain], say: Say) -> Values:
        """Asks for the encoding of the first of these files."""
        if not uncertain:
            return self._encoding.none() | {self._uncertain: ()}
        step = uncertain[0][1]
        return self._encoding.offer(UncertainEncoding(step.file, step.candidates), say) | {self._uncertain: uncertain}

    def _added(self, event: Event) -> Values:
        """The collection after the adding, whose end the status line and the report tell."""
        return {widget: value for widget, value in self._choose(event).items() if widget is not self._status}


def _choices(infos: list[CollectionInfo], say: Say) -> list[tuple[str, str]]:
    return [
        (say("{name} ({count:,} {count:document|documents})", name=info.name, count=info.documents), info.id)
        for info in infos
    ]


def report_html(report: Report, running: bool, say: Say) -> str:
    """The report as HTML: a bar with the file in work, and a line for each that is done."""
    items = "".join(_item(step, say) for step in report.results)
    results = f'<ul class="results">{items}</ul>' if items else ""
    return f'<div class="adding">{_progress(report, say) if running else _left(report, say)}{results}</div>'


def _progress(report: Report, say: Say) -> str:
    title = escape(say("Add documents"), quote=True)
    bar = f'<progress max="{report.total}" value="{len(report.results)}" aria-label="{title}"></progress>'
    return line(_doing(report, say), "busy") + bar


def _doing(report: Report, say: Say) -> str:
    done = len(report.results)
    if report.stopping:
        return say("Stopping after this file…")
    if done == report.total:
        return say("Indexing the documents…")
    file = report.current.file if report.current else "…"
    return say("Reading {file} ({number:,} of {total:,})…", file=file, number=done + 1, total=report.total)


def _left(report: Report, say: Say) -> str:
    left = report.total - len(report.results)
    return line(say("Stopped. {left:,} {left:file was|files were} not added.", left=left), "note") if left else ""


def _item(step: Step, say: Say) -> str:
    if step.state == "added":
        text = say("{file}: added, {count:,} {count:passage|passages}", file=step.file, count=step.passages)
        text += f". {say('{reason}', reason=step.detail)}" if step.detail else ""
    else:
        text = say("{reason}", reason=step.detail)
    return f'<li class="{step.state}"><span aria-hidden="true">{SIGNS[step.state]}</span> {escape(text)}</li>'
