"""The Fine-tune tab in Chromium, over a trainer that only replays what one tells."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of

FILE = "text,label\n" + "".join(f"film {row},{'good' if row % 2 else 'bad'}\n" for row in range(10))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    (path := tmp_path / "films.csv").write_text(FILE, "utf-8")
    return path


def upload(page: Page, path: Path) -> None:
    page.locator("#finetune-file input[type=file]").set_input_files(path)


def start(page: Page, name: str) -> None:
    page.locator("#finetune-name").locator("input, textarea").fill(name)
    page.locator("#finetune-start").click()


def likes(prompt: str, candidate: str) -> float:
    return float(candidate == " positive")


def test_from_a_file_to_an_adapter_that_is_watched_and_judged(
    serve: Serve, open_tab: OpenTab, films: Path, tmp_path: Path
):
    engine = FakeEngine(likes=likes)
    page = open_tab(serve(host_of(engine)), "Fine-tune")
    upload(page, films)
    expect(page.locator("#finetune-looked")).to_contain_text("1 row left out")
    expect(page.locator("#finetune-looked mark").last).to_have_text("<|im_end|>")
    expect(page.locator("#finetune-estimate")).to_contain_text("2.00 GB of 8.00 GB memory")
    page.locator("#finetune-pinned textarea").fill("What a film!")
    start(page, "films")
    expect(page.locator("#finetune-progress")).to_contain_text("Finished: the adapter is ready.")
    for plot in ("#finetune-losses", "#finetune-metrics", "#finetune-rates"):
        expect(page.locator(f"{plot} canvas, {plot} svg.marks")).to_be_visible()
    expect(page.locator("#finetune-norms img")).to_have_attribute(
        "alt", "6 layers over the steps 1 to 12. Now the strongest is 5: 0.5."
    )
    answers = page.locator("#finetune-answers dl > div")
    expect(answers.first).to_contain_text("Base model")
    expect(answers.nth(1)).to_contain_text("Step 12")
    expect(answers.nth(1)).to_contain_text("positive (73%) · negative (27%)")
    expect(page.locator("#finetune-outcome")).to_contain_text("+18.0")
    expect(page.locator("#finetune-outcome")).to_contain_text("1 row that the base got right is wrong now")
    page.locator("#finetune-prompt textarea").fill("Not bad")
    page.locator("#finetune-ask").click()
    expect(page.locator("#finetune-of-adapter textarea")).to_have_value("positive (73%) · negative (27%)")
    assert engine.adapters[-2:] in (["", "films"], ["films", ""])

    page.reload()
    page.get_by_role("tab", name="Fine-tune", exact=True).click()
    expect(page.locator("#finetune-progress")).to_contain_text("Finished: the adapter is ready.")
    expect(answers.nth(1)).to_contain_text("positive (73%)")

    with page.expect_download() as saved:
        page.locator("#finetune-download").click()
    assert zipfile.ZipFile(saved.value.path()).namelist() == [
        "films/adapter_config.json",
        "films/adapter_model.safetensors",
    ]
    with page.expect_download() as exported:
        page.locator("#finetune-export").click()
    assert zipfile.ZipFile(exported.value.path()).namelist() == ["films/config.json", "films/model.safetensors"]
    expect(page.locator("#finetune-result-status")).to_contain_text("The model is ready: films.zip")
    assert not list((tmp_path / "exports").iterdir())

    page.locator("#finetune-again").click()
    expect(page.locator("#finetune-file table")).to_contain_text("films")
    expect(page.locator("#finetune-looked")).to_contain_text("1 row left out")
    start(page, "films")
    expect(page.locator("#finetune-status")).to_contain_text("There is an adapter 'films' already")
    start(page, "films 2")
    expect(page.locator("#finetune-run input")).to_have_value(re.compile("^films 2 "))


def test_what_cannot_be_is_told_and_nothing_typed_is_lost(serve: Serve, open_tab: OpenTab, films: Path, tmp_path: Path):
    page = open_tab(serve(host_of(FakeEngine())), "Fine-tune")
    status = page.locator("#finetune-status").get_by_role("alert")
    start(page, "films")
    expect(status).to_contain_text("Not started: Add a file first.")
    (two := tmp_path / "two.csv").write_text("text,label\na,b\n", "utf-8")
    upload(page, two)
    expect(page.locator("#finetune-look-status").get_by_role("alert")).to_contain_text("two.csv has 2 rows")
    page.locator("#finetune-file").get_by_label("Clear").click()
    upload(page, films)
    expect(page.locator("#finetune-looked")).to_contain_text("1 row left out")
    page.locator(".finetune-section", has_text="What is trained").locator("button").first.click()
    page.locator("#finetune-rank input").fill("1000")
    start(page, "films")
    expect(status).to_contain_text("Rank must be a whole number from 1 to 256, not 1000.")
    page.locator("#finetune-rank input").fill("8")
    expect(page.locator("#finetune-estimate")).to_contain_text("The settings have changed")
    start(page, "huge")
    expect(status).to_contain_text("It takes about 900")
    expect(page.locator("#finetune-rank input")).to_have_value("8")
    start(page, "crash")
    expect(status).to_contain_text("Something went wrong on the server.")
    page.reload()
    page.get_by_role("tab", name="Fine-tune", exact=True).click()
    expect(page.locator("#finetune-name").locator("input, textarea")).to_have_value("crash")
    page.locator(".finetune-section", has_text="What is trained").locator("button").first.click()
    expect(page.locator("#finetune-rank input")).to_have_value("8")
    expect(page.locator("#finetune-alpha input")).to_have_value("32")


def test_a_run_can_be_stopped_continued_compared_and_deleted(serve: Serve, open_tab: OpenTab, films: Path):
    page = open_tab(serve(host_of(FakeEngine())), "Fine-tune")
    progress = page.locator("#finetune-progress")
    upload(page, films)
    start(page, "slow")
    expect(progress).to_contain_text("Step 6 of 12")
    start(page, "twice")
    expect(progress).to_contain_text("In the queue")
    page.locator("#finetune-run input").click()
    page.get_by_role("option", name="slow").click()
    page.locator("#finetune-stop").click()
    expect(progress).to_contain_text("Stopped: the best of it was kept.")
    page.locator("#finetune-run input").click()
    page.get_by_role("option", name="twice").click()
    expect(progress).to_contain_text("The training process was killed")
    page.locator("#finetune-continue").click()
    expect(progress).to_contain_text("Finished: the adapter is ready.")
    page.get_by_text("All runs", exact=True).click()
    expect(page.locator("#finetune-runs tbody tr")).to_have_count(2)
    for name in ("twice", "slow"):
        page.locator("#finetune-compare input").click()
        page.get_by_role("option", name=name).last.click()
    expect(page.locator("#finetune-compared canvas, #finetune-compared svg.marks")).to_be_visible()
    page.locator("#finetune-delete").click()
    expect(page.locator("#finetune-sure")).to_contain_text("Delete the run “twice”")
    page.locator("#finetune-delete-yes").click()
    expect(page.locator("#finetune-runs tbody tr")).to_have_count(1)


def test_a_phone_shows_it_in_chinese_without_scrolling_sideways(serve: Serve, open_tab: OpenTab, films: Path):
    page = open_tab(
        serve(host_of(FakeEngine())),
        "微调",
        locale="zh-CN",
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    upload(page, films)
    expect(page.locator("#finetune-looked")).to_contain_text("略去了 1 行")
    page.locator("#finetune-shape input").click()
    page.get_by_role("option", name="指令与回答").click()
    page.locator("#finetune-pinned textarea").fill("你好")
    start(page, "films")
    expect(page.locator("#finetune-outcome")).to_contain_text("它保留了多少基础模型的能力")
    expect(page.locator("#finetune-answers dd").first).to_have_text("你好")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    said = page.locator("body").inner_text()
    assert "\u2063" not in said
    assert "<p" not in said
