"""The Ask tab in Chromium: what people do there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from qwen_ui.knowledge.library import Library
from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of
from tests.tabs.ask.conftest import GUIDE, GUIDE_ZH, LONG_GUIDE, fill, holds


def choose(page: Page, source: str) -> None:
    page.get_by_role("radio", name=source).check()


def ask(page: Page, question: str) -> None:
    page.locator("#ask-input textarea").fill(question)
    page.locator("#ask-input textarea").press("Enter")


def answers(page: Page) -> Locator:
    return page.get_by_test_id("bot")


def test_dropped_files_are_asked_opened_chosen_among_and_survive_a_reload(
    serve: Serve, open_tab: OpenTab, library: Library, tmp_path: Path
):
    page = open_tab(serve(host_of(FakeEngine(["It closes", " at six [2].", " See [9]."], holds=holds))), "Ask")
    choose(page, "My documents")
    expect(page.locator("#ask-taken")).to_contain_text("up to 50 MB a file")
    ask(page, "When does it close?")
    expect(page.locator("#ask-status")).to_contain_text("Add documents first")
    expect(page.locator("#ask-input textarea")).to_have_value("When does it close?")

    files = {"guide.md": GUIDE, "copy.md": GUIDE, "empty.txt": "", "boats.md": "# Boats\n\nFerries leave at nine."}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    page.locator("#ask-files input[type=file]").set_input_files([tmp_path / name for name in files])
    expect(page.locator("#ask-report li")).to_have_text(
        [
            re.compile(r"guide\.md: added, 3 passages"),
            re.compile(r"copy\.md is in this collection already, as guide\.md"),
            re.compile(r"empty\.txt is empty"),
            re.compile(r"boats\.md: added, 1 passage"),
        ]
    )
    expect(page.locator("#ask-collection input")).to_have_value("guide and 3 more (2 documents)")
    expect(page.locator("#ask-dialogue .example")).to_contain_text(["Summarize these documents."])
    page.locator("#ask-rename").click()
    page.locator("#ask-name input, #ask-name textarea").fill("Museum")
    page.locator("#ask-save-name").click()
    expect(page.locator("#ask-collection input")).to_have_value("Museum (2 documents)")
    page.get_by_role("checkbox", name="Search in boats.md").uncheck()

    ask(page, "When does the museum close?")
    expect(page.locator("#ask-status")).to_contain_text("3 tokens")
    proven = "It closes at six.2 ×20 See [9].?"
    expect(answers(page).first).to_have_text(proven)

    page.evaluate("window.qwenKept.load('ask')")  # comes after what is being written
    page.reload()
    page.get_by_role("tab", name="Ask", exact=True).click()
    expect(answers(page).first).to_have_text(proven)
    expect(page.locator("#ask-collection input")).to_have_value("Museum (2 documents)")
    expect(page.get_by_role("checkbox", name="Search in guide.md")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Search in boats.md")).not_to_be_checked()
    page.locator("a.cite").click()
    cited = page.locator(".source[open]")
    expect(cited.locator("summary")).to_have_text(re.compile("^2 guide.md"))
    cited.get_by_text("Open document").click()
    reader = page.get_by_role("dialog", name="guide.md")
    expect(reader).to_contain_text("A ticket costs seven euros")
    expect(reader.locator("mark")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(reader).to_be_hidden()
    page.get_by_role("button", name="boats.md", exact=True).click()
    expect(page.get_by_role("dialog", name="boats.md")).to_contain_text("Ferries leave at nine.")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Remove boats.md").click()
    expect(page.locator("#ask-sure")).to_contain_text("Remove “boats.md” from this collection?")
    page.locator("#ask-delete-yes").click()
    expect(page.locator("#ask-in-collection li")).to_have_count(1)
    page.locator("#ask-delete").click()
    expect(page.locator("#ask-sure")).to_contain_text("Delete “Museum” and its 1 document?")
    assert library.collections()
    page.locator("#ask-delete-yes").click()
    expect(page.locator("#ask-collection-status")).to_contain_text("they begin a new collection")
    assert library.collections() == []


def test_stop_keeps_what_there_is_and_the_conversation_goes_on(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["six [1] ", "never"], steps=1)
    page = open_tab(serve(host_of(engine)), "Ask")
    choose(page, "Pasted text")
    page.locator("#ask-text textarea").fill(GUIDE)
    ask(page, "When does the museum close?")
    expect(answers(page).first).to_have_text("six 1")
    expect(page.locator("#ask-send")).to_be_hidden()
    page.locator("#ask-stop").click()
    expect(page.locator("#ask-status")).to_contain_text("stopped")
    expect(page.locator("#ask-result textarea")).to_have_value(re.compile("Sources:\n\\[1\\] Pasted text"))

    engine.words = []
    page.locator("#ask-text textarea").fill(LONG_GUIDE)
    ask(page, "Who won the football championship?")
    expect(answers(page).last).to_contain_text("This is not in these documents.")
    expect(page.locator("#ask-status")).to_contain_text("the model was not asked")
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("tab", name="Ask").click()
    expect(page.get_by_test_id("user")).to_have_count(2)
    page.locator("#ask-clear").click()
    expect(page.get_by_test_id("user")).to_have_count(0)
    expect(page.locator("#ask-text textarea")).to_have_value(LONG_GUIDE)


def test_an_example_with_its_text_answers_in_chinese(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["每周三", "和周六 [2]。"])
    page = open_tab(serve(host_of(engine)), "问答", locale="zh-CN")
    expect(page.locator("#ask-dialogue .example")).to_contain_text(["为什么树叶在秋天会变色？"])
    choose(page, "粘贴的文本")
    page.get_by_text("哪几天可以借阅期刊？").click()
    expect(answers(page).first).to_have_text("每周三和周六 2。")
    expect(page.locator("#ask-text textarea")).to_have_value(re.compile("社区图书馆借阅须知"))
    expect(page.locator("#ask-status")).to_contain_text("2 个 token")
    page.locator("a.cite").click()
    expect(page.locator(".source .passage").first.locator("mark").first).to_have_text("期刊")
    assert "你根据用户提供的段落回答问题" in engine.asked[0][0][0].content
    with page.expect_download() as download:
        page.locator("#ask-save").click()
    assert download.value.suggested_filename == "qwen-ui-ask.md"
    assert "来源:\n[2] 粘贴的文本" in Path(download.value.path()).read_text("utf-8")
    page.locator("#ask-retry").click()
    expect(page.locator("#ask-status")).to_contain_text("2 个 token")
    expect(page.get_by_test_id("user")).to_have_count(1)


def test_a_phone_shows_it_all_without_scrolling_sideways(
    serve: Serve, open_tab: OpenTab, library: Library, tmp_path: Path
):
    fill(library, "Museum", tmp_path, guide=GUIDE, **{"n" * 120: GUIDE_ZH})
    url = serve(host_of(FakeEngine(["w" * 200, " [1]"])))
    page = open_tab(url, "Ask", viewport={"width": 390, "height": 844}, has_touch=True)
    choose(page, "My documents")
    expect(page.locator("#ask-collection input")).to_have_value("Museum (2 documents)")
    expect(page.locator("#ask-files")).to_be_hidden()
    ask(page, "When does the museum close? " + "x" * 120)
    page.locator("a.cite").click()
    expect(page.locator(".source .passage").first).to_be_in_viewport()
    page.get_by_role("button", name="Add and manage documents").click()
    expect(page.locator("#ask-in-collection li")).to_have_count(2)
    page.locator(".source .open-document").first.click()
    expect(page.get_by_role("dialog", name="guide.md")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_conversation_that_the_server_has_forgotten_stays_to_be_saved_and_another_begins(
    serve: Serve, open_tab: OpenTab, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qwen_ui.page.shell.KEPT", 1)
    url = serve(host_of(FakeEngine(["At six [1]."])))
    page = open_tab(url, "Ask")
    choose(page, "Pasted text")
    page.locator("#ask-text textarea").fill(GUIDE)
    ask(page, "When does the museum close?")
    expect(page.locator("#ask-status")).to_contain_text("1 token")
    open_tab(url, "Ask")  # another visitor takes the only place
    page.locator("#ask-retry").click()
    expect(page.locator("#ask-status")).to_contain_text("no longer has this conversation")
    expect(answers(page).first).to_have_text("At six 1.")
    with page.expect_download() as download:
        page.locator("#ask-save").click()
    assert "At six [1].\n\nSources:" in Path(download.value.path()).read_text("utf-8")
    page.locator("#ask-clear").click()
    expect(answers(page)).to_have_count(0)
    ask(page, "When does the museum close?")
    expect(answers(page).first).to_have_text("At six 1.")


def test_templates_are_read_again_from_their_files(serve: Serve, open_tab: OpenTab, prompts: Path):
    engine = FakeEngine(["Aye."])
    page = open_tab(serve(host_of(engine)), "Ask")
    expect(page.locator("#ask-template input")).to_have_value("Answer")
    expect(page.locator("#ask-template-note")).to_have_text("A full answer with its sources")
    pirate = (prompts / "ask" / "brief.prompty").read_text("utf-8").replace("Brief answer", "Pirate")
    (prompts / "ask" / "pirate.prompty").write_text(pirate.replace("tokens: 160", "tokens: 48"), "utf-8")
    (prompts / "ask" / "study.prompty").write_text("---\nname: [\n---\nsystem:\nx\n", "utf-8")
    page.locator("#ask-template input").click()
    expect(page.locator("#ask-template-note").get_by_role("alert")).to_contain_text("ask/study.prompty:")
    page.get_by_role("option", name="Pirate").click()
    expect(page.locator("#ask-max-new-tokens input[type=number]")).to_have_value("48")
    ask(page, "Where is the ship?")
    expect(answers(page)).to_have_text("Aye.")
    assert engine.asked[0][1].max_new_tokens == 48
