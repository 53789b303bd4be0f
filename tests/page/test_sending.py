"""Results that are sent to another tab."""

from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of

CODE = "```rust\nfn main() {}\n```"


def send(page: Page, picker: str, to: str) -> None:
    page.locator(f"{picker} input").click()
    page.get_by_role("option", name=to, exact=True).click()


def expect_tab(page: Page, name: str) -> None:
    expect(page.get_by_role("tab", name=name, exact=True).first).to_have_attribute("aria-selected", "true")


def test_code_goes_to_ask_as_the_text_to_ask_about(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine([f"{CODE}\nIt does nothing."]))), "Code")
    page.locator("#code-language input").click()
    page.get_by_role("option", name="Rust", exact=True).click()
    page.locator("#code-input textarea").fill("nothing")
    page.locator("#code-run").click()
    expect(page.locator("#code-explanation")).to_have_text("It does nothing.")
    send(page, "#code-send-to", "Ask")
    expect_tab(page, "Ask")
    expect(page.get_by_role("radio", name="Pasted text")).to_be_checked()
    expect(page.locator("#ask-text textarea")).to_have_value(CODE)
    expect(page.locator("#code-send-to input")).to_have_value("Send to…")


def test_code_of_the_chat_goes_to_code_in_its_language(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine([f"Here:\n\n{CODE}\n\nDone."]))), "Chat")
    send(page, "#chat-send-to", "Code")
    expect(page.get_by_test_id("toast-body")).to_contain_text("There is nothing to send yet")
    expect_tab(page, "Chat")
    page.locator("#message textarea").fill("hello")
    page.locator("#message textarea").press("Enter")
    expect(page.get_by_test_id("bot")).to_contain_text("Done.")
    expect(page.locator("#stop")).to_be_hidden()
    send(page, "#chat-send-to", "Code")
    expect_tab(page, "Code")
    expect(page.locator("#code-language input")).to_have_value("Rust")
    expect(page.locator("#code-given .cm-content")).to_have_text("fn main() {}")
    expect(page.locator("#code-run")).to_have_text("Explain")


def test_a_translation_goes_below_what_is_typed_in_the_chat(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine(["Bonjour."]))), "Chat")
    page.locator("#message textarea").fill("Is this right?")
    page.get_by_role("tab", name="Translate", exact=True).click()
    page.locator("#translate-input textarea").fill("Good morning.")
    page.locator("#translate-go").click()
    expect(page.locator("#translate-result textarea")).to_have_value("Bonjour.")
    send(page, "#translate-send-to", "Chat")
    expect_tab(page, "Chat")
    expect(page.locator("#message textarea")).to_have_value("Is this right?\n\nBonjour.")
