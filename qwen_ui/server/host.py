"""Opens the engine in the background, so that the page is there before the model is."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from qwen_ui.engine.base import Engine, EngineInfo
from qwen_ui.errors import NotReady, QwenUIError
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence
from qwen_ui.server.limits import RateLimiter
from qwen_ui.server.metering import Meter, MeteredEngine, Observe, Via
from qwen_ui.settings import Settings

log = logging.getLogger(__name__)

Report = Callable[[Progress], None]
OpenEngine = Callable[[Settings, Report], Engine]


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


class EngineHost:
    """Holds the engine of this server: none while it loads, then one, or the reason why not."""

    def __init__(self, settings: Settings, open_engine: OpenEngine = open_local) -> None:
        self.settings = settings
        self._open_engine = open_engine
        self._engine: Engine | None = None
        self._progress = Progress("choosing", settings.model)
        self._started = time.monotonic()
        self._seconds = 0.0
        self._settled = threading.Event()
        self._closing = threading.Event()
        self._limiter = RateLimiter(settings.limits)
        self._meter = Meter(lambda: self.engine, self._limiter, settings.log_text)

    def start(self) -> None:
        """Begins to open the engine in a thread of its own, which ends with that (see LocalEngine on threads)."""
        self._started = time.monotonic()
        threading.Thread(target=self._open, name="open-engine", daemon=True).start()

    def open_here(self) -> None:
        """Opens the engine in the calling thread: when it returns, there is one, or the reason why not."""
        self._started = time.monotonic()
        self._open()

    def _open(self) -> None:
        try:
            engine = self._open_engine(self.settings, self._report)
        except QwenUIError as error:
            log.error("%s", error)
            self._fail(error.sentence)
        except Exception as error:
            log.exception("The model could not be opened")
            cause = f"{type(error).__name__}: {error}"
            self._fail(Sentence("The model could not be opened: {cause}", cause=cause))
        else:
            self._engine = engine
            self._seconds = time.monotonic() - self._started
            self._report(Progress("ready", engine.info.model))
            log.info("Ready in %.1f s: %s", self._seconds, engine.info.reason)
        finally:
            self._settled.set()

    def _report(self, progress: Progress) -> None:
        if progress.stage != self._progress.stage:
            log.info("%s %s", progress.stage, progress.detail)
        self._progress = progress

    def _fail(self, reason: Sentence) -> None:
        self._seconds = time.monotonic() - self._started
        self._progress = Progress("failed", reason=reason)

    @property
    def progress(self) -> Progress:
        """How far the opening is."""
        return self._progress

    @property
    def seconds(self) -> float:
        """How long the opening took, or has taken so far."""
        return self._seconds or time.monotonic() - self._started

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until the opening has succeeded or failed; False when the time-out (seconds) ran out first."""
        return self._settled.wait(timeout)

    def begin_closing(self) -> None:
        """From now on no new request gets the engine; those that run go on until `close`."""
        self._closing.set()

    @property
    def info(self) -> EngineInfo:
        """What runs here. Raises `NotReady` while nothing does."""
        return (self._engine or self.engine).info

    @property
    def closing(self) -> bool:
        """Whether the server is shutting down."""
        return self._closing.is_set()

    @property
    def ready(self) -> bool:
        """Whether new requests are taken."""
        return self._progress.stage == "ready" and not self.closing

    @property
    def engine(self) -> Engine:
        """The engine, for a new request. Raises `NotReady`, saying what is going on, while there is none."""
        if self.closing:
            raise NotReady("The server is shutting down. Try again in a minute.")
        if self._engine is not None:
            return self._engine
        if self._progress.stage == "failed":
            raise NotReady("There is no model to answer with. {reason}", reason=self._progress.reason)
        raise NotReady("The model is still being prepared. Try again when the page says that it is ready.")

    def request(
        self, visitor: str, task: str, via: Via = "page", adapter: str = "", key: str = ""
    ) -> AbstractContextManager[MeteredEngine]:
        """The engine for one request of a visitor: limited, and recorded when it ends. See `Meter.request`."""
        return self._meter.request(visitor, task, via, adapter, key)

    def admit(self, visitor: str) -> AbstractContextManager[object]:
        """Counts work of a visitor that needs no model as a request that runs. Raises `TooMany`."""
        return self._limiter.admit(visitor)

    def stop_all(self) -> None:
        """See `Meter.stop_all`."""
        self._meter.stop_all()

    def observe(self, observer: Observe) -> None:
        """Tells the observer of every request from now on, when it has ended."""
        self._meter.observers.append(observer)

    def status(self) -> dict[str, Any]:
        """What /status gives."""
        stage = self._progress.stage
        state = stage if stage in {"ready", "failed"} else "loading"
        status: dict[str, Any] = {"state": state, "reason": str(self._progress.reason or self._progress.detail)}
        if self._engine is None:
            blank = {"model": self.settings.model, "precision": self.settings.precision, "device": "", "engine": ""}
            return status | blank | {"context_length": 0, "active": 0, "waiting": 0}
        info = self._engine.info
        return {
            "state": state,
            "model": info.model,
            "precision": info.precision,
            "device": info.device,
            "engine": info.engine,
            "reason": str(info.reason),
            "context_length": info.context_length,
            "active": self._engine.active,
            "waiting": self._engine.waiting,
        }

    async def close(self) -> None:
        """Closes the engine, if there is one."""
        if self._engine is not None:
            await self._engine.close()
