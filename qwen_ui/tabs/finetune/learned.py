"""Watch it learn: the pinned prompts' answers by the base model and by each checkpoint, kept in the run's folder."""

import json
from collections.abc import Mapping
from contextlib import suppress

from qwen_ui.errors import NotSaved
from qwen_ui.finetune.runs import Run
from qwen_ui.tabs.finetune.answers import Ask
from qwen_ui.tabs.finetune.task import Story

FILE = "answers.jsonl"
BASE = 0
"""The step of the base model."""
LATEST = 4
"""Checkpoints that are still asked where nobody was there to see them."""

Answers = Mapping[tuple[int, str], str]
"""By step and prompt."""


def read(run: Run) -> dict[tuple[int, str], str]:
    """The answers that are there. A line that was cut off is left out."""
    file = run.folder / FILE
    if not file.exists():
        return {}
    answers = {}
    for line in file.read_text(encoding="utf-8").split("\n"):
        with suppress(ValueError):
            given = json.loads(line)
            answers[given["step"], given["prompt"]] = given["text"]
    return answers


def keep(run: Run, answers: Answers) -> None:
    """Adds answers that are whole. Raises `NotSaved`."""
    lines = (
        json.dumps({"step": step, "prompt": prompt, "text": text}, ensure_ascii=False)
        for (step, prompt), text in answers.items()
    )
    try:
        with (run.folder / FILE).open("a", encoding="utf-8") as file:
            file.write("\n".join(["", *lines, ""]))  # after the end of a line that a full disk has cut off
    except OSError as error:
        raise NotSaved.within(run.folder, error) from error


def missing(run: Run, story: Story, answers: Answers) -> list[tuple[int, str]]:
    """What is still to be answered, by the base and by the latest checkpoints that are there: steps and prompts."""
    steps = [BASE, *(checkpoint.step for checkpoint in run.checkpoints()[-LATEST:])]
    wanted = [(step, prompt) for step in steps for prompt in story.request.pinned]
    return [each for each in wanted if each not in answers]


def ask_of(story: Story, step: int, prompt: str) -> Ask:
    """What is asked of the engine for it."""
    return Ask(prompt, f"{story.id}@{step}" if step != BASE else "")
