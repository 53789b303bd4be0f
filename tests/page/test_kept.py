"""What a tab has the browser keep comes back after a reload, and to each window its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from qwen_ui.errors import InvalidInput
from qwen_ui.page import shell
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Values
from qwen_ui.page.kept import MAX_BYTES, Kept
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.tabs import TABS
from tests.fakes import FakeEngine
from tests.pages import OpenTab, free_port, host_of, library_in, runs_in


def note(app: App, page: gr.Blocks, place: gr.Tab) -> Parts:
    """A box, and what was last put away from it."""
    box, put = gr.Textbox(elem_id="note"), gr.Button("Put", elem_id="put")
    shown, status = gr.Textbox(elem_id="shown"), gr.HTML(elem_id="note-status")
    events, kept = Events(app, "note", status, Buttons([], put)), Kept("note")

    def keep(event: Event) -> Values:
        text = event[box] * (MAX_BYTES if event[box] == "huge" else 1)
        return {shown: text[:99]} | kept.keep({"text": text} if text else None)

    def restore(event: Event, work: Any) -> Values:
        if work["text"] == "bad":
            raise InvalidInput("Say something else.")
        return {shown: work["text"]}

    events.on(put.click, keep, [box], [shown, kept.box])
    kept.wire(events, restore, [shown])
    return Parts([], kept=[kept.box])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    host = host_of(FakeEngine(["Yes."]), port=free_port(), data_dir=folder)
    tabs = (*TABS[:1], Tab("note", "Note", Path(__file__).parent, note, chinese={"Note": "便签"}))
    page = shell.build(host, host.settings, library_in(folder), runs_in(folder), tabs)
    yield shell.launch(page, host.settings, tabs=tabs)
    page.close(verbose=False)


@pytest.fixture
def put(url: str, open_tab: OpenTab) -> Callable[..., Page]:
    """Puts a text away, in a window of a new visitor's or of that page's visitor."""

    def put(text: str, beside: Page | None = None) -> Page:
        page = beside.context.new_page() if beside else open_tab(url, "Note")
        if beside:
            page.goto(url)
        again(page, reload=False)
        page.locator("#note textarea").fill(text)
        page.locator("#put").click()
        return page

    return put


def again(page: Page, reload: bool = True) -> Any:
    """What is shown once the page is there again."""
    if reload:
        page.evaluate("window.qwenKept.load('note')")  # comes after what is being written
        page.reload()
    page.get_by_role("tab", name="Note", exact=True).click()
    return expect(page.locator("#shown textarea"))


def test_work_comes_back_as_it_was_also_where_it_is_none(put: Callable[..., Page]):
    text = 'Zeile "1"\n<script>中文 \\u003c 😀'
    page = put(text)
    expect(page.locator("#shown textarea")).to_have_value(text)
    again(page).to_have_value(text)
    page.locator("#note textarea").fill("")
    page.locator("#put").click()
    expect(page.locator("#shown textarea")).to_have_value("")
    again(page).to_have_value("")


def test_each_window_keeps_its_own_and_a_new_one_begins_with_the_last(put: Callable[..., Page]):
    first = put("one")
    expect(first.locator("#shown textarea")).to_have_value("one")
    second = put("two", beside=first)
    expect(second.locator("#shown textarea")).to_have_value("two")
    again(first).to_have_value("one")
    again(second).to_have_value("two")
    third = first.context.new_page()
    third.goto(first.url)
    again(third, reload=False).to_have_value("two")


def test_what_could_not_be_kept_or_read_is_said(put: Callable[..., Page]):
    page = put("huge")
    expect(page.locator("#note-status")).to_contain_text("Not kept: The browser has no room for it.")
    again(page).to_have_value("")
    page.locator("#note textarea").fill("bad")
    page.locator("#put").click()
    expect(page.locator("#shown textarea")).to_have_value("bad")
    again(page).to_have_value("")
    expect(page.locator("#note-status")).to_contain_text("could not be read: Say something else.")
    page.evaluate("window.qwenKept.save('note', 'no JSON')")
    again(page).to_have_value("")
    expect(page.locator("#note-status")).to_contain_text("could not be read: It is not what this page kept.")
    page.evaluate("() => { window.qwenKept.save = async () => { throw new Error('full'); }; }")
    page.locator("#note textarea").fill("two")
    page.locator("#put").click()
    expect(page.locator("#note-status")).to_contain_text("Not kept: The browser has no room for it.")
