"""The command line of the training: what it takes, and what it says while it works."""

import argparse
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, get_args

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.finetune.runs import Event, Request
from qwen_ui.finetune.settings import PRESETS, Choice, Preset, TrainSettings, choices, default_of
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence

PROG = "python -m qwen_ui.finetune"
DESCRIPTION = """\
Trains an adapter (LoRA) for a model, or the model itself, on a file of examples. What comes of it is in
<data-dir>/adapters/<name>; the app shows it in its picker of adapters, and every endpoint takes it by its name."""
EPILOG = f"""\
examples:
  {PROG} films.csv --model embedded --input text --target label --name films
  {PROG} pairs.tsv --shape translation --input english --target french --name french --preset tiny
  {PROG} chats.jsonl --shape conversations --name mine --rank 32 --schedule cosine
  {PROG} --run ~/.qwen-ui/runs/20260102-030405-abcdef      continue a run that was stopped or killed
  {PROG} --merge films --out films-merged                  the adapter and its model as one, for plain transformers

exit status: 0 done, 1 failed, 2 something given must be changed, 130 stopped by Ctrl-C; the best so far is kept."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInput("{message}. See --help.", message=message.capitalize())


def parser() -> argparse.ArgumentParser:
    """All flags; settings that are not given are left out of what it reads."""
    made = _Parser(
        prog=PROG,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    kinds = "examples: .csv .tsv .xlsx .jsonl .json .txt"
    made.add_argument("file", metavar="DATA", nargs="?", type=Path, default=None, help=kinds)
    _add_common(made.add_argument_group("what and where"))
    _add_others(made.add_argument_group("instead of DATA"))
    for section, settings in sections().items():
        group = made.add_argument_group(section.lower())
        for name, choice in settings.items():
            _add_setting(group, name, choice)
    return made


def _add_common(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", help="of the adapter that it becomes (the file's name)")
    group.add_argument("--model", help="auto, embedded, a hub id, a folder or a .gguf file (auto)")
    group.add_argument("--data-dir", type=Path, metavar="DIR", help="where models, runs and adapters are (~/.qwen-ui)")
    group.add_argument("--prompts-dir", type=Path, metavar="DIR", help="folder of the prompt files (prompts)")
    group.add_argument(
        "--preset", choices=get_args(Preset), help="settings that go together; those given beside it win (quick)"
    )
    group.add_argument("--pin", action="append", metavar="TEXT", help="a prompt to watch; can be given five times")
    group.add_argument("--sheet", metavar="NAME", help="of a workbook (the first)")
    group.add_argument("--encoding", metavar="NAME", help="of a text file (found out)")
    group.add_argument("--threads", type=int, metavar="N", help="that compute (half as many as there are cores)")
    group.add_argument("--nice", type=int, metavar="N", help="how far it gives way to other programs, 0 to 19 (19)")


def _add_others(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--run", type=Path, metavar="FOLDER", help="train this run, or go on with it")
    group.add_argument("--plan", type=Path, metavar="FOLDER", help="only tell, as JSON, what this run would be")
    group.add_argument(
        "--merge", metavar="NAME", help="write the model with this adapter in it, in 16 bits, into --out"
    )
    group.add_argument("--out", type=Path, metavar="FOLDER", help="a folder that is not there yet")


def _add_setting(group: argparse._ArgumentGroup, name: str, choice: Choice) -> None:
    default = default_of(name)
    text = (
        f"{choice.help} ({str(default).lower() if isinstance(default, bool) else default if default != '' else 'none'})"
    )
    text = text.replace("%", "%%")
    flag = f"--{name.replace('_', '-')}"
    if isinstance(default, bool):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
    elif isinstance(default, int | float):
        group.add_argument(flag, type=type(default), metavar="N", help=text)
    else:
        group.add_argument(flag, metavar="|".join(choice.options) or "TEXT", help=text)


def sections() -> dict[str, dict[str, Choice]]:
    """The settings by their sections, in their order."""
    found: dict[str, dict[str, Choice]] = {}
    for name, choice in choices().items():
        found.setdefault(choice.section, {})[name] = choice
    return found


def request_of(given: Mapping[str, Any]) -> Request:
    """What the flags ask for. Raises `InvalidInput` for settings that can't be."""
    known = {field.name for field in fields(TrainSettings)}
    chosen = PRESETS[given.get("preset", "quick")] | {name: given[name] for name in given if name in known}
    file: Path = given["file"]
    return Request(
        name=given.get("name", file.stem),
        file=file.name,
        settings=TrainSettings.of(chosen),
        sheet=given.get("sheet", ""),
        encoding=given.get("encoding", ""),
        model=given.get("model", "auto"),
        pinned=tuple(given.get("pin", ()))[:5],
    )


class Lines:
    """Tells on the terminal what happens."""

    def __init__(self) -> None:
        self._progress = ""

    def report(self, progress: Progress) -> None:
        """A step on the way to the model; each kind of them once."""
        if progress.stage != self._progress:
            self._progress = progress.stage
            print(f"{progress.stage.capitalize()} {progress.detail} …", flush=True)

    def tell(self, event: Event) -> None:
        """An event of the run."""
        told = _LINES.get(event["kind"])
        if told and (line := told(event)):
            print(line, flush=True)


def _plan(event: Event) -> str:
    rows = ", ".join(f"{count:,} {name}" for name, count in event["rows"].items())
    left_out = f" ({event['left_out']:,} left out, {event['duplicates']:,} duplicates)"
    needs = f"about {event['memory_bytes'] / 1e9:.1f} GB of memory and {_time(event['seconds'])}"
    return (
        f"Rows: {rows}{left_out}\n"
        f"{event['trainable']:,} of {event['parameters']:,} numbers of {event['model']} learn, "
        f"in {event['steps']:,} steps: {needs}"
    )


def _step(event: Event) -> str:
    return (
        f"step {event['step']:,}  epoch {event['epoch']:.2f}  loss {event['loss']:.4f}  "
        f"{event['tokens_per_second']:,.0f} tokens/s  {event['memory_bytes'] / 1e9:.1f} GB  "
        f"{_time(event['seconds_left'])} left"
    )


def _evaluation(event: Event) -> str:
    metrics = "".join(f"  {name} {value:.3f}" for name, value in event["metrics"].items())
    return f"step {event['step']:,}  {event['part']}: loss {event['loss']:.4f}{metrics}"


def _result(event: Event) -> str:
    kind, name = ("Adapter", event["adapter"]) if event["adapter"] else ("Model", event["model_folder"])
    lines = [f"{kind} {name}, of step {event['step']:,}"]
    for name, after in event["metrics"]["adapter"].items():
        lines.append(f"  {name}: {event['metrics']['base'][name]:.3f} → {after:.3f}")
    return "\n".join(lines)


def _state(event: Event) -> str:
    return "" if event["state"] == "failed" else event["state"].capitalize()


def _time(seconds: float) -> str:
    return str(Sentence("{time}", time=timedelta(seconds=max(1, round(seconds)))))


_LINES = {"plan": _plan, "step": _step, "evaluation": _evaluation, "result": _result, "state": _state}


def told(error: QwenUIError) -> dict[str, Any]:
    """An error's sentence as JSON has it: its template and values, so that a page can translate it, and in English."""
    return {**_as_json(error.sentence), "text": str(error)}


def _as_json(sentence: Sentence) -> dict[str, Any]:
    return {"template": sentence.template, "values": {name: _value(each) for name, each in sentence.values.items()}}


def _value(value: Any) -> Any:
    """A sentence within a sentence as such; what JSON has no kind for as text."""
    sentence = getattr(value, "sentence", value)
    if isinstance(sentence, Sentence):
        return _as_json(sentence)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
