"""What a run is asked for with: the file, every setting as a widget, the adapter's name and the pinned prompts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.runs import Request
from qwen_ui.finetune.settings import DATA, Choice, Preset, TrainSettings, choices, default_of, preset
from qwen_ui.page.choices import as_held
from qwen_ui.page.encoding import EncodingChoice
from qwen_ui.page.events import QUIET, Event, Values
from qwen_ui.page.scripts import kept_by_browser
from qwen_ui.page.words import Say, label
from qwen_ui.prompts import PromptStore
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.finetune.words import NAMES, OPTIONS, PRESETS, named
from qwen_ui.text.tables import EXTENSIONS

COLUMNS = ("input", "target", "split")
"""Settings that are the name of a column."""
TASKS = ("sentiment", "translate", "chat", "write")
"""Whose prompt files rows can be put into."""
FOUND, SUITED, BY_CHANCE = marked("(found by its name)"), marked("(the one that suits)"), marked("(by chance)")
EMPTY = {"input": FOUND, "target": FOUND, "split": BY_CHANCE, "template": SUITED}
"""What an empty choice means."""
KEEP = "(...values) => [Object.fromEntries(%s.map((name, place) => [name, values[place]]))]"
RESTORE = "(kept, ...values) => %s.map((name, place) => kept && name in kept ? kept[name] : values[place])"


class Fields:
    """The widgets of steps 1 and 2. Made by `lay_out_data` and `lay_out_settings`, where these are called."""

    def __init__(self) -> None:
        self.settings: dict[str, Component] = {}
        self.kept = kept_by_browser("finetune", render=False)
        """The settings, over reloads."""

    def wire(self, page: gr.Blocks) -> None:
        """Lets the browser keep the settings, but for those of the data, which go with a file."""
        kept = {name: widget for name, widget in self.settings.items() if choices()[name].section != DATA}
        widgets, names = [self.preset, *kept.values()], json.dumps(["preset", *kept])
        page.load(None, [self.kept, *widgets], widgets, js=RESTORE % names, **QUIET)
        changes = [widget.change for widget in widgets]  # type: ignore[attr-defined]  # all that values are given in
        gr.on(changes, None, widgets, [self.kept], js=KEEP % names, trigger_mode="always_last", **QUIET)

    def lay_out_data(self) -> None:
        """The file, what its rows are, and how they are split."""
        self.file = gr.File(
            label=label("File: .csv .tsv .xlsx .xls .ods .txt .json .jsonl"),
            file_types=list(EXTENSIONS),
            height=120,
            elem_id="finetune-file",
        )
        self.encoding = EncodingChoice("finetune-encoding")
        self.sheet = as_held(gr.Dropdown([], label=label("Sheet"), visible=False, elem_id="finetune-sheet"))
        with gr.Row(elem_classes="finetune-grid"):
            self._lay_out(DATA)

    def lay_out_settings(self) -> None:
        """The preset, the name, and all other settings in their sections."""
        self.preset = gr.Radio(
            [(label(title), name) for name, title in PRESETS.items()],
            value="quick",
            label=label("Preset"),
            info=label("Quick is done soon, Careful learns slowly and longer, Tiny data is for under a hundred rows."),
            elem_id="finetune-preset",
        )
        with gr.Row(elem_id="finetune-names"):
            self.name = gr.Textbox(
                label=label("Name of the adapter"), max_lines=1, placeholder="films", elem_id="finetune-name"
            )
            self.pinned = gr.Textbox(
                label=label("Pinned prompts"),
                info=label("Up to five, one per line. Each checkpoint answers them during training."),
                lines=2,
                max_lines=6,
                elem_id="finetune-pinned",
            )
        for section in dict.fromkeys(choice.section for choice in choices().values() if choice.section != DATA):
            folded = gr.Accordion(label(section), open=False, elem_classes="finetune-section")
            with folded, gr.Row(elem_classes="finetune-grid"):
                self._lay_out(section)

    def _lay_out(self, section: str) -> None:
        for name, choice in choices().items():
            if choice.section == section:
                self.settings[name] = _widget(name, choice)

    @property
    def of_data(self) -> list[Component]:
        """The widgets whose values decide what is read of a file."""
        return [self.file, self.sheet, *self.settings.values()]

    @property
    def all(self) -> list[Component]:
        """All widgets."""
        return [*self.of_data, self.preset, self.name, self.pinned]

    @property
    def columns(self) -> list[Component]:
        """The widgets that name a column."""
        return [self.settings[name] for name in COLUMNS]

    def chosen(self, event: Event) -> TrainSettings:
        """The settings as they stand. Raises `InvalidInput` for one that can't be."""
        return TrainSettings.of({name: _value(name, event[widget]) for name, widget in self.settings.items()})

    def take_preset(self, event: Event) -> Values:
        """The preset's settings; what concerns the data stays."""
        given = preset(_preset(event[self.preset])).to_json()
        return {widget: given[name] for name, widget in self.settings.items() if choices()[name].section != DATA}

    def offer_templates(self, prompts: PromptStore, say: Say) -> Values:
        """The prompt files that rows can be put into."""
        files = [(task, template) for task in TASKS for template in prompts.list(task).templates]
        offered = [(f"{task} · {template.name}", f"{task}/{template.id}") for task, template in files]
        return {self.settings["template"]: gr.Dropdown(choices=[(say(SUITED), ""), *offered])}

    def offer_columns(self, columns: Iterable[str], say: Say, kept: Mapping[str, Any] | None = None) -> Values:
        """The columns of a file to choose from, with those chosen that were ``kept``."""
        names = list(columns)
        values: Values = {}
        for name in COLUMNS:
            before = (kept or {}).get(name) or ""
            offered = [(say(EMPTY[name]), ""), *((column, column) for column in names)]
            values[self.settings[name]] = gr.Dropdown(choices=offered, value=before if before in names else "")
        return values

    def fill(self, request: Request) -> Values:
        """What was asked for in a run, but for its file and its name."""
        given = request.settings.to_json()
        return {
            **{widget: given[name] for name, widget in self.settings.items()},
            self.preset: next((name for name in PRESETS if _same(given, preset(_preset(name)))), None),
            self.pinned: "\n".join(request.pinned),
        }


def _same(given: Mapping[str, Any], other: TrainSettings) -> bool:
    """Whether settings are alike, but for what concerns the data."""
    return all(given[name] == value for name, value in other.to_json().items() if choices()[name].section != DATA)


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise InvalidInput("Choose a preset.")
    return name  # type: ignore[return-value]  # PRESETS has the same keys


def _widget(name: str, choice: Choice) -> Component:
    """The widget of a setting."""
    options: dict[str, Any] = {
        "label": label(choice.title),
        "info": label(choice.help),
        "elem_id": f"finetune-{name.replace('_', '-')}",
        "min_width": 220,
    }
    default = default_of(name)
    if choice.options:
        offered = [
            (label(OPTIONS[option]) if option in OPTIONS else NAMES[option], option) for option in choice.options
        ]
        return as_held(gr.Dropdown(offered, value=default, filterable=False, **options))
    if isinstance(default, str):
        return as_held(gr.Dropdown([(label(EMPTY[name]), "")], value=default, filterable=False, **options))
    if isinstance(default, bool):
        return gr.Checkbox(default, **options)
    whole = isinstance(default, int)
    return gr.Number(default, precision=0 if whole else None, step=1 if whole else 0.01, **options)


def _value(name: str, value: Any) -> Any:
    """What a widget holds, as the setting takes it. Raises `InvalidInput` for a number that is not there."""
    if value is None:
        if isinstance(default_of(name), str):
            return ""
        raise InvalidInput("{name} is empty. Give a number.", name=Sentence(choices()[name].title))
    return value


def summary(settings: TrainSettings, say: Say) -> str:
    """What of the settings is not as it is by default, for people."""
    told = []
    for name, choice in choices().items():
        if (value := getattr(settings, name)) != default_of(name):
            shown = named(value, OPTIONS, say) if choice.options else value
            told.append(say("{setting}: {value}", setting=Sentence(choice.title), value=shown))
    return " · ".join(told) or say("All settings at their defaults")
