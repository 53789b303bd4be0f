"""Collections as the page shows and changes them: each visitor's own, and files added one by one."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput, TooMany
from qwen_ui.knowledge import reader
from qwen_ui.knowledge.library import Collection, Library, Step, Upload
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Values
from qwen_ui.sentences import ENGLISH
from qwen_ui.tabs.ask.adding import MOST_FILES, name_for, report_html, taken
from qwen_ui.tabs.ask.collections import ADDING, Collections
from qwen_ui.tabs.ask.task import Report
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of
from tests.tabs.ask.conftest import GUIDE, fill

SAY = ENGLISH.say


class Laid:
    """The widgets, laid out on a page of their own."""

    def __init__(self, **settings: Any) -> None:
        self.app = app_of(FakeEngine(), **settings)
        with gr.Blocks():
            self.widgets = Collections(self.app)
            self.widgets.wire()

    def event(self, chosen: str | None, asked: dict[str, Any] | None = None, **given: Any) -> Event:
        named = {getattr(self.widgets, f"_{name}"): value for name, value in given.items()}
        held = {self.widgets.chosen: chosen, self.widgets.documents: None}
        return event_of(self.app, held | named, data=asked)

    async def add(self, chosen: str | None, *files: Path) -> list[Values]:
        event = self.event(chosen, files=[str(file) for file in files])
        return [values async for values in self.widgets._events.updates(event, self.widgets._adding)]

    def named(self, values: Values) -> list[str]:
        return [name for name, _ in values[self.widgets.chosen].choices]


def files(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return [folder / f"{name}.md" for name in texts]


async def test_dropped_files_begin_a_collection_that_is_renamed_cleared_out_and_deleted(tmp_path: Path):
    laid = Laid()
    widgets = laid.widgets
    assert "they begin a new collection" in widgets._choose(laid.event(None))[widgets._status]
    first, *_, last = await laid.add("", *files(tmp_path, guide=GUIDE, empty=""))
    id = first[widgets.chosen].value
    assert laid.named(first) == ["guide and 1 more (0 documents)", "New collection"]
    assert "guide.md: added, 3 passages" in last[widgets._report]
    assert "empty.md is empty." in last[widgets._report]
    values = widgets._added(laid.event(id))
    (document,) = values[widgets.documents]["documents"]
    assert document[1:] == ["guide.md", "3 passages"]
    assert widgets._status not in values
    values = widgets._save_name(laid.event(id, name="Art"))
    assert laid.named(values)[0] == "Art (1 document)"
    asked = widgets._ask_sure_of_one(laid.event(id, {"document": document[0]}))
    assert "Remove “guide.md” from this collection?" in asked[widgets._sure]
    values = widgets._delete_it(laid.event(id, doomed=asked[widgets._doomed]))
    assert laid.named(values)[0] == "Art (0 documents)"
    assert "Delete “Art” and its 0 documents?" in widgets._ask_sure(laid.event(id))[widgets._sure]
    assert "they begin a new collection" in widgets._delete_it(laid.event(id, doomed=None))[widgets._status]
    assert laid.app.library.collections() == []


async def test_a_new_collection_in_which_nothing_came_is_not_left_behind(tmp_path: Path):
    laid = Laid()
    laid.app.library.create("Museum")
    first, *_, last = await laid.add("", *files(tmp_path, empty=""))
    assert "empty.md is empty." in last[laid.widgets._report]
    assert [info.name for info in laid.app.library.collections()] == ["Museum"]
    assert laid.widgets._added(laid.event(first[laid.widgets.chosen].value))[laid.widgets.chosen].value == ""


@pytest.mark.parametrize(
    ("names", "others", "called"),
    [
        (["report.pdf"], [], "report"),
        (["report.pdf", "b.txt", "c.txt"], [], "report and 2 more"),
        (["report.pdf"], ["Report", "report 2"], "report 3"),
        (["x" * 300 + ".md"], [], "x" * 60),
        (["\u200b.md"], [], "Documents"),
    ],
)
def test_a_collection_is_named_after_its_first_files(names: list[str], others: list[str], called: str):
    assert name_for(names, others, SAY) == called


def test_what_can_be_dropped_is_told_with_its_limits():
    told = taken(10, SAY)
    assert "up to 10 MB a file" in told
    kinds = ".csv .docx .epub .html .json .md .ods .pdf .pptx .tsv .txt .xls .xlsb .xlsm .xlsx"
    assert " ".join(sorted(reader.EXTENSIONS)) == kinds, "tell of the new ones in `taken`"


async def test_another_visitors_document_is_not_removed_and_not_named(tmp_path: Path):
    laid = Laid(public=True)
    theirs = laid.app.library.create("Theirs", "them")
    (tmp_path / "secret.md").write_text(GUIDE, "utf-8")
    async for _ in theirs.add([Upload(tmp_path / "secret.md")]):
        pass
    (document,) = theirs.documents()
    with pytest.raises(InvalidInput, match="no longer there"):
        laid.widgets._ask_sure_of_one(laid.event(None, {"document": document.id}))
    with pytest.raises(InvalidInput, match="no such collection"):
        laid.widgets._delete_it(laid.event(theirs.id, doomed=document.id))
    own = laid.app.library.create("Own", laid.app.owner(laid.event(None).request))
    laid.widgets._delete_it(laid.event(own.id, doomed=document.id))
    assert theirs.documents() == [document]


async def test_one_visitor_sees_and_changes_nothing_of_another(tmp_path: Path):
    laid = Laid(public=True)
    id = laid.app.library.create("Theirs", "them").id
    assert laid.named(laid.widgets._choose(laid.event(id))) == ["New collection"]
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
    await laid.add("", Path("a.md"))
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
