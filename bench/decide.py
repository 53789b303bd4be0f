"""Decisions: how often the answer is right, by each kind of question and each way to calibrate."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import roc_auc_score

from bench.report import Figure
from bench.sentiment import Labelled, sample, sst2, waimai
from qwen_ui.decisions.deciding import DEFAULT, DEFAULT_CHINESE, FEWEST_OF_BATCH, TASK, Decided
from qwen_ui.decisions.judging import Classified, Scores, decide, score
from qwen_ui.decisions.options import kind_of, parse_options
from qwen_ui.decisions.prompt import Order
from qwen_ui.engine.base import Engine
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.settings import PROJECT, Settings

_ROWS = 200


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked about each text, and which of the options is right for which of its labels."""

    template: str
    question: str
    options: str
    right: Mapping[str, str]
    """By the text's label; empty for a score, which has to be higher for what is positive."""

    @property
    def title(self) -> str:
        """For people."""
        return f"“{self.question}”, {self.options}" if self.question else f"by {self.template}.prompty, {self.options}"


ENGLISH = (
    Asking("praise", "", "yes, no", {"positive": "yes", "negative": "no"}),
    Asking(DEFAULT, "Is this review positive?", "yes, no", {"positive": "yes", "negative": "no"}),
    Asking(
        DEFAULT,
        "Is this review positive or negative?",
        "positive, negative",
        {"positive": "positive", "negative": "negative"},
    ),
    Asking(DEFAULT, "How much does the writer like it?", "1-5", {}),
)
CHINESE = (Asking(DEFAULT_CHINESE, "这条评论是好评吗？", "是, 否", {"正面": "是", "负面": "否"}),)


async def _asked(engine: Engine, name: str, asking: Asking, rows: Sequence[Labelled]) -> list[Figure]:
    labels = parse_options(asking.options)
    order = Order(PromptStore(PROJECT / "prompts").load(TASK, asking.template), labels, question=asking.question)
    texts, truths = [text for text, _ in rows], [label for _, label in rows]
    began = time.perf_counter()
    found = await score(engine, order, texts)
    speed = len(rows) / (time.perf_counter() - began)
    references = await score(engine, order, order.calibration_texts)
    ways: dict[str, list[Classified]] = {
        "all the texts": decide(found, labels, found),
        f"{FEWEST_OF_BATCH} texts at a time": _by_few(found, labels),
        "the template's reference texts": decide(found, labels, references),
        "nothing": decide(found, labels),
    }
    what, on = f"{name}, {asking.title}: {_measure(asking)}", f"{len(rows)} rows, {speed:.1f} a second"
    return [
        Figure(f"{what}, calibrated against {way}", _figure(asking, results, truths), "", on)
        for way, results in ways.items()
    ]


def _by_few(found: Sequence[Scores], labels: Sequence[str]) -> list[Classified]:
    """Each few texts are calibrated by themselves, as when so many are asked about."""
    results: list[Classified] = []
    for start in range(0, len(found[0]), FEWEST_OF_BATCH):
        few = [scores[start : start + FEWEST_OF_BATCH] for scores in found]
        results += decide(few, labels, few)
    return results


def _measure(asking: Asking) -> str:
    return "accuracy" if asking.right else "positive above negative (AUC)"


def _figure(asking: Asking, results: Sequence[Classified], truths: Sequence[str]) -> str:
    if asking.right:
        hits = [float(result.label == asking.right[truth]) for result, truth in zip(results, truths, strict=True)]
        return f"{statistics.mean(hits):.1%}"
    told = Decided(kind_of([*results[0].probabilities]), "none", tuple(results)).told()
    good = [truth in {"positive", "正面"} for truth in truths]
    return f"{roc_auc_score(good, [each['expected'] for each in told]):.3f}"


async def measure(engine: Engine, english: Path, chinese: Path) -> list[Figure]:
    """The lines of the report."""
    figures: list[Figure] = []
    for asking in ENGLISH:
        figures += await _asked(engine, "SST-2", asking, sample(sst2(english), _ROWS))
    for asking in CHINESE:
        figures += await _asked(engine, "waimai", asking, sample(waimai(chinese), _ROWS))
    return figures


def run(settings: Settings, english: Path, chinese: Path) -> list[Figure]:
    """The lines of the report, measured on the model that the settings name."""
    host = EngineHost(settings)
    host.start()
    host.wait()
    return asyncio.run(_measured(host, english, chinese))


async def _measured(host: EngineHost, english: Path, chinese: Path) -> list[Figure]:
    try:
        return await measure(host.engine, english, chinese)
    finally:
        await host.close()
