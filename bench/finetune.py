"""Fine-tuning: what an adapter of 500 rows reaches and takes, a chat beside its training, and what few logits save."""

import asyncio
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from random import Random

import psutil

from bench import sentiment, server
from bench.chat import STORIES
from bench.report import Figure
from bench.sentiment import Labelled
from bench.workers import peak_memory
from qwen_ui.adapters.store import AdapterStore
from qwen_ui.decisions.judging import decide, score
from qwen_ui.decisions.prompt import Order
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.settings import PROJECT, Settings

SEED, ROWS = 7, 500
NEW_TOKENS = 64
PORT = 7990
STEP_ROWS, STEP_TOKENS, STEPS = 8, 96, 4
"""Of the steps that are timed."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training took."""

    seconds: float
    peak: int
    """Bytes."""


def run(settings: Settings, english: Path, chinese: Path) -> list[Figure]:
    """The lines of the report."""
    with _data_dir(settings) as data_dir:
        own = replace(settings, data_dir=data_dir)
        figures = _accuracy(own, "SST-2", sentiment.sst2(english), "≥ 0.88", "0.856")
        figures += _accuracy(own, "waimai", sentiment.waimai(chinese), "≥ 0.78", "0.63 to 0.68")
        figures += _beside(own, sentiment.sst2(english))
    return figures + _logits(settings)


def _accuracy(settings: Settings, name: str, rows: list[Labelled], goal: str, without: str) -> list[Figure]:
    """Trains on the first 500 rows after a shuffle, and judges the next 500 as the Sentiment tab does."""
    Random(SEED).shuffle(rows)
    trained = _train(settings, name, rows[:ROWS])
    calibrated, raw = asyncio.run(_judged(settings, name, rows[ROWS : 2 * ROWS]))
    on = f"{ROWS} rows, {ROWS} others judged; {without} without"
    return [
        Figure(f"{name}: accuracy · macro-F1 with the adapter, not calibrated", sentiment.shown(raw), goal, on),
        Figure(f"{name}: the same, calibrated", sentiment.shown(calibrated), "", on),
        Figure(f"{name}: time of the training", f"{trained.seconds / 60:.1f} min", "≤ 10 min", "evaluations with it"),
        Figure(f"{name}: peak memory of the training", f"{trained.peak / 1e9:.1f} GB", "≤ 3 GB"),
    ]


def _train(settings: Settings, name: str, rows: Sequence[Labelled]) -> Trained:
    """Runs the command, and watches its memory."""
    started = time.perf_counter()
    with _training(settings, name, rows) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(0.2)
    if process.returncode:
        raise RuntimeError(f"the training of {name} ended with status {process.returncode}")
    return Trained(time.perf_counter() - started, peak)


@contextmanager
def _training(settings: Settings, name: str, rows: Sequence[Labelled]) -> Iterator[subprocess.Popen[bytes]]:
    file = settings.data_dir / f"{name}.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("text", "label"), *rows])
    command = [sys.executable, "-m", "qwen_ui.finetune", str(file), "--model", settings.model, "--name", name]
    command += ["--input", "text", "--target", "label", "--data-dir", str(settings.data_dir)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


async def _judged(settings: Settings, name: str, rows: Sequence[Labelled]) -> tuple[dict[str, float], dict[str, float]]:
    """Accuracy and macro-F1 with the adapter in the engine that serves: calibrated, and not."""
    adapter = AdapterStore(settings.data_dir / "adapters", settings.data_dir / "runs").get(name)
    template = PromptStore(settings.prompts_dir).load(*adapter.card.template.split("/"))
    order = Order(template, adapter.card.labels, adapter=adapter)
    host = EngineHost(settings)
    host.start()
    await asyncio.to_thread(host.wait)
    try:
        found = await score(host.engine, order, [text for text, _ in rows])
        expected = await score(host.engine, order, order.calibration_texts)
    finally:
        await host.close()
    truths = [label for _, label in rows]
    judged = (decide(found, order.labels, expected), decide(found, order.labels))
    calibrated, raw = (sentiment.quality(each, truths, order.labels) for each in judged)
    return calibrated, raw


def _beside(settings: Settings, rows: Sequence[Labelled]) -> list[Figure]:
    """A chat's speed and its first token, alone and while a training computes."""
    flags = ("--model", settings.model, "--data-dir", str(settings.data_dir))
    with server.running(PORT, *flags) as app:
        app.wait_until_loaded()
        alone = _chats(app)
        with _training(settings, "beside", rows[:ROWS]):
            _wait_for_steps(settings.data_dir)
            beside = _chats(app)
    speed, first = alone[0] / beside[0], beside[1]
    return [
        Figure(
            "a chat's speed while training ÷ without",
            f"{speed:.2f}",
            "≥ 0.4",
            f"{NEW_TOKENS} tokens in {beside[0]:.1f} s and {alone[0]:.1f} s",
        ),
        Figure("first token of a chat while training", f"{first:.2f} s", "< 2 s", f"{alone[1]:.2f} s without"),
    ]


def _chats(app: server.Server) -> tuple[float, float]:
    """Seconds of a whole answer, and until its first token; medians of a few chats after a first one."""
    wholes, firsts = [], []
    for story in STORIES[:4]:
        started = time.perf_counter()
        job = app.client.submit(story, max_new_tokens=NEW_TOKENS, temperature=0, api_name="/chat")
        next(iter(job))
        firsts.append(time.perf_counter() - started)
        job.result()
        wholes.append(time.perf_counter() - started)
    return statistics.median(wholes[1:]), statistics.median(firsts[1:])


def _wait_for_steps(data_dir: Path) -> None:
    """Until a training has taken its first step."""
    known = {file: file.stat().st_size for file in data_dir.glob("runs/*/events.jsonl")}
    while True:
        for file in data_dir.glob("runs/*/events.jsonl"):
            if file not in known and '"kind": "step"' in file.read_text("utf-8"):
                return
        time.sleep(0.5)


def _logits(settings: Settings) -> list[Figure]:
    """Steps with logits where there is loss, and with all of them, each in a process of its own."""
    fewer, every = (_steps(settings, each) for each in (False, True))
    what = f"batches of {STEP_ROWS} × {STEP_TOKENS} tokens, one of each row bears loss"
    return [
        Figure("tokens a second, logits only where there is loss ÷ all", f"{fewer[0] / every[0]:.2f}", "", what),
        Figure(
            "peak memory, logits only where there is loss ÷ all",
            f"{fewer[1] / every[1]:.2f}",
            "",
            f"{fewer[1] / 1e9:.1f} and {every[1] / 1e9:.1f} GB",
        ),
    ]


def _steps(settings: Settings, all_logits: bool) -> tuple[float, int]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(timed_steps, settings, all_logits).result()


def timed_steps(settings: Settings, all_logits: bool) -> tuple[float, int]:
    """Tokens a second and peak memory of a few passes forward and back."""
    import torch  # noqa: PLC0415  in a process of its own

    from qwen_ui.finetune.settings import TrainSettings  # noqa: PLC0415
    from qwen_ui.finetune.training import load, loss, strategy  # noqa: PLC0415

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    base = load.choose(settings, "lora", lambda progress: None)
    model = strategy.prepare(load.read(base, STEP_TOKENS), TrainSettings(), base.id)
    ids = torch.randint(10, 1000, (STEP_ROWS, STEP_TOKENS))
    rows = torch.arange(STEP_ROWS)
    batch = {"input_ids": ids, "rows": rows, "columns": rows * 0 + STEP_TOKENS - 2, "targets": ids[:, -1]}
    batch["weights"] = torch.full((STEP_ROWS,), 1 / STEP_ROWS)
    times = []
    for _ in range(STEPS):
        began = time.perf_counter()
        with load.computing(model):
            if all_logits:
                logits = model(input_ids=ids, use_cache=False).logits.float()[rows, batch["columns"]]
                found = loss.cross_entropy(logits, batch, 0.0)
            else:
                found = loss.of(model, batch, TrainSettings(), None)
        found.backward()
        times.append(time.perf_counter() - began)
    return ids.numel() / statistics.median(times[1:]), peak_memory(psutil.Process().pid)


@contextmanager
def _data_dir(settings: Settings) -> Iterator[Path]:
    """A data folder of its own, with the models that are here already."""
    with tempfile.TemporaryDirectory(prefix="qwen-ui-bench-") as folder:
        models = settings.data_dir / "models"
        models.mkdir(parents=True, exist_ok=True)
        (Path(folder) / "models").symlink_to(models)
        yield Path(folder)
