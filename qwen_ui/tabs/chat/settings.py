"""The side of the Chat tab: the assistant, the system prompt, and how to sample."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Sampling
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Event, Events, Values
from qwen_ui.page.sliders import new_tokens_slider, temperature_slider
from qwen_ui.page.templates import TemplatePicker
from qwen_ui.page.words import label
from qwen_ui.prompts import Template
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat.variables import AssistantVariables

KEPT = ("assistant", "system", "temperature", "top_p", "top_k", "max_new_tokens")
"""What the browser keeps of the settings, in the order of the widgets."""
KEEP = f"""(...values) => {{
  const settings = Object.fromEntries({list(KEPT)}.map((name, place) => [name, values[place]]));
  window.qwenChats?.settings(settings);
  return [settings];
}}"""
"""Keeps them without asking the server, so that not even a reload right after a change loses it: for new conversations
and for the one that is open."""


class ChatSettings:
    """The widgets, made where this is called. `wire` connects them among themselves."""

    def __init__(self, app: App) -> None:
        self.assistant = TemplatePicker(
            app,
            "chat",
            marked("Assistant"),
            picked=self._filled,
            elem_id="assistant",
        )
        self._variables = AssistantVariables()
        self.system = gr.Textbox(
            "",
            label=label("System prompt"),
            info=label("What the model should be and do. It applies from the next answer on."),
            lines=3,
            max_lines=6,
            elem_id="system",
        )
        defaults = Sampling()
        self.temperature = temperature_slider(defaults.temperature, elem_id="temperature")
        self.top_p = gr.Slider(
            0.05,
            1,
            defaults.top_p,
            step=0.05,
            label=label("Top-p"),
            info=label("Picks from the likeliest words that together reach this probability"),
            elem_id="top_p",
        )
        self.top_k = gr.Slider(
            0,
            100,
            defaults.top_k,
            step=1,
            label=label("Top-k"),
            info=label("Picks from this many of the likeliest words; 0 is no limit"),
            elem_id="top_k",
        )
        self.max_new_tokens = new_tokens_slider(defaults.max_new_tokens, 4096, elem_id="max_new_tokens")

    @property
    def controls(self) -> list[Any]:
        """The widgets that an assistant fills in."""
        return [self.system, self.temperature, self.top_p, self.top_k, self.max_new_tokens]

    @property
    def inputs(self) -> list[Any]:
        """The widgets whose values an answer depends on, in the order of `KEPT`."""
        return [self.assistant.dropdown, *self.controls]

    def sampling(self, event: Event) -> Sampling:
        """How to sample. Raises `InvalidInput` for values that can't work."""
        return Sampling(event[self.max_new_tokens], event[self.temperature], event[self.top_p], event[self.top_k])

    def adapter(self, event: Event) -> str:
        """The adapter that the assistant is for, empty for none."""
        templates = self.assistant.listing().templates
        return next((each.adapter for each in templates if each.id == event[self.assistant.dropdown]), "")

    def now(self, event: Event) -> dict[str, Any]:
        """What is set, for the browser to keep."""
        return {name: event[widget] for name, widget in zip(KEPT, self.inputs, strict=True)}

    def restored(self, kept: Any) -> Values:
        """What was kept, but for the assistant; of what can't be used, the system prompt if it has one."""
        if values := _checked(kept):
            return dict(zip(self.controls, values[1:], strict=True))
        system = kept.get("system") if isinstance(kept, Mapping) else None
        return {self.system: system} if isinstance(system, str) else {}

    def wire(self, events: Events, page: gr.Blocks, kept: gr.BrowserState, chat: Component) -> None:
        """Keeps the picker up to date, and what is set in ``kept``; what is open in ``chat`` has settings of its own.

        Both must stand outside of whatever may be closed: what is not on the page gives nothing.
        """
        everything = self.inputs

        def restored(event: Event) -> tuple[str | None, Values] | None:
            own = event[chat].get("settings") if isinstance(event[chat], Mapping) else None
            used = own if _checked(own) else event[kept]
            if (values := _checked(used)) is None and not self.restored(own):
                return None
            return values[0] if values else None, self._variables.show({}) | self.restored(used) | self.restored(own)

        picked = self.assistant.wire(
            events,
            page,
            [*self.controls, *self._variables.parts],
            restored=restored,
            kept=[kept, chat],
            opened=chat.select,  # type: ignore[attr-defined]
        )
        keep: dict[str, Any] = {"fn": None, "inputs": everything, "outputs": [kept], "js": KEEP, **QUIET}
        picked.then(**keep)
        filled = [self.assistant.dropdown, *self._variables.parts]
        for typed in self._variables.typed:
            events.on(typed, self._given, filled, [self.system], trigger_mode="always_last").then(**keep)
        for widget in self.controls:
            widget.input(**keep)
        self.system.blur(**keep)  # to Gradio, text that is pasted is no input
        for slider in self.controls[1:]:
            slider.release(**keep)  # nor is the reset button

    def _given(self, event: Event) -> Values:
        """The system prompt with the values of the assistant's variables."""
        return {self.system: self._variables.system(self.assistant.load(event[self.assistant.dropdown]), event)}

    def _filled(self, event: Event, template: Template) -> Values:
        """What an assistant fills in. Raises `TemplateError` for a file that is none."""
        system, sampling = self._variables.system(template), template.sampling()
        return self._variables.of(template) | {
            self.system: system,
            self.temperature: sampling.temperature,
            self.top_p: sampling.top_p,
            self.top_k: sampling.top_k,
            self.max_new_tokens: sampling.max_new_tokens,
        }


def _checked(kept: Any) -> list[Any] | None:
    """The kept values in the widgets' order, None if there are none or they can't be used."""
    if not isinstance(kept, Mapping) or set(kept) != set(KEPT) or not isinstance(kept["system"], str):
        return None
    try:
        Sampling(kept["max_new_tokens"], kept["temperature"], kept["top_p"], kept["top_k"])
    except InvalidInput:
        return None
    return [kept[name] for name in KEPT]
