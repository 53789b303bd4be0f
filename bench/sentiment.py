"""Sentiment: how well labels are found, by each way to calibrate, and how fast scoring is beside generating."""

import asyncio
import csv
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import Figure
from bench.workers import Worker, generate_worker
from qwen_ui.decisions.judging import Classified, decide, score
from qwen_ui.decisions.own_rows import recalibrated
from qwen_ui.decisions.prompt import Order, build
from qwen_ui.engine.base import Engine
from qwen_ui.finetune.metrics import label_metrics
from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.host import EngineHost
from qwen_ui.settings import PROJECT, Settings

_SEED = 20_250_101
_ENGLISH_ROWS, _CHINESE_ROWS = 1000, 500
_GENERATED = 100
_FEW = 25
"""Rows that are generated one after the other."""
_AT_ONCE = 16
_WORD_TOKENS = 4
_CONTENT_FREE = ("N/A", "[MASK]", ".")
"""Texts without content (contextual calibration: Zhao et al. 2021, https://arxiv.org/abs/2102.09690)."""
_RANDOM_TEXTS = 20
_SHIPPED, _OWN_ROWS = "the template's reference texts", "these, and the rows' own shares of the labels"
"""Ways to calibrate that the app has."""

Labelled = tuple[str, str]
"""A text and its true label."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured on one set of texts. Shares are from 0 to 1, speeds in rows a second."""

    name: str
    rows: int
    commonest: dict[str, float]
    """Metrics of always saying the commonest label."""
    ways: Mapping[str, dict[str, float]]
    """Metrics by what results are calibrated against."""
    scored: float
    """Speed of scoring, the calibration texts' with it."""
    generated: float
    """Speed of generating the word, 16 rows at once."""
    one_by_one: float
    """Speed of generating the word, one row after the other."""
    plain: float
    """Speed of transformers' own `generate`, one row after the other, which shares nothing between prompts."""

    def figures(self, goals: Mapping[str, str]) -> list[Figure]:
        """The lines of the report; ``goals`` are by the way to calibrate."""
        on = f"{self.rows} rows of {self.name}"
        speeds = (
            ("transformers' generate", self.plain, "≥ 5"),
            ("generating in the app, one after the other", self.one_by_one, ""),
            (f"generating in the app, {_AT_ONCE} at once", self.generated, ""),
        )
        return [
            Figure(f"{self.name}: accuracy · macro-F1, always the commonest label", shown(self.commonest), "", on),
            *(
                Figure(
                    f"{self.name}: accuracy · macro-F1, calibrated against {way}",
                    shown(metrics),
                    goals.get(way, ""),
                    on,
                )
                for way, metrics in self.ways.items()
            ),
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
    content_free = await score(host.engine, order, _CONTENT_FREE)
    drawn = await score(host.engine, order, drawn_texts(texts))
    calibrated = decide(found, labels, expected)
    ways = {
        "nothing": decide(found, labels),
        "texts without content": decide(found, labels, content_free),
        "random words of the rows": decide(found, labels, drawn),
        "the rows themselves": decide(found, labels, found),
        _SHIPPED: calibrated,
        _OWN_ROWS: recalibrated(calibrated),
    }

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
        commonest=label_metrics(truths, [max(labels, key=truths.count)] * len(rows), labels),
        ways={way: quality(results, truths, labels) for way, results in ways.items()},
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


def quality(results: Sequence[Classified], truths: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro-F1."""
    return label_metrics(truths, [result.label for result in results], labels)


def shown(metrics: Mapping[str, float]) -> str:
    """Accuracy and macro-F1, beside each other."""
    return f"{metrics['accuracy']:.1%} · {metrics['macro_f1']:.3f}"


def drawn_texts(texts: Sequence[str]) -> list[str]:
    """Texts of random words, or of random pairs of characters where there are no spaces, as long as the texts are.

    What labels score on average after these is what domain calibration takes off
    (Fei et al. 2023, https://arxiv.org/abs/2305.19148).
    """
    random_from = random.Random(_SEED)
    spaced = 2 * sum(" " in text for text in texts) > len(texts)
    units = [unit for text in texts for unit in (text.split() if spaced else _pairs(text))]
    count = max(1, len(units) // len(texts))
    return [(" " if spaced else "").join(random_from.choices(units, k=count)) for _ in range(_RANDOM_TEXTS)]


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)]


def sst2(data: Path) -> list[Labelled]:
    """The rows of a file with a text, a tab, and 1 for positive or 0 for negative."""
    lines = [line.rpartition("\t") for line in data.read_text("utf-8").splitlines()]
    return [(text, "positive" if label == "1" else "negative") for text, _, label in lines]


def waimai(data: Path) -> list[Labelled]:
    """The rows of a CSV file with the columns label, 1 for positive or 0 for negative, and review."""
    with data.open(encoding="utf-8", newline="") as file:
        return [(row["review"], "正面" if row["label"] == "1" else "负面") for row in csv.DictReader(file)]


def sample(rows: Sequence[Labelled], count: int) -> list[Labelled]:
    """As many rows, the same ones each time."""
    return random.Random(_SEED).sample(rows, min(count, len(rows)))


async def measure(host: EngineHost, plain: Worker, english: Path, chinese: Path) -> list[Figure]:
    """The lines of the report, for both sets of texts."""
    prompts = PromptStore(PROJECT / "prompts")
    one = await run(host, plain, "SST-2", prompts.load("sentiment", "reviews"), sample(sst2(english), _ENGLISH_ROWS))
    other = await run(
        host, plain, "waimai", prompts.load("sentiment", "reviews-zh"), sample(waimai(chinese), _CHINESE_ROWS)
    )
    return one.figures({_SHIPPED: "≥ 86%"}) + other.figures({_OWN_ROWS: "≥ 72%"})


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
