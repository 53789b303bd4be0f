"""How to translate: languages, tone, style and glossary."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import QwenUIError
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.decode import decode
from qwen_ui.ui import assistants
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import I18N, Say, reads_chinese, speaker
from qwen_ui.ui.translate.batch import TASK
from qwen_ui.ui.translate.orders import AUTO, terms_of
from qwen_ui.ui.translate.view import languages
from qwen_ui.ui.wiring import QUIET, SECRET

TONES = ("plain", "formal", "informal")
KEPT = ("source", "target", "tone", "template", "glossary")
"""What the browser keeps, in the order of the widgets."""


class Controls:
    """The widgets, made where this is called, and wired among themselves."""

    def __init__(self, page: gr.Blocks, prompts: PromptStore) -> None:
        self._prompts = prompts
        with gr.Row(elem_id="translate-languages"):
            self.source = _picker("translate_source", "translate-source")
            self.swap = gr.Button("⇄", elem_id="translate-swap", min_width=48, scale=0)
            self.target = _picker("translate_target", "translate-target")
        with gr.Accordion(I18N("translate_options"), open=False, elem_id="translate-options"):
            with gr.Row():
                self.template = _picker("translate_template", "translate-template")
                self.tone = _picker("translate_tone", "translate-tone")
            self.problems = gr.HTML(elem_id="translate-problems", padding=False)
            self.glossary = gr.Textbox(
                "",
                label=I18N("translate_glossary"),
                info=I18N("translate_glossary_info"),
                placeholder=I18N("translate_glossary_placeholder"),
                lines=2,
                max_lines=8,
                elem_id="translate-glossary",
            )
            with gr.Row(elem_id="translate-glossary-foot"):
                self._upload = gr.UploadButton(
                    I18N("translate_glossary_file"),  # type: ignore[arg-type]  # translated like any label
                    size="sm",
                    scale=0,
                    file_types=[".csv", ".tsv", ".txt"],
                    elem_id="translate-glossary-file",
                )
                self._read = gr.HTML(elem_id="translate-glossary-status", padding=False)
        self.kept = gr.BrowserState(None, storage_key="qwen-ui-translate", secret=SECRET, render=False)
        self._wire(page)

    @property
    def all(self) -> list[gr.Dropdown | gr.Textbox]:
        """The widgets whose values `handlers.order_of` takes."""
        return [self.source, self.target, self.tone, self.template, self.glossary]

    def _wire(self, page: gr.Blocks) -> None:
        page.load(self._restore, [self.kept], [self.problems, *self.all], **QUIET)
        self.template.focus(self._refresh, None, [self.problems, self.template], **QUIET)
        self.template.change(self._describe, self.template, self.template, **QUIET)
        self._upload.upload(self._open, [self._upload, self.glossary], [self.glossary, self._read], **QUIET)
        self.glossary.blur(self._count, self.glossary, self._read, **QUIET)
        for widget in self.all:
            widget.change(_keep, self.all, [self.kept], trigger_mode="always_last", **QUIET)

    def _restore(self, request: gr.Request, kept: Any) -> tuple[Any, ...]:
        """The choices in the visitor's language, with the values that the browser kept."""
        say, listing = speaker(request), self._prompts.list(TASK)
        values = _checked(kept)
        chinese = reads_chinese(request)
        templates = assistants.choices(listing)
        chosen = {
            "source": AUTO,
            "target": "en" if chinese else "fr",
            "tone": TONES[0],
            "template": assistants.first([t for t in listing.templates if "standard" in t.id], chinese),
            "glossary": "",
        } | values
        offered = {"source": sources(say), "target": languages(say), "tone": tones(say), "template": templates}
        problems = assistants.problems(listing, say)
        pickers = [gr.Dropdown(choices=of, value=_among(chosen[name], of)) for name, of in offered.items()]
        return problems, *pickers, chosen["glossary"]

    def _refresh(self, request: gr.Request) -> tuple[Any, ...]:
        """The broken files and the templates that there are now."""
        listing = self._prompts.list(TASK)
        return assistants.problems(listing, speaker(request)), gr.Dropdown(choices=assistants.choices(listing))

    def _describe(self, id: str | None) -> gr.Dropdown:
        templates = self._prompts.list(TASK).templates
        return gr.Dropdown(info=next((t.description for t in templates if t.id == id), ""))

    def _open(self, request: gr.Request, path: str, glossary: str) -> tuple[Any, str]:
        """A glossary file, after what is in the glossary."""
        try:
            text = decode(Path(path).read_bytes(), Path(path).name).strip()
            terms_of(text)
        except QwenUIError as error:
            return gr.skip(), line(speaker(request)("error", error=error), "error")
        whole = "\n".join(part for part in (glossary.strip(), text) if part)
        return whole, self._count(request, whole)

    def _count(self, request: gr.Request, glossary: str) -> str:
        """How many terms there are, or what is wrong with one."""
        say = speaker(request)
        try:
            terms = terms_of(glossary)
        except QwenUIError as error:
            return line(say("error", error=error), "error")
        return line(say("translate_glossary_read", count=len(terms))) if terms else ""


def sources(say: Say) -> list[tuple[str, str]]:
    """What to choose the source's language from."""
    return [(say("translate_auto"), AUTO), *languages(say)]


def tones(say: Say) -> list[tuple[str, str]]:
    """The tones for a picker: names and values."""
    return [(say(f"translate_tone_{tone}"), tone) for tone in TONES]


def _picker(label: str, elem_id: str) -> gr.Dropdown:
    return gr.Dropdown([], label=I18N(label), min_width=120, elem_id=elem_id)


def _among(value: Any, choices: list[tuple[str, str]]) -> str | None:
    known = [id for _, id in choices]
    return value if value in known else next(iter(known), None)


def _keep(*values: Any) -> dict[str, Any]:
    return dict(zip(KEPT, values, strict=True))


def _checked(kept: Any) -> dict[str, str]:
    """What the browser kept, without what can't be used."""
    if not isinstance(kept, Mapping):
        return {}
    return {name: kept[name] for name in KEPT if isinstance(kept.get(name), str)}
