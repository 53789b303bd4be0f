"""The side of the Chat tab: the assistant, the system prompt, and how to sample."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Sampling
from qwen_ui.prompts import Listing, PromptStore
from qwen_ui.ui import assistants
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import I18N, reads_chinese, speaker
from qwen_ui.ui.wiring import QUIET

KEPT = ("assistant", "system", "temperature", "top_p", "top_k", "max_new_tokens")
"""What the browser keeps of the settings, in the order of the widgets."""
KEEP = f"(...values) => [Object.fromEntries({list(KEPT)}.map((name, place) => [name, values[place]]))]"
"""Keeps them without asking the server, so that not even a reload right after a change loses it."""


class ChatSettings:
    """The widgets, made where this is called, and wired among themselves.

    ``kept`` must stand outside of whatever may be closed: a browser state that is not on the page gives nothing.
    """

    def __init__(self, page: gr.Blocks, prompts: PromptStore, kept: gr.BrowserState) -> None:
        self._prompts = prompts
        defaults = Sampling()
        self.assistant = gr.Dropdown([], label=I18N("assistant"), elem_id="assistant")
        self.note = gr.HTML(elem_id="assistant-note", padding=False)
        self.system = gr.Textbox(
            "", label=I18N("system"), info=I18N("system_info"), lines=3, max_lines=6, elem_id="system"
        )
        self.sliders = [
            _slider("temperature", 0, 2, 0.05, defaults.temperature),
            _slider("top_p", 0.05, 1, 0.05, defaults.top_p),
            _slider("top_k", 0, 100, 1, defaults.top_k),
            _slider("max_new_tokens", 16, 4096, 16, defaults.max_new_tokens),
        ]
        self._wire(page, kept)

    @property
    def controls(self) -> list[gr.Textbox | gr.Slider]:
        """The widgets whose values `chat_handlers.read_controls` takes."""
        return [self.system, *self.sliders]

    def _wire(self, page: gr.Blocks, kept: gr.BrowserState) -> None:
        everything = [self.assistant, *self.controls]
        page.load(self._restore, [kept], [self.note, *everything], **QUIET)
        self.assistant.focus(self._refresh, [self.assistant], [self.note, self.assistant], **QUIET)
        picked = self.assistant.input(self._pick, [self.assistant], [self.note, *self.controls], **QUIET)
        keep: dict[str, Any] = {"fn": None, "inputs": everything, "outputs": [kept], "js": KEEP, **QUIET}
        picked.then(**keep)
        for widget in self.controls:
            widget.input(**keep)
        self.system.blur(**keep)  # to Gradio, text that is pasted is no input
        for slider in self.sliders:
            slider.release(**keep)  # nor is the reset button

    def _refresh(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        """The note and the assistants that there are now."""
        listing = self._prompts.list(assistants.TASK)
        return _note(request, listing, id), gr.Dropdown(choices=assistants.choices(listing))

    def _pick(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        """The note and what the assistant fills in; that stays as it is if it can't be used."""
        note = _note(request, self._prompts.list(assistants.TASK), id)
        try:
            assistant = assistants.load(self._prompts, id or "")
        except QwenUIError as error:
            said = line(speaker(request)("not_picked", error=error), "error")
            return note + said, *[gr.skip()] * len(self.controls)
        sampling = assistant.sampling
        numbers = (sampling.temperature, sampling.top_p, sampling.top_k, sampling.max_new_tokens)
        return note, assistant.system, *numbers

    def _restore(self, request: gr.Request, kept: Any) -> tuple[Any, ...]:
        """The settings that the browser kept; on a first visit, those of the first assistant."""
        listing = self._prompts.list(assistants.TASK)
        choices, values = assistants.choices(listing), _checked(kept)
        if values is not None:
            id, *controls = values
            id = id if id in {known for _, known in choices} else None
            return _note(request, listing, id), gr.Dropdown(choices=choices, value=id), *controls
        id = assistants.first(listing.templates, reads_chinese(request))
        note, *controls = self._pick(request, id) if id else ("", *[gr.skip()] * len(self.controls))
        return note, gr.Dropdown(choices=choices, value=id), *controls


def _note(request: gr.Request, listing: Listing, id: str | None) -> str:
    return assistants.about(listing, id) + assistants.problems(listing, speaker(request))


def _slider(name: str, low: float, high: float, step: float, value: float) -> gr.Slider:
    return gr.Slider(low, high, value, step=step, label=I18N(name), info=I18N(f"{name}_info"), elem_id=name)


def _checked(kept: Any) -> list[Any] | None:
    """The kept values in the widgets' order, None if there are none or they can't be used."""
    if not isinstance(kept, Mapping) or set(kept) != set(KEPT) or not isinstance(kept["system"], str):
        return None
    try:
        Sampling(kept["max_new_tokens"], kept["temperature"], kept["top_p"], kept["top_k"])
    except InvalidInput:
        return None
    return [kept[name] for name in KEPT]
