"""The Translate tab in Chromium: what people do there."""

import contextlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of
from tests.tabs.translate.translator import Translator

SECOND = "See https://example.com for <b>3</b> rooms."
LETTER = f"# Dear {{name}}\n\n{SECOND}\n\nSee you soon."


def fill(page: Page, text: str) -> None:
    page.locator("#translate-input textarea").fill(text)


def result(page: Page) -> str:
    return page.locator("#translate-result textarea").input_value()


def row(page: Page, place: int) -> Locator:
    return page.locator(f'#translate-segments [data-place="{place}"]')


def done(page: Page) -> None:
    expect(page.locator("#translate-stop")).to_be_hidden()


def test_a_long_text_is_translated_checked_mended_and_saved(serve: Serve, open_tab: OpenTab):
    lost = FakeEngine(["On y va."])
    engine = Translator(**{SECOND: lost})
    page = open_tab(serve(host_of(engine)), "Translate")
    fill(page, LETTER)
    expect(page.locator("#translate-found")).to_contain_text("English")
    page.locator("#translate-go").click()
    checks = page.locator("#translate-checks")
    expect(checks).to_contain_text("https://example.com was missing: put back at the end of the sentence")
    expect(checks).to_contain_text("the tag <b> is missing")
    expect(checks).to_contain_text("the number 3 is missing")
    done(page)
    assert result(page).startswith("# T:Dear {name}\n\nOn y va https://example.com.")

    page.locator("#translate-put-back").click()
    expect(page.locator("#translate-result textarea")).to_have_value(re.compile("<b>"))
    expect(checks).not_to_contain_text("the tag")
    expect(checks).not_to_contain_text("was missing")
    expect(page.locator("#translate-put-back")).to_be_hidden()

    lost.words = ["Voir https://example.com pour <b>3</b> chambres."]
    second = row(page, 1)
    expect(second.locator(".segment-source")).to_have_text(SECOND)
    second.get_by_role("button", name="Translate again").click()
    expect(checks).to_contain_text("Checked: no code")
    expect(second.locator(".segment-versions")).to_have_text("‹2/2›")
    second.get_by_role("button", name="Previous version").click()
    expect(second.locator(".segment-text")).to_contain_text("On y va")

    checks.get_by_role("button", name="the number 3 is missing").click()
    edit = second.locator("textarea")
    expect(edit).to_be_focused()
    edit.fill("Voir https://example.com : <b>3</b> chambres.")
    edit.press("Control+Enter")
    expect(page.locator("#translate-result textarea")).to_have_value(re.compile("com : <b>3</b> chambres"))
    expect(row(page, 2).locator("textarea")).to_be_focused()
    row(page, 2).locator("textarea").fill("Nothing of the kind")
    row(page, 2).locator("textarea").press("Escape")
    expect(row(page, 2).locator(".segment-text")).to_be_focused()
    assert "Nothing of the kind" not in result(page)
    with page.expect_download() as download:
        page.locator("#translate-save").click()
    assert Path(download.value.path()).read_text("utf-8") == result(page)


def test_a_glossary_reaches_the_prompt_and_missing_terms_are_shown(serve: Serve, open_tab: OpenTab):
    engine = Translator()
    page = open_tab(serve(host_of(engine)), "Translate")
    page.get_by_role("button", name="Style, tone and glossary").click()
    page.locator("#translate-glossary textarea").fill("library = bibliothèque")
    fill(page, "The library is open.")
    page.locator("#translate-go").click()
    expect(page.locator("#translate-checks")).to_contain_text("bibliothèque")
    assert "bibliothèque" in "".join(message.content for message in engine.asked[0][0])
    page.reload()
    page.get_by_role("tab", name="Translate", exact=True).first.click()
    page.get_by_role("button", name="Style, tone and glossary").click()
    expect(page.locator("#translate-glossary textarea")).to_have_value("library = bibliothèque")


def test_subtitles_come_back_with_their_times(serve: Serve, open_tab: OpenTab, tmp_path: Path):
    times = ["00:00:01,000 --> 00:00:02,500", "00:00:03,000 --> 00:00:04,000"]
    path = tmp_path / "film.srt"
    path.write_text(f"1\n{times[0]}\nGood morning.\n\n2\n{times[1]}\nGood night.\n", "utf-8")
    page = open_tab(serve(host_of(Translator())), "Translate")
    page.locator("#translate-from").get_by_role("tab", name="File").click()
    page.locator("#translate-file input[type=file]").set_input_files(path)
    expect(page.locator("#translate-facts")).to_contain_text("film.srt: 2")
    page.locator("#translate-go-file").click()
    expect(page.locator("#translate-result textarea")).to_have_value(re.compile("T:Good night"))
    done(page)
    expect(row(page, 0).locator(".segment-text")).to_have_text("T:Good morning.")
    page.reload()  # what the browser kept is as good
    page.get_by_role("tab", name="Translate", exact=True).click()
    expect(row(page, 0).locator(".segment-text")).to_have_text("T:Good morning.")
    expect(page.locator("#translate-result textarea")).to_have_value(re.compile("T:Good night"))
    with page.expect_download() as download:
        page.locator("#translate-save").click()
    assert download.value.suggested_filename.endswith(".srt")
    saved = Path(download.value.path()).read_text("utf-8")
    assert all(time in saved for time in times)
    assert "T:Good morning." in saved


def test_stop_keeps_what_there_is_and_the_rest_can_follow(serve: Serve, open_tab: OpenTab):
    slow = FakeEngine(["never"], steps=0)
    page = open_tab(serve(host_of(Translator(**{"Second one here.": slow}))), "Translate")
    fill(page, "First one here.\n\nSecond one here.")
    page.locator("#translate-go").click()
    expect(page.locator("#translate-result textarea")).to_have_value(re.compile("T:First"))
    page.locator("#translate-stop").click()
    expect(page.locator("#translate-status")).to_contain_text("1 of 2 segments is not translated")
    page.get_by_label("Only what needs checking").check()
    expect(page.locator("#translate-segments li")).to_have_count(1)
    expect(page.locator("#translate-segments .segment-source")).to_have_text("Second one here.")
    slow.words = ["Deuxième."]
    for _ in range(9):
        slow.steps.release()
    page.locator("#translate-rest").click()
    expect(page.locator("#translate-result textarea")).to_have_value("T:First one here.\n\nDeuxième.")
    done(page)


def refused(page: Page, button: str) -> None:
    """Presses a button that has to wait for the end of the run, whose own news may come right after the refusal."""
    for _ in range(5):
        page.locator(button).click()
        with contextlib.suppress(AssertionError):
            expect(page.locator("#translate-status")).to_contain_text("Stop it first", timeout=10_000)
            return
    raise AssertionError("It was not refused.")


def test_an_edit_during_a_run_stays_and_so_does_stop(serve: Serve, open_tab: OpenTab):
    slow = FakeEngine(["Deux ", "mots."], steps=1)
    page = open_tab(serve(host_of(Translator(**{"Second one here.": slow}))), "Translate")
    fill(page, "First one here.\n\nSecond one here.\n\nThird one here.")
    page.locator("#translate-go").click()
    text, stop = page.locator("#translate-result textarea"), page.locator("#translate-stop")
    expect(text).to_have_value(re.compile("Deux$"))
    row(page, 0).locator(".segment-text").click()
    row(page, 0).locator("textarea").fill("Le premier.")
    row(page, 0).get_by_role("button", name="Apply").click()
    expect(text).to_have_value("Le premier.\n\nDeux")
    refused(page, '[data-place="0"] [data-do="retry"]')
    expect(stop).to_be_visible()
    expect(page.locator("#translate-go")).to_be_hidden()
    slow.steps.release()
    expect(text).to_have_value("Le premier.\n\nDeux mots.\n\nT:Third one here.")
    done(page)


def test_what_the_server_has_forgotten_is_told_and_stays_on_the_page(
    serve: Serve, open_tab: OpenTab, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qwen_ui.page.shell.KEPT", 1)
    url = serve(host_of(Translator()))
    page = open_tab(url, "Translate")
    fill(page, "First one here.\n\nSecond one here.")
    page.locator("#translate-go").click()
    done(page)
    second, status = row(page, 1), page.locator("#translate-status")
    second.locator(".segment-text").click()
    second.locator("textarea").fill("La seconde.")
    open_tab(url, "Translate")  # another visitor takes the only place
    for button in ('[data-place="1"] [data-do="apply"]', '[data-place="1"] [data-do="retry"]', "#translate-back"):
        page.locator(button).click()
        expect(status).to_contain_text("no longer has this translation")
        page.locator("#translate-status").evaluate("status => status.firstElementChild?.replaceChildren()")
    expect(second.locator(".segment-text")).to_have_text("La seconde.")
    assert result(page) == "T:First one here.\n\nT:Second one here."
    with page.expect_download() as download:
        page.locator("#translate-save").click()
    assert Path(download.value.path()).read_text("utf-8") == result(page)
    page.locator("#translate-go").click()
    expect(page.locator("#translate-result textarea")).to_have_value("T:First one here.\n\nT:Second one here.")
    expect(status).to_contain_text("2 segments")


def test_swapping_takes_the_translation_over(serve: Serve, open_tab: OpenTab):
    page = open_tab(serve(host_of(FakeEngine(["Il fait beau aujourd'hui."]))), "Translate")
    source = page.locator("#translate-source input")
    source.focus()
    page.keyboard.press("Tab")
    expect(source).not_to_be_focused()
    expect(source).to_have_attribute("aria-expanded", "false")  # its list does not stay open over what comes next
    fill(page, "The weather is nice today.")
    page.locator("#translate-go").click()
    expect(page.locator("#translate-result textarea")).to_have_value("Il fait beau aujourd'hui.")
    done(page)
    page.locator("#translate-swap").click()
    expect(page.locator("#translate-input textarea")).to_have_value("Il fait beau aujourd'hui.")
    expect(page.locator("#translate-target input")).to_have_value(re.compile("English"))
    expect(page.locator("#translate-source input")).to_have_value(re.compile("Français"))


def test_a_phone_shows_it_in_chinese_without_scrolling_sideways(serve: Serve, open_tab: OpenTab, prompts: Path):
    (prompts / "translate" / "bad.prompty").write_text("---\nname: x\n---\nuser:\n{{ x", "utf-8")
    page = open_tab(serve(host_of(Translator())), "翻译", locale="zh-CN", viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="风格").click()
    expect(page.locator("#translate-template input")).to_have_value("通用翻译")
    expect(page.locator("#translate-template-note")).to_contain_text("忠实、自然的译文")
    expect(page.locator("#translate-target input")).to_have_value("English · 英语")
    expect(page.locator("#translate-template-note")).to_contain_text("translate/bad.prompty:5")
    fill(page, "Good morning, my friends.")
    page.locator("#translate-go").click()
    expect(page.locator("#translate-status")).to_contain_text("token")
    done(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
