"""What came of a run: base and trained model on the same rows, and on probes of what may have been forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qwen_ui.finetune.encode import Encoded
from qwen_ui.finetune.metrics import confusion
from qwen_ui.finetune.rendering import Example
from qwen_ui.finetune.training.evaluate import Judge, answers
from qwen_ui.prompts import PromptStore, Template

PROBES = "probes"
"""The folder of prompt files that every run is probed with, before and after."""
PROBE_TOKENS = 24
MOST_REGRESSIONS = 50


@dataclass(frozen=True, slots=True)
class Measured:
    """A model on the test rows and on the probes."""

    metrics: dict[str, float]
    said: tuple[str, ...]
    """A label or a translation for each row."""
    probes: dict[str, tuple[str, float]]
    """What it answered to each probe, and the part of the expected words that is in there."""

    def to_json(self) -> dict[str, Any]:
        return {"metrics": self.metrics, "said": self.said, "probes": self.probes}

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Measured":
        probes = {name: (answer, score) for name, (answer, score) in given["probes"].items()}
        return cls(given["metrics"], tuple(given["said"]), probes)


def measure(model: Any, tokenizer: Any, judge: Judge, rows: Sequence[Encoded], probes: Sequence[Template]) -> Measured:
    """The model as it is now."""
    judged = judge(model, rows)
    asked = [Example(0, turns=tuple(probe.render(**_samples(probe)))) for probe in probes]
    answered = answers(model, tokenizer, asked, PROBE_TOKENS) if probes else []
    found = {probe.id: (answer, _score(probe, answer)) for probe, answer in zip(probes, answered, strict=True)}
    return Measured({"loss": judged.loss, **judged.metrics}, judged.said, found)


def probes_of(prompts: PromptStore) -> tuple[Template, ...]:
    """Those that can be read; none where somebody removed the folder."""
    return prompts.list(PROBES).templates


def compare(
    labels: Sequence[str], rows: Sequence[Encoded], probes: Sequence[Template], before: Measured, after: Measured
) -> dict[str, Any]:
    """The values of the ``result`` event."""
    found: dict[str, Any] = {
        "metrics": {"base": before.metrics, "adapter": after.metrics},
        "labels": list(labels),
        "confusion": {},
        "regressions": [],
        "forgetting": _forgetting(probes, before, after),
    }
    if labels:
        gold = [row.example.label for row in rows]
        found["confusion"] = {
            "base": confusion(gold, before.said, labels),
            "adapter": confusion(gold, after.said, labels),
        }
        found["regressions"] = [
            {
                "number": row.example.number,
                "text": row.example.prompt,
                "gold": row.example.label,
                "base": base,
                "adapter": adapter,
            }
            for row, base, adapter in zip(rows, before.said, after.said, strict=True)
            if base == row.example.label != adapter
        ][:MOST_REGRESSIONS]
    return found


def _forgetting(probes: Sequence[Template], before: Measured, after: Measured) -> list[dict[str, Any]]:
    return [
        {
            "probe": probe.name,
            "kind": str(probe.extra.get("kind", "chat")),
            "before": before.probes[probe.id][0],
            "after": after.probes[probe.id][0],
            "score_before": before.probes[probe.id][1],
            "score_after": after.probes[probe.id][1],
        }
        for probe in probes
        if probe.id in before.probes and probe.id in after.probes
    ]


def _samples(probe: Template) -> dict[str, str]:
    return {name: entry.sample for name, entry in probe.inputs.items()}


def _score(probe: Template, answer: str) -> float:
    """The part of the probe's ``expect`` that the answer has; each of them may name several, one of which suffices."""
    expected = probe.extra.get("expect")
    wanted = [str(each).casefold().split("|") for each in expected] if isinstance(expected, list) else []
    said = answer.casefold()
    return sum(any(word.strip() in said for word in words) for words in wanted) / max(1, len(wanted))
