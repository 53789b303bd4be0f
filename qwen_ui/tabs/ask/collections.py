"""The visitor's collections of documents: dropped files begin one, or go into the chosen one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.convert import EXTENSIONS
from qwen_ui.knowledge.library import Collection, Step, Upload
from qwen_ui.knowledge.store import CollectionInfo
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.encoding import EncodingChoice
from qwen_ui.page.events import NOT_DONE, Buttons, Event, Events, Run, Values
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.ask import task
from qwen_ui.tabs.ask.adding import MOST_FILES, gone_if_empty, name_for, report_html, taken
from qwen_ui.tabs.ask.documents import asked_for, documents, left_out, listed
from qwen_ui.tabs.ask.task import Report
from qwen_ui.text.decode import UncertainEncoding

ADDING = "ask-adding"
"""The name of the work that adds files; it goes on while questions are asked."""
NEW = ""
"""What is chosen instead of a collection, for files that begin another."""

Uncertain = tuple[Path, Step]
"""A file that waits for its encoding, and how it went without."""


class Collections:
    """The widgets, made where this is called, and what they do."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.chosen = as_held(gr.Dropdown([], label=label("Collection"), visible=False, elem_id="ask-collection"))
        self._status = gr.HTML(elem_id="ask-collection-status", padding=False)
        self.manage = gr.Accordion(label("Add and manage documents"), open=False, elem_id="ask-manage")
        with self.manage:
            self._lay_out_adding()
            self.documents = documents(elem_id="ask-in-collection")
            with gr.Row(elem_id="ask-collection-buttons"):
                self._new = gr.Button(label("New collection"), size="sm", elem_id="ask-new")
                self._rename = gr.Button(label("Rename…"), size="sm", elem_id="ask-rename")
                self._delete = gr.Button(label("Delete…"), size="sm", elem_id="ask-delete")
            self._lay_out_forms()
        buttons = Buttons([], self._stop)
        self._events = Events(app, ADDING, self._status, buttons, admit=app.work, refused=NOT_DONE)

    def _lay_out_forms(self) -> None:
        with gr.Column(visible=False, elem_id="ask-naming") as self._naming:
            self._name = gr.Textbox(
                label=label("Name"), placeholder=label("Name of the collection"), max_lines=1, elem_id="ask-name"
            )
            with gr.Row():
                self._save = gr.Button(label("Save"), size="sm", variant="primary", elem_id="ask-save-name")
                self._unnamed = gr.Button(label("Cancel"), size="sm", elem_id="ask-cancel-name")
        self._doomed = gr.Number(None, visible="hidden", container=False)  # a document's id; none where all goes
        with gr.Column(visible=False, elem_id="ask-deleting") as self._deleting:
            self._sure = gr.HTML(elem_id="ask-sure", padding=False)
            with gr.Row():
                self._yes = gr.Button(label("Delete"), size="sm", variant="stop", elem_id="ask-delete-yes")
                self._no = gr.Button(label("Cancel"), size="sm", elem_id="ask-cancel-delete")

    def _lay_out_adding(self) -> None:
        self._files = gr.File(
            label=label("Add documents"),
            file_count="multiple",
            file_types=list(EXTENSIONS),
            type="filepath",
            height=110,
            elem_id="ask-files",
        )
        self._taken = gr.HTML(elem_id="ask-taken", apply_default_css=False, padding=False)
        self._report = gr.HTML(elem_id="ask-report", padding=False)
        self._encoding = EncodingChoice("ask-encoding")
        self._uncertain = gr.State(())
        self._stop = gr.Button(label("Stop"), size="sm", variant="stop", visible=False, elem_id="ask-stop-adding")

    @property
    def view(self) -> list[Block]:
        """What shows the chosen collection, and `opened` gives values for."""
        own = [self.chosen, self.documents, self._rename, self._delete, self._files, self._taken, self._status]
        return [*own, self._naming, self._deleting, self.manage]

    def wire(self) -> list[Dependency]:
        """Connects the widgets among themselves. Gives what may choose another collection, but for `chosen` itself."""
        events, held = self._events, [self.chosen, self.documents]
        forms = [self._naming, self._deleting, self._name, self._doomed, self._sure]
        events.on(self.chosen.input, self._choose, held, self.view)
        events.on(self.chosen.focus, self._refresh, (), [self.chosen])
        new = events.on(self._new.click, lambda event: self.opened(event, NEW), [self.documents], self.view)
        events.on(self._rename.click, self._ask_name, [self.chosen], forms)
        events.on([self._save.click, self._name.submit], self._save_name, [*held, self._name], self.view)
        events.on(self._delete.click, self._ask_sure, [self.chosen], forms)
        events.on(self.documents.delete, self._ask_sure_of_one, (), forms)
        deleted = events.on(self._yes.click, self._delete_it, [*held, self._doomed], self.view)
        events.on([self._unnamed.click, self._no.click], lambda event: self._closed(), (), forms)
        told = [self._report, *self.view, self._encoding.radio, self._uncertain]
        adding = [
            events.run(self._files.upload, self._adding, [*held, self._files], told),
            events.run(
                self._encoding.radio.input, self._adding_in, [*held, self._encoding.radio, self._uncertain], told
            ),
        ]
        added = [events.on(each, self._added, held, self.view) for each in adding]
        events.stop()
        return [new, deleted, *added]

    def _choose(self, event: Event) -> Values:
        return self.opened(event, event[self.chosen])

    def opened(self, event: Event, id: str | None, left: frozenset[int] | None = None) -> Values:
        """The visitor's collection with that id, or else the first, or none where that is `NEW`; the forms closed.

        ``left`` are the documents that are not searched, by default those that are not ticked.
        """
        infos, say = self._infos(event), event.say
        current = next((info for info in infos if info.id == id), infos[0] if infos and id != NEW else None)
        there = self._app.library.open(current.id, self._owner(event)).documents() if current else []
        hint = say("Drop documents below: they begin a new collection, which you can rename.")
        if current:
            hint = "" if there else say("There are no documents in this collection yet. Add some.")
        values: Values = {} if there else {self.manage: gr.Accordion(open=True)}
        return (
            self._closed()
            | values
            | {
                self.chosen: _dropdown(infos, current.id if current else NEW, say),
                self._status: line(hint) if hint else "",
                self._rename: gr.Button(interactive=current is not None),
                self._delete: gr.Button(interactive=current is not None),
                self._files: gr.File(value=None, visible=True),
                self._taken: taken(self._app.settings.upload_limit_mb, say),
                self.documents: listed(there, left_out(event[self.documents]) if left is None else left, say),
            }
        )

    def _infos(self, event: Event) -> list[CollectionInfo]:
        return self._app.library.collections(self._owner(event))

    def _owner(self, event: Event) -> str:
        return self._app.owner(event.request)

    def has(self, event: Event) -> bool:
        """Whether the chosen collection is there."""
        return any(info.id == event[self.chosen] for info in self._infos(event))

    def _info(self, event: Event) -> CollectionInfo:
        """The chosen collection. Raises `InvalidInput` when there is none any more."""
        for info in self._infos(event):
            if info.id == event[self.chosen]:
                return info
        raise InvalidInput("Choose a collection first.")

    def _closed(self) -> Values:
        return {self._naming: gr.Column(visible=False), self._deleting: gr.Column(visible=False)}

    def _refresh(self, event: Event) -> Values:
        """The collections that there are now: others may have made some."""
        return {self.chosen: gr.Dropdown(choices=_choices(self._infos(event), event.say))}

    def _ask_name(self, event: Event) -> Values:
        name = self._info(event).name
        return self._closed() | {self._naming: gr.Column(visible=True), self._name: name}

    def _save_name(self, event: Event) -> Values:
        """Renames the chosen collection."""
        id = self._info(event).id
        self._app.library.rename(id, event[self._name] or "", self._owner(event))
        return self.opened(event, id)

    def _ask_sure(self, event: Event) -> Values:
        info = self._info(event)
        question = event.say(
            "Delete “{name}” and its {count:,} {count:document|documents}? This can't be undone.",
            name=info.name,
            count=info.documents,
        )
        return self._asking(question, None)

    def _ask_sure_of_one(self, event: Event) -> Values:
        """Asks whether a document is to go."""
        (id,) = asked_for(event.data, "document")
        name = self._app.library.document(id, self._owner(event)).name
        return self._asking(event.say("Remove “{name}” from this collection? This can't be undone.", name=name), id)

    def _asking(self, question: str, doomed: int | None) -> Values:
        asked = {self._deleting: gr.Column(visible=True), self._sure: line(question, "note"), self._doomed: doomed}
        return self._closed() | asked

    def _delete_it(self, event: Event) -> Values:
        """Deletes the collection, or removes the document that was asked about."""
        id, owner, doomed = event[self.chosen] or "", self._owner(event), event[self._doomed]
        if doomed is None:
            self._app.library.delete(id, owner)
            return self.opened(event, None)
        self._app.library.open(id, owner).remove(int(doomed))
        return self.opened(event, id)

    def _adding(self, event: Event) -> Run[Report]:
        """Adds the uploaded files, telling of each."""
        files = event[self._files] or []
        if len(files) > MOST_FILES:
            raise InvalidInput(
                "These are {count:,} files. Add at most {limit:,} at a time.", count=len(files), limit=MOST_FILES
            )
        return self._adding_all(event, self._begun(event, files), [Upload(Path(file)) for file in files], ())

    def _begun(self, event: Event, files: Sequence[str]) -> Collection:
        """The collection that files go into: the chosen one, else a new one that is named after them."""
        library, owner = self._app.library, self._owner(event)
        if event[self.chosen]:
            return library.open(event[self.chosen], owner)
        name = name_for([Path(file).name for file in files], [info.name for info in self._infos(event)], event.say)
        return library.create(name, owner, self._app.address(event.request))

    def _adding_in(self, event: Event) -> Run[Report]:
        """Adds the first uncertain file in the chosen encoding."""
        if not event[self._uncertain]:
            raise InvalidInput("The server no longer has this file. Add it again.")
        (path, _), *others = event[self._uncertain]
        collection = self._app.library.open(event[self.chosen] or "", self._owner(event))
        return self._adding_all(event, collection, [Upload(path, encoding=event[self._encoding.radio])], others)

    def _adding_all(
        self, event: Event, collection: Collection, uploads: Sequence[Upload], before: Iterable[Uncertain]
    ) -> Run[Report]:
        """Adds the files, and asks for the encoding of those where that is needed, after those that wait ``before``."""
        steps = collection.add(uploads, self._app.address(event.request))
        is_new = collection.id != event[self.chosen]
        if is_new:
            steps = gone_if_empty(steps, self._app.library, collection.id, self._owner(event))
        chosen = self.opened(event, collection.id) if is_new else {}

        def show(report: Report, running: bool) -> Values:
            told = {self._report: report_html(report, running, event.say)}
            uncertain = [(uploads[s.number - 1].path, s) for s in report.results if s.state == "uncertain"]
            return told if running else told | self._ask_encoding([*before, *uncertain], event.say)

        return Run(
            lambda work: task.add(steps, len(uploads), lambda: work.stopped),
            show,
            status=lambda report, running: "",
            said=lambda report: True,
            begun={**chosen, self._files: gr.File(value=None, visible=False), self._status: ""} | self._encoding.none(),
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
        values = self.opened(event, event[self.chosen] if self.has(event) else NEW)
        return {widget: value for widget, value in values.items() if widget is not self._status}


def _dropdown(infos: list[CollectionInfo], value: str, say: Say) -> gr.Dropdown:
    return gr.Dropdown(choices=_choices(infos, say), value=value, visible=bool(infos))


def _choices(infos: list[CollectionInfo], say: Say) -> list[tuple[str, str]]:
    """The collections, and the choice of none of them."""
    names = [
        (say("{name} ({count:,} {count:document|documents})", name=info.name, count=info.documents), info.id)
        for info in infos
    ]
    return [*names, (say("New collection"), NEW)]
