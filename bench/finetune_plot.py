"""`python -m bench.finetune_plot RUN FILE`: the losses of a run, as a plot."""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from qwen_ui.finetune.runs import Run


def plot(run: Run, file: Path) -> None:
    """Training and validation loss over the steps, with a line at a fifth of where they began."""
    events = list(run.events())
    steps = [(event["step"], event["loss"]) for event in events if event["kind"] == "step"]
    evaluations = [(event["step"], event["loss"]) for event in events if event["kind"] == "evaluation"]
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*steps, strict=True), label="training", linewidth=1)
    axes.plot(*zip(*evaluations, strict=True), label="validation", marker="o", markersize=4)
    axes.axhline(steps[0][1] / 5, linestyle=":", color="gray", label="a fifth of the first loss")
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None), title="translate English to French: 200 pairs")
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    plot(Run(Path(sys.argv[1])), Path(sys.argv[2]))
