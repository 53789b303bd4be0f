"""Sentiment: how often the label is right, with and without calibration, and how fast scoring is beside generating."""

import asyncio
import csv
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import Figure
from bench.workers import Worker, generate_worker
from qwen_ui.decisions.judging import decide, score
from qwen_ui.decisions.prompt import Order, build
from qwen_ui.engine.base import Engine
from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.host import EngineHost
from qwen_ui.settings import PROJECT, Settings

_SEED = 20_250_101
_ROWS = 500
_GENERATED = 100
_FEW = 25
"""Rows that are generated one after the other."""
_AT_ONCE = 16
_WORD_TOKENS = 4

Labelled = tuple[str, str]
"""A text and its true label."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured on one set of texts. Shares are from 0 to 1, speeds in rows a second."""

    name: str
    rows: int
    calibrated: float
    raw: float
    """Accuracy without calibration."""
    scored: float
    """Speed of scoring, the calibration texts' with it."""
    generated: float
    """Speed of generating the word, 16 rows at once."""
    one_by_one: float
    """Speed of generating the word, one row after the other."""
    plain: float
    """Speed of transformers' own `generate`, one row after the other, which shares nothing between prompts."""

    def figures(self, goal: str = "") -> list[Figure]:
        """The lines of the report."""
        on = f"{self.rows} rows of {self.name}"
        speeds = (
            ("transformers' generate", self.plain, "≥ 5"),
            ("generating in the app, one after the other", self.one_by_one, ""),
            (f"generating in the app, {_AT_ONCE} at once", self.generated, ""),
        )
        return [
            Figure(f"{self.name}: accuracy, calibrated", f"{self.calibrated:.1%}", goal, on),
            Figure(f"{self.name}: accuracy, not calibrated", f"{self.raw:.1%}", "", on),
            *(
                Figure(
                    f"{self.name}: rows a second, scoring ÷ {what}",
                    f"{self.scored / speed:.1f}",
                    wanted,
                    f"{self.scored:.1f} and {speed:.1f}",
                )
                for what, speed, wanted in speeds
            ),
        ]


async def run(host: EngineHost, plain: Worker, name: str, template: Template, rows: Sequence[Labelled]) -> Result:
    """Measures on the rows, whose labels are the labels to choose from. One process computes at a time."""
    labels = tuple(sorted({label for _, label in rows}, reverse=True))
    texts, truths = [text for text, _ in rows], [label for _, label in rows]
    order = Order(template, labels)
    await score(host.engine, order, order.calibration_texts)  # warm
    started = time.perf_counter()
    found = await score(host.engine, order, texts)
    expected = await score(host.engine, order, order.calibration_texts)
    scored = len(rows) / (time.perf_counter() - started)
    calibrated, raw = decide(found, labels, expected), decide(found, labels)

    prompts = next(scoring.prompts for scoring in build(template, texts[:_GENERATED], labels))
    await _word(host.engine, prompts[0])  # what all prompts begin with is kept from now on, as in a running app
    _, together = await _timed(lambda: _many(host.engine, prompts))
    few = prompts[:_FEW]
    _, alone = await _timed(lambda: _each(host.engine, few))
    started = time.perf_counter()
    await asyncio.to_thread(plain.call, "run", prompts=few, new_tokens=_WORD_TOKENS, temperature=0)
    by_generate = _FEW / (time.perf_counter() - started)
    return Result(
        name=name,
        rows=len(rows),
        calibrated=_share(result.label == truth for result, truth in zip(calibrated, truths, strict=True)),
        raw=_share(result.label == truth for result, truth in zip(raw, truths, strict=True)),
        scored=scored,
        generated=len(prompts) / together,
        one_by_one=_FEW / alone,
        plain=by_generate,
    )


async def _word(engine: Engine, prompt: str) -> str:
    """The label as the model says it when it is asked in a chat, greedily."""
    sampling = Sampling(max_new_tokens=_WORD_TOKENS, temperature=0)
    async with engine.stream([Message("user", prompt)], sampling) as stream:
        return "".join([chunk.text async for chunk in stream])


async def _each(engine: Engine, prompts: Sequence[str]) -> list[str]:
    return [await _word(engine, prompt) for prompt in prompts]


async def _many(engine: Engine, prompts: Sequence[str]) -> list[str]:
    """As many at once as the app lets generate."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(prompt: str) -> str:
        async with free:
            return await _word(engine, prompt)

    return await asyncio.gather(*(one(prompt) for prompt in prompts))


async def _timed(work: Callable[[], Awaitable[list[str]]]) -> tuple[list[str], float]:
    started = time.perf_counter()
    return await work(), time.perf_counter() - started


def _share(hits: Iterable[bool]) -> float:
    return statistics.mean(map(float, hits))


def sst2(data: Path) -> list[Labelled]:
    """The rows of a file with a text, a tab, and 1 for positive or 0 for negative."""
    lines = [line.rpartition("\t") for line in data.read_text("utf-8").splitlines()]
    return [(text, "positive" if label == "1" else "negative") for text, _, label in lines]


def waimai(data: Path) -> list[Labelled]:
    """The rows of a CSV file with the columns label, 1 for positive or 0 for negative, and review."""
    with data.open(encoding="utf-8", newline="") as file:
        return [(row["review"], "正面" if row["label"] == "1" else "负面") for row in csv.DictReader(file)]


def sample(rows: Sequence[Labelled], count: int = _ROWS) -> list[Labelled]:
    """As many rows, the same ones each time."""
    return random.Random(_SEED).sample(rows, min(count, len(rows)))


async def measure(host: EngineHost, plain: Worker, english: Path, chinese: Path) -> list[Figure]:
    """The lines of the report, for both sets of texts."""
    prompts = PromptStore(PROJECT / "prompts")
    one = await run(host, plain, "SST-2", prompts.load("sentiment", "reviews"), sample(sst2(english)))
    other = await run(host, plain, "waimai", prompts.load("sentiment", "reviews-zh"), sample(waimai(chinese)))
    return one.figures("≥ 85%") + other.figures()


def run_all(settings: Settings, english: Path, chinese: Path) -> list[Figure]:
    """The lines of the report, measured on the model that the settings name."""
    host = EngineHost(settings)
    host.start()
    host.wait()
    with Worker(generate_worker, settings) as plain:
        return asyncio.run(_measured(host, plain, english, chinese))


async def _measured(host: EngineHost, plain: Worker, english: Path, chinese: Path) -> list[Figure]:
    try:
        return await measure(host, plain, english, chinese)
    finally:
        await host.close()
