"""The user's collections of documents: to choose, make, rename and delete, to fill and to clear out."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.knowledge.convert import SUFFIXES
from qwen_ui.knowledge.library import Library, Upload
from qwen_ui.knowledge.store import CollectionInfo, Document
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.ask.adding import Report, add, report_html
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import I18N, Say, speaker
from qwen_ui.ui.visitors import owner
from qwen_ui.ui.wiring import QUIET

MOST_FILES = 200
"""Files that can be added at a time."""
ADDING_AT_ONCE = 4
"""Visitors whose files are read at the same time: each reader may take gigabytes."""

View = tuple[Any, ...]
"""Values for the widgets of `Collections.view`."""


class Collections:
    """The widgets, made by `lay_out`, and their handlers. What is kept here of a visitor is how to stop."""

    def __init__(self, host: EngineHost, library: Library) -> None:
        self._host = host
        self._library = library
        self._stops: dict[str, asyncio.Event] = {}

    def lay_out(self) -> None:
        """Makes the widgets where this is called."""
        self.chosen = gr.Dropdown([], label=I18N("ask_collection"), elem_id="ask-collection")
        self._status = gr.HTML(elem_id="ask-collection-status", padding=False)
        self.manage = gr.Accordion(I18N("ask_manage"), open=False, elem_id="ask-manage")
        with self.manage:
            self._lay_out_management()

    def _lay_out_management(self) -> None:
        with gr.Row(elem_id="ask-collection-buttons"):
            self._new = gr.Button(I18N("ask_new"), size="sm", elem_id="ask-new")
            self._rename = gr.Button(I18N("ask_rename"), size="sm", elem_id="ask-rename")
            self._delete = gr.Button(I18N("ask_delete"), size="sm", elem_id="ask-delete")
        self._lay_out_forms()
        self._files = gr.File(
            label=I18N("ask_files"),
            file_count="multiple",
            file_types=list(SUFFIXES),
            type="filepath",
            height=110,
            visible=False,
            elem_id="ask-files",
        )
        self._report = gr.HTML(elem_id="ask-report", padding=False)
        self._stop = gr.Button(I18N("stop"), size="sm", variant="stop", visible=False, elem_id="ask-stop-adding")
        self._documents = gr.CheckboxGroup(
            [], label=I18N("ask_in_collection"), visible=False, elem_id="ask-in-collection"
        )
        self._remove = gr.Button(I18N("ask_remove"), size="sm", visible=False, elem_id="ask-remove")

    def _lay_out_forms(self) -> None:
        self._renaming = gr.State(False)
        with gr.Column(visible=False, elem_id="ask-naming") as self._naming:
            self._name = gr.Textbox(
                label=I18N("ask_name"), placeholder=I18N("ask_name_placeholder"), max_lines=1, elem_id="ask-name"
            )
            with gr.Row():
                self._save = gr.Button(I18N("ask_save_name"), size="sm", variant="primary", elem_id="ask-save-name")
                self._unnamed = gr.Button(I18N("ask_cancel"), size="sm", elem_id="ask-cancel-name")
        with gr.Column(visible=False, elem_id="ask-deleting") as self._deleting:
            self._sure = gr.HTML(elem_id="ask-sure", padding=False)
            with gr.Row():
                self._yes = gr.Button(I18N("ask_delete_yes"), size="sm", variant="stop", elem_id="ask-delete-yes")
                self._no = gr.Button(I18N("ask_cancel"), size="sm", elem_id="ask-cancel-delete")

    @property
    def view(self) -> list[Any]:
        """What shows the chosen collection, and the two forms."""
        buttons = [self._rename, self._delete, self._remove]
        return [self.chosen, self._status, self._files, self._documents, *buttons, self._naming, self._deleting]

    def wire(self, page: gr.Blocks) -> None:
        """Connects the widgets among themselves."""
        view, naming = self.view, [self._naming, self._deleting, self._name, self._renaming]
        page.load(self._load, self.chosen, view, **QUIET)
        self.chosen.focus(self._refresh, None, self.chosen, **QUIET)
        self.chosen.input(self._choose, self.chosen, view, **QUIET)
        self._new.click(self._ask_name, None, naming, **QUIET)
        self._rename.click(self._ask_new_name, self.chosen, naming, **QUIET)
        gr.on(
            [self._save.click, self._name.submit], self._named, [self.chosen, self._name, self._renaming], view, **QUIET
        )
        self._delete.click(self._ask_sure, self.chosen, [self._naming, self._deleting, self._sure], **QUIET)
        self._yes.click(self._delete_it, self.chosen, view, **QUIET)
        gr.on([self._unnamed.click, self._no.click], _cancel, None, [self._naming, self._deleting], **QUIET)
        self._remove.click(self._remove_them, [self.chosen, self._documents], view, **QUIET)
        self._files.upload(
            self._add,
            [self.chosen, self._files],
            [self._report, self._stop, self._files, *(widget for widget in view if widget is not self._files)],
            concurrency_limit=ADDING_AT_ONCE,
            show_progress="hidden",
            api_visibility="private",
        )
        self._stop.click(self._stop_adding, None, None, **QUIET)

    async def _show(self, request: gr.Request, id: str | None, status: str = "") -> View:
        """The visitor's collection with that id, or else the first; the forms closed."""
        say = speaker(request)
        infos, documents = await asyncio.to_thread(self._read, self._owner(request), id)
        current = _current(infos, id)
        empty = line(say("ask_no_documents")) if current and not documents else ""
        return (
            gr.update(choices=_choices(infos, say), value=current.id if current else None),
            status or (empty if current else line(say("ask_no_collections"))),
            gr.update(visible=current is not None),
            gr.update(choices=_document_choices(documents, say), value=[], visible=bool(documents)),
            gr.update(interactive=current is not None),
            gr.update(interactive=current is not None),
            gr.update(visible=bool(documents)),
            gr.update(visible=False),
            gr.update(visible=False),
        )

    def _owner(self, request: gr.Request) -> str:
        return owner(self._host, request)

    def _read(self, who: str, id: str | None) -> tuple[list[CollectionInfo], list[Document]]:
        infos = self._library.collections(who)
        current = _current(infos, id)
        return infos, self._library.open(current.id, who).documents() if current else []

    def _failed(self, error: QwenUIError, say: Say) -> View:
        """What went wrong; the rest stays, the forms as well."""
        status = line(say("ask_collection_failed", error=error), "error")
        return tuple(status if widget is self._status else gr.skip() for widget in self.view)

    async def _load(self, request: gr.Request, id: str | None) -> View:
        return await self._show(request, id)

    async def _choose(self, request: gr.Request, id: str | None) -> View:
        return await self._show(request, id)

    async def _refresh(self, request: gr.Request) -> Any:
        """The collections that there are now: others may have made some."""
        infos = await asyncio.to_thread(self._library.collections, self._owner(request))
        return gr.update(choices=_choices(infos, speaker(request)))

    async def _ask_name(self) -> tuple[Any, ...]:
        return gr.update(visible=True), gr.update(visible=False), "", False

    async def _ask_new_name(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        info = await self._info(request, id)
        return gr.update(visible=True), gr.update(visible=False), info.name if info else "", True

    async def _info(self, request: gr.Request, id: str | None) -> CollectionInfo | None:
        infos = await asyncio.to_thread(self._library.collections, self._owner(request))
        return next((info for info in infos if info.id == id), None)

    async def _named(self, request: gr.Request, id: str | None, name: str, renaming: bool) -> View:
        """Makes a collection of that name, or renames the chosen one."""
        say, who = speaker(request), self._owner(request)
        try:
            if renaming and id:
                await asyncio.to_thread(self._library.rename, id, name, who)
            else:
                id = (await asyncio.to_thread(self._library.create, name, who)).id
        except QwenUIError as error:
            return self._failed(error, say)
        return await self._show(request, id)

    async def _ask_sure(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        info = await self._info(request, id)
        if info is None:
            return gr.skip(), gr.skip(), gr.skip()
        question = speaker(request)("ask_delete_sure", name=info.name, count=info.documents)
        return gr.update(visible=False), gr.update(visible=True), line(question, "note")

    async def _delete_it(self, request: gr.Request, id: str | None) -> View:
        say = speaker(request)
        try:
            await asyncio.to_thread(self._library.delete, id or "", self._owner(request))
        except QwenUIError as error:
            return self._failed(error, say)
        return await self._show(request, None)

    async def _remove_them(self, request: gr.Request, id: str | None, documents: list[int]) -> View:
        """Takes the selected documents out."""
        say = speaker(request)
        try:
            if not documents:
                raise InvalidInput(say("ask_none_selected"))
            collection = await asyncio.to_thread(self._library.open, id or "", self._owner(request))
            for document in documents:
                await asyncio.to_thread(collection.remove, document)
        except QwenUIError as error:
            return self._failed(error, say)
        return await self._show(request, id)

    async def _add(self, request: gr.Request, id: str | None, files: list[str] | None) -> AsyncGenerator[View, None]:
        """Adds the uploaded files, telling of each."""
        say, failure = speaker(request), ""
        stays = [gr.skip()] * (len(self.view) - 1)
        with self._stoppable(request.session_hash or "") as stop:
            try:
                async with aclosing(self._reports(request, id, files or [], stop)) as reports:
                    async for report in reports:
                        hidden = gr.update(value=None, visible=False)
                        yield report_html(report, say), gr.update(visible=True), hidden, *stays
            except QwenUIError as error:
                failure = line(say("ask_collection_failed", error=error), "error")
        shown, status, uploads, *rest = await self._show(request, id, failure)
        yield gr.skip(), gr.update(visible=False), uploads | {"value": None}, shown, status, *rest

    @contextmanager
    def _stoppable(self, session: str) -> Iterator[asyncio.Event]:
        """An event that Stop sets, and that the end sets as well: a closed page ends the adding after its file."""
        stop = self._stops[session] = asyncio.Event()
        try:
            yield stop
        finally:
            del self._stops[session]
            stop.set()

    async def _reports(
        self, request: gr.Request, id: str | None, files: list[str], stop: asyncio.Event
    ) -> AsyncGenerator[Report, None]:
        say = speaker(request)
        if len(files) > MOST_FILES:
            raise InvalidInput(say("ask_too_many_files", count=len(files), limit=MOST_FILES))
        collection = await asyncio.to_thread(self._library.open, id or "", self._owner(request))
        steps = collection.add([Upload(Path(file)) for file in files])
        async with aclosing(add(steps, len(files), stop)) as reports:
            async for report in reports:
                yield report

    async def _stop_adding(self, request: gr.Request) -> None:
        if stop := self._stops.get(request.session_hash or ""):
            stop.set()


async def _cancel() -> tuple[Any, ...]:
    return gr.update(visible=False), gr.update(visible=False)


def _current(infos: list[CollectionInfo], id: str | None) -> CollectionInfo | None:
    """The collection with that id, else the first."""
    return next((info for info in infos if info.id == id), infos[0] if infos else None)


def _choices(infos: list[CollectionInfo], say: Say) -> list[tuple[str, str]]:
    return [(say("ask_collection_choice", name=info.name, count=info.documents), info.id) for info in infos]


def _document_choices(documents: list[Document], say: Say) -> list[tuple[str, int]]:
    return [(say("ask_document", name=each.name, count=each.passages), each.id) for each in documents]
