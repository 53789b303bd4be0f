"""The header's details in Chromium: how they open and close, and what is chosen there."""

from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenPage, Serve, host_of


def open_details(page: Page) -> None:
    page.locator("#model summary").click()
    expect(page.locator("#model .live")).to_contain_text("0")


def test_they_tell_how_busy_it_is_and_close_on_escape_or_a_click_outside(serve_module: Serve, open_page: OpenPage):
    page = open_page(serve_module(host_of(FakeEngine(["A"]))))
    details = page.locator("#model details")
    page.locator("#model summary").click()
    expect(page.locator("#model .live")).to_contain_text("0 writing, 0 waiting")
    page.keyboard.press("Escape")
    expect(details).not_to_have_attribute("open", "")
    expect(page.locator("#model summary")).to_be_focused()
    page.locator("#model summary").click()
    expect(details).to_have_attribute("open", "")
    page.locator("#brand").click()
    expect(details).not_to_have_attribute("open", "")


def test_theme_and_language_are_chosen_and_kept(serve_module: Serve, open_page: OpenPage):
    page = open_page(serve_module(host_of(FakeEngine(["A"]))), color_scheme="light")
    open_details(page)
    page.get_by_label("Theme").select_option("Dark")
    expect(page.locator("body")).to_have_class("dark")
    page.get_by_label("Language").select_option("简体中文")
    expect(page.get_by_role("tab", name="提示词", exact=True)).to_be_visible()
    expect(page.locator("body")).to_have_class("dark")
    page.reload()
    for name in ("聊天", "提示词"):
        expect(page.get_by_role("tab", name=name, exact=True)).to_be_visible()
    expect(page.locator("body")).to_have_class("dark")
    open_details(page)
    expect(page.locator("#model .live")).to_contain_text("正在生成")  # the server speaks it too
    page.get_by_label("语言").select_option("跟随系统")
    expect(page.get_by_role("tab", name="Prompts", exact=True)).to_be_visible()
    open_details(page)
    page.get_by_label("Theme").select_option("System")
    expect(page.locator("body")).not_to_have_class("dark")
