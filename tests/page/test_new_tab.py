"""The tab of CONTRIBUTING.md, made word for word in a temporary folder: it needs nothing but its files and its line."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import expect

import qwen_ui.tabs
from qwen_ui.page import shell
from qwen_ui.page.tab import Tab
from qwen_ui.server.metrics import Metrics
from qwen_ui.settings import PROJECT
from qwen_ui.tabs import TABS
from tests.fakes import INFO, FakeEngine
from tests.pages import OpenTab, free_port, host_of, library_in, runs_in


@pytest.fixture
def shout(tmp_path: Path, prompts: Path) -> Iterator[Tab]:
    """The new tab: its two files beside the other tabs', its prompt beside theirs."""
    text = (PROJECT / "CONTRIBUTING.md").read_text("utf-8").partition("## Add a tab")[2]
    task, tab = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (prompt,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (folder := tmp_path / "tabs" / "shout").mkdir(parents=True)
    (folder / "task.py").write_text(task, "utf-8")
    (folder / "tab.py").write_text(tab, "utf-8")
    (prompts / "shout").mkdir()
    (prompts / "shout" / "loud.prompty").write_text(prompt, "utf-8")
    qwen_ui.tabs.__path__.append(str(tmp_path / "tabs"))
    yield import_module("qwen_ui.tabs.shout.tab").TAB
    qwen_ui.tabs.__path__.remove(str(tmp_path / "tabs"))
    for name in [name for name in sys.modules if name.startswith("qwen_ui.tabs.shout")]:
        del sys.modules[name]


def test_a_tab_is_two_files_a_prompt_and_one_line(shout: Tab, prompts: Path, tmp_path: Path, open_tab: OpenTab):
    engine, tabs = FakeEngine(["GOOD ", "MORNING!"]), (*TABS, shout)
    host = host_of(engine, port=free_port(), prompts_dir=prompts, data_dir=tmp_path)
    metrics = Metrics(host, [tab.id for tab in tabs])
    host.observe(metrics.observe)
    page = shell.build(host, host.settings, library_in(tmp_path), runs_in(tmp_path), tabs)
    url = shell.launch(page, host.settings, tabs=tabs)
    try:
        assert Client(url, verbose=False).predict("Good morning.", api_name="/shout") == "GOOD MORNING!"
        assert "louder: Good morning." in engine.asked[0][0][-1].content
        seen = open_tab(url, "Shout")
        expect(seen.locator("#shout-template input")).to_have_value("Loud")
        seen.locator("#shout-text textarea").fill("Good morning.")
        seen.locator("#shout-send").click()
        expect(seen.locator("#shout-result textarea")).to_have_value("GOOD MORNING!")
        chinese = open_tab(url, "喊话", locale="zh-CN")
        expect(chinese.locator("#shout-text")).to_contain_text("喊什么")
        chinese.get_by_role("tab", name="聊天", exact=True).click()
        chinese.locator("#chat-send-to input").click()
        expect(chinese.get_by_role("option", name="喊话", exact=True)).to_be_visible()
    finally:
        page.close(verbose=False)
    for via in ("api", "page"):
        labels = {"task": "shout", "via": via, "outcome": "ok", "model": INFO.model}
        assert metrics.registry.get_sample_value("qwen_ui_requests_total", labels) == 1
