"""A page with the Ask tab over an engine and a library that the test hands in."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from qwen_ui.config import PROJECT, Settings
from qwen_ui.engine.base import Engine
from qwen_ui.host import EngineHost
from qwen_ui.knowledge.library import Library, Upload
from qwen_ui.prompts import PromptStore
from qwen_ui.ui import chat, shell
from qwen_ui.ui.ask.api import endpoint
from qwen_ui.ui.ask.tab import tab
from qwen_ui.ui.header import Header
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from tests.ui.conftest import OpenPage, free_port

GUIDE = """# Guide to the museum

The museum is a house of paintings by the river.

## Hours

The museum closes at six in the evening. <b>On Mondays</b> it stays shut.

## Prices

A ticket costs seven euros, and children enter free of charge.
"""
GUIDE_ZH = "# 博物馆指南\n\n## 开放时间\n\n博物馆晚上六点关门，周一不开放。\n\n## 票价\n\n门票七欧元，儿童免费。\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "collections")


def fill(library: Library, name: str, folder: Path, **files: str) -> str:
    """A collection of Markdown files; gives its id."""
    collection = library.create(name)
    for stem, text in files.items():
        (folder / f"{stem}.md").write_text(text, "utf-8")
    steps = list(collection.add([Upload(folder / f"{stem}.md") for stem in files]))
    assert {step.state for step in steps} == {"reading", "added"}
    return collection.id


def host_of(engine: Engine) -> EngineHost:
    host = EngineHost(Settings(), lambda settings, report: engine)
    host.start()
    host.wait()
    return host


def build(host: EngineHost, settings: Settings, library: Library) -> gr.Blocks:
    """The page: Chat, as everything else expects it, and Ask."""
    running, prompts = Running(), PromptStore(settings.prompts_dir)
    page = gr.Blocks(title="Qwen UI", analytics_enabled=False, fill_width=True)
    with page:
        header = Header(host)
        with gr.Tabs():
            with gr.Tab(I18N("chat"), id="chat"):
                senders = [chat.tab(page, host, prompts, running)]
            with gr.Tab(I18N("ask_tab"), id="ask"):
                senders += tab(page, host, prompts, running, settings, library)
        header.wire(page, senders)
        endpoint(host, prompts, running, settings, library)

        async def leave(request: gr.Request) -> None:
            running.close_session(request.session_hash or "")

        page.unload(leave)
    page.queue(api_open=False)
    return page


def short_prompts(folder: Path) -> Path:
    """A copy of the prompts folder whose answers end early, so that a slow machine is quick enough."""
    prompts = folder / "prompts"
    shutil.copytree(PROJECT / "prompts", prompts)
    for path in (prompts / "ask").iterdir():
        path.write_text(re.sub(r"max_new_tokens: \d+", "max_new_tokens: 16", path.read_text("utf-8")), "utf-8")
    return prompts


@dataclass(frozen=True)
class Desk:
    """The served page."""

    url: str
    library: Library

    def client(self) -> Client:
        return Client(self.url, verbose=False)


@pytest.fixture
def serve(library: Library) -> Iterator[Callable[..., Desk]]:
    """Serves the page over a host that is ready."""
    pages = []

    def serve(host: EngineHost, prompts: Path = PROJECT / "prompts") -> Desk:
        settings = Settings(port=free_port(), prompts_dir=prompts)
        pages.append(build(host, settings, library))
        return Desk(shell.launch(pages[-1], settings), library)

    yield serve
    for page in pages:
        page.close(verbose=False)


@pytest.fixture
def open_ask(open_page: OpenPage) -> Callable[..., Page]:
    """Opens a page at its Ask tab."""

    def open_(url: str, tab: str = "Ask", **options: object) -> Page:
        page = open_page(url, **options)
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator("#ask-send")).to_be_enabled()
        return page

    return open_


@pytest.fixture(scope="session")
def embedded_host(embedded_settings: Settings) -> Iterator[EngineHost]:
    """The embedded model, loaded once."""
    host = EngineHost(embedded_settings)
    host.start()
    assert host.wait(240)
    yield host
    asyncio.run(host.close())
