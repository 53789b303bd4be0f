"""A page with the Prompts tab over an engine that the test hands in."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from qwen_ui.config import PROJECT, Settings
from qwen_ui.engine.base import Engine
from qwen_ui.host import EngineHost
from qwen_ui.prompts import PromptStore
from qwen_ui.ui import chat, shell
from qwen_ui.ui.header import Header
from qwen_ui.ui.prompt_files.tab import tab
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from tests.ui.conftest import OpenPage, free_port

Serve = Callable[..., str]
OpenPrompts = Callable[..., Page]


def host_of(engine: Engine) -> EngineHost:
    host = EngineHost(Settings(), lambda settings, report: engine)
    host.start()
    host.wait()
    return host


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    shutil.copytree(PROJECT / "prompts", folder, ignore=shutil.ignore_patterns(".original"))
    return folder


def build(host: EngineHost, settings: Settings, editable: bool) -> gr.Blocks:
    """The page: Chat, as everything else expects it, and Prompts."""
    running, store = Running(), PromptStore(settings.prompts_dir)
    page = gr.Blocks(title="Qwen UI", analytics_enabled=False, fill_width=True)
    with page:
        header = Header(host)
        with gr.Tabs():
            with gr.Tab(I18N("chat"), id="chat"):
                senders = [chat.tab(page, host, store, running)]
            with gr.Tab(I18N("prompts"), id="prompts"):
                senders += tab(page, host, store, running, settings, editable)
        header.wire(page, senders)
    page.queue(api_open=False)
    return page


@pytest.fixture
def serve(prompts: Path) -> Iterator[Serve]:
    """Serves the page over a host that is ready; gives its address."""
    pages = []

    def serve(host: EngineHost, editable: bool = True) -> str:
        settings = Settings(port=free_port(), prompts_dir=prompts)
        pages.append(build(host, settings, editable))
        return shell.launch(pages[-1], settings)

    yield serve
    for page in pages:
        page.close(verbose=False)


@pytest.fixture
def open_prompts(open_page: OpenPage) -> OpenPrompts:
    """Opens a page at its Prompts tab."""

    def open_(url: str, tab: str = "Prompts", **options: object) -> Page:
        page = open_page(url, **options)
        page.add_style_tag(path=shell.STYLE / "prompts.css")
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator("#prompts-run")).to_be_enabled()
        return page

    return open_
