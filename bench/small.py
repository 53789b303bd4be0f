"""The model that most people without a GPU run: Qwen2.5-0.5B's shapes with random weights, beside plain `generate`."""

import multiprocessing
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.chat import NEW_TOKENS, STORIES
from bench.gpu import make
from bench.report import Figure
from bench.workers import Worker, engine_worker, generate_worker
from qwen_ui.models.catalog import CATALOG
from qwen_ui.settings import Precision, Settings

HALF_B = CATALOG[-1]
PLAIN: tuple[Precision, ...] = ("bf16", "fp32")
"""What `generate` is measured in: as the model's files are, and what most CPUs compute in."""
STREAMS = (1, 4, 16)
GOALS = {1: "≥ 2"}


def run(settings: Settings, rounds: int) -> list[Figure]:
    """The lines of the report."""
    with tempfile.TemporaryDirectory() as folder:
        making = multiprocessing.get_context("spawn").Process(target=make, args=(Path(folder), HALF_B, "cpu"))
        making.start()
        making.join()
        return _compare(replace(settings, model=folder), rounds)


def _compare(settings: Settings, rounds: int) -> list[Figure]:
    """Tokens a second, by turns; `generate` answers one after the other."""
    figures = []
    with ExitStack() as stack:
        engine = stack.enter_context(Worker(engine_worker, settings))
        plain = {each: Worker(generate_worker, replace(settings, precision=each)) for each in PLAIN}
        for worker in plain.values():
            stack.enter_context(worker)
        for count in STREAMS:
            ours, theirs = list[float](), {each: list[float]() for each in PLAIN}
            for turn in range(rounds + 1):
                new = NEW_TOKENS // 3 if turn else 4  # the first warms
                ours.append(_speed(engine, count, new))
                for each, worker in plain.items():
                    theirs[each].append(_speed(worker, 1, new))
            a = statistics.median(ours[1:])
            for each in PLAIN:
                b = statistics.median(theirs[each][1:])
                what = f"{count} {'stream' if count == 1 else 'streams'}: engine in {engine.info.precision}"
                from_ = f"{a:.1f} and {b:.1f} tokens/s"
                figures.append(Figure(f"{what} ÷ `generate` in {each}", f"{a / b:.2f}", GOALS.get(count, ""), from_))
    return figures


def _speed(worker: Worker, streams: int, new_tokens: int) -> float:
    """Tokens a second."""
    run = worker.call("run", prompts=STORIES[:streams], new_tokens=new_tokens, temperature=0.7)
    speed: float = run["tokens_per_second"]
    return speed
