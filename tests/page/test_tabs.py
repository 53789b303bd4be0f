"""The row of tabs: the open one stands in the address, and their order is always the same."""

from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenPage, Serve, host_of


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()


def opened(page: Page, tab: str, address: str) -> None:
    """Waits for the tab to be open, and for its address."""
    expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
    page.wait_for_url(f"**/{address}")


def test_an_address_opens_its_tab_and_back_and_forward_move_between_them(serve: Serve, open_page: OpenPage):
    page = open_page(serve(host_of(FakeEngine(["Yes."]))))
    opened(page, "Chat", "")
    page.evaluate("window.before = true")
    show(page, "Translate")
    opened(page, "Translate", "#/translate")
    page.locator("#translate-input textarea").fill("Good morning.")
    show(page, "Code")
    opened(page, "Code", "#/code")
    page.go_back()
    opened(page, "Translate", "#/translate")
    page.go_back()
    opened(page, "Chat", "")
    page.go_forward()
    opened(page, "Translate", "#/translate")
    page.evaluate("location.hash = 'no-such-tab'")
    opened(page, "Translate", "#no-such-tab")
    expect(page.locator("#translate-input textarea")).to_have_value("Good morning.")
    assert page.evaluate("window.before")  # nothing was loaded again
    page.goto(page.url.partition("#")[0] + "#/write")
    page.reload()
    opened(page, "Write", "#/write")


def test_on_a_phone_the_tabs_stay_in_their_places(serve_module: Serve, open_page: OpenPage):
    page = open_page(serve_module(host_of(FakeEngine(["Yes."]))), viewport={"width": 390, "height": 844})
    names = page.locator("#tabs > .tab-wrapper [role=tab]").all_inner_texts()
    show(page, "Prompts")
    opened(page, "Prompts", "#/prompts")
    expect(page.get_by_role("tab", name="Prompts", exact=True)).to_be_in_viewport(ratio=0.9)
    assert page.locator("#tabs > .tab-wrapper [role=tab]").all_inner_texts() == names
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
