"""What was typed and not sent survives a reload of the page."""

from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of

TYPED = {
    "Chat": ("#message textarea", "a message\nof two lines"),
    "Write": ("#write-input textarea", "Once upon a time"),
    "Ask": ("#ask-input textarea", "为什么?"),
    "Translate": ("#translate-input textarea", "Good morning."),
    "Sentiment": ("#sentiment-input textarea", "I <b>love</b> it"),
    "Code": ("#code-input textarea", "sort a list"),
}


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()


def test_every_tabs_text_is_there_after_a_reload(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine(["Yes."]))), "Chat")
    for tab, (box, text) in TYPED.items():
        show(page, tab)
        page.locator(box).fill(text)
    labels = page.locator("#sentiment-labels textarea")
    show(page, "Sentiment")
    labels.fill("good, bad")
    page.reload()
    for tab, (box, text) in TYPED.items():
        show(page, tab)
        expect(page.locator(box)).to_have_value(text)
    show(page, "Sentiment")
    expect(labels).to_have_value("good, bad")


def test_what_was_sent_does_not_come_back(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine(["Yes."]))), "Chat")
    box = page.locator("#message textarea")
    box.fill("Is it?")
    box.press("Enter")
    expect(page.get_by_test_id("bot")).to_contain_text("Yes.")
    expect(box).to_have_value("")
    page.evaluate("window.qwenChats.change(window.qwenChats.here, {})")  # comes after what is being kept
    page.reload()
    expect(page.get_by_test_id("bot")).to_contain_text("Yes.")
    expect(box).to_have_value("")
