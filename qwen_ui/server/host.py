"""The models of this server, and how each is opened."""

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from qwen_ui.engine.base import Engine
from qwen_ui.errors import NotReady
from qwen_ui.models.progress import Progress
from qwen_ui.server.hosted import Hosted, OpenEngine, Report
from qwen_ui.server.limits import RateLimiter
from qwen_ui.server.metering import Meter, MeteredEngine, Observe, Via
from qwen_ui.settings import Settings

ORDER = {"ready": 0, "failed": 2}
"""Which stage of an opening counts most where there are several; the others are between."""
OF_EACH = ("name", "state", "reason", "engine", "active", "waiting")
"""What /status gives of each model."""


def open_local(settings: Settings, report: Report) -> Engine:
    """Chooses, fetches and loads the model that the settings name, and warms its engine up.

    Raises `ModelError` with a sentence for the user.
    """
    from qwen_ui.engine.local import LocalEngine  # noqa: PLC0415  torch takes seconds to import: not before the page
    from qwen_ui.models.load import open_model  # noqa: PLC0415

    loaded = open_model(settings, report)
    report(Progress("warming", loaded.info.model))
    return LocalEngine(loaded, settings)


def open_remote(settings: Settings, report: Report) -> Engine:
    """Like `open_local`, for a model on another server."""
    from qwen_ui.engine.remote import open_server  # noqa: PLC0415  needed by few

    return open_server(settings, report)


def on_zero_gpu(environ: Mapping[str, str]) -> bool:
    """Whether this is a ZeroGPU Space. Read as the ``spaces`` package reads it, which is installed only there."""
    return environ.get("SPACES_ZERO_GPU", "").lower() in {"1", "t", "true"}


def open_zero(settings: Settings, report: Report) -> Engine:
    """Like `open_local`, on ZeroGPU. To be called on the main thread, which has the emulation of CUDA to load with."""
    import spaces  # noqa: PLC0415  there on Spaces only

    from qwen_ui.engine.zero import ZeroEngine  # noqa: PLC0415
    from qwen_ui.models.load import open_model, zero_gpu  # noqa: PLC0415

    loaded = open_model(settings, report, machine=zero_gpu(settings))
    return ZeroEngine(loaded, settings, spaces.GPU)


def opening(open_here: OpenEngine = open_local) -> OpenEngine:
    """How a model is opened: one that runs here by ``open_here``, one that does not over its server."""

    def open_engine(settings: Settings, report: Report) -> Engine:
        return (open_remote if settings.is_remote else open_here)(settings, report)

    return open_engine


class EngineHost:
    """Holds the models of this server by their names, the default one first."""

    def __init__(self, settings: Settings, open_engine: OpenEngine | None = None) -> None:
        self.settings = settings
        open_engine = open_engine or opening()
        self.models = tuple(Hosted(replace(settings, model=model), open_engine) for model in settings.models)
        self._closing = threading.Event()
        self._limiter = RateLimiter(settings.limits)
        self._meter = Meter(self._limiter, settings.log_text)

    def start(self) -> None:
        """Begins to open all of them, each by itself."""
        for model in self.models:
            model.start()

    def open_here(self) -> None:
        """Opens the one that runs here in the calling thread: when it returns, that is there, or the reason why not."""
        for model in self.models:
            if model is not self.local:
                model.start()
        if self.local is not None:
            self.local.open_here()

    @property
    def default(self) -> Hosted:
        """The model of requests that name none."""
        return self.models[0]

    @property
    def local(self) -> Hosted | None:
        """The one that runs here, if one does."""
        return next((model for model in self.models if model.is_local), None)

    @property
    def names(self) -> dict[str, Hosted]:
        """All by their names. Where servers have the same model, the later ones' places are in theirs."""
        named: dict[str, Hosted] = {}
        for model in sorted(self.models, key=lambda model: not model.is_local):  # the one that runs here has no place
            named[next(name for name in model.names if name not in named)] = model
        return dict(sorted(named.items(), key=lambda item: self.models.index(item[1])))

    @property
    def progress(self) -> Progress:
        """How far it is until requests are taken: of what is ready, else of what may be, else of what has failed."""
        return min((model.progress for model in self.models), key=lambda progress: ORDER.get(progress.stage, 1))

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until all have been opened or failed; False when the time-out (seconds) ran out first."""
        end = None if timeout is None else time.monotonic() + timeout
        return all(model.wait(None if end is None else max(0.0, end - time.monotonic())) for model in self.models)

    def begin_closing(self) -> None:
        """From now on no new request gets an engine; those that run go on until `close`."""
        self._closing.set()

    @property
    def closing(self) -> bool:
        """Whether the server is shutting down."""
        return self._closing.is_set()

    @property
    def ready(self) -> bool:
        """Whether new requests are taken, by one of the models at least."""
        return any(model.ready for model in self.models) and not self.closing

    @property
    def engine(self) -> Engine:
        """The default one's, for a new request: see `engine_of`."""
        return self.engine_of(self.default)

    def engine_of(self, model: Hosted) -> Engine:
        """The model's engine, for a new request. Raises `NotReady`, saying what is going on, while there is none."""
        if self.closing:
            raise NotReady("The server is shutting down. Try again in a minute.")
        return model.engine

    def request(
        self,
        visitor: str,
        task: str,
        via: Via = "page",
        adapter: str = "",
        key: str = "",
        model: Hosted | None = None,
    ) -> AbstractContextManager[MeteredEngine]:
        """A model's engine for one request of a visitor: limited, and recorded when it ends. See `Meter.request`."""
        asked = model or self.default
        name = next(name for name, each in self.names.items() if each is asked)
        return self._meter.request(lambda: self.engine_of(asked), name, visitor, task, via, adapter, key)

    def admit(self, visitor: str) -> AbstractContextManager[object]:
        """Counts work of a visitor that needs no model as a request that runs. Raises `TooMany`."""
        return self._limiter.admit(visitor)

    def stop_all(self) -> None:
        """See `Meter.stop_all`."""
        self._meter.stop_all()

    def observe(self, observer: Observe) -> None:
        """Tells the observer of every request from now on, when it has ended."""
        self._meter.observers.append(observer)

    @property
    def running(self) -> int:
        """Requests that have not ended, of whatever kind: one may score, or make something of its answer."""
        return self._meter.running

    def status(self) -> dict[str, Any]:
        """What /status gives: the default one's, and of each what tells them apart."""
        each = [{"name": name} | model.status() for name, model in self.names.items()]
        return self.default.status() | {"models": [{key: status[key] for key in OF_EACH} for status in each]}

    async def close(self) -> None:
        """Closes all engines that there are."""
        for model in self.models:
            await model.close()
