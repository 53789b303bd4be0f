"""Prompts put to the base model and to adapters at the same time, in the way that these were trained."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qwen_ui.engine.base import Engine
from qwen_ui.errors import QwenUIError
from qwen_ui.finetune.rendering import completions
from qwen_ui.finetune.rows import Row
from qwen_ui.finetune.runs import Run
from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore, Template

LOOKED = "preview.json"
"""What was found in a run's data before it began, in the run's folder."""
SAMPLING = Sampling(max_new_tokens=160, temperature=0)


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt for one adapter, or for the base model (an empty name)."""

    prompt: str
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer so far."""

    text: str
    whole: bool = False


Told = Mapping[Ask, Reply | QwenUIError]
"""How far each answer is, or why there is none."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a prompt is put to a model: as a message, in a template, or, where there are labels, to be judged."""

    template: Template | None = None
    labels: tuple[str, ...] = ()

    def messages(self, prompt: str) -> list[Message]:
        """The chat to be answered. Raises `TemplateError` for a template that needs more than a text."""
        return list(self.template.render(text=prompt)) if self.template else [Message("user", prompt)]

    def judged(self, prompt: str) -> tuple[str, list[str]]:
        """The text that one of the labels completes, and the labels as they follow it."""
        assert self.template is not None
        rows = [Row(0, prompt, label) for label in self.labels]
        examples = completions(rows, self.template, self.labels)
        return examples[0].prompt, [example.answer for example in examples]


def way_of(run: Run, prompts: PromptStore) -> Way:
    """How the run's rows were put, as far as it is known. Raises `TemplateError` for a broken prompt file."""
    file = run.folder / LOOKED
    looked: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    task, _, name = str(looked.get("template") or "").partition("/")
    if not name:
        return Way()
    labels = tuple(looked.get("labels") or ()) if run.request.settings.shape == "labels" else ()
    return Way(prompts.load(task, name), labels)


async def ask_all(engine: Engine, asks: Sequence[Ask], way: Way) -> AsyncGenerator[Told, None]:
    """The answers to all, made at the same time, each as it grows. One that fails leaves the others alone.

    Raises only what is no `QwenUIError`.
    """
    told: dict[Ask, Reply | QwenUIError] = {}
    news = asyncio.Event()

    async def answer(ask: Ask) -> None:
        try:
            if way.labels:
                told[ask] = await _judge(engine, ask, way)
            else:
                await _write(engine, ask, way)
        except QwenUIError as error:
            told[ask] = error
        finally:
            news.set()

    async def _write(engine: Engine, ask: Ask, way: Way) -> None:
        text = ""
        async with engine.stream(way.messages(ask.prompt), SAMPLING, ask.adapter) as stream:
            async for chunk in stream:
                text += chunk.text
                whole = chunk.usage is not None and chunk.usage.ended != "cancelled"
                told[ask] = Reply(text, whole)
                news.set()

    tasks = [asyncio.create_task(answer(ask)) for ask in asks]
    try:
        yield {}
        while not all(task.done() for task in tasks):
            await news.wait()
            news.clear()
            yield dict(told)
        for task in tasks:
            task.result()
        yield dict(told)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _judge(engine: Engine, ask: Ask, way: Way) -> Reply:
    """The labels with their probabilities, the likeliest first."""
    prompt, candidates = way.judged(ask.prompt)
    (scores,) = await engine.score([prompt], candidates, ask.adapter)
    highest = max(scores)
    shares = [math.exp(score - highest) for score in scores]
    total = sum(shares)
    ranked = sorted(zip(way.labels, shares, strict=True), key=lambda pair: -pair[1])
    return Reply(" · ".join(f"{label} ({share / total:.0%})" for label, share in ranked), whole=True)
