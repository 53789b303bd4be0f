"""From a request to a run in the queue, for the page and for scripts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.finetune.runs import Request, Run
from qwen_ui.models.estimate import gigabytes
from qwen_ui.tabs.finetune.answers import LOOKED


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would train on, and what it would take: as the command's plan has it."""

    preview: dict[str, Any]
    estimate: dict[str, Any]


def plan(runs: RunQueue, request: Request, data: bytes, stopped: Callable[[], bool] = lambda: False) -> Planned:
    """Looks at the data. Takes seconds. Raises `InvalidInput` for what can't be trained on, `NotSaved`."""
    found = runs.plan(request, data, stopped)
    return Planned(found["preview"], found["estimate"])


def too_large(estimate: Mapping[str, Any]) -> InvalidInput:
    """That a run does not fit, with the numbers and what to change."""
    return InvalidInput(
        "It takes about {needed} of memory, and {free} are free. Lower the batch size or the maximum length, or switch "
        "gradient checkpointing on.",
        needed=gigabytes(estimate["memory_bytes"]),
        free=gigabytes(estimate["free_bytes"]),
    )


def begin(runs: RunQueue, request: Request, data: bytes, planned: Planned) -> Run:
    """Puts the run into the queue. Raises `InvalidInput` for one that does not fit, `NotSaved`."""
    if not planned.estimate.get("fits", True):
        raise too_large(planned.estimate)
    return runs.add(request, data, {LOOKED: json.dumps(planned.preview, ensure_ascii=False).encode()})
