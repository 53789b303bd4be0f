"""The queue of runs: each is trained by a process of its own, one at a time, in the order of the requests.

What is known of a run is in its folder, so that the queue goes on after a restart of the server. A run that was
interrupted waits until somebody says that it should go on.
"""

import logging
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.finetune.command import Command, last_words
from qwen_ui.finetune.runs import Request, Run, RunStore
from qwen_ui.sentences import marked
from qwen_ui.settings import Settings

log = logging.getLogger(__name__)

LOOKS = "looks"
"""The folder of what is only looked at."""
LOOK = 1.0
"""Seconds between two looks at what runs."""
AFTER_FAULT = 30.0
"""Seconds between two looks while the folder can't be read or written."""
CONTINUED = ("interrupted", "failed", "stopped")
"""States of runs that can go on from their last checkpoint."""
QUEUED = "queued"
"""The file in a run's folder that gives the run to the queue; the command's own runs have none."""


class RunQueue:
    """The runs of a data folder, and the process that trains one of them. Safe from any thread."""

    def __init__(self, store: RunStore, command: Command) -> None:
        self.store = store
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._current: Run | None = None
        self._over = set[str]()
        """Runs that nothing more happens to by itself: their events need not be read again."""
        self._lock = threading.RLock()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: Settings) -> "RunQueue":
        """The queue of a server with these settings."""
        return cls(RunStore(settings.data_dir / "runs"), Command.of(settings))

    @property
    def adapters(self) -> AdapterStore:
        """What comes of the runs."""
        return AdapterStore(self.store.folder.parent / "adapters", self.store.folder)

    def start(self) -> None:
        """Begins to start what waits, in a thread of its own."""
        shutil.rmtree(self.store.folder.parent / LOOKS, ignore_errors=True)  # what an end in the middle has left
        self._thread = threading.Thread(target=self._watch, name="finetune-queue", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Starts nothing more. What is being trained goes on without this process."""
        self._closing.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()

    def add(self, request: Request, data: bytes, beside: Mapping[str, bytes] | None = None) -> Run:
        """A new run at the end of the queue, with these files beside its own. Raises `NotSaved`."""
        with self._lock:
            before = set(self._folders())
            try:
                run = self.store.add(request, data)
                for name, content in (beside or {}).items():
                    (run.folder / name).write_bytes(content)
                (run.folder / QUEUED).touch()
            except OSError as error:
                for folder in set(self._folders()) - before:
                    shutil.rmtree(folder, ignore_errors=True)
                raise NotSaved.within(self.store.folder, error) from error
        self._news.set()
        return run

    def go_on(self, run: Run) -> None:
        """Lets a run that broke off wait for its turn again. Raises `InvalidInput` for one that did not."""
        with self._lock:
            if run.state not in CONTINUED:
                raise InvalidInput("Only a run that broke off or was stopped can be continued.")
            try:
                (run.folder / "stop").unlink(missing_ok=True)
                (run.folder / QUEUED).touch()
                run.tell("state", state="waiting")
            except OSError as error:
                raise NotSaved.within(run.folder, error) from error
            self._over.discard(run.id)
        self._news.set()

    def stop(self, run: Run) -> None:
        """Ends a run soon, keeping its best; one that waits leaves the queue. Nothing where it is over."""
        with self._lock:
            state = run.state
            if state in ("waiting", "running"):
                run.stop()
            if state == "waiting" and run != self._current:
                run.tell("state", state="stopped")
        self._news.set()

    def delete(self, run: Run) -> None:
        """Removes a run with all that is in its folder. Raises `InvalidInput` while it is being trained."""
        with self._lock:
            if run.state == "running" or (self._current is not None and run.id == self._current.id):
                raise InvalidInput("This run is being trained. Stop it first.")
            shutil.rmtree(run.folder)
            self._over.discard(run.id)

    def plan(self, request: Request, data: bytes, stopped: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """What such a run would train on, and what it would take. Raises like `Command.plan`, and `NotSaved`."""
        looks = RunStore(self.store.folder.parent / LOOKS)  # beside the runs: the command finds the data folder by that
        try:
            run = looks.add(request, data)
        except OSError as error:
            raise NotSaved.within(looks.folder, error) from error
        try:
            return self.command.plan(run, stopped)
        finally:
            shutil.rmtree(run.folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return list(self.store.folder.iterdir()) if self.store.folder.exists() else []

    def _watch(self) -> None:
        wait = 0.0
        while not self._closing.is_set():
            self._news.wait(wait)
            self._news.clear()
            if self._closing.is_set():
                return
            wait = LOOK
            try:
                self.look()
            except Exception:
                log.exception("The queue of runs can't go on now; it tries again in %g s", AFTER_FAULT)
                wait = AFTER_FAULT

    def look(self) -> None:
        """Starts the run that has waited longest, unless one is being trained."""
        with self._lock:
            if self._process is not None and self._current is not None:
                if self._process.poll() is None:
                    return
                self._ended(self._current)
                self._process = self._current = None
            states = {run: run.state for run in self.store.all() if run.id not in self._over}
            self._over |= {run.id for run, state in states.items() if state not in ("waiting", "running")}
            waiting = [run for run, state in states.items() if state == "waiting" and (run.folder / QUEUED).exists()]
            if waiting and "running" not in states.values():
                self._begin(min(waiting, key=_queued))

    def _begin(self, run: Run) -> None:
        try:
            self._process, self._current = self.command.start(run), run
        except OSError as error:
            self._fail(run, marked("The training process can't be started: {cause}"), str(error))

    def _ended(self, run: Run) -> None:
        """Says so of a run whose process ended before it had begun."""
        if run.folder.exists() and run.state == "waiting" and not run.locked:
            self._fail(run, marked("The training process ended before it had begun. {cause}"), last_words(run))

    def _fail(self, run: Run, template: str, cause: str) -> None:
        text = template.format(cause=cause)
        run.tell("state", state="failed", template=template, values={"cause": cause}, text=text)
        log.error("Run %s: %s", run.id, text)


def _queued(run: Run) -> int:
    """When the run was last given to the queue."""
    return (run.folder / QUEUED).stat().st_mtime_ns
