"""The Sentiment tab in Chromium: what people do there."""

import csv
import re
import threading
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from qwen_ui.decisions import judging
from qwen_ui.server.host import EngineHost
from qwen_ui.tabs.sentiment import results, rows
from tests.fakes import FakeEngine
from tests.pages import OpenTab, Serve, host_of

FILE = """review,label,day
the food was good,positive,2024-01-03
it broke,negative,2024-01-04
,positive,2024-01-05
good and cheap,negative,2024-02-05
bad value,negative,some day
too,many,values,here
"""


def likes(prompt: str, candidate: str) -> float:
    """Likes the label that a word of the prompt's last text stands for; the references hold no such word."""
    meant = {"good": "positive", "bad": "negative", "broke": "negative"}
    text = prompt.splitlines()[-2]
    label = next((label for word, label in meant.items() if word in text), "")
    return 3.0 if candidate.strip() == label else 0.0


def show_file(page: Page, path: Path, name: str = "File") -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    page.locator("#sentiment-file input[type=file]").set_input_files(path)
    expect(page.locator("#sentiment-facts")).to_contain_text(re.compile(r"\d"))


def test_a_text_is_judged_with_bars_and_the_calibration_is_said(
    serve: Serve, open_tab: OpenTab, embedded_host: EngineHost
):
    page = open_tab(serve(embedded_host), "Sentiment")
    expect(page.locator("#sentiment-labels textarea")).to_have_value("positive, neutral, negative")
    page.locator("#sentiment-examples").get_by_text("I love this product!").click()
    expect(page.locator("#sentiment-input textarea")).to_have_value("I love this product!")
    page.locator("#sentiment-go").click()
    expect(page.locator(".sentiment-label")).to_contain_text("positive")
    expect(page.locator(".sentiment-bars li")).to_have_count(3)
    expect(page.locator("#sentiment-status")).to_contain_text("corrected with 28 reference texts of “Reviews”")

    page.locator("#sentiment-input textarea").fill("Terrible, broke after a day.")
    page.locator("#sentiment-go").click()
    expect(page.locator(".sentiment-label")).to_contain_text("negative")

    page.locator("#sentiment-labels textarea").fill("only one")
    page.locator("#sentiment-go").click()
    expect(page.locator("#sentiment-status")).to_contain_text("2 to 20 labels")
    expect(page.locator("#sentiment-input textarea")).to_have_value("Terrible, broke after a day.")
    expect(page.locator(".sentiment-label")).to_contain_text("negative")


def test_a_file_with_true_labels_dates_and_rows_that_can_not_be_used(serve: Serve, open_tab: OpenTab, tmp_path: Path):
    path = tmp_path / "reviews.csv"
    path.write_text(FILE, "utf-8")
    page = open_tab(serve(host_of(FakeEngine(likes=likes))), "Sentiment")
    show_file(page, path)
    expect(page.locator("#sentiment-facts")).to_contain_text("4 rows to analyze · 2 rows skipped")
    for picker, column in (("column", "review"), ("truth", "label"), ("date", "day")):
        expect(page.locator(f"#sentiment-{picker} input")).to_have_value(column)
    page.locator("#sentiment-go-file").click()
    expect(page.locator("#sentiment-quality")).to_contain_text("Accuracy 75.0%")
    expect(page.locator(".confusion td.wrong", has_text="1")).to_have_count(1)
    expect(page.locator("#sentiment-undated")).to_contain_text("1 row with an unreadable date (6)")
    page.locator("#sentiment-bad summary").click()
    expect(page.locator("#sentiment-bad")).to_contain_text("Row 4: empty")
    expect(page.locator("#sentiment-bad")).to_contain_text("Row 7: 4 values for 3 columns")
    for chart in ("chart", "trend"):
        expect(page.locator(f"#sentiment-{chart} canvas, #sentiment-{chart} svg.marks").first).to_be_visible()

    judged = page.locator("#sentiment-table tbody tr")
    expect(page.locator("#sentiment-shown")).to_contain_text("4 rows")
    page.locator("#sentiment-show input").click()
    page.get_by_role("option", name="negative (2)").click()
    expect(page.locator("#sentiment-shown")).to_contain_text("2 rows")
    expect(judged.filter(has_text="good")).to_have_count(0)
    page.locator("#sentiment-search textarea, #sentiment-search input").fill("BROKE")
    expect(page.locator("#sentiment-shown")).to_contain_text("1 row")

    with page.expect_download() as download:
        page.locator("#sentiment-save").click()
    assert download.value.suggested_filename == "qwen-ui-sentiment.csv"
    lines = list(csv.DictReader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    predicted, why = ([line[name] for line in lines] for name in ("predicted label", "skipped because"))
    assert predicted == ["positive", "negative", "", "positive", "negative", ""]
    assert why == ["", "", "empty", "", "", "4 values for 3 columns"]
    assert lines[0]["review"] == "the food was good"

    page.evaluate("window.qwenKept.load('sentiment')")  # comes after what is being written
    page.reload()
    expect(page.locator("#send")).to_be_enabled()
    page.get_by_role("tab", name="Sentiment", exact=True).click()
    expect(page.locator("#sentiment-status")).to_contain_text("Restored the last analysis: 4 rows.")
    expect(page.locator("#sentiment-quality")).to_contain_text("Accuracy 75.0%")
    expect(page.locator("#sentiment-table tbody")).to_contain_text("the food was good")
    page.locator("#sentiment-bad summary").click()
    expect(page.locator("#sentiment-bad")).to_contain_text("Row 7: 4 values for 3 columns")


def test_a_workbook_with_sheets_and_numbers_for_labels(serve: Serve, open_tab: OpenTab, tmp_path: Path):
    path = tmp_path / "reviews.xlsx"
    book = openpyxl.Workbook()
    book.worksheets[0].append(["Survey of May"])
    rows = [
        ["Results of May"],
        ["review", "label", "day"],
        ["good food", 1, "28.03.2024"],
        ["it broke", 0, "01.04.2024"],
    ]
    for title in ("Shop", "Web"):
        sheet = book.create_sheet(title)
        for row in rows if title == "Shop" else rows[:3]:
            sheet.append(row)
    book.save(path)
    page = open_tab(serve(host_of(FakeEngine(likes=likes))), "Sentiment")
    show_file(page, path)
    expect(page.locator("#sentiment-sheet input")).to_have_value("Shop")
    expect(page.locator("#sentiment-facts")).to_contain_text("2 rows to analyze")
    expect(page.locator("#sentiment-meanings input, #sentiment-meanings textarea")).to_have_value(
        "0 = negative, 1 = positive"
    )
    page.locator("#sentiment-go-file").click()
    expect(page.locator("#sentiment-quality")).to_contain_text("Accuracy 100.0%")
    expect(page.locator("#sentiment-undated")).to_contain_text("read as day, month, year")
    page.locator("#sentiment-sheet input").click()
    page.get_by_role("option", name="Web").click()
    expect(page.locator("#sentiment-facts")).to_contain_text("1 row to analyze")


def test_stop_keeps_what_is_done_and_the_rest_can_follow(
    serve: Serve, open_tab: OpenTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(judging, "BATCH_SECONDS", 3600.0)  # batches double, however slow this machine is
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(f"good number {number}" for number in range(100)), "utf-8")
    engine = FakeEngine(likes=likes, steps=5)  # two for the references, two for the first batch, half of the second
    page = open_tab(serve(host_of(engine)), "Sentiment")
    show_file(page, path)
    page.locator("#sentiment-go-file").click()
    expect(page.locator("#sentiment-status")).to_contain_text("16 of 100 rows")
    page.locator("#sentiment-stop").click()
    expect(page.locator("#sentiment-status")).to_contain_text("Stopping")
    engine.steps._value += 1  # the batch that runs comes to its end, and no other begins
    engine.steps.release()
    expect(page.locator("#sentiment-status")).to_contain_text("Stopped: 52 rows left")
    expect(page.locator("#sentiment-shown")).to_contain_text("48 rows")
    expect(page.locator("#sentiment-rest")).to_have_class(re.compile(r"\bprimary\b"))
    expect(page.locator("#sentiment-go-file")).to_have_class(re.compile(r"\bsecondary\b"))
    page.get_by_role("tab", name="Chat", exact=True).click()
    page.get_by_role("tab", name="Sentiment", exact=True).click()
    expect(page.locator("#sentiment-shown")).to_contain_text("48 rows")
    for _ in range(9):
        engine.steps.release()
    page.locator("#sentiment-rest").click()
    expect(page.locator("#sentiment-shown")).to_contain_text("100 rows")
    expect(page.locator("#sentiment-go-file")).to_have_class(re.compile(r"\bprimary\b"))
    expect(page.locator("#sentiment-rest")).to_be_hidden()
    expect(page.locator("#sentiment-download")).to_be_hidden()


def test_a_phone_shows_it_in_chinese_without_scrolling_sideways(
    serve: Serve, open_tab: OpenTab, prompts: Path, tmp_path: Path
):
    (prompts / "sentiment" / "bad.prompty").write_text("---\nname: x\n---\nuser:\n{{ x", "utf-8")
    path = tmp_path / "a.csv"
    path.write_text("评论,标签,日期\n很好吃,正面,2024-01-01\n太慢了,负面,2024-02-01\n", "utf-8")
    url = serve(host_of(FakeEngine(likes=likes)))
    page = open_tab(url, "情感分析", locale="zh-CN", viewport={"width": 390, "height": 844})
    expect(page.locator("#sentiment-labels textarea")).to_have_value("正面, 中性, 负面")
    expect(page.locator("#sentiment-template-note")).to_contain_text("sentiment/bad.prompty:5：")
    show_file(page, path, "文件")
    page.locator("#sentiment-go-file").click()
    expect(page.locator("#sentiment-quality")).to_contain_text("准确率")
    expect(page.locator("#sentiment-shown")).to_contain_text("2 行")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_template_that_changes_on_disk_is_used_without_a_restart(serve: Serve, open_tab: OpenTab, prompts: Path):
    engine = FakeEngine(likes=likes)
    page = open_tab(serve(host_of(engine)), "Sentiment")
    source = (prompts / "sentiment" / "reviews.prompty").read_text("utf-8")
    (prompts / "sentiment" / "mine.prompty").write_text(
        source.replace("name: Reviews", "name: Mine").replace(
            "labels: [positive, neutral, negative]", "labels: [a, b]"
        ),
        "utf-8",
    )
    page.locator("#sentiment-template input").click()
    page.get_by_role("option", name="Mine").click()
    expect(page.locator("#sentiment-labels textarea")).to_have_value("a, b")
    page.locator("#sentiment-input textarea").fill("good")
    page.locator("#sentiment-go").click()
    expect(page.locator("#sentiment-status")).to_contain_text("“Mine”")
    (prompts / "sentiment" / "mine.prompty").write_text("---\nname: x\nlabels: [a, b]\n---\nuser:\n{{ y }}", "utf-8")
    page.locator("#sentiment-go").click()
    expect(page.locator("#sentiment-status")).to_contain_text("sentiment/mine.prompty:6:")


def test_results_that_the_server_has_forgotten_are_told_as_lost_and_the_file_is_judged_again(
    serve: Serve, open_tab: OpenTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qwen_ui.page.shell.KEPT", 1)
    path = tmp_path / "reviews.csv"
    path.write_text(FILE, "utf-8")
    url = serve(host_of(FakeEngine(likes=likes)))
    page = open_tab(url, "Sentiment")
    show_file(page, path)
    page.locator("#sentiment-go-file").click()
    expect(page.locator("#sentiment-shown")).to_contain_text("4 rows")
    open_tab(url, "Sentiment")  # another visitor takes the only place
    lost = page.locator("#sentiment-status").get_by_role("alert")
    page.locator("#sentiment-show input").click()
    page.get_by_role("option", name="negative (2)").click()
    expect(lost).to_contain_text("The server no longer has these results")
    expect(page.locator("#sentiment-shown")).to_contain_text("4 rows")
    page.locator("#sentiment-go-file").click()
    expect(lost).to_have_count(0)
    expect(page.locator("#sentiment-quality")).to_contain_text("Accuracy 75.0%")
    page.locator("#sentiment-show input").click()
    page.get_by_role("option", name="negative (2)").click()
    expect(page.locator("#sentiment-shown")).to_contain_text("2 rows")


class Slow:
    """Takes the place of a function, and does its work once it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self._function = getattr(module, name)
        self._begun, self._free = threading.Event(), threading.Event()
        monkeypatch.setattr(module, name, self)

    def __call__(self, *given: Any) -> Any:
        self._begun.set()
        assert self._free.wait(60)
        return self._function(*given)

    def answers_meanwhile(self, client: Client) -> None:
        """Waits until the function is at work, and asks for the status then."""
        assert self._begun.wait(60)
        try:
            assert client.submit(api_name="/status").result(timeout=30)["state"] == "ready"
        finally:
            self._free.set()


def test_a_slow_file_keeps_nobody_else_waiting(
    serve: Serve, open_tab: OpenTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "slow.csv"
    path.write_text("review,other,label\ngood,,positive\nbad,two,negative\n", "utf-8")
    url = serve(host_of(FakeEngine(likes=likes)))
    client, page = Client(url, verbose=False), open_tab(url, "Sentiment")
    opening = Slow(monkeypatch, rows, "read")
    page.get_by_role("tab", name="File", exact=True).click()
    page.locator("#sentiment-file input[type=file]").set_input_files(path)
    opening.answers_meanwhile(client)
    expect(page.locator("#sentiment-facts")).to_contain_text("2 rows to analyze")
    beginning, evaluating = Slow(monkeypatch, rows, "read"), Slow(monkeypatch, results, "evaluate")
    page.locator("#sentiment-go-file").click()
    beginning.answers_meanwhile(client)
    evaluating.answers_meanwhile(client)
    expect(page.locator("#sentiment-shown")).to_contain_text("2 rows")
    writing = Slow(monkeypatch, results, "as_csv")
    with page.expect_download():
        page.locator("#sentiment-save").click()
        writing.answers_meanwhile(client)
    looking = Slow(monkeypatch, rows, "read")
    page.locator("#sentiment-column input").click()
    page.get_by_role("option", name="other").click()
    looking.answers_meanwhile(client)
    expect(page.locator("#sentiment-facts")).to_contain_text("1 row to analyze · 1 row skipped")
