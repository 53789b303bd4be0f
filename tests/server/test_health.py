"""/healthz and /readyz, as an orchestrator asks for them."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from qwen_ui.engine.base import Engine
from qwen_ui.errors import ModelNotFound
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.knowledge.library import Library
from qwen_ui.models.progress import Progress
from qwen_ui.page import shell
from qwen_ui.server import health
from qwen_ui.server.host import EngineHost
from qwen_ui.server.hosted import Report
from qwen_ui.settings import Settings
from tests.fakes import FakeEngine
from tests.pages import free_port

SECRETS = ("/home/someone", "secret-model")


class Opening:
    """A server, asked for a password, whose model is opened as the test says."""

    def __init__(self, settings: Settings) -> None:
        self.reported, self.go_on = threading.Event(), threading.Event()
        self.outcome: Engine | Exception = FakeEngine()
        self.host = EngineHost(settings, self._open)
        self.page = shell.build(self.host, settings, Library(settings.data_dir / "collections"), RunQueue.of(settings))
        self.host.start()
        self.url = shell.launch(self.page, settings, health.routes(self.host))

    def _open(self, settings: Settings, report: Report) -> Engine:
        report(Progress("loading", "/home/someone/secret-model"))
        self.reported.set()
        assert self.go_on.wait(60)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def settle(self, outcome: Engine | Exception) -> None:
        self.outcome = outcome
        self.go_on.set()
        assert self.host.wait(60)

    def ask(self, path: str) -> tuple[int, dict[str, str]]:
        response = httpx.get(self.url + path)
        assert not any(secret in response.text for secret in SECRETS)
        assert response.headers["cache-control"] == "no-store"
        return response.status_code, response.json()


@pytest.fixture
def opening(prompts: Path, tmp_path: Path) -> Iterator[Opening]:
    settings = Settings(port=free_port(), prompts_dir=prompts, data_dir=tmp_path, model="/home/someone/secret-model")
    opening = Opening(replace(settings, auth=("me", "secret")))
    assert opening.reported.wait(60)
    yield opening
    opening.go_on.set()
    opening.page.close(verbose=False)


def test_ready_follows_the_model_and_the_end_of_the_server(opening: Opening):
    assert httpx.get(opening.url + "config").status_code == 401
    assert opening.ask("healthz") == (200, {"status": "ok"})
    assert opening.ask("readyz") == (503, {"status": "loading"})
    opening.settle(FakeEngine())
    assert opening.ask("readyz") == (200, {"status": "ready"})
    opening.host.begin_closing()
    assert opening.ask("readyz") == (503, {"status": "closing"})
    assert opening.ask("healthz") == (200, {"status": "ok"})


def test_a_model_that_can_not_be_opened_is_never_ready(opening: Opening):
    opening.settle(ModelNotFound("There is no folder /home/someone/secret-model."))
    assert opening.ask("readyz") == (503, {"status": "failed"})
    assert opening.ask("healthz") == (200, {"status": "ok"})


def test_head_is_enough_and_nothing_can_be_posted(opening: Opening):
    assert httpx.head(opening.url + "healthz").status_code == 200
    assert httpx.post(opening.url + "readyz").status_code == 405
