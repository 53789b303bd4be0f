"""The Prompts tab in Chromium: what people do there."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of


def pick(page: Page, name: str) -> None:
    page.locator("#prompts-list").get_by_text(name, exact=True).click()
    expect(page.locator("#prompts-head h2")).to_have_text(name.rpartition(" · ")[2])


def replace(page: Page, text: str) -> None:
    """Puts the text into the editor, as if it were pasted over all there is."""
    page.locator("#prompts-input .cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def test_a_template_is_changed_run_saved_and_restored(serve: Serve, open_tab: OpenTab, prompts: Path):
    engine = FakeEngine(["Once ", "upon."])
    page = open_tab(serve(host_of(engine)), "Prompts")
    pick(page, "write · Story")
    file = prompts / "write" / "story.prompty"
    shipped = file.read_text("utf-8")
    status = page.locator("#prompts-status")

    replace(page, shipped.replace("{{ text }}", "{{ txet }}"))
    expect(status).to_contain_text(re.compile(r"Line \d+: 'txet'"))
    page.locator("#prompts-save").click()
    expect(status).to_contain_text("Not saved: Line ")
    assert file.read_text("utf-8") == shipped

    replace(page, shipped.replace("Write a short story", "Tell a tale"))
    expect(status).to_contain_text("Unsaved changes")
    expect(page.locator("#prompts-preview")).to_contain_text("Tell a tale about this:")
    page.locator("#prompts-run").click()
    expect(page.locator("#prompts-result textarea")).to_have_value("Once upon.")
    assert "Tell a tale" in engine.asked[0][0][-1].content

    page.locator("#prompts-save").click()
    expect(status).to_contain_text("Saved write/story.prompty")
    assert file.read_text("utf-8") == shipped.replace("Write a short story", "Tell a tale")
    page.get_by_role("tab", name="Changes").click()
    expect(page.locator("#prompts-changes ins")).to_contain_text("Tell a tale")
    page.locator("#prompts-restore").click()
    expect(status).to_contain_text("Restored the original")
    expect(page.locator("#prompts-input")).to_contain_text("Write a short story")
    expect(page.locator("#prompts-restore")).to_be_hidden()
    assert file.read_text("utf-8") == shipped


def test_a_copy_is_listed_and_files_that_come_later_show_up(serve: Serve, open_tab: OpenTab, prompts: Path):
    page = open_tab(serve(host_of(FakeEngine())), "Prompts")
    pick(page, "write · Story")
    name = page.locator("#prompts-name input, #prompts-name textarea")
    page.locator("#prompts-copy").click()
    name.fill("my tale")
    page.locator("#prompts-named").click()
    expect(page.locator("#prompts-head")).to_contain_text("write/my tale.prompty")
    expect(page.locator("#prompts-list input:checked")).to_have_count(1)
    page.locator("#prompts-rename").click()
    name.fill("our tale")
    page.locator("#prompts-named").click()
    expect(page.locator("#prompts-head")).to_contain_text("write/our tale.prompty")
    page.locator("#prompts-delete").click()
    expect(page.locator("#prompts-status")).to_contain_text("Deleted write/our tale.prompty")
    assert not (prompts / "write" / "our tale.prompty").exists()
    page.locator("#prompts-undelete").click()
    expect(page.locator("#prompts-head")).to_contain_text("write/our tale.prompty")
    (prompts / "write" / "bad.prompty").write_text("---\nname: x\n---\nuser:\n{{ x", "utf-8")
    page.get_by_role("tab", name="Chat", exact=True).click()
    page.get_by_role("tab", name="Prompts", exact=True).click()
    expect(page.locator("#prompts-problems")).to_contain_text("write/bad.prompty:5:")
    expect(page.locator("#prompts-list")).to_contain_text("bad.prompty · ⚠ broken")


def test_the_list_is_searched_and_test_values_outlive_a_reload(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine())), "Prompts")
    expect(page.locator("#prompts-list")).not_to_contain_text("故事")
    page.get_by_label("Hide files in other languages").uncheck()
    expect(page.locator("#prompts-list")).to_contain_text("故事")
    page.locator("#prompts-search input, #prompts-search textarea").fill("short story")
    expect(page.locator("#prompts-list label")).to_have_count(1)
    pick(page, "write · Story")
    value = page.locator("#prompts-value-0 textarea, #prompts-value-0 input")
    value.fill("A snowman in June")
    value.blur()
    expect(page.locator("#prompts-preview")).to_contain_text("A snowman in June")
    page.reload()
    expect(page.locator("#send")).to_be_enabled()
    page.get_by_role("tab", name="Prompts", exact=True).click()
    pick(page, "write · Story")
    expect(value).to_have_value("A snowman in June")
    expect(page.locator("#prompts-preview")).to_contain_text("A snowman in June")


def test_a_phone_shows_it_in_chinese_without_scrolling_sideways(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine())), "提示词", locale="zh-CN", viewport={"width": 390, "height": 844})
    pick(page, "write · 故事")
    expect(page.locator("#prompts-save")).to_have_text("保存")
    expect(page.locator("#prompts-preview")).to_contain_text("灯塔")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
