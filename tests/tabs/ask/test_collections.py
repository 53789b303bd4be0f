"""Collections as the page shows and changes them: each visitor's own, and files added one by one."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import TooMany
from qwen_ui.knowledge.library import Collection, Library, Step
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Values
from qwen_ui.sentences import ENGLISH
from qwen_ui.tabs.ask.collections import ADDING, MOST_FILES, Collections, report_html
from qwen_ui.tabs.ask.task import Report
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of
from tests.tabs.ask.conftest import GUIDE, fill

SAY = ENGLISH.say


class Laid:
    """The widgets, laid out on a page of their own."""

    def __init__(self, **settings: Any) -> None:
        self.app = app_of(FakeEngine(), **settings)
        with gr.Blocks() as page:
            self.widgets = Collections(self.app)
            self.widgets.wire(page)

    def event(self, chosen: str | None, **given: Any) -> Event:
        named = {getattr(self.widgets, f"_{name}"): value for name, value in given.items()}
        return event_of(self.app, {self.widgets.chosen: chosen} | named)

    async def add(self, chosen: str | None, *files: Path) -> list[Values]:
        event = self.event(chosen, files=[str(file) for file in files])
        return [values async for values in self.widgets._events.updates(event, self.widgets._adding)]

    def named(self, values: Values) -> list[str]:
        return [name for name, _ in values[self.widgets.chosen].choices]


def files(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return [folder / f"{name}.md" for name in texts]


async def test_a_collection_is_made_filled_renamed_cleared_out_and_deleted(tmp_path: Path):
    laid = Laid()
    widgets = laid.widgets
    values = widgets._save_name(laid.event(None, name="Museum", renaming=False))
    id = values[widgets.chosen].value
    assert laid.named(values) == ["Museum (0 documents)"]
    assert "no documents in this collection yet" in values[widgets._status]
    *_, last = await laid.add(id, *files(tmp_path, guide=GUIDE, empty=""))
    assert "guide.md: added, 3 passages" in last[widgets._report]
    assert "empty.md is empty." in last[widgets._report]
    values = widgets._added(laid.event(id))
    assert [name for name, _ in values[widgets._documents].choices] == ["guide.md (3 passages)"]
    assert widgets._status not in values
    values = widgets._save_name(laid.event(id, name="Art", renaming=True))
    assert laid.named(values) == ["Art (1 document)"]
    assert "Delete “Art” and its 1 document?" in widgets._ask_sure(laid.event(id))[widgets._sure]
    document = values[widgets._documents].choices[0][1]
    assert laid.named(widgets._remove_them(laid.event(id, documents=[document]))) == ["Art (0 documents)"]
    assert "no collection yet" in widgets._delete_it(laid.event(id))[widgets._status]
    assert laid.app.library.collections() == []


async def test_one_visitor_sees_and_changes_nothing_of_another(tmp_path: Path):
    laid = Laid(public=True)
    id = laid.app.library.create("Theirs", "them").id
    assert laid.named(laid.widgets._choose(laid.event(id))) == []
    (refused,) = await laid.add(id, *files(tmp_path, a="Boats."))
    assert "no such collection" in refused[laid.widgets._status]
    assert laid.app.library.open(id, "them").documents() == []


async def test_too_many_files_are_refused_before_any_is_read(tmp_path: Path):
    laid = Laid()
    id = laid.app.library.create("Museum").id
    (refused,) = await laid.add(id, *[tmp_path / "gone.md"] * (MOST_FILES + 1))
    assert "These are 201 files. Add at most 200 at a time." in refused[laid.widgets._status]


class Held:
    """Reading of a file that the test lets end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Event()
        self.read = threading.Event()
        held = self

        async def add(self: Collection, uploads: Any, address: str) -> AsyncIterator[Step]:
            yield Step("a.md", 1, 1, "reading")
            held.begun.set()
            assert await self._library._readers.read(lambda: held.read.wait(60))
            yield Step("a.md", 1, 1, "added", passages=1)

        monkeypatch.setattr(Collection, "add", add)


async def test_adding_counts_as_a_request_of_the_visitor_until_its_file_is_read(monkeypatch: pytest.MonkeyPatch):
    laid, held = Laid(public=True, running_per_visitor=1), Held(monkeypatch)
    event = laid.event(None)
    id = laid.app.library.create("Museum", laid.app.owner(event.request)).id
    adding = asyncio.create_task(laid.add(id, Path("a.md")))
    await asyncio.to_thread(held.begun.wait, 60)
    with pytest.raises(TooMany, match="1 of your requests is running"), laid.app.request(event.request, "chat"):
        pass
    adding.cancel()  # as when the page is closed
    await asyncio.wait({adding}, timeout=0.1)
    with pytest.raises(TooMany, match="1 of your requests is running"), laid.app.request(event.request, "chat"):
        pass
    held.read.set()
    await asyncio.wait({adding}, timeout=60)
    with laid.app.request(event.request, "chat"):
        pass


async def test_what_a_visitor_keeps_is_counted_by_address(monkeypatch: pytest.MonkeyPatch):
    laid, counted = Laid(public=True), list[str]()
    create = Library.create

    def watched(library: Library, name: str, owner: str, address: str) -> Collection:
        counted.append(address)
        return create(library, name, owner, address)

    async def add(self: Collection, uploads: Any, address: str) -> AsyncIterator[Step]:
        counted.append(address)
        yield Step("a.md", 1, 1, "added", passages=1)

    monkeypatch.setattr(App, "address", lambda app, request: "2001:db8::/64")
    monkeypatch.setattr(Library, "create", watched)
    monkeypatch.setattr(Collection, "add", add)
    values = laid.widgets._save_name(laid.event(None, name="Museum", renaming=False))
    await laid.add(values[laid.widgets.chosen].value, Path("a.md"))
    assert counted == ["2001:db8::/64"] * 2


async def test_a_session_adds_once_at_a_time_and_a_question_can_be_asked_meanwhile(monkeypatch: pytest.MonkeyPatch):
    laid, held = Laid(), Held(monkeypatch)
    id = laid.app.library.create("Museum").id
    adding = asyncio.create_task(laid.add(id, Path("a.md")))
    await asyncio.to_thread(held.begun.wait, 60)
    (refused,) = await laid.add(id, Path("a.md"))
    assert "Files are being read." in refused[laid.widgets._status]
    assert laid.widgets._stop not in refused
    with laid.app.request(laid.event(None).request, "ask"):
        held.read.set()
        *_, last = await adding
    assert "a.md: added" in last[laid.widgets._report]


async def test_a_visitor_who_leaves_ends_the_adding_after_its_file(monkeypatch: pytest.MonkeyPatch):
    laid, held = Laid(), Held(monkeypatch)
    id = laid.app.library.create("Museum").id
    adding = asyncio.create_task(laid.add(id, Path("a.md")))
    await asyncio.to_thread(held.begun.wait, 60)
    laid.app.running.close_session("me")
    held.read.set()
    *_, last = await adding
    assert "a.md: added" in last[laid.widgets._report]
    assert not laid.app.running.busy("me", ADDING)


async def test_an_error_leaves_what_was_added_and_says_what_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    laid = Laid()
    id = await asyncio.to_thread(fill, laid.app.library, "Museum", tmp_path, guide=GUIDE)
    laid_out = files(tmp_path, a="Boats.", b="Trains.")

    async def add(self: Collection, uploads: Any, address: str) -> AsyncIterator[Step]:
        yield Step("a.md", 1, 2, "added", passages=1)
        laid.app.library.delete(id)
        self._index()

    monkeypatch.setattr(Collection, "add", add)
    *_, last = await laid.add(id, *laid_out)
    assert "Not done: This collection has been deleted." in last[laid.widgets._status]
    assert "a.md: added" in last[laid.widgets._report]
    assert "Stopped. 1 file was not added." in last[laid.widgets._report]
    assert "<progress" not in last[laid.widgets._report]


def step(name: str, state: Any = "added", number: int = 1, total: int = 1) -> Step:
    return Step(name, number, total, state, passages=1)


def test_a_report_tells_what_goes_on():
    reading = Report(3, step("b.md", "reading", 2, 3), (step("a.md"),))
    assert "Reading b.md (2 of 3)…" in report_html(reading, True, SAY)
    assert '<progress max="3" value="1"' in report_html(reading, True, SAY)
    stopping = Report(3, reading.current, reading.results, stopping=True)
    assert "Stopping after this file…" in report_html(stopping, True, SAY)
    assert "Stopped. 2 files were not added." in report_html(stopping, False, SAY)
    whole = Report(1, None, (step("a.md"),))
    assert "Indexing the documents…" in report_html(whole, True, SAY)
    assert "Stopped" not in report_html(whole, False, SAY)


def test_file_names_are_shown_as_text():
    for report in (Report(1, step("<img src=x>.md", "reading")), Report(1, None, (step("<img src=x>.md"),))):
        shown = report_html(report, True, SAY)
        assert "&lt;img src=x&gt;.md" in shown
        assert "<img" not in shown
