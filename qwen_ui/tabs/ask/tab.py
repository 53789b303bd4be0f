"""The Ask tab: its layout, and what answers to what."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.citations import is_chinese, parse
from qwen_ui.messages import Message
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Run, Values
from qwen_ui.page.scripts import COPY, LATEX, WIDE, save_as
from qwen_ui.page.sending import Entrance, Exit, below, send_to
from qwen_ui.page.status import finished, line, progress
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.templates import TemplatePicker, own_first
from qwen_ui.page.words import Say, label
from qwen_ui.prompts import Template
from qwen_ui.sentences import marked
from qwen_ui.tabs.ask import search, task
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

EXAMPLES = {
    "Why do leaves change colour in autumn?": "",
    "When may visitors bring a dog?": (
        "# Visiting the botanical garden\n\n"
        "The garden opens at nine in the morning and closes at sunset. Entry is free for children under twelve; "
        "everybody else pays six euros.\n\n"
        "## Rules\n\n"
        "Dogs are welcome on Mondays and Thursdays if they are kept on a lead. On other days only guide dogs may come "
        "in. Bicycles stay at the gate, and picnics are allowed on the south lawn."
    ),
    "为什么海水是咸的？": "",
    "哪几天可以借阅期刊？": (
        "# 社区图书馆借阅须知\n\n"
        "图书馆每天上午九点开门，晚上八点关门，周一闭馆。凭借书证一次可借图书五册，借期三十天。\n\n"
        "## 期刊与影音资料\n\n"
        "期刊每周三和周六可以借阅，每次两册，借期七天。影音资料只能在馆内使用。逾期不还的，每册每天收取一角钱。"
    ),
}
"""Questions to try with a click, each with the text to answer it from; none where the model answers alone."""


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
        self._events = Events(app, TAB.id, self._status, Buttons([self._send], self._stop))
        self._wire(page)

    @property
    def parts(self) -> Parts:
        def fill(event: Event, text: str) -> Values:
            return {self._text: below(event[self._text], text), self._kind: "text"}

        exits = [Exit(self._send_to, [self._result], lambda event: event[self._result] or "")]
        entrance = Entrance(self._text, [self._kind], fill)
        return Parts([self._send, self._retry], exits, entrance, typed=[self._question, self._text])

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
            16,
            4096,
            512,
            step=16,
            label=label("Maximum length (tokens)", context="answer"),
            elem_id="ask-max-new-tokens",
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
            examples=[{"text": question} for question in EXAMPLES],
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

    def _wire(self, page: gr.Blocks) -> None:
        events = self._events
        source = [self._kind, self._text, self._collections.chosen]
        asked = [self._dialogue, self._document, *source, self._template.dropdown, self._max_new_tokens]
        view = [self._chatbot, self._dialogue, self._result, self._document, self._foot, self._question]
        events.run([self._question.submit, self._send.click], self._sending, [self._question, *asked], view)
        events.run(self._retry.click, self._asking_again, asked, view)
        events.run(self._chatbot.example_select, self._trying, asked, [*view, self._kind, self._text])
        events.stop()
        events.on(self._clear.click, lambda event: self._show((), event.say) | {self._status: ""}, (), view)
        self._copy.click(None, self._result, None, js=COPY)
        self._save.click(None, self._document, None, js=save_as("qwen-ui-ask.md", "text/markdown"))

        self._collections.wire(page)
        self._template.wire(events, page, [self._max_new_tokens])
        events.on(self._kind.change, self._show_source, [self._kind], [self._text, self._documents])
        wide, folded = gr.Checkbox(visible=False), [self._settings, self._collections.manage]
        events.on(
            page.load, lambda event: dict.fromkeys(folded, gr.Accordion(open=event[wide])), [wide], folded, js=WIDE
        )

    def _show_source(self, event: Event) -> Values:
        kind = event[self._kind]
        return {self._text: gr.Textbox(visible=kind == "text"), self._documents: gr.Column(visible=kind == "documents")}

    def _sending(self, event: Event) -> Run[Exchange]:
        typed = event[self._question] or ""
        return self._answering(event, self._known(event), typed, {self._question: ""}, {self._question: typed})

    def _asking_again(self, event: Event) -> Run[Exchange]:
        """Answers the last question again, from what is chosen now."""
        dialogue = self._known(event)
        if not dialogue:
            raise InvalidInput("There is no question to ask again.")
        return self._answering(event, dialogue[:-1], dialogue[-1].question, {}, self._show(dialogue, event.say))

    def _trying(self, event: Event) -> Run[Exchange]:
        """Answers a clicked example, from its text if it brings one."""
        question: str = event.data.value["text"]
        text, typed = EXAMPLES[question], event[self._text] or ""
        if text and typed.strip() not in ("", text):
            raise InvalidInput("This example brings a text of its own. Empty the pasted text first.")
        filled: Values = {self._kind: "text", self._text: text} if text else {self._kind: "model"}
        event = event.having(filled)
        return self._answering(event, self._known(event), question, filled, {self._question: question})

    def _known(self, event: Event) -> Dialogue:
        """The dialogue that the page shows. Raises `InvalidInput` when the server has forgotten it."""
        dialogue: Dialogue = event[self._dialogue]
        if not dialogue and event[self._document]:
            raise InvalidInput(
                "The server no longer has this conversation: it was restarted, or this page was left for too long. "
                "You can still save it here; then start again with “New conversation”."
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
        earlier = self._show(before, say)

        def show(exchange: Exchange, running: bool) -> Values:
            values: Values = {
                self._chatbot: [*earlier[self._chatbot], *messages(turn, exchange, say)],
                self._dialogue: (*before, exchange),
            }
            if running:
                return values
            return values | {
                self._result: plain(exchange, say),
                self._document: "\n".join(filter(None, [earlier[self._document], markdown([exchange], say)])),
                self._foot: gr.Row(visible=True),
            }

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
            return partial(task.documents, self._app.library, chosen, owner)
        return None

    def _show(self, dialogue: Dialogue, say: Say) -> Values:
        return {
            self._chatbot: shown(dialogue, say),
            self._dialogue: dialogue,
            self._result: plain(dialogue[-1], say) if dialogue else "",
            self._document: markdown(dialogue, say),
            self._foot: gr.Row(visible=bool(dialogue)),
        }


def status(exchange: Exchange, running: bool, say: Say) -> str:
    """What goes on, or what the answer cost, as HTML."""
    result = exchange.result
    if not result.asked:
        return line(say("No passage matches the question, so the model was not asked."))
    if result.passages is None:
        return line(say("Looking for passages…"), "busy")
    return progress(result.answer, say) if running else finished(result.answer, say)


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/ask, /search and /collections, as scripts call them."""

    async def ask(
        question: str, request: gr.Request, context: str = "", collection: str = "", adapter: str = "", model: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """Answers the question: from the context, a text; from a collection of documents, by its name; or from neither.

        The model is not asked when nothing there fits the question; the answer then says so.

        Parameters:
            question: The question.
            context: A text to answer from, where no collection is named.
            collection: The name of a collection of documents to answer from, where no context is given.
        Returns:
            {"answer", "citations": [{"number", "source", "passage", "score"}]}, streamed as it grows.
        """
        _check(question, context, collection)
        open_source: task.OpenSource | None = None
        if context.strip():
            open_source = partial(task.pasted_text, context, "context")
        elif collection.strip():
            open_source = partial(task.named_documents, app.library, collection, app.owner(request))
        template = await asyncio.to_thread(_template, app, question)
        asking = partial(task.ask, template=template, question=question, open_source=open_source)
        async for result in app.serve(request, TAB.id, asking, adapter, model):
            if result.passages is not None:
                yield parse(result.answer.text, result.passages).as_dict()

    return [ask, *search.endpoints(app)]


def _check(question: Any, context: Any, collection: Any) -> None:
    for name, value in (("question", question), ("context", context), ("collection", collection)):
        if not isinstance(value, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name=name, kind=type(value).__name__)
    if not Message("user", question).content.strip():
        raise InvalidInput("The question is empty. Ask something.")
    if context.strip() and collection.strip():
        raise InvalidInput("Give a context or a collection, not both.")


def _template(app: App, question: str) -> Template:
    """The first template in the question's language."""
    for template in own_first(app.prompts.list(TAB.id).templates, is_chinese(question)):
        return template
    raise InvalidInput("There is no prompt file to ask with. Restore prompts/ask/answer.prompty.")


TAB = Tab("ask", marked("Ask"), Path(__file__).parent, lambda app, page, place: AskTab(app, page).parts, endpoints)
