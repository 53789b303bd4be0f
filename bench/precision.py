"""What fewer bits cost and bring on this machine: which tokens become another, and how quick streams are."""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from bench.chat import NEW_TOKENS, STORIES
from bench.head import TEXTS
from bench.report import Figure
from bench.workers import Worker, engine_worker
from qwen_ui.models.load import open_model
from qwen_ui.settings import PROJECT, Precision, Settings

PRECISIONS: tuple[Precision, ...] = ("fp32", "8bit", "4bit")
"""The first is what the others are compared with."""
TOKENS = 2048
"""Of each text, at most."""
WINDOW = 512
STREAMS = (1, 4, 16)


def run(settings: Settings, rounds: int) -> list[Figure]:
    """The lines of the report."""
    each = {precision: replace(settings, precision=precision) for precision in PRECISIONS}
    return [*_same(each), *_speeds(each, rounds)]


def _same(each: dict[Precision, Settings]) -> Iterator[Figure]:
    """How often the likeliest token of a text's next ones is the same."""
    best = {precision: _best(settings) for precision, settings in each.items()}
    first, *others = PRECISIONS
    for precision in others:
        for name, tokens in best[precision].items():
            same = int((tokens == best[first][name]).sum())
            what = f"{name}: likeliest token in {precision} the same as in {first}"
            yield Figure(what, f"{same / len(tokens):.1%}", "", f"{same:,} of {len(tokens):,} tokens")


def _best(settings: Settings) -> dict[str, Any]:
    """The likeliest token after each of the texts' tokens."""
    import torch  # noqa: PLC0415  takes seconds

    from qwen_ui.engine.local import linear8bit  # noqa: PLC0415

    loaded = open_model(settings, lambda progress: None)
    model: Any = loaded.model
    linear8bit.MOST_TOKENS = WINDOW  # as answers are written: a few tokens at a time, by the kernel
    linear8bit.speed_up(model)
    found = {}
    with torch.inference_mode():
        for name, file in TEXTS.items():
            ids = loaded.tokenizer((PROJECT / file).read_text("utf-8"))["input_ids"][:TOKENS]
            parts = torch.tensor(ids).split(WINDOW)
            found[name] = torch.cat([model(input_ids=part[None]).logits[0].argmax(-1) for part in parts])
    return found


def _speeds(each: dict[Precision, Settings], rounds: int) -> Iterator[Figure]:
    """Tokens a second, by turns."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(engine_worker, settings)) for name, settings in each.items()}
        for count in STREAMS:
            call = {"prompts": STORIES[:count], "temperature": 0.7}
            speeds: dict[Precision, list[float]] = {name: [] for name in workers}
            for worker in workers.values():
                worker.call("run", **call, new_tokens=4)  # warm
            for _ in range(rounds):
                for name, worker in workers.items():
                    speeds[name].append(worker.call("run", **call, new_tokens=NEW_TOKENS // 2)["tokens_per_second"])
            (first, base), *others = ((name, statistics.median(values)) for name, values in speeds.items())
            for name, speed in others:
                what = f"{count} {'stream' if count == 1 else 'streams'}: {name} ÷ {first}"
                yield Figure(what, f"{speed / base:.2f}", "", f"{speed:.1f} and {base:.1f} tokens/s")
