"""Fine-tune: what has happened in a run, and what can be asked for."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.runs import Event, Request, Run, RunStore, State
from qwen_ui.finetune.settings import Preset, TrainSettings, preset
from qwen_ui.finetune.told import read_sentence
from qwen_ui.sentences import Sentence

PINNED = 5
PINNED_LENGTH = 2000
KEPT_RUNS = 32
"""Whose events are kept in memory."""


@dataclass(frozen=True, slots=True)
class Story:
    """What has happened in a run so far. Where a run was continued, the later telling of a step counts."""

    id: str
    request: Request
    state: State
    message: Sentence | None = None
    """Why it failed."""
    plan: Event = field(default_factory=dict)
    steps: tuple[Event, ...] = ()
    evaluations: tuple[Event, ...] = ()
    checkpoints: tuple[Event, ...] = ()
    result: Event = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state not in ("waiting", "running")

    @property
    def step(self) -> int:
        """The last step that was made."""
        return int(self.steps[-1]["step"]) if self.steps else 0

    @property
    def best(self) -> Mapping[str, float]:
        """The metrics of the result, or else of the last evaluation with its loss."""
        if self.result:
            return dict(self.result["metrics"].get("adapter", {}))
        last = self.evaluations[-1] if self.evaluations else {}
        return {**last.get("metrics", {}), "loss": last["loss"]} if last else {}


def story_of(run: Run, request: Request, events: Sequence[Event], state: State) -> Story:
    """The run's story from its events."""
    told = Story(run.id, request, state)
    by_step: dict[str, dict[int, Event]] = {"step": {}, "evaluation": {}, "checkpoint": {}}
    for event in events:
        kind = event["kind"]
        if kind in by_step:
            by_step[kind][event["step"]] = event
        elif kind in ("plan", "result"):
            told = replace(told, plan=event) if kind == "plan" else replace(told, result=event)
        elif kind == "state":
            told = replace(told, message=_message(event))
    steps, evaluations, checkpoints = (tuple(found[step] for step in sorted(found)) for found in by_step.values())
    return replace(told, steps=steps, evaluations=evaluations, checkpoints=checkpoints)


def _state(run: Run, events: Sequence[Event]) -> State:
    """As `Run.state` has it, from events that were read already."""
    last: State = next((event["state"] for event in reversed(events) if event["kind"] == "state"), "waiting")
    return "interrupted" if last == "running" and not run.locked else last


def _message(event: Event) -> Sentence:
    return read_sentence(event if "template" in event else event.get("text", ""))


class Journals:
    """The stories of runs: of what was read of their files, only what is new is read again. Safe from any thread."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, list[Event]] = OrderedDict()
        self._lock = threading.Lock()

    def all(self, store: RunStore) -> tuple[list[Story], list[InvalidInput]]:
        """The runs that can be read, the latest first, and what is wrong with the others."""
        stories, problems = [], []
        for run in store.all():
            try:
                stories.append(self.story(run))
            except InvalidInput as error:
                problems.append(error)
        return stories, problems

    def story(self, run: Run) -> Story:
        """What has happened so far. Raises `InvalidInput` for a run whose files can't be read."""
        try:
            request = run.request
            with self._lock:
                events = self._events.pop(run.id, [])
                events.extend(run.events(len(events)))
                self._events[run.id] = events
                while len(self._events) > KEPT_RUNS:
                    self._events.popitem(last=False)
                return story_of(run, request, events, _state(run, events))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput("The run {id} can't be read: {error}", id=run.id, error=error) from error


def settings_of(name: Any, given: Mapping[str, Any]) -> TrainSettings:
    """A preset's settings, some of them others. Raises `InvalidInput` for what there is not."""
    if name not in get_args(Preset):
        raise InvalidInput(
            "There is no preset {name!r}. There are: {names}.", name=name, names=", ".join(get_args(Preset))
        )
    if not isinstance(given, Mapping):
        raise InvalidInput("The settings must be an object of names and values.")
    return TrainSettings.of({**preset(name).to_json(), **given})


def pinned_of(text: str) -> tuple[str, ...]:
    """The prompts that were written, one a line. Raises `InvalidInput` for too many, or too long ones."""
    prompts = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(prompts) > PINNED:
        raise InvalidInput(
            "These are {count} pinned prompts; {most} are possible. Take some out.", count=len(prompts), most=PINNED
        )
    if max(map(len, prompts), default=0) > PINNED_LENGTH:
        raise InvalidInput("A pinned prompt is longer than {most:,} characters. Shorten it.", most=PINNED_LENGTH)
    return prompts


def check_name(name: str, adapters: AdapterStore, stories: Sequence[Story]) -> str:
    """The adapter's name. Raises `InvalidInput` for one that can't be, is taken, or will be by a run that waits."""
    name = name.strip()
    if not name:
        raise InvalidInput("Give the adapter a name.")
    adapters.check_name(name)
    if any(not each.over and each.request.name == name for each in stories):
        raise InvalidInput("A run that becomes the adapter {name!r} is in the queue. Choose another name.", name=name)
    return name


def file_bytes(path: str, megabytes: int) -> bytes:
    """An uploaded file. Raises `InvalidInput` for one that is too large, or not there any more."""
    file = Path(path)
    try:
        if (size := file.stat().st_size) > megabytes * 1_000_000:
            raise InvalidInput(
                "The file has {size:.0f} MB; {limit:.0f} are possible. Split it.", size=size / 1e6, limit=megabytes
            )
        return file.read_bytes()
    except FileNotFoundError as error:
        raise InvalidInput("The server no longer has this file. Add it again.") from error
