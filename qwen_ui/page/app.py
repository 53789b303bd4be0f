"""What the page is made of: handed to every tab."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

import gradio as gr
from starlette.requests import Request

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.knowledge.library import Library
from qwen_ui.page.pace import paced
from qwen_ui.page.words import Say, Words
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.server.hosted import Hosted
from qwen_ui.server.metering import MeteredEngine, Via
from qwen_ui.server.offer import Offer, Picked
from qwen_ui.server.sessions import RunningRequests, Work
from qwen_ui.server.visitors import asking, owner_of
from qwen_ui.settings import Settings
from qwen_ui.text.code.checker import Checker

T = TypeVar("T")


class Program(gr.Request):
    """A call over MCP, of a program that has shown the key of that name; empty where none is asked for."""

    def __init__(self, request: Request, key: str) -> None:
        super().__init__(request, session_hash=uuid4().hex)
        self.key = key


@dataclass(frozen=True, slots=True)
class App:
    """The one context: made once, and nothing else is shared."""

    settings: Settings
    host: EngineHost
    prompts: PromptStore
    library: Library
    runs: RunQueue
    picker: gr.Dropdown
    """What the visitor has picked for all tabs: the name of a model, or of one with an adapter; empty is the default.
    """
    running: RunningRequests
    words: Words
    checker: Checker

    @property
    def adapters(self) -> AdapterStore:
        """All that there are."""
        return self.runs.adapters

    @property
    def offer(self) -> Offer:
        """All that can be picked."""
        return Offer(self.host, self.adapters)

    @property
    def model(self) -> str:
        """The model that runs here, as ``--model`` names it: what "auto" would choose now may be another one.

        Raises `InvalidInput` where none does, so that there is none to train.
        """
        local = self.host.local
        if local is None:
            raise InvalidInput(
                "The model runs on another server, and training takes one that is here. Start the app with such a "
                "model, or name one."
            )
        if local.settings.model != "auto" or not local.ready:
            return local.settings.model
        return "embedded" if local.info.embedded else local.info.model

    @property
    def here(self) -> Hosted:
        """The model that runs here, whatever is picked; where none does, the default one, which says what it can't."""
        return self.host.local or self.host.default

    @property
    def can_look(self) -> bool:
        """Whether a model's tokens can be had; true while one that runs here is not there yet."""
        return any("tokens" in each.info.abilities if each.ready else each.is_local for each in self.host.models)

    def say(self, request: gr.Request) -> Say:
        """For sentences in the visitor's language."""
        return self.words.speaker(request)

    def address(self, request: gr.Request) -> str:
        """Where the visitor comes from, or which key a program has shown: what limits are counted by."""
        key = request.key if isinstance(request, Program) else ""
        return asking(request, key, self.settings.proxies)

    def owner(self, request: gr.Request) -> str:
        """Whose collections the request may use: everybody's are the same on a private page."""
        return owner_of(request, self.address(request)) if self.settings.is_public else ""

    @contextmanager
    def request(self, request: gr.Request, tab: str, name: str = "") -> Iterator[MeteredEngine]:
        """The engine for one request from the page, of the model of that name: limited, known to Stop, recorded.

        Raises `InvalidInput` while another request of the same tab runs, and like `Offer.find` and
        `EngineHost.request`.
        """
        with self._tracked(request, tab, self.offer.find(name)) as engine:
            yield engine

    @contextmanager
    def request_here(self, request: gr.Request, tab: str, task: str = "") -> Iterator[MeteredEngine]:
        """Like `request`, for what takes a model that runs here, whichever is picked, and names adapters itself.

        ``task`` is what is recorded, where that is not the tab.
        """
        with self._tracked(request, tab, Picked(self.here), task) as engine:
            yield engine

    @contextmanager
    def _tracked(self, request: gr.Request, tab: str, picked: Picked, task: str = "") -> Iterator[MeteredEngine]:
        session = request.session_hash or ""
        if self.running.busy(session, tab):
            raise InvalidInput("An answer is being written. Stop it first, or wait for its end.")
        admitted = self.host.request(self.address(request), task or tab, "page", picked.adapter, model=picked.model)
        with admitted as engine, self.running.track(session, tab, engine):
            yield engine

    @contextmanager
    def work(self, request: gr.Request, name: str) -> Iterator[Work]:
        """For work from the page that needs no model, such as reading files: limited like a request, known to Stop.

        Raises `InvalidInput` while other such work of that name runs, and `TooMany`.
        """
        session, work = request.session_hash or "", Work()
        if self.running.busy(session, name):
            raise InvalidInput("Files are being read. Stop that first, or wait for its end.")
        with self.host.admit(self.address(request)), self.running.track(session, name, work):
            yield work

    @contextmanager
    def call(self, request: gr.Request, task: str, adapter: str = "", model: str = "") -> Iterator[MeteredEngine]:
        """The engine for one call of a script, which ends with its session. Raises like `request`."""
        picked = self.offer.find(model, adapter)
        session = request.session_hash or ""
        via: Via = "mcp" if isinstance(request, Program) else "api"
        key = request.key if isinstance(request, Program) else ""
        admitted = self.host.request(self.address(request), task, via, picked.adapter, key, picked.model)
        with admitted as engine, self.running.track(session, f"api/{task}", engine):
            yield engine

    async def serve(
        self,
        request: gr.Request,
        task: str,
        run: Callable[[Engine], AsyncIterator[T]],
        adapter: str = "",
        model: str = "",
    ) -> AsyncGenerator[T, None]:
        """The results of a task for a script that calls, at the page's pace. Raises like `call`."""
        with self.call(request, task, adapter, model) as engine:
            async with aclosing(paced(run(engine))) as results:
                async for result in results:
                    yield result
