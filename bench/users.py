"""Many users at once: the engine beside what people use instead, each as it is used there.

- a thread a request, each with a `generate` of its own and a streamer: the official demo's way
- a lock around `generate`, one request after the other: text-generation-webui's way
- the app's engine

All three stream from the same 4-bit model, each in a process of its own, one process at a time.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from bench.report import Figure
from bench.workers import Worker, engine_worker, gpu_peak, peak_memory
from qwen_ui.settings import Settings

USERS: Mapping[int, int] = {1: 48, 4: 32, 16: 16, 64: 8}
"""How many at once, and the new tokens that each gets: so that the slowest way takes minutes, not hours."""
PROMPT = "Tell me a long story about a {}."
NOUNS = ("cat", "ship", "king", "tree", "robot", "river", "baker", "storm", "garden", "clock", "mirror", "train")


@dataclass(frozen=True)
class Way:
    """One way to serve many users."""

    name: str
    worker: Callable[..., None]
    """What its process runs: see `Worker`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """For the process."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """For each of its calls."""

    @property
    def ours(self) -> bool:
        """Whether it is the app's, and not what it is compared with."""
        return self.worker is engine_worker


@dataclass(frozen=True, slots=True)
class Measured:
    """One way with so many users."""

    way: Way
    users: int
    tokens_per_second: float
    """Of all together."""
    first_median: float
    """Seconds to a user's first token."""
    first_worst: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest memory of a way's process, in bytes."""

    way: Way
    memory: int
    gpu: int
    """Of the GPU's memory; 0 without one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All ways with all numbers of users."""

    measured: tuple[Measured, ...]
    peaks: tuple[Peak, ...]

    def figures(self, goals: Mapping[int, str] | None = None) -> list[Figure]:
        """The lines of the report. ``goals`` are those of ours ÷ the first of the others, by number of users."""
        by_users = sorted(self.measured, key=lambda each: each.users)
        lines = [
            Figure(
                f"{_count(each.users)}: {each.way.name}",
                f"{each.tokens_per_second:.1f} tokens/s",
                "",
                f"first token {each.first_median:.2f} s (median), {each.first_worst:.2f} s (worst)",
            )
            for each in by_users
        ]
        return [*lines, *self._ratios(goals or {}), *(_peak(peak) for peak in self.peaks)]

    def _ratios(self, goals: Mapping[int, str]) -> Iterator[Figure]:
        speed = {(each.way.name, each.users): each.tokens_per_second for each in self.measured}
        ours = [peak.way.name for peak in self.peaks if peak.way.ours]
        others = [peak.way.name for peak in self.peaks if not peak.way.ours]
        for users in dict.fromkeys(each.users for each in self.measured):
            for mine, other in product(ours, others):
                goal = goals.get(users, "") if other == others[0] else ""
                yield Figure(
                    f"{_count(users)}: {mine} ÷ {other}", f"{speed[mine, users] / speed[other, users]:.1f}", goal
                )

    def plot(self, path: Path) -> None:
        """Draws tokens a second and seconds to the first token over the number of users."""
        from matplotlib.figure import Figure as Canvas  # noqa: PLC0415  only here, and only in development

        canvas = Canvas(figsize=(9, 3.6), layout="constrained")
        speed, first = canvas.subplots(1, 2)
        users = list(dict.fromkeys(each.users for each in self.measured))
        for way in (peak.way for peak in self.peaks):
            mine = [each for each in self.measured if each.way is way]
            speed.plot(users, [each.tokens_per_second for each in mine], marker="o", label=way.name)
            first.plot(users, [each.first_median for each in mine], marker="o", label=way.name)
        for axes, title in ((speed, "tokens a second, all together"), (first, "seconds to the first token (median)")):
            axes.set(xscale="log", xlabel="users at once", title=title, xticks=users, xticklabels=users)
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        first.set_yscale("log")
        speed.legend()
        canvas.savefig(path, dpi=140)


def _count(users: int) -> str:
    return "1 user" if users == 1 else f"{users} users"


def _peak(peak: Peak) -> Figure:
    gpu = f"{peak.gpu / 2**20:,.0f} MiB of the GPU's" if peak.gpu else ""
    return Figure(f"peak memory: {peak.way.name}", f"{peak.memory / 2**20:,.0f} MiB", "", gpu)


def run(settings: Settings, ways: Sequence[Way], sizes: Mapping[int, int] = USERS) -> Comparison:
    """Measures each way with each number of users. ``sizes`` are the new tokens that each user gets, by users."""
    measured, peaks = [], []
    for way in ways:
        with Worker(way.worker, settings, **way.options) as worker:
            # Warm, and alone: the first use repacks 4-bit weights for the CPU, and two threads at once break that.
            said = worker.call("run", prompts=_prompts(1), new_tokens=4, temperature=0.7, **way.how)
            for users, tokens in sizes.items():
                said = worker.call("run", prompts=_prompts(users), new_tokens=tokens, temperature=0.7, **way.how)
                firsts = said["firsts"]
                measured.append(Measured(way, users, said["tokens_per_second"], statistics.median(firsts), max(firsts)))
            peaks.append(Peak(way, said["peak"], said["gpu_peak"]))
    return Comparison(tuple(measured), tuple(peaks))


def _prompts(count: int) -> list[str]:
    return [PROMPT.format(f"{NOUNS[n % len(NOUNS)]} and the number {n}") for n in range(count)]


def threads_worker(pipe: Any, settings: Settings) -> None:
    """Answers with `generate` in a thread for each prompt, all at once or one after the other."""
    import torch  # noqa: PLC0415  only in the child
    from transformers import TextIteratorStreamer  # noqa: PLC0415

    from qwen_ui.models.load import open_model  # noqa: PLC0415

    loaded = open_model(settings, lambda progress: None)
    tokenizer: Any = loaded.tokenizer
    model: Any = loaded.model

    def answer(
        prompt: str, new_tokens: int, temperature: float, turn: Any, firsts: list[float], count: list[int]
    ) -> None:
        asked = time.perf_counter()
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
        sampling = {"do_sample": True, "temperature": temperature, "top_p": 0.8, "top_k": 20}

        def generate() -> None:
            with turn, torch.inference_mode():
                output = model.generate(**inputs, **sampling, max_new_tokens=new_tokens, streamer=streamer)
            count.append(output.shape[1] - inputs["input_ids"].shape[1])

        thread = threading.Thread(target=generate)
        thread.start()
        next(iter(streamer))
        firsts.append(time.perf_counter() - asked)
        thread.join()

    def run(prompts: Sequence[str], new_tokens: int, temperature: float, locked: bool) -> dict[str, Any]:
        turn: Any = threading.Lock() if locked else _Everybody()
        firsts: list[float] = []
        count: list[int] = []
        started = time.perf_counter()
        users = [
            threading.Thread(target=answer, args=(prompt, new_tokens, temperature, turn, firsts, count))
            for prompt in prompts
        ]
        for user in users:
            user.start()
        for user in users:
            user.join()
        seconds = time.perf_counter() - started
        return {
            "tokens_per_second": sum(count) / seconds,
            "firsts": firsts,
            "peak": peak_memory(),
            "gpu_peak": gpu_peak(),
        }

    pipe.send(loaded.info)
    while (call := pipe.recv())[0] != "stop":
        pipe.send(run(**call[1]))


class _Everybody:
    """No lock at all."""

    def __enter__(self) -> None:
        """Lets anybody in."""

    def __exit__(self, *exception: object) -> None:
        """Lets them out."""


ENGINE = Way("Qwen UI's engine", engine_worker)
LOCK = Way("lock around generate", threads_worker, how={"locked": True})
THREADS = Way("a generate thread a request", threads_worker, how={"locked": False})
WAYS = (ENGINE, LOCK, THREADS)
