"""One model of this server: opened in the background, so that the page is there before the model is."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from qwen_ui.engine.base import Engine, EngineInfo
from qwen_ui.errors import NotReady, QwenUIError
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence
from qwen_ui.settings import Settings

log = logging.getLogger(__name__)

Report = Callable[[Progress], None]
OpenEngine = Callable[[Settings, Report], Engine]


class Hosted:
    """A model: none while it loads, then its engine, or the reason why not."""

    def __init__(self, settings: Settings, open_engine: OpenEngine) -> None:
        """The settings name this model alone."""
        self.settings = settings
        self._open_engine = open_engine
        self._engine: Engine | None = None
        self._progress = Progress("choosing", self.wanted)
        self._started = time.monotonic()
        self._seconds = 0.0
        self._settled = threading.Event()

    def start(self) -> None:
        """Begins to open the engine in a thread of its own, which ends with that (see LocalEngine on threads)."""
        threading.Thread(target=self.open_here, name="open-engine", daemon=True).start()

    def open_here(self) -> None:
        """Opens the engine in the calling thread: when it returns, there is one, or the reason why not."""
        self._started = time.monotonic()
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
    def is_local(self) -> bool:
        """Whether it runs here."""
        return not self.settings.is_remote

    @property
    def wanted(self) -> str:
        """What it is called before it is there."""
        if self.is_local:
            return self.settings.model
        return self.settings.remote.name or self.settings.remote.place

    @property
    def names(self) -> Sequence[str]:
        """What it can be called: the first that no other has."""
        name = self.info.model if self.ready else self.wanted
        if self.is_local:
            return (name,)
        remote = self.settings.remote
        return (name, f"{name}@{remote.place}", f"{name}@{remote.url}", f"{remote.url}#{remote.name}")

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

    @property
    def ready(self) -> bool:
        """Whether it is there."""
        return self._progress.stage == "ready"

    @property
    def engine(self) -> Engine:
        """The engine. Raises `NotReady`, saying what is going on, while there is none."""
        if self._engine is not None:
            return self._engine
        if self._progress.stage == "failed":
            raise NotReady("There is no model to answer with. {reason}", reason=self._progress.reason)
        raise NotReady("The model is still being prepared. Try again when the page says that it is ready.")

    @property
    def info(self) -> EngineInfo:
        """What runs. Raises `NotReady` while nothing does."""
        return self.engine.info

    def status(self) -> dict[str, Any]:
        """What /status gives of it."""
        stage = self._progress.stage
        state = stage if stage in {"ready", "failed"} else "loading"
        status: dict[str, Any] = {"state": state, "reason": str(self._progress.reason or self._progress.detail)}
        if self._engine is None:
            blank = {"model": self.wanted, "precision": self.settings.precision, "device": "", "engine": ""}
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
