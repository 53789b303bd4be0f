"""This app's `/v1` beside llama.cpp's server: the same model, each in a process of its own, by turns.

Both are asked as any OpenAI client asks, so that what serving costs counts in both.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from openai import AsyncOpenAI

from bench import llamacpp, server
from bench.chat import STORIES
from bench.report import Figure
from qwen_ui.models import embedded

PORT = 7980
STREAMS: Mapping[int, int] = {1: 96, 4: 64, 16: 48}
"""How many at once, and the most new tokens of each."""
GOALS: Mapping[int, str] = {1: "≥ 0.6", 16: "≥ 1.1"}
OURS, THEIRS = "this app's /v1", "llama.cpp's server"


def run(rounds: int, plot: Path | None) -> list[Figure]:
    """The lines of the report, for the embedded model. ``plot`` is where the speeds are drawn."""
    with tempfile.TemporaryDirectory() as folder:
        gguf = embedded.fetch(Path(folder), lambda progress: None)
        slots = max(STREAMS)
        with (
            server.running(PORT, "--model", "embedded", "--max-concurrent", f"{slots}") as app,
            llamacpp.served(gguf, PORT + 1, slots, os.cpu_count() or 1) as peer,
        ):
            app.wait_until_loaded()
            llamacpp.wait_until_loaded(peer)
            speeds = _measure({OURS: f"http://127.0.0.1:{PORT}/v1", THEIRS: peer}, rounds)
            precision = app.status()["precision"]
    if plot is not None:
        _draw(speeds, plot)
    return [_figure(streams, precision, speeds[OURS, streams], speeds[THEIRS, streams]) for streams in STREAMS]


def _measure(addresses: Mapping[str, str], rounds: int) -> dict[tuple[str, int], float]:
    """Tokens a second of all streams together, by server and streams; each one's first turn is left out."""
    measured: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds + 1):
        for streams, tokens in STREAMS.items():
            for name, address in addresses.items():
                measured.setdefault((name, streams), []).append(asyncio.run(_speed(address, streams, tokens)))
    return {key: statistics.median(speeds[1:]) for key, speeds in measured.items()}


async def _speed(address: str, streams: int, tokens: int) -> float:
    async with AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:
        model = (await client.models.list()).data[0].id
        started = time.perf_counter()
        counts = await asyncio.gather(*(_tokens(client, model, STORIES[number], tokens) for number in range(streams)))
        return sum(counts) / (time.perf_counter() - started)


async def _tokens(client: AsyncOpenAI, model: str, prompt: str, tokens: int) -> int:
    """How many came."""
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        max_tokens=tokens,
        temperature=0.7,
        stream=True,
        stream_options={"include_usage": True},
    )
    usages = [chunk.usage async for chunk in stream if chunk.usage]
    return usages[-1].completion_tokens


def _figure(streams: int, precision: str, ours: float, theirs: float) -> Figure:
    what = "one stream" if streams == 1 else f"{streams} streams"
    from_ = f"{ours:.1f} ({precision}) and {theirs:.1f} (Q4_1) tokens/s"
    return Figure(f"{what}: {OURS} ÷ {THEIRS}", f"{ours / theirs:.2f}", GOALS.get(streams, ""), from_)


def _draw(speeds: Mapping[tuple[str, int], float], path: Path) -> None:
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415  only here, and only in development

    canvas = Canvas(figsize=(5, 3.4), layout="constrained")
    axes = canvas.subplots()
    for name in (OURS, THEIRS):
        axes.plot(list(STREAMS), [speeds[name, streams] for streams in STREAMS], marker="o", label=name)
    axes.set(xscale="log", xlabel="streams at once", title="tokens a second, all together", ylim=(0, None))
    axes.set_xticks(list(STREAMS), [str(streams) for streams in STREAMS])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    canvas.savefig(path, dpi=140)
