"""The app as people and scripts meet it: served with the embedded model, driven with Chromium and gradio_client."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from queue import Queue
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qwen_ui.adapters.files import CONFIG, WEIGHTS
from qwen_ui.engine.base import Engine
from qwen_ui.finetune.command import Command
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.finetune.runs import RunStore
from qwen_ui.knowledge.library import Library
from qwen_ui.models.progress import Progress
from qwen_ui.page import picker, shell
from qwen_ui.page.app import App
from qwen_ui.page.events import Event
from qwen_ui.page.words import Words
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.server.sessions import RunningRequests
from qwen_ui.server.v1.routes import routes
from qwen_ui.settings import PROJECT, Settings
from qwen_ui.tabs import TABS
from qwen_ui.text.code.checker import Checker

START_SECONDS = 240.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A server that runs, and a client of its API."""

    url: str
    client: Client
    prompts: Path

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.client.predict(api_name="/status")
        return status

    def wait_until(self, state: Callable[[dict[str, Any]], bool], seconds: float = 60) -> None:
        """Asks for the status until it is as wanted; fails after so many seconds."""
        patience = threading.Event()
        for _ in range(int(seconds * 10)):
            if state(self.status()):
                return
            patience.wait(0.1)
        raise AssertionError(f"The server's status stayed at {self.status()}")

    def wait_until_idle(self) -> None:
        self.wait_until(lambda status: status["active"] == 0 and status["waiting"] == 0)


@pytest.fixture(scope="session")
def server(embedded_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app itself, in a process of its own, ready."""
    prompts = tmp_path_factory.mktemp("app") / "prompts"
    shutil.copytree(PROJECT / "prompts", prompts)
    data = tmp_path_factory.mktemp("data")
    (data / "models").symlink_to(embedded_settings.data_dir / "models")
    port = free_port()
    command = [sys.executable, "app.py", "--model", "embedded", "--port", str(port)]
    command += ["--prompts-dir", str(prompts), "--data-dir", str(data)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "http" in process.stdout.readline()
            server = Server(f"http://127.0.0.1:{port}/", Client(f"http://127.0.0.1:{port}/", verbose=False), prompts)
            server.wait_until(lambda status: status["state"] != "loading", START_SECONDS)
            assert server.status()["state"] == "ready"
            yield server
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0


@dataclass
class Stage:
    """A page over an opening that the test conducts: report progress, then give it an engine or an error."""

    url: str
    prompts: Path
    report: Callable[[Progress], None]
    settle: Callable[[Engine | Exception], None]


@pytest.fixture
def stage(prompts: Path, tmp_path: Path) -> Iterator[Stage]:
    """The page in this process, over whatever engine the test hands in."""
    settled = threading.Event()
    outcome: list[Engine | Exception] = []
    opening: Queue[Callable[[Progress], None]] = Queue()

    def open_engine(settings: Settings, report: Callable[[Progress], None]) -> Engine:
        opening.put(report)
        settled.wait(60)
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def settle(result: Engine | Exception) -> None:
        outcome.append(result)
        settled.set()
        host.wait(60)

    settings = Settings(port=free_port(), prompts_dir=prompts, data_dir=tmp_path)
    host = EngineHost(settings, open_engine)
    page = shell.build(host, settings, Library(tmp_path / "collections"), runs_in(tmp_path))
    host.start()
    url = shell.launch(page, settings)
    yield Stage(url, prompts, opening.get(timeout=60), settle)
    settled.set()
    page.close(verbose=False)


def host_of(engine: Engine, **settings: Any) -> EngineHost:
    """A host that is ready with the engine."""
    host = EngineHost(Settings(**settings), lambda settings, report: engine)
    host.start()
    host.wait()
    return host


def library_in(folder: Path) -> Library:
    return Library(folder / "collections")


FAKE_TRAINER = PROJECT / "tests" / "finetune" / "fake_trainer.py"


def runs_in(folder: Path) -> RunQueue:
    """Runs that are only replayed; the queue is not started."""
    environ = {"QWEN_UI_DATA_DIR": str(folder), "PYTHONPATH": str(PROJECT)}
    return RunQueue(RunStore(folder / "runs"), Command([sys.executable, str(FAKE_TRAINER)], environ))


@cache
def checker() -> Checker:
    return Checker()


@cache
def words() -> Words:
    return Words(TABS)


def hosts_of(engines: Mapping[str, Engine | Exception], **settings: Any) -> EngineHost:
    """A host of several models: as ``--model`` names each, the engine that opens, or what goes wrong with it."""

    def open_engine(settings: Settings, report: Callable[[Progress], None]) -> Engine:
        opened = engines[settings.model]
        if isinstance(opened, Exception):
            raise opened
        return opened

    host = EngineHost(Settings(model="\n".join(engines), **settings), open_engine)
    host.start()
    host.wait()
    return host


def apps_of(engines: Mapping[str, Engine | Exception]) -> App:
    """Like `app_of`, over several models."""
    return _app(hosts_of(engines), PROJECT / "prompts")


def app_of(engine: Engine, folder: Path = PROJECT / "prompts", **settings: Any) -> App:
    """The page's context over an engine, without a page."""
    return _app(host_of(engine, prompts_dir=folder, **settings), folder)


def _app(host: EngineHost, folder: Path) -> App:
    data, running = Path(tempfile.mkdtemp()), RunningRequests()
    prompts = PromptStore(folder)
    library, runs = library_in(data), runs_in(data)
    return App(host.settings, host, prompts, library, runs, picker.picker(), running, words(), checker())


def adapter_in(app: App, name: str, **card: Any) -> str:
    """Puts an adapter there, and gives its name in the page's head."""
    folder = app.adapters.folder / name
    folder.mkdir(parents=True)
    for file, text in ((CONFIG, "{}"), (WEIGHTS, ""), ("card.json", json.dumps(card))):
        (folder / file).write_text(text, "utf-8")
    return app.offer.adapted(name)


def event_of(app: App, given: Mapping[Any, Any], language: str = "en-US", data: Any = None) -> Event:
    """An event of a visitor whose session is "me"."""
    request = gr.Request(headers={"accept-language": language}, session_hash="me", client=None, cookies={})
    return Event(request, app.say(request), given, data)


@pytest.fixture(scope="session")
def embedded_host(embedded_settings: Settings) -> Iterator[EngineHost]:
    """The embedded model in this process, loaded once."""
    host = EngineHost(embedded_settings)
    host.start()
    assert host.wait(START_SECONDS)
    yield host
    asyncio.run(host.close())


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A copy of the shipped prompts folder."""
    folder = tmp_path / "prompts"
    shutil.copytree(PROJECT / "prompts", folder, ignore=shutil.ignore_patterns(".*"))
    return folder


@pytest.fixture
def short_prompts(prompts: Path) -> Path:
    """The copy, with answers that end early, so that a slow machine is quick enough."""
    for path in prompts.rglob("*.prompty"):
        path.write_text(re.sub(r"max_new_tokens: \d+", "max_new_tokens: 24", path.read_text("utf-8")), "utf-8")
    return prompts


Serve = Callable[[EngineHost], str]


@contextmanager
def serving(prompts: Path, folder: Path) -> Iterator[Serve]:
    """A way to serve the app in this process over hosts that are ready; gives addresses."""
    pages, queues = [], []

    def serve(host: EngineHost) -> str:
        settings = replace(host.settings, port=free_port(), prompts_dir=prompts, data_dir=folder)
        queues.append(runs_in(folder))
        queues[-1].start()
        pages.append(shell.build(host, settings, library_in(folder), queues[-1]))
        return shell.launch(pages[-1], settings, routes(host, settings, queues[-1].adapters))

    yield serve
    for page in pages:
        page.close(verbose=False)
    for queue in queues:
        queue.close()


@pytest.fixture
def serve(prompts: Path, tmp_path: Path) -> Iterator[Serve]:
    """Serves the app for one test."""
    with serving(prompts, tmp_path) as serve:
        yield serve


@pytest.fixture(scope="module")
def serve_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Serves the app for all tests of a module: for those that leave it as it was, such as bad input."""
    with serving(PROJECT / "prompts", tmp_path_factory.mktemp("data")) as serve:
        yield serve


def find_chromium() -> str | None:
    """The path of a Chromium: the system's, Playwright's own, or one that Playwright can fetch now."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if not own.exists():
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        try:
            subprocess.run(command, timeout=180, check=False, capture_output=True)
        except subprocess.TimeoutExpired:
            return None
    return str(own) if own.exists() else None


@pytest.fixture(scope="session")
def chromium() -> str:
    path = find_chromium()
    if path is None:
        reason = "NO BROWSER TESTS: there is no Chromium. Install one: apt-get install chromium, or playwright install."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


# Not for the whole session: while Playwright's loop runs, no asynchronous test can.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=60_000)  # generous: a busy machine is no failure
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens addresses, each as a visitor of their own; keyword arguments are Playwright's for contexts."""
    contexts = []

    def open_(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 860}, **options})
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        page.locator("#message textarea").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()


OpenTab = Callable[..., Page]


@pytest.fixture
def open_tab(open_page: OpenPage) -> OpenTab:
    """Opens a page at the tab of that name, with a model that is ready."""

    def open_(url: str, name: str, **options: Any) -> Page:
        page = open_page(url, **options)
        expect(page.locator("#send")).to_be_enabled()
        page.get_by_role("tab", name=name, exact=True).click()
        return page

    return open_
