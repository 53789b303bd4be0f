"""A look at the data, and a run while it learns, as the page shows them: HTML, escaped."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import Any

from qwen_ui.errors import QwenUIError
from qwen_ui.page.details import megabytes
from qwen_ui.page.status import line
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.finetune.answers import Reply
from qwen_ui.tabs.finetune.curves import Heat
from qwen_ui.tabs.finetune.learned import BASE
from qwen_ui.tabs.finetune.start import too_large
from qwen_ui.tabs.finetune.task import Story
from qwen_ui.tabs.finetune.words import METRICS, STATES, named

STATE_LINE = {
    "waiting": marked("In the queue: one run is trained at a time."),
    "loading": marked("Loading the data and the model…"),
    "before": marked("Evaluating the model before training…"),
    "running": marked("Training…"),
    "after": marked("Evaluating the result…"),
    "finished": marked("Finished: the adapter is ready."),
    "model": marked("Finished: the model is ready."),
    "stopped": marked("Stopped: the best of it was kept."),
    "nothing": marked("Stopped before the first checkpoint."),
    "failed": marked("It failed: {message}"),
    "interrupted": marked("The training process was killed. “Continue” goes on from its last checkpoint."),
}


def estimate(given: Mapping[str, Any], say: Say) -> str:
    """What a run will take, or that it does not fit."""
    if not given.get("fits", True):
        return line(say("{error}", error=too_large(given)), "error")
    facts = [
        say("about {time}", time=timedelta(seconds=max(given["seconds"], 1))),
        say("{needed} of {free} memory", needed=megabytes(given["memory_bytes"]), free=megabytes(given["free_bytes"])),
        say("{steps:,} {steps:step|steps}", steps=given["steps"]),
        say("{tokens:,} tokens", tokens=given["tokens"]),
        say("{trainable} of {all} weights learn", trainable=big(given["trainable"]), all=big(given["parameters"])),
    ]
    return line(say("Estimate: {facts}", facts=" · ".join(facts)), "note")


def big(count: int) -> str:
    """A large number for people."""
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {sign}"
    return str(count)


def progress(story: Story, say: Say) -> str:
    """How far a run is."""
    last, plan = (story.steps[-1] if story.steps else {}), story.plan
    total = int(plan.get("steps", 0))
    facts = []
    if total:
        facts.append(say("Step {step:,} of {total:,}", step=story.step, total=total))
    if last and not story.over and story.step < total:
        facts.append(say("{left} left", left=timedelta(seconds=max(last.get("seconds_left") or 0, 1))))
    facts += figures(story, say)
    name = escape(story.request.name, quote=True)
    bar = f'<progress max="{total}" value="{story.step}" aria-label="{name}"></progress>' if total else ""
    state = say(STATES[story.state])
    return (
        f'<div class="finetune-state {story.state}"><p class="finetune-title"><b>{name}</b>'
        f"<span>{escape(state)}</span></p>{bar}"
        f"{line(' · '.join(facts)) if facts else ''}{_state_line(story, say)}</div>"
    )


def _state_line(story: Story, say: Say) -> str:
    kind = {"failed": "error", "interrupted": "note", "running": "busy", "waiting": "busy"}.get(story.state, "note")
    return line(say(STATE_LINE[_stage(story)], message=story.message or ""), kind)


def _stage(story: Story) -> str:
    """What goes on in the run, more closely than its state."""
    if story.state == "stopped" and not story.result:
        return "nothing"
    if story.state == "finished" and story.result.get("model_folder"):
        return "model"
    if story.state != "running":
        return story.state
    if not story.plan:
        return "loading"
    if not story.steps:
        return "before"
    return "after" if story.step >= story.plan["steps"] else "running"


def figures(story: Story, say: Say) -> list[str]:
    """The latest figures of a run."""
    told = []
    if story.steps:
        last = story.steps[-1]
        told.append(say("loss {loss:.3f}", loss=last["loss"]))
        if last.get("tokens_per_second"):
            told.append(say("{speed:,.0f} tokens/s", speed=last["tokens_per_second"]))
        if last.get("memory_bytes"):
            told.append(say("{size} of memory", size=megabytes(last["memory_bytes"])))
        if (thawed := last.get("thawed")) and thawed < len(story.plan.get("layers", ())):
            told.append(say("{count:,} {count:layer learns|layers learn}", count=thawed))
    return told + [metric(name, value, say) for name, value in story.best.items() if name != "loss"]


def metric(name: str, value: float, say: Say) -> str:
    """A metric with its name."""
    return say("{metric} {value}", metric=named(name, METRICS, say), value=number(name, value))


def number(name: str, value: float | None) -> str:
    """A metric's value, as it is usually told."""
    if value is None:
        return "–"
    return f"{value:.1%}" if name == "accuracy" else f"{value:.1f}" if name == "chrf" else f"{value:.3f}"


def heatmap(heat: Heat | None, say: Say) -> str:
    """The gradient norm of each layer over time."""
    if heat is None:
        return ""
    title = escape(say("Gradient norm of each layer"))
    told = say(
        "{layers:,} layers over the steps {first:,} to {last:,}. Now the strongest is {name}: {norm:.3g}.",
        layers=len(heat.layers),
        first=heat.first,
        last=heat.last,
        name=heat.strongest,
        norm=heat.strength,
    )
    low, high = f"{heat.low:.2g}", f"{heat.high:.2g}"
    return (
        f'<figure class="finetune-heat"><figcaption>{title}</figcaption>'
        f'<div class="finetune-heat-map"><span>{escape(heat.layers[-1])}</span>'
        f'<img src="{heat.picture}" alt="{escape(told, quote=True)}"><span>{escape(heat.layers[0])}</span></div>'
        f'<p class="finetune-heat-scale"><span>{low}</span><i></i><span>{high}</span></p>{line(told)}</figure>'
    )


def learned(
    story: Story,
    answers: Mapping[tuple[int, str], str],
    growing: Mapping[tuple[int, str], Reply | QwenUIError],
    say: Say,
) -> str:
    """The pinned prompts, each with the answers by the base and by the checkpoints, the latest first."""
    if not story.request.pinned:
        return line(say("This run has no pinned prompts."))
    steps = {step for step, _ in (*answers, *growing)} | {BASE}
    return "".join(
        f'<section class="finetune-pinned"><h3>{escape(prompt)}</h3><dl>'
        + "".join(_answer(step, prompt, answers, growing, say) for step in _ordered(steps))
        + "</dl></section>"
        for prompt in story.request.pinned
    )


def _ordered(steps: set[int]) -> list[int]:
    """The base first, then the checkpoints from the latest on."""
    return [BASE, *sorted(steps - {BASE}, reverse=True)]


def _answer(
    step: int,
    prompt: str,
    answers: Mapping[tuple[int, str], str],
    growing: Mapping[tuple[int, str], Reply | QwenUIError],
    say: Say,
) -> str:
    name = say("Base model") if step == BASE else say("Step {step:,}", step=step)
    found = growing.get((step, prompt))
    if (step, prompt) in answers:
        text = escape(answers[step, prompt])
    elif isinstance(found, Reply):
        text = escape(found.text) + '<i class="finetune-caret"></i>'
    elif found is not None:
        text = f'<span class="status error">{escape(say("{error}", error=found))}</span>'
    else:
        text = "…"
    return f"<div><dt>{escape(name)}</dt><dd>{text}</dd></div>"


def runs_table(stories: Sequence[Story], summaries: Sequence[str], say: Say) -> str:
    """All runs: name, state, when, metric and settings."""
    if not stories:
        return line(say("There is no run yet."))
    titles = [say("Name"), say("State"), say("Steps"), say("Metric"), say("Settings"), say("Id")]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(
        f'<tr><th scope="row">{escape(story.request.name)}</th><td>{escape(say(STATES[story.state]))}</td>'
        f"<td>{story.step:,}</td><td>{escape(best(story, say))}</td><td>{escape(told)}</td>"
        f"<td>{escape(story.id)}</td></tr>"
        for story, told in zip(stories, summaries, strict=True)
    )
    return (
        f'<div class="finetune-table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def best(story: Story, say: Say) -> str:
    """The run's first metric, for a list."""
    names = [*(name for name in story.best if name != "loss"), *(name for name in story.best if name == "loss")]
    return metric(names[0], story.best[names[0]], say) if names else "–"


def run_name(story: Story, say: Say) -> str:
    """A run in a list to choose from."""
    return " · ".join([story.request.name, say(STATES[story.state]), when(story.id)])


def when(id: str) -> str:
    """When a run was made, from its id: ``20260131-140501-…`` as 01-31 14:05."""
    date, _, rest = id.partition("-")
    clock = rest.partition("-")[0]
    known = len(date) == 8 and len(clock) == 6 and (date + clock).isdigit()
    return f"{date[4:6]}-{date[6:]} {clock[:2]}:{clock[2:4]}" if known else id
