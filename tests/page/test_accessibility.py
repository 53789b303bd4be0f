"""Whoever uses a keyboard, a screen reader or tired eyes: the page by WCAG 2.2 AA, as axe checks it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenPage, Serve, host_of

pytestmark = pytest.mark.usefixtures("browser")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """What axe has found, a line each."""
    # Axe doesn't see that a filter darkens the colours of code, nor that what can be edited can be scrolled.
    context = {"exclude": [[".cm-editor:has([contenteditable=true])"]]}
    found = Axe().run(page, context=context, options={"runOnly": {"type": "tag", "values": RULES}}).response
    return [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_no_tab_breaks_a_rule_of_wcag(serve_module: Serve, open_page: OpenPage, scheme: str, locale: str):
    url = serve_module(host_of(FakeEngine(["A", " word"])))
    page = open_page(f"{url}?__theme={scheme}", color_scheme=scheme, locale=locale)
    expect(page.locator("#send")).to_be_enabled()
    page.locator("#message textarea").fill("Hello")
    page.locator("#send").click()
    expect(page.locator(".bot .md").last).to_contain_text("A word")
    found = []
    for tab in page.get_by_role("tab").filter(visible=True).all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        found += [f"{tab.inner_text()}: {violation}" for violation in violations(page)]
    assert found == []


def test_the_keyboard_alone_goes_everywhere(serve_module: Serve, open_page: OpenPage):
    page = open_page(serve_module(host_of(FakeEngine(["A"]))))
    expect(page.locator("#send")).to_be_enabled()
    page.locator("#brand").click()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('[role=tabpanel]') !== null")
    page.get_by_role("tab", name="Chat", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Write", exact=True)).to_be_focused()
    expect(page.get_by_role("tab", name="Write", exact=True)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    expect(page.get_by_role("tab", name="Chat", exact=True)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Prompts", exact=True)).to_be_focused()
