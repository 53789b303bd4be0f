"""A tiny model that is trained in a moment, on a few rows with labels."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_ui.finetune.runs import Event, Request, Run, RunStore
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.settings import Settings

GOOD = ("good", "great", "fine", "lovely", "superb")
BAD = ("bad", "awful", "poor", "dull", "sad")


def rows(count: int = 40) -> bytes:
    """Films with a verdict that a word in them tells."""
    lines = ["text,label"]
    for number in range(count):
        word, label = (GOOD, "positive") if number % 2 else (BAD, "negative")
        lines.append(f"film {number} is {word[number // 2 % 5]},{label}")
    return "\n".join(lines).encode()


def settings(**given: Any) -> TrainSettings:
    """Few steps, and an evaluation each two."""
    quick = {"steps": 6, "evaluate_every": 2, "batch_size": 8, "rank": 4, "stop_by": "none", "learning_rate": 1e-2}
    return TrainSettings(**{**quick, **given})


@dataclass
class Told:
    """What a run told."""

    run: Run
    interrupt: Callable[[str, dict[str, Any]], None] = lambda kind, values: None
    events: list[Event] = field(default_factory=list)

    def __call__(self, kind: str, **values: Any) -> None:
        self.run.tell(kind, **values)
        self.events.append({"kind": kind, **values})
        self.interrupt(kind, values)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["kind"] == kind]


def add(data_dir: Path, model: Path, chosen: TrainSettings, data: bytes = b"", name: str = "films") -> Run:
    """A run that waits."""
    request = Request(name=name, file="films.csv", settings=chosen, model=str(model))
    return RunStore(data_dir / "runs").add(request, data or rows())


def train(run: Run, interrupt: Callable[[str, dict[str, Any]], None] = lambda kind, values: None) -> Told:
    """Trains it, in a thread that ends: torch in the tests' own would slow down the engine's tests."""
    from qwen_ui.finetune.training import session

    app, told = Settings(data_dir=run.folder.parents[1]), Told(run, interrupt)

    def work() -> None:
        session.set_threads(1)
        session.train(run, app, told, lambda progress: None)

    in_thread(work)
    return told


def in_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
