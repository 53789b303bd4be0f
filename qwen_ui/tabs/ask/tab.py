"""The Ask tab: its layout, and what answers to what."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Buttons, Event, Events, Run, Values
from qwen_ui.page.kept import Kept
from qwen_ui.page.scripts import COPY, LATEX, WIDE, save_as
from qwen_ui.page.sending import Entrance, Exit, below, send_to
from qwen_ui.page.status import finished, line, progress
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.templates import TemplatePicker
from qwen_ui.page.words import Say, label, reads_chinese
from qwen_ui.sentences import marked
from qwen_ui.tabs.ask import keeping, task
from qwen_ui.tabs.ask.collections import Collections
from qwen_ui.tabs.ask.dialogue import (
    Dialogue,
    Exchange,
    exchanges,
    history,
    markdown,
    messages,
    plain,
    shown,
)
from qwen_ui.tabs.ask.documents import asked_for, left_out
from qwen_ui.tabs.ask.endpoints import endpoints
from qwen_ui.tabs.ask.examples import SAMPLES, examples
from qwen_ui.tabs.ask.reader import opened, reader

HAS_TEXT = """() => [Boolean(document.querySelector("#ask-text textarea")?.value.trim())]"""
"""The text itself stays in the browser until it is asked about."""


class AskTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._app = app
        with gr.Row(elem_id="ask", elem_classes="dialogue-page"):
            with gr.Column(elem_id="ask-side"):
                self._lay_out_source()
                self._settings = gr.Accordion(label("Template and length"), open=False, elem_id="ask-settings")
                with self._settings:
                    self._lay_out_settings()
            with gr.Column(elem_id="ask-main", elem_classes="dialogue-main"):
                self._lay_out_dialogue()
        self._reader = reader(elem_id="ask-reader")
        self._kept = Kept(TAB.id)
        self._events = Events(app, TAB.id, self._status, Buttons([self._send], self._stop))
        self._wire(page)

    @property
    def parts(self) -> Parts:
        def fill(event: Event, text: str) -> Values:
            return {self._text: below(event[self._text], text), self._kind: "text"}

        exits = [Exit(self._send_to, [self._result], lambda event: event[self._result] or "")]
        entrance = Entrance(self._text, [self._kind], fill)
        typed = [self._question, self._text]
        return Parts([self._send, self._retry], exits, entrance, kept=[self._kept.box], typed=typed)

    def _lay_out_source(self) -> None:
        self._kind = gr.Radio(
            [
                (label("Model knowledge only"), "model"),
                (label("Pasted text"), "text"),
                (label("My documents"), "documents"),
            ],
            value="model",
            label=label("Answer from"),
            elem_id="ask-source",
        )
        self._text = gr.Textbox(
            label=label("Text"),
            placeholder=label("Paste a text to ask about…"),
            lines=6,
            max_lines=14,
            visible=False,
            elem_id="ask-text",
        )
        with gr.Column(visible=False, elem_id="ask-documents") as self._documents:
            self._collections = Collections(self._app)

    def _lay_out_settings(self) -> None:
        self._template = TemplatePicker(
            self._app,
            TAB.id,
            picked=lambda event, template: {self._max_new_tokens: template.sampling().max_new_tokens},
            elem_id="ask-template",
        )
        self._max_new_tokens = gr.Slider(
            16, 4096, 512, step=16, label=label("Maximum length (tokens)"), elem_id="ask-max-new-tokens"
        )

    def _lay_out_dialogue(self) -> None:
        self._dialogue = gr.State(())
        self._chatbot = gr.Chatbot(
            label=label("Questions and answers"),
            container=False,
            height="100%",
            layout="bubble",
            buttons=[],
            latex_delimiters=LATEX,
            placeholder=label("What would you like to know?"),
            group_consecutive_messages=False,
            allow_tags=False,
            elem_id="ask-dialogue",
            elem_classes="dialogue",
        )
        self._status = gr.HTML(elem_id="ask-status", padding=False)
        with gr.Row(elem_id="ask-box", elem_classes="dialogue-box"):
            self._question = gr.Textbox(
                label=label("Question"),
                container=False,
                placeholder=label("Ask a question…"),
                lines=1,
                max_lines=10,
                scale=1,
                elem_id="ask-input",
                elem_classes="dialogue-input",
            )
            self._send = gr.Button(
                label("Ask", context="button"),
                variant="primary",
                interactive=False,
                scale=0,
                elem_id="ask-send",
                elem_classes="dialogue-button",
            )
            self._stop = gr.Button(
                label("Stop"),
                variant="stop",
                visible=False,
                scale=0,
                elem_id="ask-stop",
                elem_classes="dialogue-button",
            )
        with gr.Row(visible=False, elem_id="ask-foot") as self._foot:
            self._retry = gr.Button(label("Ask again"), size="sm", interactive=False, elem_id="ask-retry")
            self._copy = gr.Button(label("Copy answer"), size="sm", elem_id="ask-copy")
            self._save = gr.Button(label("Save as Markdown"), size="sm", elem_id="ask-save")
            self._clear = gr.Button(label("New conversation"), size="sm", elem_id="ask-clear")
            self._send_to = send_to(elem_id="ask-send-to")
        self._result = gr.Textbox(visible="hidden", container=False, elem_id="ask-result")
        self._document = gr.Textbox(visible="hidden", container=False)
        self._has_text = gr.Checkbox(visible="hidden", container=False)

    def _wire(self, page: gr.Blocks) -> None:
        events = self._events
        chosen = [self._kind, self._collections.chosen, self._collections.documents]
        asked = [self._dialogue, self._document, self._text, *chosen, self._template.dropdown, self._max_new_tokens]
        view = [self._chatbot, self._dialogue, self._result, self._document, self._foot, self._question, self._kept.box]
        source = [self._text, self._documents, *self._collections.view]
        events.run([self._question.submit, self._send.click], self._sending, [self._question, *asked], view)
        events.run(self._retry.click, self._asking_again, asked, view)
        events.run(self._chatbot.example_select, self._trying, asked, [*view, self._text])
        events.stop()
        events.on(self._clear.click, lambda event: self._show(event, ()) | {self._status: ""}, chosen, view)
        self._copy.click(None, self._result, None, js=COPY)
        self._save.click(None, self._document, None, js=save_as("qwen-ui-ask.md", "text/markdown"))

        changed = self._collections.wire()
        self._template.wire(events, page, [self._max_new_tokens])
        places = [self._text, self._documents]
        events.on(self._kind.change, lambda event: self._places(event[self._kind]), [self._kind], places)
        events.on(self._kind.input, self._open_source, chosen, self._collections.view)
        self._kept.wire(events, self._restore, [*view, self._kind, *source])
        work = [self._dialogue, self._document, *chosen]
        picked = [self._kind.input, self._collections.chosen.input, self._collections.documents.select]
        for each in (picked, *changed):  # by the visitor: what is restored changes them too, one after the other
            events.on(each, self._keep_source, work, [self._kept.box])
        self._text.change(None, None, self._has_text, js=HAS_TEXT, trigger_mode="always_last", **QUIET)
        fits = [page.load, self._kind.change, self._has_text.change, self._collections.documents.change]
        events.on(fits, self._suggest, [*chosen, self._has_text], [self._chatbot])
        events.on(self._reader.select, self._open_document, (), [self._reader])
        wide, folded = gr.Checkbox(visible=False), [self._settings, self._collections.manage]
        events.on(
            page.load, lambda event: dict.fromkeys(folded, gr.Accordion(open=event[wide])), [wide], folded, js=WIDE
        )

    def _places(self, kind: str) -> Values:
        """What that kind of source has to be there for."""
        return {self._text: gr.Textbox(visible=kind == "text"), self._documents: gr.Column(visible=kind == "documents")}

    def _open_source(self, event: Event) -> Values:
        """The collections, when they are what is answered from."""
        if event[self._kind] != "documents":
            return {}
        return self._collections.opened(event, event[self._collections.chosen] or None)

    def _suggest(self, event: Event) -> Values:
        """Examples that fit what is answered from."""
        kind, there = event[self._kind], event[self._collections.documents]
        filled = event[self._has_text] if kind == "text" else bool(there and there.get("documents"))
        fitting = examples(kind, filled, reads_chinese(event.request), event.say)
        return {self._chatbot: gr.Chatbot(examples=fitting)}

    def _open_document(self, event: Event) -> Values:
        """A document that was clicked in the list, or below an answer."""
        document, position, cited = asked_for(event.data, "document", "position", "cited")
        owner = self._app.owner(event.request)
        return {self._reader: opened(self._app.library, owner, document, position, bool(cited), event.say)}

    def _chosen(self, event: Event) -> keeping.Source:
        """What is answered from, as the browser keeps it."""
        chosen, documents = self._collections.chosen, self._collections.documents
        return keeping.Source(event[self._kind], event[chosen] or "", left_out(event[documents]))

    def _keep_source(self, event: Event) -> Values:
        """Keeps what was chosen, unless the server has forgotten the dialogue that is kept with it."""
        dialogue = event[self._dialogue]
        if event[self._document] and not dialogue:
            return {}
        return self._kept.keep(keeping.to_browser(self._chosen(event), dialogue))

    def _restore(self, event: Event, kept: Any) -> Values:
        """The dialogue and its source, after a reload."""
        source, dialogue = keeping.from_browser(kept, event.say)
        held: Values = {
            self._kind: source.kind,
            self._collections.chosen: source.collection,
            self._collections.documents: {"left": sorted(source.left_out)},
        }
        event = event.having(held)
        values = {self._kind: source.kind} | self._places(source.kind) | self._open_source(event)
        values |= self._show(event, dialogue)
        if source.kind == "documents" and not self._collections.has(event):
            gone = event.say("The collection that you asked is no longer there: it was deleted, or its time was up.")
            return values | {self._status: line(gone, "note")}
        return values

    def _sending(self, event: Event) -> Run[Exchange]:
        typed = event[self._question] or ""
        return self._answering(event, self._known(event), typed, {self._question: ""}, {self._question: typed})

    def _asking_again(self, event: Event) -> Run[Exchange]:
        """Answers the last question again, from what is chosen now."""
        dialogue = self._known(event)
        if not dialogue:
            raise InvalidInput("There is no question to ask again.")
        return self._answering(event, dialogue[:-1], dialogue[-1].question, {}, self._show(event, dialogue))

    def _trying(self, event: Event) -> Run[Exchange]:
        """Answers a clicked example, from its text if it brings one."""
        question: str = event.data.value["text"]
        text, typed = SAMPLES.get(question), event[self._text] or ""
        if text and typed.strip() not in ("", text):
            raise InvalidInput("This example brings a text of its own. Empty the pasted text first.")
        filled: Values = {self._text: text} if text else {}
        event = event.having(filled)
        return self._answering(event, self._known(event), question, filled, {self._question: question})

    def _known(self, event: Event) -> Dialogue:
        """The dialogue that the page shows. Raises `InvalidInput` when the server has forgotten it."""
        dialogue: Dialogue = event[self._dialogue]
        if not dialogue and event[self._document]:
            raise InvalidInput(
                "The server no longer has this conversation: it was restarted, or this page was left for too long. "
                "Reload the page to go on with it: this browser has kept it."
            )
        return dialogue

    def _answering(self, event: Event, before: Dialogue, question: str, begun: Values, undone: Values) -> Run[Exchange]:
        """Goes on from the dialogue ``before``. ``undone`` comes back if nothing comes of it."""
        if not Message("user", question).content.strip():
            raise InvalidInput("Ask a question first.")
        template, turn, say = self._template.load(event[self._template.dropdown]), len(before) + 1, event.say
        asking = partial(
            task.ask,
            template=template,
            question=question,
            open_source=self._source(event),
            history=history(before),
            max_new_tokens=event[self._max_new_tokens],
        )
        earlier, source = self._show(event, before), self._chosen(event)

        def show(exchange: Exchange, running: bool) -> Values:
            values: Values = {
                self._chatbot: [*earlier[self._chatbot], *messages(turn, exchange, say)],
                self._dialogue: (*before, exchange),
            }
            if running:
                return values
            kept = self._kept.keep(keeping.to_browser(source, (*before, exchange)))
            return (
                values
                | kept
                | {
                    self._result: plain(exchange, say),
                    self._document: "\n".join(filter(None, [earlier[self._document], markdown([exchange], say)])),
                    self._foot: gr.Row(visible=True),
                }
            )

        return Run(
            lambda engine: exchanges(asking(engine), turn, question, say),
            show,
            status=lambda exchange, running: status(exchange, running, say),
            said=lambda exchange: bool(exchange.answer.strip()),
            begun=show(Exchange(question), False) | {self._foot: gr.Row(visible=False)} | begun,
            undone=earlier | undone,
        )

    def _source(self, event: Event) -> task.OpenSource | None:
        """What the visitor chose to answer from."""
        if event[self._kind] == "text":
            return partial(task.pasted_text, event[self._text] or "", event.say("Pasted text"))
        if event[self._kind] == "documents":
            chosen, owner = event[self._collections.chosen], self._app.owner(event.request)
            without = left_out(event[self._collections.documents])
            return partial(task.documents, self._app.library, chosen, owner, without)
        return None

    def _show(self, event: Event, dialogue: Dialogue) -> Values:
        """The dialogue, which the browser keeps."""
        say = event.say
        return {
            self._chatbot: shown(dialogue, say),
            self._dialogue: dialogue,
            self._result: plain(dialogue[-1], say) if dialogue else "",
            self._document: markdown(dialogue, say),
            self._foot: gr.Row(visible=bool(dialogue)),
        } | self._kept.keep(keeping.to_browser(self._chosen(event), dialogue))


def status(exchange: Exchange, running: bool, say: Say) -> str:
    """What goes on, or what the answer cost, as HTML."""
    result = exchange.result
    if not result.asked:
        return line(say("No passage matches the question, so the model was not asked."))
    if result.passages is None:
        return line(say("Looking for passages…"), "busy")
    if running:
        checking = line(say("Checking what each sentence rests on…"), "busy")
        return checking if result.checking else progress(result.answer, say)
    told = finished(result.answer, say)
    if result.unproven is None:
        return told
    return told + line(say("What the answer rests on could not be checked: {error}", error=result.unproven), "note")


TAB = Tab("ask", marked("Ask"), Path(__file__).parent, lambda app, page, place: AskTab(app, page).parts, endpoints)
