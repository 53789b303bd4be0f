"""The output head by its 8-bit copy: how often it misses one of the best tokens, and how quick it is."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bench.report import Figure
from qwen_ui.models.load import open_model
from qwen_ui.settings import PROJECT, Settings

TEXTS = {"English": "README.md", "Chinese": "README.zh-CN.md", "code": "qwen_ui/page/events.py"}
TOKENS = 7000
"""Of each text, at most."""
WINDOW = 512
BEST = 20
"""The default of top-k."""
ROWS = (1, 4, 16)


def run(settings: Settings, rounds: int) -> list[Figure]:
    """The lines of the report."""
    import torch  # noqa: PLC0415  takes seconds

    from qwen_ui.engine.local.head import CANDIDATES, MOST_ROWS, NarrowHead  # noqa: PLC0415

    loaded = open_model(replace(settings, precision="fp32"), lambda progress: None)
    model: Any = loaded.model
    states, figures = {}, []
    with torch.inference_mode():
        for name, file in TEXTS.items():
            states[name] = torch.cat(list(_states(loaded, (PROJECT / file).read_text("utf-8"))))
        narrow = NarrowHead(model)
        head = model.get_output_embeddings()
        for name, rows in states.items():
            best = torch.cat([head(part).topk(BEST).indices for part in rows.split(WINDOW)])
            with narrow.narrow(True):
                ours = torch.cat([head(part).topk(BEST).indices for part in rows.split(MOST_ROWS)])
            missed = int((best.sort(-1).values != ours.sort(-1).values).any(-1).sum())
            what = f"{name}: tokens whose best {BEST} are not the same by the {CANDIDATES} that the copy names"
            figures.append(Figure(what, f"{missed} of {len(rows):,}"))
        for count in ROWS:
            some = states["English"][:count]
            times = {wanted: _seconds(partial(_call, narrow, head, some, wanted), rounds) for wanted in (False, True)}
            from_ = f"{1000 * times[True]:.1f} and {1000 * times[False]:.1f} ms"
            figures.append(
                Figure(f"{count} at once: by the copy ÷ whole", f"{times[True] / times[False]:.2f}", "", from_)
            )
    return figures


def _states(loaded: Any, text: str) -> Iterator[Any]:
    """What the head gets at each token of the text: (tokens, hidden size)."""
    import torch  # noqa: PLC0415  takes seconds

    ids = loaded.tokenizer(text)["input_ids"][:TOKENS]
    for start in range(0, len(ids), WINDOW):
        part = torch.tensor([ids[start : start + WINDOW]])
        yield loaded.model.base_model(input_ids=part).last_hidden_state[0]


def _call(narrow: Any, head: Any, rows: Any, wanted: bool) -> None:
    with narrow.narrow(wanted):
        head(rows)


def _seconds(call: Any, rounds: int) -> float:
    times = []
    for _ in range(10 * rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times[rounds:])
