"""How to translate: the languages, tone, style and glossary of the Translate tab."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import QwenUIError
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Event, Events, Values
from qwen_ui.page.scripts import kept_by_browser
from qwen_ui.page.status import line
from qwen_ui.page.templates import TemplatePicker
from qwen_ui.page.words import label, locale_of
from qwen_ui.sentences import marked
from qwen_ui.tabs.translate import glossary, tbx
from qwen_ui.tabs.translate.glossary import Glossary
from qwen_ui.tabs.translate.show import languages
from qwen_ui.tabs.translate.translation import AUTO, Order, order_for
from qwen_ui.text.decode import decode
from qwen_ui.text.languages import LANGUAGES, find

KEEP = "(source, target, tone, template, glossary) => [{source, target, tone, template, glossary}]"
DEFAULT_TARGETS = {"en": "fr", "zh": "en"}
"""By the reader's language."""


class Options:
    """The widgets, made where this is called; `wire` has them filled."""

    def __init__(self, app: App, task: str) -> None:
        self.kept = kept_by_browser("translate", render=False)
        known = [(language.name, language.code) for language in LANGUAGES]  # in the reader's words once the page opens
        with gr.Row(elem_id="translate-languages"):
            options: dict[str, Any] = {"value": None, "min_width": 120}  # the values come with the page's opening
            self.source = gr.Dropdown(
                [(label("Detect language"), AUTO), *known], label=label("From"), elem_id="translate-source", **options
            )
            self.swap = gr.Button("⇄", elem_id="translate-swap", min_width=48, scale=0)
            self.target = gr.Dropdown(known, label=label("To"), elem_id="translate-target", **options)
        with gr.Accordion(label("Style, tone and glossary"), open=False, elem_id="translate-options"):
            with gr.Row():
                with gr.Column(min_width=120):
                    self.style = TemplatePicker(
                        app,
                        task,
                        marked("Style"),
                        rank=lambda template: "standard" not in template.id,
                        elem_id="translate-template",
                    )
                self.tone = gr.Dropdown(
                    [(label("Default"), "plain"), (label("Formal"), "formal"), (label("Informal"), "informal")],
                    label=label("Tone"),
                    elem_id="translate-tone",
                    **options,
                )
            self._lay_out_glossary()

    def _lay_out_glossary(self) -> None:
        self.glossary = gr.Textbox(
            "",
            label=label("Glossary"),
            info=label("One term per line: term = translation. Translations are checked against it."),
            placeholder=label("library = bibliothèque"),
            lines=2,
            max_lines=8,
            elem_id="translate-glossary",
        )
        with gr.Row(elem_id="translate-glossary-foot"):
            self._upload = gr.UploadButton(
                label("Load glossary…"),
                size="sm",
                scale=0,
                file_types=[".csv", ".tsv", ".txt", ".tbx"],
                elem_id="translate-glossary-file",
            )
            self._read = gr.HTML(elem_id="translate-glossary-status", padding=False)

    @property
    def all(self) -> list[Any]:
        """The widgets that `order` reads."""
        return [self.source, self.target, self.tone, self.style.dropdown, self.glossary]

    def wire(self, events: Events, page: gr.Blocks) -> None:
        """Has the widgets filled: with what the browser kept, in the reader's language."""
        self.style.wire(events, page, self.all, self._restored, [self.kept])
        asked = [self.glossary, self.source, self.target]
        events.on(self._upload.upload, self._open, [self._upload, *asked], [self.glossary, self._read])
        events.on(self.glossary.blur, self._count, asked, [self._read])
        changes = [widget.change for widget in self.all]
        gr.on(changes, None, self.all, [self.kept], js=KEEP, trigger_mode="always_last", **QUIET)

    def order(self, event: Event, texts: Sequence[str] = (), before: Order | None = None) -> Order:
        """How to translate the texts, or to go on where an order was before: between its languages.

        Raises `InvalidInput` and `TemplateError` for what can't work.
        """
        template = self.style.load(event[self.style.dropdown])
        source, target = event[self.source], event[self.target]
        if before is not None:
            source, target = before.source.code if before.source else AUTO, before.target.code
        return order_for(texts, template, target, source, event[self.tone], event[self.glossary])

    def _restored(self, event: Event) -> tuple[str | None, Values]:
        """The choices that the browser kept, as far as there are such, else the first ones."""
        kept = event[self.kept] if isinstance(event[self.kept], Mapping) else {}
        locale = locale_of(event.request)
        known = languages(locale)
        sources = [(event.say("Detect language"), AUTO), *known]
        styles = self.style.templates(event)
        values: Values = {
            self.source: gr.Dropdown(choices=sources, value=_among(kept.get("source"), sources, AUTO)),
            self.target: gr.Dropdown(choices=known, value=_among(kept.get("target"), known, DEFAULT_TARGETS[locale])),
            self.tone: _among(kept.get("tone"), self.tone.choices, "plain"),
            self.glossary: terms if isinstance(terms := kept.get("glossary"), str) else "",
        }
        ids = [(style.name, style.id) for style in styles]
        return _among(kept.get("template"), ids, styles[0].id if styles else None), values

    def _open(self, event: Event) -> Values:
        """A glossary file, after what is in the glossary."""
        path = Path(event[self._upload])
        try:
            text = decode(path.read_bytes(), path.name).strip()
            terms = self._parsed(event, text)
            if tbx.is_tbx(text) or glossary.has_header(text):  # which only the beginning of a glossary may be
                text = glossary.written(terms)
        except QwenUIError as error:
            return {self._read: line(event.say("{error}", error=error), "error")}
        whole = "\n".join(part for part in (event[self.glossary].strip(), text) if part)
        return {self.glossary: whole} | self._count(event.having({self.glossary: whole}))

    def _parsed(self, event: Event, text: str) -> Glossary:
        """The glossary between the chosen languages. Raises `InvalidInput`."""
        source, target = event[self.source], event[self.target]
        return glossary.parse(
            text, find(source) if source and source != AUTO else None, find(target) if target else None
        )

    def _count(self, event: Event) -> Values:
        """How many terms there are, or what is wrong with one."""
        try:
            count = len(self._parsed(event, event[self.glossary]).terms)
        except QwenUIError as error:
            return {self._read: line(event.say("{error}", error=error), "error")}
        return {
            self._read: line(event.say("{count:,} {count:term|terms} in the glossary.", count=count)) if count else ""
        }


def opposite(code: str, locale: str) -> str:
    """The language to translate from into that one where none is known: the reader's own, or else another."""
    own = find(locale).code
    return DEFAULT_TARGETS[locale] if code == own else own


def _among(value: Any, choices: Iterable[tuple[Any, ...]], default: str | None) -> str | None:
    return value if any(value == known for _, known in choices) else default
