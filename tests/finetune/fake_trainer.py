"""In the place of ``python -m qwen_ui.finetune``: replays what a training run tells, without training.

What it does is in the run's name: "slow…" goes on until it is stopped, "dies…" ends before it begins, "killed…" ends
in the middle without a word, "fails…" says why, "twice…" is killed the first time and ends well when it is continued.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from qwen_ui.finetune.runs import Run

LAYERS, STEPS, EVERY = 6, 12, 4
GROUPS = ("layers.0-2", "layers.3-5")
LABELS = ("positive", "negative")
DATA = Path(os.environ.get("QWEN_UI_DATA_DIR", "."))


def plan(run: Run) -> int:
    name, data = run.request.name, run.file.read_bytes().decode("utf-8", "replace")
    rows = data.splitlines()[1:]
    if name.startswith("crash"):
        sys.exit("Traceback: it crashed")
    while name.startswith("long"):
        time.sleep(0.1)
    if len(rows) < 3:
        template = "{file} has {rows} {rows:row|rows}; at least {least} are needed."
        return told({"error": {"template": template, "values": {"file": run.request.file, "rows": 2, "least": 3}}}, 2)
    fits = not name.startswith("huge")
    return told({"preview": preview(rows, run), "estimate": estimate(len(rows), fits)}, 0)


def told(given: dict[str, Any], status: int) -> int:
    print(json.dumps(given))
    return status


def preview(rows: list[str], run: Run) -> dict[str, Any]:
    used = len(rows) - 2
    counts = {part: dict.fromkeys(LABELS, used // 2) for part in ("train", "validation", "test")}
    return {
        "shape": run.request.settings.shape,
        "labels": list(LABELS),
        "template": "sentiment/trained" if run.request.settings.shape == "labels" else "",
        "columns": ["text", "label"],
        "input": "text",
        "target": "label",
        "rows": {"train": used, "validation": 1, "test": 1},
        "left_out": {
            "count": 1,
            "reasons": [{"reason": sentence("its answer is empty"), "count": 1, "numbers": [4]}],
        },
        "duplicates": 2,
        "label_counts": counts,
        "lengths": {
            "edges": [0, 16, 32, 48],
            "counts": [used, 3, 1],
            "measured": used,
            "median": 14,
            "longest": 47,
            "limit": 32,
            "cut": 1,
        },
        "first": [
            {
                "number": 2,
                "cut": False,
                "tokens": [["Text:", False], [" <b>good</b>", False], [" positive", True], ["<|im_end|>", True]],
            }
        ],
        "warnings": [sentence("The token that ends an answer bears no loss: the model will not learn where to stop.")],
    }


def sentence(template: str) -> dict[str, Any]:
    return {"template": template, "values": {}, "text": template}


def estimate(rows: int, fits: bool) -> dict[str, Any]:
    return {
        "memory_bytes": 2_000_000_000 if fits else 900_000_000_000,
        "free_bytes": 8_000_000_000,
        "seconds": 480.0,
        "steps": STEPS,
        "tokens": 60 * rows,
        "trainable": 4_884_480,
        "parameters": 134_515_008,
        "fits": fits,
        "sentence": "",
    }


def train(run: Run) -> int:
    name = run.request.name
    if name.startswith("dies"):
        sys.exit("ImportError: there is no torch")
    again = any(event["kind"] == "state" for event in run.events())
    with run.lock.acquire(timeout=0):
        run.tell("state", state="running")
        run.tell(
            "plan",
            rows={"train": 80, "validation": 10, "test": 10},
            left_out=1,
            duplicates=0,
            parameters=134_515_008,
            trainable=4_884_480,
            steps=STEPS,
            tokens=5000,
            memory_bytes=2_000_000_000,
            seconds=480.0,
            groups=list(GROUPS),
            layers=[str(layer) for layer in range(LAYERS)],
            model="fake/Echo-1B",
            base_hash="abc",
        )
        evaluate(run, 0)
        for step in range(1, STEPS + 1):
            if run.stopping:
                return end(run, "stopped", step)
            step_told(run, step)
            if step % EVERY == 0:
                evaluate(run, step)
                checkpoint(run, step)
            if step == 6 and name.startswith("fails"):
                template = "The loss became {value} at step {step}. Lower the learning rate."
                values = {"value": "NaN", "step": step}
                run.tell(
                    "state",
                    state="failed",
                    template=template,
                    values=values,
                    text=template.format(**values),
                )
                return 1
            if step == 6 and (name.startswith("killed") or (name.startswith("twice") and not again)):
                os._exit(9)
            while step == 6 and name.startswith("slow") and not run.stopping:
                time.sleep(0.05)
            time.sleep(float(os.environ.get("FAKE_STEP_SECONDS", "0.02")))
        return end(run, "finished", STEPS)


def step_told(run: Run, step: int) -> None:
    run.tell(
        "step",
        step=step,
        epoch=step / EVERY,
        loss=2.0 / step,
        rates={group: 4e-4 * (1 - step / STEPS) * (place + 1) / 2 for place, group in enumerate(GROUPS)},
        norms={str(layer): (layer + 1) / step for layer in range(LAYERS)},
        total_norm=3.0 / step,
        tokens_per_second=412.5,
        memory_bytes=1_500_000_000,
        seconds_left=(STEPS - step) * 10.0,
        thawed=LAYERS,
    )


def evaluate(run: Run, step: int) -> None:
    metrics = {"accuracy": 0.5 + step / 40, "macro_f1": 0.45 + step / 40}
    run.tell("evaluation", step=step, part="validation", loss=2.2 / (step + 1), metrics=metrics)


def checkpoint(run: Run, step: int) -> None:
    folder = run.folder / "checkpoints" / f"step-{step:06}"
    folder.mkdir(parents=True, exist_ok=True)
    run.tell("checkpoint", step=step, folder=folder.name, best=True)


def end(run: Run, state: str, step: int) -> int:
    adapter = DATA / "adapters" / run.request.name
    adapter.mkdir(parents=True, exist_ok=True)
    (adapter / "adapter_config.json").write_text("{}", "utf-8")
    (adapter / "adapter_model.safetensors").write_bytes(b"\0" * 8)
    run.tell(
        "result",
        adapter=run.request.name,
        step=step,
        metrics={
            "base": {"loss": 2.1, "accuracy": 0.72, "macro_f1": 0.7},
            "adapter": {"loss": 0.3, "accuracy": 0.9, "macro_f1": 0.89},
        },
        labels=list(LABELS),
        confusion={"base": [[5, 3], [1, 1]], "adapter": [[7, 1], [0, 2]]},
        regressions=[
            {
                "number": 17,
                "text": "not <b>bad</b> at all",
                "gold": "positive",
                "base": "positive",
                "adapter": "negative",
            }
        ],
        forgetting=[
            {
                "probe": "Say hello.",
                "kind": "chat",
                "before": "Hello!",
                "after": "positive",
                "score_before": 1.0,
                "score_after": 0.2,
            },
            {
                "probe": "good",
                "kind": "sentiment",
                "before": "positive",
                "after": "positive",
                "score_before": 1.0,
                "score_after": 1.0,
            },
        ],
    )
    run.tell("state", state=state)
    return 0


def merge(name: str, out: Path) -> int:
    if not (DATA / "adapters" / name).exists():
        print(f"There is no adapter {name!r}.")
        return 2
    out.mkdir(parents=True, exist_ok=True)
    print("Merging layer 1 of 2", flush=True)
    (out / "config.json").write_text("{}", "utf-8")
    (out / "model.safetensors").write_bytes(b"\0" * 8)
    print("Merging layer 2 of 2", flush=True)
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--plan", folder]:
            sys.exit(plan(Run(Path(folder))))
        case ["--run", folder]:
            sys.exit(train(Run(Path(folder))))
        case ["--merge", name, "--out", out]:
            sys.exit(merge(name, Path(out)))
