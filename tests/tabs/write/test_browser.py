"""The Write tab in Chromium: what people do there."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of


def done(page: Page) -> None:
    """Waits until everything that was asked for is written."""
    expect(page.locator("#write-stop")).to_be_hidden()


def box(page: Page, number: str = "") -> str:
    return page.locator(f"#write-result{number} textarea").input_value()


def test_three_versions_are_written_side_by_side(serve: Serve, open_tab: OpenTab, embedded_host: EngineHost):
    page = open_tab(serve(embedded_host), "Write")
    page.locator("#write-input textarea").fill("Once upon a time, a fox")
    page.get_by_label("3", exact=True).check()
    length = page.locator("#write-words input[type=number]")
    length.fill("10")
    length.blur()
    page.locator("#write-send").click()
    for number in ("", "-2", "-3"):
        expect(page.locator(f"#write-result{number} textarea")).to_have_value(re.compile(r"\S"))
    expect(page.locator("#write-result-4")).to_be_hidden()
    done(page)
    expect(page.locator(".write-line").nth(2)).to_contain_text(re.compile(r"\d+ tokens"))
    tops = [page.locator(f"#write-result{number}").bounding_box() for number in ("", "-2", "-3")]
    assert len({top["y"] for top in tops if top}) == 1


def test_one_version_goes_on_and_the_others_stay(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine([" It", " was"]))), "Write")
    page.locator("#write-input textarea").fill("A fox")
    page.get_by_label("2", exact=True).check()
    page.locator("#write-send").click()
    expect(page.locator("#write-result-2 textarea")).to_have_value(" It was")
    done(page)
    page.get_by_role("button", name="Continue").nth(1).click()
    expect(page.locator("#write-result-2 textarea")).to_have_value(" It was It was")
    assert box(page) == " It was"


def test_going_on_is_stopped(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["It", " was", " late"], steps=2)
    page = open_tab(serve(host_of(engine)), "Write")
    page.locator("#write-input textarea").fill("A fox")
    page.locator("#write-send").click()
    expect(page.locator("#write-result textarea")).to_have_value("It was")
    page.locator("#write-stop").click()
    done(page)
    page.get_by_role("button", name="Continue").first.click()
    page.locator("#write-stop").click()
    done(page)
    expect(page.locator("#write-result textarea")).to_have_value("It was")


def test_a_version_is_inserted_undone_and_downloaded(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine([" and ", "dark."]))), "Write")
    text = page.locator("#write-input textarea")
    text.fill("It was late")
    page.locator("#write-send").click()
    expect(page.locator("#write-result textarea")).to_have_value(" and dark.")
    done(page)
    page.get_by_role("button", name="Insert").first.click()
    expect(text).to_have_value("It was late and dark.")
    page.locator("#write-undo").click()
    expect(text).to_have_value("It was late")
    for name in (".txt", ".md"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).first.click()
        assert download.value.suggested_filename == f"qwen-ui-text{name}"
        assert Path(download.value.path()).read_text("utf-8") == " and dark."


def test_an_example_fills_the_fields_and_bad_input_loses_nothing(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["好"])
    page = open_tab(serve(host_of(engine)), "Write")
    page.locator("#write-examples").get_by_text("续写").click()
    text = page.locator("#write-input textarea")
    expect(text).to_have_value(re.compile("很久很久以前"))
    expect(page.locator("#write-template input")).to_have_value(re.compile("^续写"))
    expect(page.locator("#write-examples")).to_be_hidden()
    page.locator("#write-send").click()
    expect(page.locator("#write-result textarea")).to_have_value("好")
    done(page)
    text.fill("  ")
    page.locator("#write-send").click()
    expect(page.locator("#write-status")).to_contain_text("Write something first")
    assert box(page) == "好"
    assert len(engine.asked) == 1


def test_a_phone_shows_it_in_chinese_without_scrolling_sideways(serve: Serve, open_tab: OpenTab, prompts: Path):
    (prompts / "write" / "bad.prompty").write_text("---\nname: x\n---\nuser:\n{{ x", "utf-8")
    url = serve(host_of(FakeEngine(["很久" * 200])))
    page = open_tab(url, "写作", locale="zh-CN", viewport={"width": 390, "height": 844})
    expect(page.locator("#write-template input")).to_have_value(re.compile("^续写"))
    expect(page.locator("#write-template-note")).to_contain_text("write/bad.prompty:5：")
    page.locator("#write-input textarea").fill("从前")
    page.get_by_label("2", exact=True).check()
    page.locator("#write-send").click()
    expect(page.locator("#write-result-2 textarea")).to_have_value(re.compile("很久"))
    done(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_rewritten_version_keeps_its_earlier_texts_also_over_a_reload(serve: Serve, open_tab: OpenTab):
    engine = FakeEngine(["One."])
    page = open_tab(serve(host_of(engine)), "Write")
    result = page.locator("#write-result textarea")
    page.locator("#write-input textarea").fill("A fox")
    page.locator("#write-send").click()
    expect(result).to_have_value("One.")
    done(page)
    result.fill("One, edited.")
    engine.words = ["Two."]
    page.get_by_role("button", name="Rewrite").first.click()
    expect(result).to_have_value("Two.")
    done(page)
    expect(page.locator(".write-texts").first).to_contain_text("2 / 2")
    page.get_by_role("button", name="‹ Earlier").first.click()
    expect(result).to_have_value("One, edited.")
    page.evaluate("window.qwenKept.load('write')")  # comes after what is being kept
    page.reload()
    expect(result).to_have_value("One, edited.")
    page.get_by_role("button", name="Later ›").first.click()
    expect(result).to_have_value("Two.")
    expect(page.locator("#write-send")).to_be_enabled()
    page.get_by_role("button", name="Continue").first.click()
    expect(result).to_have_value("Two. Two.")
