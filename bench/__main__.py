"""`python -m bench`: measures what the project claims, and prints it as tables."""

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import (
    adapters,
    chat,
    citations,
    decide,
    finetune,
    gpu,
    head,
    looks,
    page,
    peers,
    precision,
    report,
    search,
    sentiment,
    small,
    users,
)
from bench.report import Figure
from qwen_ui.settings import PROJECT, Settings

PARTS = (
    "chat",
    "users",
    "adapters",
    "head",
    "precision",
    "small",
    "inside",
    "peers",
    "page",
    "gpu",
    "search",
    "citations",
    "sentiment",
    "decide",
    "finetune",
)
DATA = ("cmrc2018_trial.json", "sst2_train.tsv", "waimai_dev.csv")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the measurements and prints them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is measured; medians are shown")
    needed = f"a folder with {', '.join(DATA)}: search, citations, sentiment, decide and finetune need it"
    parser.add_argument("--data", type=Path, help=needed)
    parser.add_argument("--only", choices=PARTS, help="measures this part alone")
    parser.add_argument("--write", action="store_true", help="also puts the tables into docs/benchmarks.md")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    plot = PROJECT / "docs" / "benchmarks.png" if arguments.write else None
    parts = _parts(Settings(model=arguments.model), arguments.rounds, arguments.data, plot)
    for name, figures in parts.items():
        if arguments.only in {None, name}:
            text = "\n\n".join([report.machine(), report.table(figures())])
            print(f"{name}\n\n{text}\n", flush=True)
            if arguments.write:
                report.write(PROJECT / "docs" / "benchmarks.md", name, text)


def _parts(
    settings: Settings, rounds: int, data: Path | None, plot: Path | None
) -> dict[str, Callable[[], list[Figure]]]:
    """What can be measured, by its section in the document."""
    parts: dict[str, Callable[[], list[Figure]]] = {
        "chat": lambda: chat.run(settings, rounds),
        "users": lambda: _users(settings, plot),
        "adapters": lambda: adapters.run(settings, rounds),
        "head": lambda: head.run(settings, rounds),
        "precision": lambda: precision.run(settings, rounds),
        "small": lambda: small.run(settings, rounds),
        "inside": lambda: looks.run(settings, rounds),
        "peers": lambda: peers.run(rounds, plot and plot.with_name("peers.png")),
        "page": page.run,
        "gpu": lambda: gpu.run(settings),
    }
    if data is not None:
        passages, english, chinese = (data / name for name in DATA)
        parts["search"] = lambda: search.run(passages).figures()
        parts["citations"] = lambda: citations.run(settings, passages)
        parts["sentiment"] = lambda: sentiment.run_all(settings, english, chinese)
        parts["decide"] = lambda: decide.run(settings, english, chinese)
        parts["finetune"] = lambda: finetune.run(settings, english, chinese)
    return parts


def _users(settings: Settings, plot: Path | None) -> list[Figure]:
    comparison = users.run(settings, users.WAYS)
    if plot is not None:
        comparison.plot(plot)
    return comparison.figures()


if __name__ == "__main__":
    main()
