"""/finetune and /runs, as scripts call them: for the owner only."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder, is_in_or_equal

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.runs import ENDED, Event, Request, Run
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.page.app import App
from qwen_ui.tabs.finetune.start import begin, plan
from qwen_ui.tabs.finetune.task import Journals, Story, check_name, file_bytes, settings_of

LOOK = 0.5
"""Seconds between two looks at a run's events."""


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """The two."""
    journals = Journals()

    async def finetune(
        file: dict[str, Any],
        name: str,
        request: gr.Request,
        preset: str = "quick",
        settings: dict[str, Any] | None = None,
        model: str = "",
        sheet: str = "",
        encoding: str = "",
    ) -> AsyncIterator[dict[str, Any]]:
        """Trains an adapter of that name on a file of examples; scripts give it with handle_file.

        ``settings`` are beside the preset's: see docs/finetune.md. Gives the run's events as they come, the first one
        with its id: {"kind", "time", …}. It goes on if the caller leaves.
        """
        _check_owner(app)
        given = {"name": name, "model": model, "sheet": sheet, "encoding": encoding}
        run = await asyncio.to_thread(_begin, app, journals, file, given, settings_of(preset, settings or {}))
        yield {"kind": "queued", "time": time.time(), "id": run.id}
        async for event in followed(run):
            yield event

    async def runs(request: gr.Request, id: str = "") -> list[dict[str, Any]]:
        """All training runs, the latest first: {"id", "name", "state", "step", "metrics", "settings", …}; or the one
        with that id, with its events."""
        _check_owner(app)
        return await asyncio.to_thread(_runs, app, journals, id)

    return [finetune, runs]


def _check_owner(app: App) -> None:
    if app.settings.is_public:
        raise InvalidInput("Fine-tuning is for the owner of this server: in public mode it is off.")


def _begin(app: App, journals: Journals, file: Any, given: Mapping[str, Any], settings: TrainSettings) -> Run:
    """Puts the run into the queue. Raises `InvalidInput` for what can't be."""
    for name, value in given.items():
        if not isinstance(value, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name=name, kind=type(value).__name__)
    path = uploaded(file)
    stories, _ = journals.all(app.runs.store)
    request = Request(
        name=check_name(given["name"], app.adapters, stories),
        file=path.name,
        settings=settings,
        sheet=given["sheet"],
        encoding=given["encoding"],
        model=given["model"] or app.model,
        made=time.time(),
    )
    data = file_bytes(str(path), app.settings.upload_limit_mb)
    return begin(app.runs, request, data, plan(app.runs, request, data))


def uploaded(file: Any) -> Path:
    """Where an upload lies. Raises `InvalidInput` for what is no upload: no other file of the server is read."""
    path = file.get("path") if isinstance(file, Mapping) else None
    if not isinstance(path, str) or not is_in_or_equal(path, get_upload_folder()):
        raise InvalidInput("The file must be uploaded: scripts give it with handle_file.")
    return Path(path)


def _events(run: Run, start: int) -> list[Event]:
    return list(run.events(start))


async def followed(run: Run) -> AsyncIterator[Event]:
    """The run's events as they come, until it ends, or breaks off."""
    count = 0
    while True:
        state = await asyncio.to_thread(lambda: run.state)
        events = await asyncio.to_thread(_events, run, count)
        for event in events:
            yield event
        count += len(events)
        if not events and (state in ENDED or state == "interrupted"):
            if state == "interrupted":
                yield {"kind": "state", "time": time.time(), "state": state}
            return
        await asyncio.sleep(LOOK)


def _runs(app: App, journals: Journals, id: Any) -> list[dict[str, Any]]:
    if not id:
        return [_told(story) for story in journals.all(app.runs.store)[0]]
    run = app.runs.store.get(str(id))
    if run is None:
        raise InvalidInput("There is no run {id!r}.", id=id)
    return [_told(journals.story(run)) | {"events": list(run.events())}]


def _told(story: Story) -> dict[str, Any]:
    request = story.request
    return {
        "id": story.id,
        "name": request.name,
        "state": story.state,
        "message": str(story.message or ""),
        "step": story.step,
        "steps": int(story.plan.get("steps", 0)),
        "metrics": dict(story.best),
        "file": request.file,
        "model": request.model,
        "settings": request.settings.to_json(),
        "made": request.made,
    }
