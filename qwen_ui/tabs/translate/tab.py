"""The Translate tab: its layout, and what answers to what."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path, PurePath
from typing import Any

import gradio as gr

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Message
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.encoding import EncodingChoice
from qwen_ui.page.events import QUIET, Buttons, Event, Events, Run, Values, brought
from qwen_ui.page.kept import Kept
from qwen_ui.page.scripts import DOWNLOAD
from qwen_ui.page.sending import Entrance, Exit, send_to
from qwen_ui.page.status import line
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.words import label, locale_of
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.translate import glossary, show, task
from qwen_ui.tabs.translate.detect import detect, detected
from qwen_ui.tabs.translate.editor import Editor, chosen
from qwen_ui.tabs.translate.files import EXTENSIONS, MAX_PACKAGE_BYTES, Document, read
from qwen_ui.tabs.translate.keeping import from_browser, to_browser
from qwen_ui.tabs.translate.mending import put_back
from qwen_ui.tabs.translate.options import Options, opposite
from qwen_ui.tabs.translate.protect import check
from qwen_ui.tabs.translate.task import Progress
from qwen_ui.tabs.translate.translation import AUTO, Order, Translation, begin, order_for, typed
from qwen_ui.text.decode import UncertainEncoding
from qwen_ui.text.languages import find

EXAMPLES = (
    "The early bird catches the worm, but the second mouse gets the cheese.",
    "# Welcome, {name}!\n\nYou have **3** new messages. Read them at https://example.com/inbox or run `mail --all`.",
    "人山人海，热闹非凡。",
    "尊敬的客户：\n\n您的订单 20418 已于今天上午发出，预计 3 天内送达。如有疑问，请致电 400-123-4567。",
)
DAY = 24 * 3600
LINES = 9
EVERY, SLOWER = 1 / 20, 1e-4
"""Seconds between two updates, and those that each segment adds: putting thousands of them together takes a while."""
SAVE = f"""(file) => {{
  if (!file) return [""];
  const {{name, data}} = JSON.parse(file);
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  ({DOWNLOAD})(bytes, "application/octet-stream", name);
  return [""];
}}"""
"""Saves a file, given as JSON with its name and its bytes in base 64, and forgets it."""


class TranslateTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._app = app
        self._translation = gr.State(None, time_to_live=DAY)
        self._options = Options(app, TAB.id)
        with gr.Row(elem_id="translate-texts"):
            with gr.Column(min_width=300), gr.Tabs(elem_id="translate-from"):
                with gr.Tab(label("Text"), id="text"):
                    self._lay_out_text()
                with gr.Tab(label("File"), id="file"):
                    self._lay_out_file()
            with gr.Column(min_width=300, elem_id="translate-to"):
                self._lay_out_result()
        self._examples = gr.Examples(
            [[text] for text in EXAMPLES], self._text, label=label("Examples"), elem_id="translate-examples"
        )
        self._editor = Editor()
        self._name = gr.Textbox("", visible="hidden", container=False)
        """Of the file whose translation the page shows, empty for a typed text: the browser still knows it where the
        server has forgotten the translation."""
        self._saved = gr.Textbox("", visible="hidden", container=False)
        self._kept = Kept(TAB.id)
        buttons = Buttons([self._go, self._go_file], self._stop)
        self._events = Events(app, TAB.id, self._status, buttons, refused=show.NOT_TRANSLATED)
        self._wire(page)

    @property
    def parts(self) -> Parts:
        senders = [self._go, self._go_file, self._rest, self._back]
        exits = [Exit(self._send_to, [self._result], lambda event: event[self._result] or "")]
        return Parts(senders, exits, Entrance(self._text), [self._options.kept, self._kept.box], [self._text])

    def _lay_out_text(self) -> None:
        self._text = _textbox(
            label("Text to translate"), "translate-input", placeholder=label("Enter or paste a text in any language…")
        )
        self._found = gr.HTML(elem_id="translate-found", padding=False)
        self._go = gr.Button(label("Translate"), variant="primary", interactive=False, elem_id="translate-go")

    def _lay_out_file(self) -> None:
        self._file = gr.File(
            label=label("File: Office, web page, text, subtitles, CSV or JSON"),
            file_types=list(EXTENSIONS),
            height=150,
            elem_id="translate-file",
        )
        self._encoding = EncodingChoice("translate-encoding")
        self._columns = as_held(
            gr.CheckboxGroup(label=label("Columns to translate"), visible=False, elem_id="translate-columns")
        )
        self._facts = gr.HTML(elem_id="translate-facts", padding=False)
        self._go_file = gr.Button(
            label("Translate file"), variant="primary", interactive=False, elem_id="translate-go-file"
        )

    def _lay_out_result(self) -> None:
        self._result = _textbox(
            label("Translation"),
            "translate-result",
            placeholder=label("The translation appears here."),
            interactive=False,
            buttons=["copy"],
        )
        self._status = gr.HTML(elem_id="translate-status", padding=False)
        self._stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="translate-stop")
        self._rest = gr.Button(label("Translate the rest"), visible=False, interactive=False, elem_id="translate-rest")
        with gr.Row(visible=False, elem_id="translate-after") as self._after:
            self._save = gr.Button(label("Save translation"), size="sm", elem_id="translate-save")
            self._back = gr.Button(label("Translate back"), size="sm", interactive=False, elem_id="translate-back")
            self._send_to = send_to(elem_id="translate-send-to")
        self._checks = gr.HTML(apply_default_css=False, elem_id="translate-checks", padding=False)
        self._mend = gr.Button(label("Restore what is missing"), size="sm", visible=False, elem_id="translate-put-back")
        self._returned = _textbox(
            label("Translated back"), "translate-returned", visible=False, interactive=False, lines=4
        )

    def _wire(self, page: gr.Blocks) -> None:
        events, options, editor = self._events, self._options, self._editor
        state, order = self._translation, options.all
        view = [state, self._name, self._result, self._checks, self._mend, self._rest, self._after, self._returned]
        view += [editor.rows, self._kept.box]
        of_file = [self._file, self._encoding.radio]
        events.run(self._go.click, self._translating_text, [self._text, *order], view)
        events.run(self._go_file.click, self._translating_file, [*of_file, self._columns, *order], view)
        events.run(self._rest.click, self._translating_rest, [state, *order], view)
        events.run(editor.rows.retry, self._translating_again, [state, *order], view)
        events.run(self._back.click, self._translating_back, [state, options.source], [self._returned])
        events.stop()
        events.on(self._mend.click, self._put_back, [state], view)
        events.on(editor.rows.apply, self._apply, [state], view, trigger_mode="multiple")
        events.on(editor.rows.select, self._show_version, [state], view)
        languages = [options.source, options.target]
        swapped = [*languages, self._text, *view]
        events.on(options.swap.click, self._swap, [state, self._name, self._result, self._text, *languages], swapped)
        saved = [state, self._name, self._result]
        events.on(self._save.click, self._as_file, saved, [self._saved]).then(
            None, self._saved, self._saved, js=SAVE, **QUIET
        )
        seen, changed = [self._text, options.source], [self._text.change, options.source.change]
        events.on(changed, self._look, seen, [self._found, self._examples.dataset], trigger_mode="always_last")
        opened = [self._encoding.radio, self._columns, self._facts]
        events.on([self._file.upload, self._file.clear], self._open, [self._file], opened)
        events.on(self._encoding.radio.input, self._open_in, of_file, opened)
        options.wire(events, page)
        self._kept.wire(events, self._restore, view)

    def _translating_text(self, event: Event) -> Run[Progress]:
        return self._translating(event, typed(event[self._text] or ""))

    def _translating_file(self, event: Event) -> Run[Progress]:
        """Translates the uploaded file; of a table the chosen columns."""
        return self._translating(event, self._document(event, event[self._columns]))

    def _document(self, event: Event, columns: Sequence[str] | None = None) -> Document:
        return open_document(event[self._file], columns, event[self._encoding.radio] or "")

    def _translating(self, event: Event, document: Document) -> Run[Progress]:
        """Translates all of it. The text grows from its beginning, and is shown as it does."""
        translation = begin(document, self._options.order(event, document.texts))
        result = gr.Textbox("", rtl=translation.order.target.right_to_left)
        begun: Values = {self._translation: translation, self._name: document.name, self._result: result}
        table = self._growing(event, translation)
        return self._run(
            event,
            translation,
            range(len(translation.segments)),
            growing=lambda: {self._result: show.text_of(translation)} | table(),
            ended=lambda: self._at_rest(event, translation),
            begun=self._cleared() | begun | self._editor.show(translation, event.say),
        )

    def _translating_rest(self, event: Event) -> Run[Progress]:
        return self._mending(event, self._known(event).missing)

    def _translating_again(self, event: Event) -> Run[Progress]:
        return self._mending(event, [chosen(event, self._known(event))])

    def _mending(self, event: Event, wanted: Sequence[int]) -> Run[Progress]:
        """Translates some segments, with the tone, style and glossary of now. The text is shown at the end."""
        translation = self._known(event)
        translation.reorder(self._options.order(event, before=translation.order))
        table = self._growing(event, translation)
        return self._run(
            event,
            translation,
            wanted,
            growing=table,
            ended=lambda: self._at_rest(event, translation),
            begun={self._checks: "", self._after: gr.Row(visible=False)} | self._without_offers(),
        )

    def _translating_back(self, event: Event) -> Run[Progress]:
        translation, source = self._known(event), event[self._options.source]
        named = detected(translation.document.texts) if source == AUTO else find(source)
        if (language := translation.order.source or named) is None:
            raise InvalidInput("The source language is unknown. Choose it under “{field}”.", field=Sentence("From"))
        order = Order(self._options.style.load(translation.order.template.id), language, translation.order.target)
        back = translation.reversed(order)

        def returned() -> Values:
            return {self._returned: gr.Textbox(show.text_of(back), visible=True, rtl=language.right_to_left)}

        return self._run(event, back, range(len(back.segments)), returned, returned)

    def _run(
        self,
        event: Event,
        translation: Translation,
        wanted: Sequence[int],
        growing: Callable[[], Values],
        ended: Callable[[], Values],
        begun: Values | None = None,
    ) -> Run[Progress]:
        return Run(
            lambda engine: task.translate(engine, translation, wanted, self._app.settings.segments_at_once),
            lambda now, running: growing() if running else ended(),
            lambda now, running: show.underway(now, event.say) if running else show.outcome(now, event.say),
            said=lambda now: True,
            begun=begun or {},
            every=EVERY + SLOWER * len(translation.segments),
        )

    def _known(self, event: Event) -> Translation:
        """The translation that the page shows. Raises `InvalidInput` when the server has forgotten it."""
        translation: Translation | None = event[self._translation]
        if translation is None:
            raise InvalidInput(
                "The server no longer has this translation: it was restarted, or this page was idle for too long. Your "
                "text is still here; translate it again."
            )
        return translation

    def _growing(self, event: Event, translation: Translation) -> Callable[[], Values]:
        """What gives the rows from time to time, during a run; of a typed text the browser keeps them then."""
        refresh = self._editor.refreshing(translation, event.say)

        def growing() -> Values:
            values = refresh()
            return values if translation.is_file or not values else values | self._kept.keep(to_browser(translation))

        return growing

    def _restore(self, event: Event, kept: Any) -> Values:
        """The translation that the browser kept."""
        translation = from_browser(kept, lambda id: self._app.prompts.load(TAB.id, id), MAX_PACKAGE_BYTES)
        shown = self._at_rest(event, translation)
        result = gr.Textbox(shown[self._result], rtl=translation.order.target.right_to_left)
        return shown | {self._name: translation.document.name, self._result: result}

    def _at_rest(self, event: Event, translation: Translation) -> Values:
        text, missing = show.text_of(translation), len(translation.missing)
        kept = self._kept.keep(to_browser(translation))
        return (
            kept
            | self._editor.show(translation, event.say)
            | {
                self._translation: translation,  # so that it is kept for a day from now
                self._result: text,
                self._checks: show.checks(translation, event.say),
                self._mend: gr.Button(visible=bool(translation.mendable)),
                self._rest: gr.Button(visible=0 < missing < len(translation.segments)),
                self._after: gr.Row(
                    visible=bool(text) and not (translation.is_file and missing == len(translation.segments))
                ),
            }
        )

    async def _apply(self, event: Event) -> Values:
        """Takes an edited translation of one segment, also while others are being translated."""
        translation = self._known(event)
        place = chosen(event, translation)
        text: Any = brought(event.data).get("text")
        translation.edit(place, text)
        return await self._changed(event, translation, place)

    async def _show_version(self, event: Event) -> Values:
        """Goes to another version of a segment's translation."""
        translation = self._known(event)
        place, version = chosen(event, translation), brought(event.data).get("version")
        translation.show(place, version if type(version) is int else -1)
        return await self._changed(event, translation, place)

    async def _changed(self, event: Event, translation: Translation, place: int) -> Values:
        if translation.running:  # the run shows all else
            return await asyncio.to_thread(self._editor.show, translation, event.say)
        told = event.say("Segment {number:,} changed.", number=place + 1)
        return await asyncio.to_thread(self._at_rest, event, translation) | {self._status: line(told)}

    async def _put_back(self, event: Event) -> Values:
        """Puts what got lost back into the translation."""
        translation = self._known(event)
        if translation.running:
            raise InvalidInput("An answer is being written. Stop it first, or wait for its end.")
        mended = await asyncio.to_thread(translation.mended)
        translation.take(mended)
        done = event.say(
            "Restored in {count:,} {count:segment|segments}. Check that it is in the right place.", count=len(mended)
        )
        shown = await asyncio.to_thread(self._at_rest, event, translation)
        return shown | {self._status: line(done)}

    def _as_file(self, event: Event) -> Values:
        """The translation's file, for the page's script. Of a typed text the page itself holds all of it."""
        if event[self._result] and not event[self._name]:
            translation: Translation | None = event[self._translation]
            code = f".{translation.order.target.code}" if translation else ""
            name, data = f"translation{code}.txt", event[self._result].encode()
        else:
            translation = self._known(event)
            path = PurePath(translation.document.name)
            name, data = f"{path.stem}.{translation.order.target.code}{path.suffix}", translation.file()
        return {self._saved: json.dumps({"name": name, "data": base64.b64encode(data).decode()})}

    def _swap(self, event: Event) -> Values:
        """Swaps the languages, and a typed text with its translation."""
        if self._app.running.busy(event.session, TAB.id):
            raise InvalidInput("An answer is being written. Stop it first, or wait for its end.")
        options, translation, text = self._options, event[self._translation], event[self._text] or ""
        source, target = event[options.source], event[options.target]
        if source == AUTO:
            language = (translation.order.source if translation else None) or detected([text])
            found = language.code if language else target
            source = opposite(target, locale_of(event.request)) if found == target else found
        values: Values = {options.source: target, options.target: source}
        if event[self._name] or not event[self._result]:
            return values
        values |= {self._text: event[self._result], self._translation: None, self._result: "", self._status: ""}
        return values | self._cleared() | self._editor.show(None, event.say) | self._kept.keep(None)

    def _cleared(self) -> Values:
        """Nothing about the translation before."""
        return {
            self._checks: "",
            self._after: gr.Row(visible=False),
            self._returned: gr.Textbox("", visible=False),
        } | self._without_offers()

    def _without_offers(self) -> Values:
        """No button to go on with what there is."""
        return {self._rest: gr.Button(visible=False), self._mend: gr.Button(visible=False)}

    def _look(self, event: Event) -> Values:
        """Which language the typed text is in; and the examples, as long as there is no text."""
        text = event[self._text] or ""
        found = show.recognized(detect(text), event[self._options.source], locale_of(event.request), event.say)
        return {self._found: found, self._examples.dataset: gr.Dataset(visible=not text.strip())}

    def _open(self, event: Event) -> Values:
        """What is in a new file."""
        return self._encoding.none() | self._open_in(event.having({self._encoding.radio: ""}))

    def _open_in(self, event: Event) -> Values:
        """What is in the file in the chosen encoding: the columns to choose from, and a line about it."""
        none = {self._columns: gr.CheckboxGroup(choices=[], value=[], visible=False), self._facts: ""}
        if not event[self._file]:
            return none
        try:
            document = self._document(event)
        except UncertainEncoding as error:
            return none | self._encoding.offer(error, event.say)
        except QwenUIError as error:
            return none | {self._facts: line(event.say("{error}", error=error), "error")}
        names = list(document.columns)
        return {
            self._columns: gr.CheckboxGroup(choices=names, value=names, visible=len(names) > 1),
            self._facts: show.facts(document, event.say),
        }


def open_document(path: str | None, columns: Sequence[str] | None = None, encoding: str = "") -> Document:
    """An uploaded file; of a table these columns, or all. Raises like `read`."""
    if not path:
        raise InvalidInput("There is no file to translate. Add one first.")
    file = Path(path)
    if not file.exists():
        raise InvalidInput("The server no longer has this file. Add it again.")
    if file.stat().st_size > MAX_PACKAGE_BYTES:
        raise InvalidInput("The file is larger than {limit:,} MB. Split it.", limit=MAX_PACKAGE_BYTES // 1_000_000)
    return read(file.name, file.read_bytes(), columns, encoding)


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/translate, as scripts call it."""

    async def translate(
        text: str,
        request: gr.Request,
        target: str = "French",
        source: str = "auto",
        glossary: str = "",
        adapter: str = "",
        model: str = "",
        details: bool = False,
    ) -> AsyncIterator[str | dict[str, Any]]:
        """Translates the text.

        Parameters:
            text: What to translate. Its Markdown, placeholders, links and numbers stay.
            target: The language to translate into, by code, English or own name: "de", "German", "Deutsch".
            source: The language of the text, named the same way; "auto" finds it out.
            glossary: How to translate terms, a line each: term = translation.
            details: Whether to tell what the translation has lost, too.
        Returns:
            the translation, streamed as it grows. With details a dictionary: translation; lost, what is missing in it,
            each with kind and text; restored, what the model had lost and was put back, with where it stands now.
        """

        def prepare() -> Translation:
            document, template = typed(text), app.prompts.load(TAB.id, "standard")
            return begin(document, order_for(document.texts, template, target, source, terms=glossary))

        async def run(engine: Engine) -> AsyncGenerator[Progress, None]:
            translation = await asyncio.to_thread(prepare)
            wanted = range(len(translation.segments))
            async with aclosing(task.translate(engine, translation, wanted, app.settings.segments_at_once)) as progress:
                async for now in progress:
                    yield now

        async for now in app.serve(request, TAB.id, run, adapter, model):
            if now.translation.error is not None:
                raise now.translation.error
            text = now.translation.so_far(only_final=True)
            yield {"translation": text, **told_lost(now.translation)} if details else text

    async def translate_check(text: str, translation: str, request: gr.Request, glossary: str = "") -> dict[str, Any]:
        """What the translation of the text has lost, each with its kind, and the translation with that put back."""
        with app.host.admit(app.address(request)):  # a long text takes seconds
            return await asyncio.to_thread(checked, text, translation, glossary)

    return [translate, translate_check]


def told_lost(translation: Translation) -> dict[str, list[dict[str, str]]]:
    """What the translation has lost so far, and what was put back into it."""
    findings = [finding for _, finding in translation.findings()]
    return {
        "lost": [{"kind": each.kind, "text": each.text} for each in findings if not each.restored],
        "restored": [
            {"kind": each.kind, "text": each.text, "where": each.restored} for each in findings if each.restored
        ],
    }


def checked(text: Any, translation: Any, terms: Any) -> dict[str, Any]:
    """What a translation has lost, and the translation with that put back. Raises `InvalidInput`."""
    source = typed(text).texts[0]
    given = Message("assistant", translation).content
    if not isinstance(terms, str):
        raise InvalidInput("The glossary must be text, one line per term: term = translation.")
    languages = [detected([each]) for each in (source, given)]
    findings = check(source, given, glossary.parse(terms, *languages))
    return {
        "lost": [{"kind": finding.kind, "text": finding.text} for finding in findings],
        "mended": put_back(source, given),
    }


def _textbox(title: Any, elem_id: str, **options: Any) -> gr.Textbox:
    return gr.Textbox("", label=title, elem_id=elem_id, **{"lines": LINES, "max_lines": 24, **options})


TAB = Tab(
    "translate",
    marked("Translate"),
    Path(__file__).parent,
    lambda app, page, place: TranslateTab(app, page).parts,
    endpoints,
)
