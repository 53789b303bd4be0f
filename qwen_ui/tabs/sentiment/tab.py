"""The Sentiment tab: its layout, and what answers to what."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.adapters.card import Card
from qwen_ui.decisions.judging import Calibration, Classified
from qwen_ui.decisions.prompt import Order
from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Message
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.encoding import EncodingChoice
from qwen_ui.page.events import QUIET, Buttons, Event, Events, Run, Values
from qwen_ui.page.kept import Kept
from qwen_ui.page.scripts import kept_by_browser
from qwen_ui.page.sending import Entrance
from qwen_ui.page.status import line
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.templates import TemplatePicker
from qwen_ui.page.words import label
from qwen_ui.prompts import Template
from qwen_ui.sentences import marked
from qwen_ui.server.offer import Picked
from qwen_ui.tabs.sentiment import show, task
from qwen_ui.tabs.sentiment.keeping import from_browser, to_browser
from qwen_ui.tabs.sentiment.prompt import default_labels, parse_labels, suited, trained_with
from qwen_ui.tabs.sentiment.results import Results
from qwen_ui.tabs.sentiment.rows import (
    Columns,
    guess_columns,
    meanings,
    open_table,
    parse_meanings,
    select,
    written,
)
from qwen_ui.tabs.sentiment.task import Work
from qwen_ui.text.decode import UncertainEncoding
from qwen_ui.text.tables import EXTENSIONS, Table

NOT_JUDGED = marked("Not analyzed: {error}")
READ_AT_ONCE = 4
"""Files: each takes a process, with the memory that one may have."""
LABELS = "positive,neutral,negative"
"""What scripts that name none get, unless an adapter has labels of its own."""
KEEP = "(template, labels) => [{template, labels}]"


class SentimentTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._app = app
        self._calibration = Calibration()
        self._turns = threading.BoundedSemaphore(READ_AT_ONCE)
        self._kept = kept_by_browser("sentiment", render=False)
        self._kept_work = Kept(TAB.id)
        with gr.Row(elem_id="sentiment-fields"):
            with gr.Column(elem_id="sentiment-main"):
                with gr.Tabs(elem_id="sentiment-from") as self._from:
                    with gr.Tab(label("Text"), id="text") as self._text_tab:
                        self._lay_out_text()
                    with gr.Tab(label("File"), id="file") as self._file_tab:
                        self._lay_out_file()
                with gr.Row(elem_id="sentiment-buttons"):
                    self._stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="sentiment-stop")
                    self._rest = gr.Button(
                        label("Continue"), variant="primary", visible=False, interactive=False, elem_id="sentiment-rest"
                    )
                self._status = gr.HTML(elem_id="sentiment-status", padding=False)
                self._result = gr.HTML(elem_id="sentiment-result", padding=False)
            with gr.Column(elem_id="sentiment-side"):
                self._lay_out_options(app)
        with gr.Column(visible=False, elem_id="sentiment-of-file") as self._of_file:
            self._results = Results()
        self._examples = gr.Dataset(
            label=label("Examples"),
            components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
            samples=[],
            visible=False,
            elem_id="sentiment-examples",
        )
        self._wire(app, page)

    @property
    def parts(self) -> Parts:
        senders = [self._go, self._go_file, self._rest]
        return Parts(senders, entrance=Entrance(self._text), kept=[self._kept, self._kept_work.box], typed=[self._text])

    def _lay_out_text(self) -> None:
        self._text = gr.Textbox(
            "",
            label=label("Text"),
            placeholder=label("A review, a comment, a message…"),
            lines=4,
            max_lines=14,
            elem_id="sentiment-input",
        )
        self._go = gr.Button(label("Analyze"), variant="primary", interactive=False, elem_id="sentiment-go")

    def _lay_out_file(self) -> None:
        self._file = gr.File(
            label=label("File: .csv .tsv .xlsx .xls .ods .txt .json .jsonl"),
            file_types=list(EXTENSIONS),
            height=130,
            elem_id="sentiment-file",
        )
        self._encoding = EncodingChoice("sentiment-encoding")
        self._sheet = _column_picker(label("Sheet"), "sentiment-sheet")
        with gr.Row(elem_id="sentiment-columns"):
            self._column = _column_picker(label("Text column"), "sentiment-column")
            self._gold = _column_picker(label("True label column"), "sentiment-truth")
            self._date = _column_picker(label("Date column"), "sentiment-date")
        self._facts = gr.HTML(elem_id="sentiment-facts", padding=False)
        self._meanings = gr.Textbox(
            "",
            label=label("Meaning of the true labels"),
            info=label("For example: 0 = negative, 1 = positive"),
            visible=False,
            elem_id="sentiment-meanings",
        )
        self._go_file = gr.Button(
            label("Analyze file"), variant="primary", interactive=False, elem_id="sentiment-go-file"
        )

    def _lay_out_options(self, app: App) -> None:
        self._labels = gr.Textbox(
            "",
            label=label("Labels"),
            info=label("2 to 20, separated by commas, in any language"),
            lines=2,
            max_lines=6,
            elem_id="sentiment-labels",
        )
        self._template = TemplatePicker(
            app,
            TAB.id,
            picked=self._filled,
            rank=lambda template: "review" not in template.id,
            elem_id="sentiment-template",
        )
        self._calibrated = gr.Checkbox(
            True,
            label=label("Correct for label bias (recommended)"),
            info=label("Removes the model's own preference for certain labels, measured on reference texts"),
            elem_id="sentiment-calibrated",
        )

    def _wire(self, app: App, page: gr.Blocks) -> None:
        buttons = Buttons([self._go, self._go_file], self._stop)
        events = self._events = Events(app, TAB.id, self._status, buttons, refused=NOT_JUDGED)
        options = [self._template.dropdown, self._labels, self._calibrated]
        columns, of_file = (
            [self._column, self._gold, self._date],
            [self._rest, *self._results.parts, self._kept_work.box],
        )
        file = [self._file, self._encoding.radio]
        events.run(self._go.click, self._judging_text, [self._text, *options], [self._result])
        given = [*file, self._sheet, *columns, self._meanings]
        for ran in (
            events.run(self._go_file.click, self._judging_file, [*given, *options], of_file),
            events.run(self._rest.click, self._judging_rest, [self._results.work], of_file),
        ):
            events.on(ran, self._lead, [self._results.work], [self._go_file])
        events.stop()
        self._results.wire(events)
        own = [self._results.work, self._results.own_rows]
        events.on(self._results.own_rows.input, self._calibrate, own, [*self._results.parts, self._kept_work.box])
        beside = [self._result, self._examples, self._of_file]
        events.on(self._text_tab.select, lambda event: self._beside(text=True), (), beside)
        events.on(self._file_tab.select, lambda event: self._beside(text=False), (), beside)
        uploads = [self._file.upload, self._file.clear]
        opened = [self._encoding.radio, self._sheet, *columns, self._facts, self._meanings]
        added = [*opened, self._rest, self._go_file, self._kept_work.box]
        restored = [self._from, *beside, *of_file, self._go_file, self._status]
        self._kept_work.wire(events, self._restore, restored)
        events.on(uploads, self._open, [self._file, self._labels], added)
        events.on(self._encoding.radio.input, self._open_in, [*file, self._labels], opened)
        events.on(self._sheet.input, self._open_sheet, [*file, self._sheet, self._labels], opened)
        chosen = [*file, self._sheet, *columns, self._labels]
        looks = [self._column.input, self._gold.input]
        events.on(looks, self._look, chosen, [self._facts, self._meanings], refused=NOT_JUDGED)
        self._template.wire(events, page, [self._labels], self._restored, [self._kept])
        kept = [self._template.dropdown, self._labels]
        changes = [self._template.dropdown.change, self._labels.change]
        gr.on(changes, None, kept, [self._kept], js=KEEP, trigger_mode="always_last", **QUIET)
        events.on(app.picker.change, self._fit, [app.picker], [*self._template.parts, self._labels, self._calibrated])
        events.on(page.load, self._offer_examples, (), [self._examples])
        filled = [self._text, *self._template.parts, self._labels]
        events.on(self._examples.click, self._take_example, [self._examples], filled)

    def _judging_text(self, event: Event) -> Run[Classified]:
        order, text, began = self._order(event), event[self._text] or "", time.monotonic()
        scoring = self._picked(event).model.info.scoring

        async def judge(engine: Engine) -> AsyncGenerator[Classified, None]:
            yield await task.classify_one(engine, order, text, self._calibration)

        def status(result: Classified, running: bool) -> str:
            return judging if running else show.judged(order, time.monotonic() - began, event.say, scoring)

        judging = line(event.say("Analyzing…"), "busy")
        return Run(
            judge,
            lambda result, running: {self._result: show.bars(result, event.say)},
            status,
            said=lambda result: True,
            begun={self._status: judging},
        )

    def _judging_file(self, event: Event) -> Run[Work]:
        order = self._order(event)
        if not event[self._file]:
            raise InvalidInput("Add a file first.")
        table = self._table(event, event[self._sheet] or "")
        meant = parse_meanings(event[self._meanings] or "", order.labels)
        columns = Columns(event[self._column] or "", event[self._gold] or "", event[self._date] or "", meant)
        if not columns.text:  # the file is so new that they are not on the page yet
            columns = guess_columns(table, order.labels)
        rows = select(table, columns)
        if not rows.usable:
            raise InvalidInput("No row in this column can be analyzed.")
        return self._judging(event, Work(order, columns, rows.usable, rows.skipped, table=table))

    def _judging_rest(self, event: Event) -> Run[Work]:
        """Judges the rows that are not judged yet, as those before them."""
        return self._judging(event, self._results.of(event), undone={self._rest: gr.Button(visible=True)})

    def _lead(self, event: Event) -> Values:
        """The button that goes on leads, where there are rows left, else the one that begins."""
        work = event[self._results.work]
        left = isinstance(work, Work) and work.waiting > 0
        return {self._go_file: gr.Button(variant="secondary" if left else "primary")}

    def _calibrate(self, event: Event) -> Values:
        """The same results, calibrated with the file's own rows or not: nothing is computed by the model."""
        work = replace(self._results.of(event), own_rows=bool(event[self._results.own_rows]))
        return self._results.show(work, event.say) | self._kept_work.keep(to_browser(work, event.say))

    def _restore(self, event: Event, kept: Any) -> Values:
        """The file that the browser kept, with its results. Its waiting rows can follow."""
        work = from_browser(kept, self._app.prompts, self._app.adapters)
        told = line(event.say("Restored the last analysis: {count:,} {count:row|rows}.", count=work.done))
        if work.waiting:
            told += line(event.say(show.STOPPED, left=work.waiting), "note")
        return (
            self._beside(text=False)
            | self._results.show(work, event.say)
            | {
                self._from: gr.Tabs(selected="file"),
                self._rest: gr.Button(visible=work.waiting > 0),
                self._go_file: gr.Button(variant="secondary" if work.waiting else "primary"),
                self._status: told,
            }
        )

    def _judging(self, event: Event, work: Work, **more: Any) -> Run[Work]:
        def results(now: Work, running: bool) -> Values:
            if running:
                return {}
            shown = self._results.show(now, event.say) | {self._rest: gr.Button(visible=now.waiting > 0)}
            return shown | self._kept_work.keep(to_browser(now, event.say))

        scoring = self._picked(event).model.info.scoring

        def status(now: Work, running: bool) -> str:
            return show.progress(work, now, event.say) if running else show.outcome(now, event.say, scoring)

        return Run(
            lambda engine: task.judge(engine, work, self._calibration),
            results,
            status,
            said=lambda now: now.done > work.done,
            begun={self._rest: gr.Button(visible=False), self._status: status(work, True)},
            broken=marked("The analysis was interrupted: {error} The results so far are kept."),
            stopping=lambda now: show.progress(work, now, event.say, stopping=True),
            **more,
        )

    def _picked(self, event: Event) -> Picked:
        return self._app.offer.find(event.given.get(self._app.picker) or "")

    def _order(self, event: Event) -> Order:
        template = self._template.load(event[self._template.dropdown])
        name = self._picked(event).adapter or template.adapter
        adapter = self._app.adapters.get(name) if name else None
        return Order(template, parse_labels(event[self._labels]), bool(event[self._calibrated]), adapter)

    def _beside(self, text: bool) -> Values:
        """The result and the examples of a text, or the results of a file."""
        return {
            self._result: gr.HTML(visible=text),
            self._examples: gr.Dataset(visible=text),
            self._of_file: gr.Column(visible=not text),
        }

    def _open(self, event: Event) -> Values:
        """A new file: its sheets and columns with a guess which to use, and what is in it."""
        begin: Values = {self._rest: gr.Button(visible=False), self._go_file: gr.Button(variant="primary")}
        if not event[self._file]:  # who takes the file away does not want it kept
            begin |= self._kept_work.keep(None)
        return begin | self._encoding.none() | self._opened(event.having({self._encoding.radio: ""}), "")

    def _open_in(self, event: Event) -> Values:
        """The file in the chosen encoding."""
        return self._opened(event, "")

    def _open_sheet(self, event: Event) -> Values:
        """Another sheet of the file."""
        return self._opened(event, event[self._sheet] or "")

    def _opened(self, event: Event, sheet: str) -> Values:
        pickers = (self._column, self._gold, self._date)
        none: Values = {picker: gr.Dropdown(choices=[], value=None, visible=False) for picker in pickers}
        none[self._meanings] = gr.Textbox("", visible=False)
        unseen: Values = {} if sheet else {self._sheet: gr.Dropdown(choices=[], value=None, visible=False)}
        if not event[self._file]:
            return none | unseen | {self._facts: ""}
        try:
            table = self._table(event, sheet)
        except UncertainEncoding as error:
            return none | unseen | self._encoding.offer(error, event.say) | {self._facts: ""}
        except QwenUIError as error:
            return none | unseen | {self._facts: line(event.say(NOT_JUDGED, error=error), "error")}
        guess = guess_columns(table, _known(event[self._labels]))
        names = [(name, name) for name in table.columns]
        optional = [(event.say("(none)"), ""), *names]
        return {
            self._sheet: gr.Dropdown(
                choices=list(table.sheets), value=table.sheet or None, visible=len(table.sheets) > 1
            ),
            self._column: gr.Dropdown(choices=names, value=guess.text, visible=True),
            self._gold: gr.Dropdown(choices=optional, value=guess.gold_label, visible=len(names) > 1),
            self._date: gr.Dropdown(choices=optional, value=guess.date, visible=len(names) > 1),
            **self._told(event, table, guess),
        }

    def _look(self, event: Event) -> Values:
        """How many rows of the chosen column can be judged, and what the chosen true labels may stand for."""
        if not event[self._file] or not event[self._column]:
            return {self._facts: ""}
        table, gold = self._table(event, event[self._sheet] or ""), event[self._gold] or ""
        meant = meanings(table, gold, _known(event[self._labels])) if gold in table.columns else {}
        return self._told(event, table, Columns(event[self._column], gold, meanings=meant))

    def _table(self, event: Event, sheet: str) -> Table:
        """The file, in its turn."""
        with self._turns:
            return open_table(event[self._file], sheet, event[self._encoding.radio] or "")

    def _told(self, event: Event, table: Table, columns: Columns) -> Values:
        """What is in a table, and what its true labels may stand for, to be put right."""
        return {
            self._facts: show.facts(table, columns, select(table, columns), event.say),
            self._meanings: gr.Textbox(written(columns.meanings), visible=bool(columns.meanings)),
        }

    def _filled(self, event: Event, template: Template) -> Values:
        """The labels that go with a template: its own, unless the user named others than templates do."""
        theirs = {_offered(each) for each in self._template.listing().templates} | {""}
        return {self._labels: _offered(template)} if (event[self._labels] or "").strip() in theirs else {}

    def _fit(self, event: Event) -> Values:
        """The template and the labels that the picked adapter was trained with, if it was trained to judge.

        It needs no calibration then; without such an adapter the results are calibrated again.
        """
        name = self._picked(event).adapter
        card = self._app.adapters.get(name).card if name else Card()
        listing = self._template.listing()
        template = trained_with(listing.templates, card.template)
        if template is None:
            return {self._calibrated: True}
        labels = ", ".join(card.labels) or _offered(template)
        return self._template.offer(event, listing, template) | {self._labels: labels, self._calibrated: False}

    def _restored(self, event: Event) -> tuple[str | None, Values] | None:
        """The template and the labels that the browser kept, else the first template and its own labels."""
        kept = event[self._kept] if isinstance(event[self._kept], Mapping) else {}
        templates = self._template.templates(event)
        if not templates:
            return None
        chosen = next((each for each in templates if each.id == kept.get("template")), templates[0])
        labels = kept.get("labels")
        there = isinstance(labels, str) and labels.strip()
        return chosen.id, {self._labels: labels if there else _offered(chosen)}

    def _offer_examples(self, event: Event) -> Values:
        """The samples of the templates, each as id and text."""
        templates = self._template.templates(event)
        offered = [template for template in templates if "text" in template.inputs]
        samples = [[each.id, sample] for each in offered if (sample := each.inputs["text"].sample)]
        texts = [text for _, text in samples]
        return {self._examples: gr.Dataset(samples=samples, sample_labels=texts, visible=bool(samples))}

    def _take_example(self, event: Event) -> Values:
        id, text = event[self._examples]
        template = self._template.load(id)
        offer = self._template.offer(event, self._template.listing(), template)
        return offer | {self._text: text, self._labels: _offered(template)}


def _column_picker(title: str, elem_id: str) -> gr.Dropdown:
    return as_held(gr.Dropdown([], label=title, visible=False, min_width=120, elem_id=elem_id))


def _known(labels: str) -> tuple[str, ...]:
    """The labels as far as they can be used already; none while they can't."""
    try:
        return parse_labels(labels)
    except InvalidInput:
        return ()


def _offered(template: Template) -> str:
    """The template's own labels as the widget holds them; empty when they can't be used, which judging then says."""
    try:
        return ", ".join(default_labels(template))
    except QwenUIError:
        return ""


def _ordered(app: App, templates: Sequence[Template], labels: Any, name: str) -> Order:
    """How a script wants a text judged. Raises `InvalidInput`."""
    adapter = app.adapters.get(name) if name else None
    card = adapter.card if adapter else Card()
    wanted = parse_labels(card.labels if labels == LABELS and card.labels else labels)
    trained = trained_with(templates, card.template)
    # What has learnt how frequent labels are needs no correction for what it likes to say.
    return Order(trained or suited(templates, wanted), wanted, calibrated=trained is None, adapter=adapter)


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/sentiment, as scripts call it."""
    calibration = Calibration()

    async def sentiment(
        text: str, request: gr.Request, labels: str = LABELS, adapter: str = "", model: str = ""
    ) -> dict[str, Any]:
        """Judges which of the labels fits the text best, calibrated, by the template that suits the labels.

        An adapter judges by the template that it was trained with, without calibration, and, unless others are named,
        its own labels.

        Parameters:
            text: What to judge.
            labels: The labels to choose from, separated by commas.
        Returns:
            {"label", "probabilities"}, the latter for each label.
        """
        with app.call(request, TAB.id, adapter, model) as engine:
            given = Message("user", text).content
            templates = (await asyncio.to_thread(app.prompts.list, TAB.id)).templates
            order = await asyncio.to_thread(_ordered, app, templates, labels, engine.adapter)
            result = await task.classify_one(engine, order, given, calibration)
            return {"label": result.label, "probabilities": dict(result.probabilities)}

    return [sentiment]


TAB = Tab(
    "sentiment",
    marked("Sentiment"),
    Path(__file__).parent,
    lambda app, page, place: SentimentTab(app, page).parts,
    endpoints,
)
