"""The whole app in Chromium, with the embedded model: what people do in the Chat tab."""

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.pages import OpenPage, Server


def set_value(page: Page, slider: str, value: float) -> None:
    field = page.locator(f"#{slider} input[type=number]")
    field.fill(str(value))
    field.blur()


def open_chat(open_page: OpenPage, server: Server, tokens: int = 16, **options: Any) -> Page:
    """The page, greedy, with short answers, so that a slow machine is quick enough."""
    page = open_page(server.url, **options)
    expect(page.locator("#send")).to_be_enabled()
    expect(page.locator("#system textarea")).not_to_have_value("")
    set_value(page, "max_new_tokens", tokens)
    set_value(page, "temperature", 0)
    return page


def box(page: Page) -> Locator:
    return page.locator("#message textarea")


def status(page: Page) -> Locator:
    return page.locator("#chat-status")


def users(page: Page) -> Locator:
    return page.get_by_test_id("user")


def answers(page: Page) -> Locator:
    return page.get_by_test_id("bot")


def export(page: Page, way: str) -> None:
    page.locator("#chat-export input").click()
    page.get_by_role("option", name=way).click()


def ask(page: Page, text: str) -> None:
    """Sends a message and waits for the whole answer."""
    box(page).fill(text)
    box(page).press("Enter")
    expect(users(page).last).to_have_text(text)
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()
    expect(status(page)).to_contain_text(re.compile(r"\d+ (tokens|个 token)"))


def test_an_answer_grows_and_stop_keeps_what_there_is(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server, tokens=4096)
    box(page).fill("Write a very long story about a ship.")
    page.locator("#send").click()
    expect(answers(page)).to_have_text(re.compile(r".{10}", re.DOTALL))
    early = answers(page).inner_text()
    expect(answers(page)).to_have_text(re.compile(rf".{{{len(early) + 30}}}", re.DOTALL))
    page.locator("#stop").click()
    expect(status(page)).to_contain_text(re.compile(r"\d+ tokens · first token after .* · stopped"))
    server.wait_until_idle()
    assert len(answers(page).inner_text()) > len(early)
    expect(page.locator("#send")).to_be_visible()


def test_the_conversation_survives_a_reload(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    ask(page, "Name a planet.")
    answer, line = answers(page).inner_text(), status(page).inner_text()
    page.reload()
    expect(users(page)).to_have_text("Name a planet.")
    expect(answers(page)).to_have_text(answer)
    expect(status(page)).to_have_text(line)
    expect(page.locator("#max_new_tokens input[type=number]")).to_have_value("16")
    ask(page, "And another one?")
    expect(answers(page)).to_have_count(2)


def test_editing_an_earlier_message_goes_on_from_there(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    ask(page, "Name a *fruit* <now>.")
    ask(page, "Name a bird.")
    page.get_by_role("button", name="Edit").first.click()
    editor = page.locator("textarea.edit-textarea")
    expect(editor).to_have_value("Name a *fruit* <now>.")
    editor.fill("Name a `metal`.")
    page.get_by_role("button", name="Submit").click()
    expect(users(page)).to_have_text(["Name a `metal`."])
    expect(status(page)).to_contain_text("tokens")
    expect(answers(page)).to_have_count(1)


def test_retry_undo_and_a_new_chat(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    ask(page, "Name a tree.")
    first = answers(page).inner_text()
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()
    assert answers(page).inner_text() == first  # greedy

    page.get_by_role("button", name="Undo").click()
    expect(users(page)).to_have_count(0)
    expect(box(page)).to_have_value("Name a tree.")

    box(page).press("Enter")
    expect(answers(page)).to_have_text(first)
    page.locator("#new-chat").click()
    expect(users(page)).to_have_count(0)
    page.reload()
    expect(page.get_by_text("What can I help with?")).to_be_visible()


def test_a_click_on_an_example_asks_it(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    page.get_by_text("用三句话介绍一下杭州。").click()
    expect(users(page)).to_have_text("用三句话介绍一下杭州。")
    expect(status(page)).to_contain_text("tokens")
    expect(answers(page)).to_have_count(1)


def test_the_page_speaks_chinese(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server, locale="zh-CN")
    expect(page.locator("#send")).to_have_text("发送")
    expect(page.get_by_role("tab", name="聊天")).to_be_visible()
    expect(box(page)).to_have_attribute("placeholder", "输入消息…")
    page.locator("#model summary").click()
    expect(page.locator("#model details")).to_contain_text("这是一个很小的演示模型")
    page.keyboard.press("Escape")
    expect(page.locator("#assistant input")).to_have_value("通用助手")
    ask(page, "你好")
    expect(status(page)).to_contain_text(re.compile(r"个 token · 首个 token 用时 .* 秒 · "))


def test_enter_sends_shift_enter_breaks_and_composing_does_neither(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server, tokens=16)
    box(page).focus()
    keys = page.context.new_cdp_session(page)
    keys.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    for event in ("keydown", "keypress"):  # as an input method that lets the key through
        box(page).dispatch_event(
            event, {"key": "Enter", "keyCode": 229, "isComposing": True, "bubbles": True, "cancelable": True}
        )
    expect(box(page)).to_have_value("nihao")
    keys.send("Input.insertText", {"text": "你好"})
    # Safari ends the composition first, and then tells of the key, with the code 229 and no composition.
    box(page).dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True})
    box(page).dispatch_event("keypress", {"key": "Enter", "keyCode": 13, "bubbles": True, "cancelable": True})
    box(page).press("Shift+Enter")
    box(page).press_sequentially("Bob")
    expect(box(page)).to_have_value("你好\nBob")
    expect(users(page)).to_have_count(0)
    box(page).press("Enter")
    expect(users(page)).to_have_text("你好\nBob")


def test_bad_input_is_explained_and_not_lost(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    box(page).fill("   ")
    box(page).press("Enter")
    expect(status(page)).to_contain_text("Write something first")
    long = "word " * 40_000
    box(page).fill(long)
    box(page).press("Enter")
    expect(status(page)).to_contain_text(re.compile("Not sent: .*tokens"))
    expect(box(page)).to_have_value(long)
    expect(users(page)).to_have_count(0)
    ask(page, "Short now.")


def test_a_conversation_is_saved_and_opened_again(server: Server, open_page: OpenPage, tmp_path: Path):
    page = open_chat(open_page, server)
    saved: list[str] = []
    page.on("download", lambda file: saved.append(file.suggested_filename))
    ask(page, "Name a *river*.")
    answer = answers(page).inner_text()
    with page.expect_download() as download:
        export(page, "This one as JSON")
    assert download.value.suggested_filename == "qwen-ui-chat.json"
    file = tmp_path / "chat.json"
    download.value.save_as(file)
    assert [m["role"] for m in json.loads(file.read_text("utf-8"))["messages"]] == ["system", "user", "assistant"]
    with page.expect_download() as download:
        export(page, "This one as Markdown")
    assert "## You\n\nName a *river*." in Path(download.value.path()).read_text("utf-8")
    assert saved == ["qwen-ui-chat.json", "qwen-ui-chat.md"]

    other = open_chat(open_page, server)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"messages": [{"role": "robot", "content": "x"}]}')
    other.locator("#chat-head input[type=file]").set_input_files(wrong)
    expect(status(other)).to_contain_text("This file was not opened: Entry 1")
    other.locator("#chat-head input[type=file]").set_input_files(file)
    expect(users(other)).to_have_text("Name a *river*.")
    expect(answers(other)).to_have_text(answer)
    other.reload()
    expect(answers(other)).to_have_text(answer)


def test_a_closed_tab_stops_its_generation(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server, tokens=4096)
    box(page).fill("Tell a long story.")
    box(page).press("Enter")
    server.wait_until(lambda status: status["active"] == 1)
    page.close()
    server.wait_until_idle()


def test_what_was_asked_survives_a_reload_in_the_middle_of_the_answer(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server, tokens=4096)
    box(page).fill("Tell a long story.")
    box(page).press("Enter")
    expect(answers(page)).to_have_text(re.compile(r"\S"))
    page.reload()
    expect(users(page)).to_have_text("Tell a long story.")
    server.wait_until_idle()


def test_two_people_chat_at_the_same_time(server: Server, open_page: OpenPage):
    ann, bob = (open_chat(open_page, server, tokens=4096) for _ in range(2))
    for page in (ann, bob):
        box(page).fill("Tell a long story.")
        box(page).press("Enter")
    server.wait_until(lambda status: status["active"] == 2)
    for page in (ann, bob):
        expect(answers(page)).to_have_text(re.compile(r".{10}", re.DOTALL))
    ann.locator("#stop").click()
    expect(status(ann)).to_contain_text("stopped")
    length = len(answers(bob).inner_text())
    expect(answers(bob)).to_have_text(re.compile(rf".{{{length + 5}}}", re.DOTALL))
    bob.locator("#stop").click()
    server.wait_until_idle()


def test_the_page_asks_no_outside_host_for_anything(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.reload()
    expect(page.locator("#send")).to_be_enabled()
    ask(page, "Show ![x](http://outside.example/x.png)")
    assert len(requests) > 10
    assert not [url for url in requests if not url.startswith((server.url, "data:", "blob:"))]


def test_a_phone_shows_it_all_without_scrolling_sideways(server: Server, open_page: OpenPage):
    page = open_page(server.url, viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.locator("#send")).to_be_enabled()
    expect(page.locator("#system")).to_be_hidden()
    box(page).fill("Write a very long story about " + "Llanfairpwllgwyngyllgogerychwyrndrobwll" * 3)
    page.locator("#send").click()
    expect(answers(page)).to_have_text(re.compile(r".{10}", re.DOTALL))
    page.locator("#stop").click()
    expect(status(page)).to_contain_text("stopped")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(box(page)).to_be_in_viewport()
    page.get_by_role("button", name="Assistant and settings").click()
    expect(page.locator("#system textarea")).to_have_value(re.compile("helpful assistant"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_can_be_used_with_the_keyboard_alone(server: Server, open_page: OpenPage):
    page = open_chat(open_page, server)
    box(page).focus()
    page.keyboard.type("Name a city.")
    page.keyboard.press("Tab")
    expect(page.locator("#send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(answers(page)).to_have_count(1)
    expect(page.locator("#stop")).to_be_hidden()
    for name in ("Message", "System prompt", "Assistant", "Temperature", "Top-p", "Top-k", "Maximum length (tokens)"):
        expect(page.get_by_label(name).first).to_be_attached()
