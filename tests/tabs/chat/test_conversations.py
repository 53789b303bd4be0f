"""The list of conversations in Chromium over a fake engine: what is kept, found, put back, and in which window."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.fakes import FakeEngine
from tests.pages import OpenPage, Serve, host_of

ENGINE = FakeEngine()
EVIL = "<img src=x onerror=document.title='cracked'>"


@pytest.fixture(scope="module")
def url(serve_module: Serve) -> Iterator[str]:
    yield serve_module(host_of(ENGINE))


def ready(page: Page) -> Page:
    """Once what the browser kept is there."""
    expect(page.locator("#send")).to_be_enabled()
    expect(page.locator("#assistant-note, #chat-settings > button:not(.open)").first).to_be_attached()
    page.wait_for_function("() => window.qwenChats?.begun")
    return page


def box(page: Page) -> Locator:
    return page.locator("#message textarea")


def ask(page: Page, text: str) -> None:
    box(page).fill(text)
    box(page).press("Enter")
    expect(page.get_by_test_id("user").last).to_have_text(text)
    expect(page.locator("#conversation .took").last).to_contain_text("Echo-1B")
    expect(page.locator("#stop")).to_be_hidden()


def titles(page: Page) -> Locator:
    return page.locator("#chats [data-part=list] [data-do=open]")


def of_entry(page: Page, title: str, does: str) -> Locator:
    entry = page.locator("#chats [data-part=list] li", has_text=title)
    entry.hover()
    return entry.locator(f"[data-do={does}]")


def choose(page: Page, way: str) -> None:
    page.locator("#chat-export input").click()
    page.get_by_role("option", name=way).click()


def said(page: Page) -> Locator:
    return page.get_by_test_id("user")


def test_who_asks_before_all_of_the_page_is_there_sees_the_whole_answer(url: str, browser: Browser):
    config = httpx.get(f"{url}config").json()
    (list_,) = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "chats"]
    (furnish,) = [each["id"] for each in config["dependencies"] if list_ in each["outputs"]]
    held = list[Route]()

    def hold(route: Route) -> None:
        late = not held and f'"fn_index":{furnish},' in (route.request.post_data or "")
        held.append(route) if late else route.continue_()

    with closing(browser.new_context(locale="en-US")) as context:
        page = context.new_page()
        page.route("**/gradio_api/**", hold)
        page.goto(url)
        expect(page.locator("#send")).to_be_enabled()
        box(page).fill("Am I too quick?")
        box(page).press("Enter")
        expect(page.locator("#chat-status")).to_contain_text("tokens/s")
        held[0].continue_()
        expect(titles(page)).to_have_text(["Am I too quick?"])
        expect(page.locator("#conversation .took")).to_contain_text("Echo-1B")
        ready(page).reload()
        expect(page.locator("#conversation .took")).to_contain_text("Echo-1B")


def test_conversations_are_put_away_found_renamed_pinned_and_come_back(url: str, open_page: OpenPage):
    page = ready(open_page(url))
    choose(page, "This one as JSON")
    expect(page.locator("#chat-status")).to_contain_text("There is nothing to export yet")
    ask(page, EVIL)
    expect(titles(page)).to_have_text([EVIL])
    expect(page).to_have_title("Qwen UI")
    page.keyboard.press("Control+Shift+O")
    expect(said(page)).to_have_count(0)
    ask(page, "About rivers")
    page.get_by_role("button", name="Retry").last.click()
    expect(page.locator("#conversation .versions")).to_contain_text("2/2")
    expect(page.locator("#stop")).to_be_hidden()
    ask(page, "The Loire is long")
    page.locator("#conversation .versions button").first.click()  # what names the Loire is on another branch now
    expect(said(page)).to_have_text(["About rivers"])
    expect(titles(page)).to_have_text(["About rivers", EVIL])

    of_entry(page, "About rivers", "rename").click()
    page.keyboard.type("Water <b>")
    page.keyboard.press("Enter")
    expect(titles(page).first).to_have_text("Water <b>")
    of_entry(page, EVIL, "pin").click()
    expect(titles(page)).to_have_text([EVIL, "Water <b>"])
    titles(page).first.click()
    expect(said(page)).to_have_text([EVIL])
    page.reload()
    ready(page)
    expect(said(page)).to_have_text([EVIL])
    expect(page.locator("#conversation .took")).to_contain_text(re.compile(r"Echo-1B · .* · \d+ tokens? · .* tokens/s"))

    page.locator("#chats [data-part=search]").fill("the loire")
    hit = page.locator("#chats [data-part=hits] button", has_text="Water <b>")
    expect(hit.locator("mark").first).to_have_text("The Loire")
    hit.first.click()
    expect(said(page)).to_have_text(["About rivers", "The Loire is long"])
    expect(page.locator("#conversation .message-row.found")).to_contain_text("The Loire is long")
    page.locator("#chats [data-part=search]").fill("")

    of_entry(page, "Water <b>", "delete").click()
    expect(said(page)).to_have_count(0)
    expect(titles(page)).to_have_text([EVIL])
    page.locator("#chats [data-do=undo]").click()
    expect(titles(page)).to_have_text([EVIL, "Water <b>"])
    expect(said(page)).to_have_text(["About rivers", "The Loire is long"])
    page.locator("#conversation .turn").get_by_role("button", name="Delete this version").click()
    expect(said(page)).to_have_text(["About rivers"])
    expect(page.locator("#conversation .versions")).to_have_count(0)
    page.locator("#chats [data-do=undo]").click()
    expect(said(page)).to_have_text(["About rivers", "The Loire is long"])
    page.locator("#conversation .turn").nth(1).get_by_role("button", name="Fork").click()
    expect(said(page)).to_have_text(["About rivers"])
    expect(titles(page)).to_have_count(3)


def test_each_window_has_its_own_and_a_copy_of_one_loses_nothing(url: str, open_page: OpenPage):
    one = ready(open_page(url))
    ask(one, "in the first window")
    two = one.context.new_page()
    two.goto(url)
    ready(two)
    expect(said(two)).to_have_count(0)
    ask(two, "in the second window")
    expect(titles(one)).to_have_text(["in the second window", "in the first window"])
    for page, text in ((one, "in the first window"), (two, "in the second window")):
        page.reload()
        ready(page)
        expect(said(page)).to_have_text([text])
    titles(two).last.click()
    expect(said(two)).to_have_text(["in the first window"])
    ask(one, "on in the first")
    ask(two, "on in the second")
    expect(two.locator("#chats [data-trouble=copied]")).to_be_visible()
    expect(titles(two)).to_have_count(3)
    two.reload()
    ready(two)
    expect(said(two)).to_have_text(["in the first window", "on in the second"])
    one.reload()
    ready(one)
    expect(said(one)).to_have_text(["in the first window", "on in the first"])


def test_who_leaves_while_it_is_kept_finds_it_and_what_another_window_did_since_is_not_lost(
    url: str, open_page: OpenPage
):
    page = ready(open_page(url))
    ask(page, "Which river is it?")
    expect(titles(page)).to_have_count(1)
    grow = """const nodes = [0, 1, 2].map((id) => ({...tree.nodes[id % 2], id, after: id ? id - 1 : null,
      next: id < 2 ? id + 1 : null, content: id < 2 ? tree.nodes[id].content : "And which sea?"}));"""
    page.evaluate(f"""async () => {{
      const tree = await qwenChats.load(qwenChats.here);
      {grow}
      qwenChats.save({{...tree, nodes}});
      location.reload(); // at once
    }}""")
    expect(said(page)).to_have_text(["Which river is it?", "And which sea?"])
    expect(titles(page)).to_have_count(1)
    page.evaluate("""async () => {
      const tree = await qwenChats.load(qwenChats.here);
      const nodes = tree.nodes.slice(0, 2).map((node) => ({...node, next: node.id ? null : 1}));
      sessionStorage.setItem("qwen-ui-chat-unkept", JSON.stringify({value: {...tree, nodes}, since: 1}));
      location.reload();
    }""")
    expect(titles(page)).to_have_count(2)
    expect(said(page)).to_have_text(["Which river is it?"])


def test_all_is_exported_and_read_again(url: str, open_page: OpenPage, tmp_path: Path):
    page = ready(open_page(url))
    page.locator("#system textarea").fill("Be a parrot.")
    page.locator("#system textarea").blur()
    ask(page, "one")
    page.locator("#new-chat").click()
    expect(said(page)).to_have_count(0)
    ask(page, "two")
    with page.expect_download() as download:
        choose(page, "All as JSON")
    file = tmp_path / "all.json"
    download.value.save_as(file)
    document = json.loads(file.read_text("utf-8"))["conversations"][0]
    assert (document["title"], document["model"], len(document["tree"]["nodes"])) == ("two", "fake/Echo-1B", 2)
    assert document["settings"]["system"] == "Be a parrot."

    other = ready(open_page(url))
    again = file.with_name("again.json")
    again.write_bytes(file.read_bytes())
    for each in (file, again):  # what is there already is not added again
        other.locator("#chat-head input[type=file]").set_input_files(each)
        expect(other.locator("#chat-status")).to_contain_text("This file holds 2 conversations")
        other.locator("#open-among input").click()
        other.get_by_role("option", name="All 2 conversations").click()
        expect(other.locator("#chat-status")).to_contain_text("2 conversations imported")
        expect(titles(other)).to_have_count(2)
    titles(other).last.click()
    expect(said(other)).to_have_text(["one"])
    expect(other.locator("#system textarea")).to_have_value("Be a parrot.")


def test_what_the_browser_cannot_keep_is_said(url: str, open_page: OpenPage):
    page = ready(open_page(url))
    page.evaluate(
        "() => { IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError') } }"
    )
    ask(page, "too much")
    expect(page.locator("#chats [data-trouble=full]")).to_be_visible()
    page.context.add_init_script("indexedDB.open = () => { throw new DOMException('private', 'SecurityError') }")
    page.reload()
    ready(page)
    expect(page.locator("#chats [data-trouble=none]")).to_be_visible()
    ask(page, "still here")
    page.reload()
    ready(page)
    expect(said(page)).to_have_text(["too much", "still here"])  # the window held it


def test_on_a_phone_the_list_is_a_drawer_and_keys_do_what_the_help_says(url: str, open_page: OpenPage):
    page = ready(open_page(url, viewport={"width": 390, "height": 844}, has_touch=True, locale="zh-CN"))
    expect(page.locator("#chats")).to_be_hidden()
    page.locator("#chat-title [data-do=list]").click()
    expect(page.locator("#chats [data-part=search]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#chats")).to_be_hidden()
    page.locator("#chat-title [data-do=list]").click()
    page.mouse.click(380, 400)
    expect(page.locator("#chats")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.keyboard.press("?")
    expect(page.locator(".keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".keys")).to_be_hidden()

    assert page.locator("#conversation").evaluate("each => each.offsetHeight") > 844 * 2 / 3
    before = box(page).bounding_box()
    box(page).fill("\n".join(map(str, range(300))))
    expect(page.locator("#send")).to_be_in_viewport()
    grown = box(page).bounding_box()
    assert before
    assert grown
    assert before["height"] < grown["height"] <= 0.4 * 844 + 1
    box(page).fill("")
    page.wait_for_function(
        "height => document.querySelector('#message textarea').offsetHeight <= height", arg=before["height"] + 1
    )
    ask(page, "first")
    box(page).press("ArrowUp")
    editor = page.locator("textarea.edit-textarea")
    expect(editor).to_have_value("first")
    editor.fill("second")
    editor.press("Control+Enter")
    expect(said(page)).to_have_text(["second"])
    expect(page.locator("#stop")).to_be_hidden()
    ENGINE.steps._value = 0
    box(page).fill("wait")
    page.locator("#chat-title [data-do=list]").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#stop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#stop")).to_be_hidden()
    ENGINE.steps._value = 1_000_000
    expect(page.locator("#chat-status")).to_contain_text("还没写出第一个字就停止了")
    expect(page.locator("#conversation .turn [data-event=retry]")).to_be_visible()
