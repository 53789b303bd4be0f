"""The server is killed and started again under an open page."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect

from qwen_ui.settings import PROJECT
from tests.page.test_drafts import TYPED, show
from tests.pages import OpenTab, free_port

GO = {
    "Write": "#write-send",
    "Ask": "#ask-send",
    "Translate": "#translate-go",
    "Sentiment": "#sentiment-go",
    "Code": "#code-run",
}


@contextmanager
def server(port: int, folder: Path, words: int) -> Iterator[None]:
    """A server without a model, killed at the end; its answers hold so many words in all."""
    command = [sys.executable, "-m", "tests.fake_app", str(words), "--port", str(port), "--data-dir", str(folder)]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            assert "http" in process.stdout.readline()
            yield
        finally:
            process.kill()


def test_the_page_comes_back_by_itself_with_what_was_typed_and_every_tab_goes_on(open_tab: OpenTab, tmp_path: Path):
    port = free_port()
    with server(port, tmp_path, words=3):
        page = open_tab(f"http://127.0.0.1:{port}/", "Chat")
        page.locator("#message textarea").fill("half answered")
        page.locator("#send").click()
        expect(page.get_by_test_id("bot")).to_contain_text("wordwordword")
        for tab, (box, text) in TYPED.items():
            show(page, tab)
            page.locator(box).fill(text)
    page.evaluate("window.before = true")
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator(".status.busy")).to_have_count(0)
    expect(page.get_by_test_id("bot")).to_contain_text("wordwordword")
    with server(port, tmp_path, words=1_000_000):
        page.wait_for_function("!window.before")
        expect(page.locator("#send")).to_be_enabled()
        expect(page.get_by_test_id("user")).to_have_text("half answered")
        refused = page.get_by_text("not in the list of choices")
        for tab, (box, text) in TYPED.items():
            show(page, tab)
            expect(page.locator(box)).to_have_value(text)
            if tab in GO:
                page.locator(GO[tab]).click()
                expect(page.locator(".status:visible").filter(has_text=" · ").first).to_be_visible()  # what it has cost
            expect(refused).to_have_count(0)


def test_an_idle_page_sees_that_the_server_is_gone_and_comes_back_in_its_tab(open_tab: OpenTab, tmp_path: Path):
    port = free_port()
    with server(port, tmp_path, words=3):
        page = open_tab(f"http://127.0.0.1:{port}/", "写作", locale="zh-CN")
        expect(page.locator("#lost")).to_be_hidden()
        page.locator("#write-input textarea").fill("从前")
    expect(page.locator("#lost")).to_have_text("正在重新连接…")
    page.locator("#write-input textarea").fill("从前有座山")  # typed while there is no server
    with server(port, tmp_path, words=3):
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator("#write-send")).to_be_enabled()
        expect(page.locator("#write-input textarea")).to_have_value("从前有座山")
