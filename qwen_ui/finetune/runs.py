"""Training runs on disk: a folder each, with its settings, its events, its data and its checkpoints.

    <data>/runs/<id>/request.json     what was asked for: `Request`
                     data/<file>      the examples, as they were uploaded
                     events.jsonl     what happened, an `Event` a line
                     checkpoints/     step-000040/…, each in peft's format, written whole or not at all
                     lock             held by the process that trains, so that a killed one is known
                     stop             there once the run was told to stop

Whoever watches a run reads these files; the process that trains it is the only one that appends events.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock, Timeout

from qwen_ui.finetune.settings import TrainSettings

State = Literal["waiting", "running", "finished", "stopped", "failed", "interrupted"]
"""Interrupted: its process died; it can be continued from its last checkpoint."""
ENDED = ("finished", "stopped", "failed")

Event = dict[str, Any]
"""A line of events.jsonl: its ``kind`` (see docs/finetune.md), its ``time`` in seconds since 1970, and values."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    name: str
    """Of the adapter that it is to become."""
    file: str
    """The name of the file in data/."""
    settings: TrainSettings = field(default_factory=TrainSettings)
    sheet: str = ""
    encoding: str = ""
    model: str = "auto"
    """As ``--model`` has it."""
    pinned: tuple[str, ...] = ()
    """Prompts to be answered by each checkpoint while it learns."""
    made: float = 0.0
    """Seconds since 1970."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Request":
        """From its file. Raises `InvalidInput` for settings that can't be."""
        return cls(
            **{**given, "settings": TrainSettings.of(given["settings"]), "pinned": tuple(given.get("pinned", ()))}
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The adapter as it was after some steps."""

    step: int
    folder: Path


class Run:
    """One run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def request(self) -> Request:
        return Request.of(json.loads((self.folder / "request.json").read_text(encoding="utf-8")))

    @property
    def file(self) -> Path:
        """The examples."""
        return self.folder / "data" / self.request.file

    @property
    def lock(self) -> FileLock:
        """Held by the process that trains."""
        return FileLock(self.folder / "lock")

    @property
    def locked(self) -> bool:
        """Whether a process trains it now."""
        lock = self.lock
        try:
            with lock.acquire(timeout=0):
                return False
        except Timeout:
            return True

    @property
    def state(self) -> State:
        """What becomes of it just now."""
        told = [event["state"] for event in self.events() if event["kind"] == "state"]
        last: State = told[-1] if told else "waiting"
        return "interrupted" if last == "running" and not self.locked else last

    def events(self, start: int = 0) -> Iterator[Event]:
        """What happened, from the ``start``-th event on. A line that is being written is left for later.

        One that was cut off, by a full disk or a kill, is of the kind "damaged".
        """
        file = self.folder / "events.jsonl"
        if not file.exists():
            return
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if number >= start and line.endswith("\n"):
                    yield _read(line)

    def tell(self, kind: str, **values: Any) -> None:
        """Appends an event."""
        line = json.dumps({"kind": kind, "time": time.time(), **values}, ensure_ascii=False) + "\n"
        with (self.folder / "events.jsonl").open("a+b") as file:
            if file.tell() and _is_cut(file):
                line = "\n" + line
            file.write(line.encode())

    def checkpoints(self) -> list[Checkpoint]:
        """Those that are whole, the first ones first."""
        folders = sorted((self.folder / "checkpoints").glob("step-*"))
        return [Checkpoint(int(folder.name.removeprefix("step-")), folder) for folder in folders]

    def stop(self) -> None:
        """Tells it to end soon, and to keep the best."""
        (self.folder / "stop").touch()

    @property
    def stopping(self) -> bool:
        return (self.folder / "stop").exists()


def _read(line: str) -> Event:
    try:
        event: Event = json.loads(line)
    except ValueError:
        return {"kind": "damaged", "time": 0.0}
    return event


def _is_cut(file: IO[bytes]) -> bool:
    """Whether its last line has no end."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


class RunStore:
    """All runs of a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, request: Request, data: bytes) -> Run:
        """A new run that waits. Raises `OSError` when it can't be written."""
        run = Run(self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}")
        (run.folder / "data").mkdir(parents=True)
        (run.folder / "data" / request.file).write_bytes(data)
        text = json.dumps(request.to_json(), ensure_ascii=False, indent=1)
        (run.folder / "request.json").write_text(text, encoding="utf-8")
        return run

    def all(self) -> list[Run]:
        """Those that are whole, the latest first."""
        return [Run(file.parent) for file in sorted(self.folder.glob("*/request.json"), reverse=True)]

    def get(self, id: str) -> Run | None:
        """The run with that id."""
        return next((run for run in self.all() if run.id == id), None)
