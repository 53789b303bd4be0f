"""The page over a fake engine, where the test conducts what happens: openings, lines, failures, prompt files."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qwen_ui.errors import Busy, EngineFailed, ModelNotFound
from qwen_ui.models.progress import Progress
from tests.fakes import FakeEngine
from tests.pages import OpenPage, Stage


def say(page: Page, text: str) -> None:
    page.locator("#message textarea").fill(text)
    page.locator("#message textarea").press("Enter")


def box(page: Page) -> str:
    return page.locator("#message textarea").input_value()


def test_the_page_opens_before_the_model_is_ready(stage: Stage, open_page: OpenPage):
    stage.report(Progress("fetching", "model.gguf", 49_000_000, 98_000_000))
    page = open_page(stage.url)
    panel = page.locator("#opening")
    expect(panel).to_contain_text("Fetching model.gguf")
    expect(panel).to_contain_text("49.0 MB of 98.0 MB")
    expect(page.locator("#send")).to_be_disabled()

    say(page, "too early")
    expect(page.locator("#chat-status")).to_contain_text("still being prepared")
    assert box(page) == "too early"

    stage.report(Progress("loading", "Echo-1B"))
    expect(panel).to_contain_text("Loading Echo-1B")
    stage.settle(FakeEngine(["Good ", "day"]))
    expect(page.locator("#model")).to_contain_text("Echo-1B · 4-bit · cpu")
    expect(panel).to_have_text("")
    page.locator("#send").click()
    expect(page.get_by_test_id("bot")).to_have_text("Good day")


def test_a_model_that_will_not_load_says_why(stage: Stage, open_page: OpenPage):
    page = open_page(stage.url, locale="zh-CN")
    expect(page.locator("#opening")).to_contain_text("正在为这台机器选择模型")
    stage.settle(ModelNotFound("There is no folder /models/<b>x</b>. Give the folder of a model."))
    alert = page.locator("#opening").get_by_role("alert")
    expect(alert).to_contain_text("没有可用的模型")
    expect(alert).to_contain_text("There is no folder /models/<b>x</b>.")
    expect(page.locator("#send")).to_be_disabled()


def test_the_position_in_the_queue_is_shown_while_waiting(stage: Stage, open_page: OpenPage):
    stage.settle(FakeEngine(["never"], steps=0, positions=[3]))
    page = open_page(stage.url)
    expect(page.locator("#send")).to_be_enabled()
    say(page, "hello")
    expect(page.locator("#chat-status")).to_contain_text("Position 3 in the queue")
    page.locator("#stop").click()
    expect(page.locator("#chat-status")).to_contain_text("stopped")


def test_a_refused_message_comes_back_into_the_box(stage: Stage, open_page: OpenPage):
    stage.settle(FakeEngine([], error=Busy("Too many are waiting. Try again in a minute.")))
    page = open_page(stage.url)
    say(page, "a long story")
    expect(page.locator("#chat-status").get_by_role("alert")).to_contain_text("Too many are waiting.")
    expect(page.locator("#message textarea")).to_have_value("a long story")
    expect(page.get_by_test_id("user")).to_have_count(0)


def test_an_answer_that_breaks_off_stays(stage: Stage, open_page: OpenPage):
    stage.settle(FakeEngine(["half an answer"], error=EngineFailed("The loop died. Try again.")))
    page = open_page(stage.url)
    say(page, "hello")
    expect(page.locator("#chat-status").get_by_role("alert")).to_contain_text("The loop died.")
    expect(page.get_by_test_id("bot")).to_have_text("half an answer")


def test_what_is_typed_while_an_answer_is_written_stays(stage: Stage, open_page: OpenPage):
    engine = FakeEngine(["first ", "second"], steps=1)
    stage.settle(engine)
    page = open_page(stage.url)
    say(page, "hello")
    expect(page.get_by_test_id("bot")).to_have_text("first")
    say(page, "next question")
    page.locator("#stop").click()
    expect(page.locator("#chat-status")).to_contain_text("stopped")
    assert box(page) == "next question"
    expect(page.get_by_test_id("user")).to_have_count(1)


@pytest.mark.parametrize("wait", ["", "half"], ids=["at once", "later"])
def test_a_new_chat_in_the_middle_of_an_answer_is_empty_and_ready(stage: Stage, open_page: OpenPage, wait: str):
    stage.settle(FakeEngine(["half ", "never"], steps=1))
    page = open_page(stage.url)
    say(page, "hello")
    expect(page.get_by_test_id("user")).to_have_count(1)
    if wait:
        expect(page.get_by_test_id("bot")).to_have_text(wait)
    page.locator("#new-chat").click()
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.get_by_test_id("user")).to_have_count(0)
    page.wait_for_timeout(1000)  # nothing of the answer comes back
    expect(page.get_by_test_id("user")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("What can I help with?")).to_be_visible()


def test_html_and_markdown_are_shown_as_typed_and_nothing_is_fetched(stage: Stage, open_page: OpenPage):
    evil = (
        "![x](http://outside.example/x.png) <img src=http://outside.example/y.png onerror=document.title='cracked'>"
        "<script>document.title='cracked'</script><style>@import url(http://outside.example/z.css)</style>"
        '<iframe src=http://outside.example></iframe>\n\n```mermaid\ngraph TD\n A@{img: "http://outside.example"}\n```'
    )
    stage.settle(FakeEngine([evil, "\n\n```python\ndef f():\n    return '<b>'\n```\n\n$$x^2$$"]))
    requests: list[str] = []
    page = open_page(stage.url)
    page.on("request", lambda request: requests.append(request.url))
    page.reload()
    typed = (
        "<b>not bold</b> **stars**\n\n    <script>document.title='cracked'</script> ![u](http://outside.example/u.png)"
    )
    say(page, typed)
    expect(page.locator("#chat-status")).to_contain_text("tokens")
    assert page.get_by_test_id("user").inner_text() == typed
    answer = page.get_by_test_id("bot")
    expect(answer).to_contain_text("<script>document.title='cracked'</script>")
    expect(answer.locator("pre code").last).to_have_text("def f():\n    return '<b>'\n")
    expect(answer.locator(".katex").first).to_be_visible()
    expect(answer.locator("img, iframe, script, style, svg.flowchart")).to_have_count(0)
    assert page.title() == "Qwen UI"
    assert requests
    assert not [url for url in requests if not url.startswith((stage.url, "data:", "blob:"))]


PIRATE = """---
name: Pirate
language: en
model:
  options: {temperature: 1.5, max_new_tokens: 64}
---
system:
You are a pirate.
"""


def test_assistants_fill_in_their_settings_and_are_read_again_from_their_files(stage: Stage, open_page: OpenPage):
    engine = FakeEngine()
    stage.settle(engine)
    page = open_page(stage.url)
    system = page.locator("#system textarea")
    expect(system).to_have_value(re.compile("helpful assistant"))
    page.locator("#assistant input").click()
    page.get_by_role("option", name="Tutor").click()
    expect(system).not_to_have_value(re.compile("helpful assistant"))

    (stage.prompts / "chat" / "pirate.prompty").write_text(PIRATE)
    (stage.prompts / "chat" / "editor.prompty").write_text("---\nname: [\n---\nsystem:\nx\n")
    page.locator("#message textarea").focus()
    page.locator("#assistant input").click()
    expect(page.locator("#assistant-note").get_by_role("alert")).to_contain_text("chat/editor.prompty:")
    expect(page.get_by_role("option", name="Writing editor")).to_have_count(0)
    page.get_by_role("option", name="Pirate").click()
    expect(system).to_have_value("You are a pirate.")
    expect(page.get_by_label("Temperature").first).to_have_value("1.5")

    say(page, "ahoy there")
    expect(page.get_by_test_id("bot")).to_have_text("ahoythere")
    messages, sampling = engine.asked[0]
    assert [(m.role, m.content) for m in messages] == [("system", "You are a pirate."), ("user", "ahoy there")]
    assert (sampling.temperature, sampling.max_new_tokens) == (1.5, 64)

    kept = page.evaluate("localStorage['qwen-ui-chat-settings']")
    system.fill("You are a parrot.")
    system.blur()
    page.wait_for_function("kept => localStorage['qwen-ui-chat-settings'] !== kept", arg=kept)
    page.reload()
    expect(system).to_have_value("You are a parrot.")
    expect(page.locator("#assistant input")).to_have_value("Pirate")


def test_of_a_file_with_several_conversations_one_is_chosen_by_its_title(
    stage: Stage, open_page: OpenPage, tmp_path: Path
):
    stage.settle(FakeEngine(["ok"]))
    page = open_page(stage.url)
    expect(page.locator("#send")).to_be_enabled()
    file = tmp_path / "all.json"
    chats = [{"title": t, "messages": [{"role": "user", "content": f"About {t}"}]} for t in ("Rome", "Oslo", "Bern")]
    file.write_text(json.dumps(chats), "utf-16")
    upload, among = page.locator("#chat-head input[type=file]"), page.locator("#open-among")
    expect(among).to_be_hidden()
    upload.set_input_files(file)
    expect(page.locator("#chat-status")).to_contain_text("This file holds 3 conversations")
    for title in ("Oslo", "Rome"):
        among.locator("input").click()
        page.get_by_role("option", name=title).click()
        expect(page.get_by_test_id("user")).to_have_text(f"About {title}")
    packed = tmp_path / "all.zip"
    packed.write_bytes(b"PK\x03\x04")
    upload.set_input_files(packed)
    expect(page.locator("#chat-status")).to_contain_text("It is a ZIP archive")
    expect(page.get_by_test_id("user")).to_have_text("About Rome")
