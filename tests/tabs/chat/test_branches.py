"""Looking at an answer's tokens and branching from one, in Chromium over a fake engine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenPage, Serve, host_of

ENGINE = FakeEngine(["Red ", "green ", "<b>blue</b>"])


@pytest.fixture(scope="module")
def url(serve_module: Serve) -> Iterator[str]:
    yield serve_module(host_of(ENGINE))


@pytest.fixture(autouse=True)
def free_words() -> Iterator[None]:
    """Each test begins and ends with an engine that says all its words at once."""
    yield
    while ENGINE.steps._value < 1000:
        ENGINE.steps.release()


def hold_words() -> None:
    """From now on the engine says a word only when it is let."""
    ENGINE.steps._value = 0


def answered(open_page: OpenPage, url: str, **options: object) -> Page:
    """A page on which a question was answered."""
    page = open_page(url, **options)
    expect(page.locator("#send")).to_be_enabled()
    page.locator("#message textarea").fill("Which colours?")
    page.locator("#send").click()
    expect(answer(page)).to_have_text("Red green <b>blue</b>")
    expect(page.locator("#stop")).to_be_hidden()
    return page


def answer(page: Page) -> Locator:
    return page.get_by_test_id("bot").last


def versions(page: Page) -> Locator:
    return page.locator("#conversation .versions")


def tokens(page: Page) -> Locator:
    return page.locator("#chat-looks .tokens .token")


def others(page: Page) -> Locator:
    return page.locator("#chat-looks .others button")


def look(page: Page) -> None:
    page.locator("#conversation").get_by_role("button", name=re.compile("Look at tokens|查看 token")).last.click()
    expect(tokens(page)).to_have_count(3)


def test_pointing_at_a_token_lists_the_likeliest_and_one_of_them_branches(url: str, open_page: OpenPage):
    page = answered(open_page, url)
    look(page)
    expect(page.locator("#chat-looks")).to_contain_text("3 tokens · average probability 48.0%")
    expect(tokens(page).nth(2)).to_have_text("<b>blue</b>")
    tokens(page).nth(1).hover()
    expect(others(page)).to_have_count(10)
    expect(others(page).first).to_have_text(re.compile("green.*50.0%"))
    tokens(page).nth(1).click()
    tokens(page).nth(2).hover()
    expect(others(page).first).to_have_text(re.compile("other0"))
    page.locator("#chat-looks .token-hint").hover()
    expect(others(page).first).to_have_text(re.compile("green"))  # the one that is held
    others(page).nth(1).click()
    expect(answer(page)).to_have_text("Red other0 <b>blue</b>")
    expect(versions(page)).to_contain_text("2/2")

    page.get_by_role("button", name="Previous version").click()
    expect(answer(page)).to_have_text("Red green <b>blue</b>")
    page.evaluate("window.qwenChats.change(window.qwenChats.here, {})")  # comes after what is being kept
    page.reload()
    expect(versions(page)).to_contain_text("1/2")
    page.get_by_role("button", name="Next version").click()
    expect(answer(page)).to_have_text("Red other0 <b>blue</b>")


def test_it_can_all_be_done_with_the_keyboard(url: str, open_page: OpenPage):
    page = answered(open_page, url)
    page.locator("#conversation [data-event=click]").focus()
    page.keyboard.press("Enter")
    expect(tokens(page)).to_have_count(3)
    expect(tokens(page).first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tokens(page).nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    expect(others(page).first).to_be_focused()
    page.keyboard.press("Escape")
    expect(tokens(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(answer(page)).to_have_text("Red other1 <b>blue</b>")
    back = page.get_by_role("button", name="Previous version")
    back.focus()
    page.keyboard.press("Enter")
    expect(versions(page)).to_contain_text("1/2")
    expect(back).to_be_focused()


def test_two_branches_stream_at_once(url: str, open_page: OpenPage):
    page = answered(open_page, url)
    look(page)
    tokens(page).nth(1).click()
    hold_words()
    others(page).nth(1).click()
    expect(answer(page)).to_have_text("Red other0")
    others(page).nth(2).click()
    expect(answer(page)).to_have_text("Red other1")
    expect(page.locator("#chat-status")).to_contain_text("Writing 2 answers")
    expect(versions(page)).to_contain_text("3/3")
    page.get_by_role("button", name="Previous version").click()
    expect(answer(page)).to_have_text("Red other0")
    ENGINE.steps.release()
    ENGINE.steps.release()
    expect(answer(page)).to_have_text("Red other0 <b>blue</b>")
    expect(page.locator("#stop")).to_be_hidden()
    page.get_by_role("button", name="Next version").click()
    expect(answer(page)).to_have_text("Red other1 <b>blue</b>")


def test_retry_and_an_edited_message_leave_versions_which_a_file_carries(url: str, open_page: OpenPage, tmp_path: Path):
    page = answered(open_page, url)
    page.get_by_role("button", name="Retry").click()
    expect(versions(page)).to_contain_text("2/2")
    page.get_by_role("button", name="Edit").first.click()
    page.locator("textarea.edit-textarea").fill("Which fruits?")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_test_id("user")).to_have_text("Which fruits?")
    expect(answer(page)).to_have_text("Red green <b>blue</b>")
    page.get_by_role("button", name="Previous version").click()
    expect(page.get_by_test_id("user")).to_have_text("Which colours?")
    expect(versions(page)).to_contain_text(["1/2", "2/2"])
    expect(page.locator("#stop")).to_be_hidden()
    with page.expect_download() as download:
        page.locator("#chat-export input").click()
        page.get_by_role("option", name="This one as JSON").click()
    file = tmp_path / "chat.json"
    download.value.save_as(file)
    assert len(json.loads(file.read_text("utf-8"))["tree"]["nodes"]) == 5

    other = open_page(url)
    other.locator("#chat-head input[type=file]").set_input_files(file)
    expect(versions(other)).to_contain_text(["1/2", "2/2"])


def test_how_sure_shows_the_shares(url: str, open_page: OpenPage):
    page = answered(open_page, url)
    page.get_by_role("button", name="How sure?").click()
    panel = page.locator("#chat-looks")
    expect(panel).to_contain_text("8 of 8 new answers")
    expect(panel).to_contain_text("100%, 8 of 8")
    expect(panel.locator(".sure-example")).to_have_text("Red green <b>blue</b>")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_have_count(0)


def test_a_phone_in_chinese_shows_it_all_without_scrolling_sideways(url: str, open_page: OpenPage):
    page = answered(open_page, url, viewport={"width": 390, "height": 844}, has_touch=True, locale="zh-CN")
    look(page)
    expect(page.locator("#chat-looks")).to_contain_text("平均概率 48.0%")
    tokens(page).nth(1).tap()
    others(page).nth(1).tap()
    expect(answer(page)).to_have_text("Red other0 <b>blue</b>")
    expect(page.get_by_role("button", name="上一个版本")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
