"""The side of the Ask tab: what to answer from, and with which template."""

from typing import Any

import gradio as gr

from qwen_ui.errors import QwenUIError
from qwen_ui.prompts import Listing, PromptStore
from qwen_ui.ui.ask.collections import Collections
from qwen_ui.ui.ask.dialogue import TAB
from qwen_ui.ui.assistants import about, choices, first, problems
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import I18N, reads_chinese, speaker
from qwen_ui.ui.wiring import QUIET, WIDE

KINDS = ("model", "text", "documents")


class Fields:
    """The widgets, made where this is called. `wire` connects them among themselves."""

    def __init__(self, prompts: PromptStore, collections: Collections) -> None:
        self._prompts = prompts
        self._collections = collections
        self.kind = gr.Radio(
            [(I18N(f"ask_{kind}"), kind) for kind in KINDS],
            value="model",
            label=I18N("ask_source"),
            elem_id="ask-source",
        )
        self.text = gr.Textbox(
            label=I18N("ask_pasted"),
            placeholder=I18N("ask_pasted_placeholder"),
            lines=6,
            max_lines=14,
            visible=False,
            elem_id="ask-text",
        )
        with gr.Column(visible=False, elem_id="ask-documents") as self.documents:
            collections.lay_out()
        self._settings = gr.Accordion(I18N("ask_settings"), open=False, elem_id="ask-settings")
        with self._settings:
            self._lay_out_settings()

    def _lay_out_settings(self) -> None:
        self.template = gr.Dropdown([], label=I18N("ask_template"), elem_id="ask-template")
        self.note = gr.HTML(elem_id="ask-template-note", padding=False)
        self.max_new_tokens = gr.Slider(
            16, 4096, 512, step=16, label=I18N("max_new_tokens"), elem_id="ask-max-new-tokens"
        )

    @property
    def controls(self) -> list[Any]:
        """The widgets whose values the handlers take after the dialogue."""
        return [self.kind, self.text, self._collections.chosen, self.template, self.max_new_tokens]

    def wire(self, page: gr.Blocks) -> None:
        """Shows what belongs to the kind of source, and keeps the templates up to date."""
        self._collections.wire(page)
        self.kind.change(_show, self.kind, [self.text, self.documents], **QUIET)
        wide = gr.Checkbox(visible=False)
        page.load(_unfold, wide, [self._settings, self._collections.manage], js=WIDE, **QUIET)
        templated = [self.note, self.template, self.max_new_tokens]
        page.load(self._load, None, templated, **QUIET)
        self.template.focus(self._refresh, self.template, [self.note, self.template], **QUIET)
        self.template.input(self._pick, self.template, [self.note, self.max_new_tokens], **QUIET)

    def _load(self, request: gr.Request) -> tuple[Any, ...]:
        listing = self._prompts.list(TAB)
        id = first(listing.templates, reads_chinese(request))
        note, tokens = self._pick(request, id) if id else (_note(request, listing, id), gr.skip())
        return note, gr.Dropdown(choices=choices(listing), value=id), tokens

    def _refresh(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        listing = self._prompts.list(TAB)
        return _note(request, listing, id), gr.Dropdown(choices=choices(listing))

    def _pick(self, request: gr.Request, id: str | None) -> tuple[Any, ...]:
        """The note, and the longest answer that the template sets; that stays as it is if it can't be used."""
        note = _note(request, self._prompts.list(TAB), id)
        try:
            return note, self._prompts.load(TAB, id or "").sampling().max_new_tokens
        except QwenUIError as error:
            return note + line(speaker(request)("ask_not_picked", error=error), "error"), gr.skip()


def _note(request: gr.Request, listing: Listing, id: str | None) -> str:
    return about(listing, id) + problems(listing, speaker(request))


def _show(kind: str) -> tuple[Any, ...]:
    return gr.update(visible=kind == "text"), gr.update(visible=kind == "documents")


def _unfold(wide: bool) -> tuple[Any, ...]:
    """Opens what a phone has no room for."""
    return gr.Accordion(open=wide), gr.Accordion(open=wide)
