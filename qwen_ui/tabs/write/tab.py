"""The Write tab: its layout, and what answers to what."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import TokenLook
from qwen_ui.page import token_view
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Run, Values
from qwen_ui.page.kept import Kept
from qwen_ui.page.scripts import save_as
from qwen_ui.page.sending import Entrance, Exit
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.token_panel import TokenPanel
from qwen_ui.page.words import label
from qwen_ui.prompts import Template
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.write import task
from qwen_ui.tabs.write.endpoints import endpoints
from qwen_ui.tabs.write.fields import Fields
from qwen_ui.tabs.write.keeping import from_browser, to_browser
from qwen_ui.tabs.write.task import MAX_VERSIONS, Draft, Order, Version
from qwen_ui.tabs.write.versions import Texts, VersionWidgets, Work, Written, version_line

EXAMPLES = 6
NOTE = Sentence("Choose another token, and a new version continues from there.")


class WriteTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._app = app
        self._fields = Fields(app)
        self._examples = gr.Dataset(
            label=label("Examples"),
            components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
            samples=[],
            visible=False,
            elem_id="write-examples",
        )
        self._status = gr.HTML(elem_id="write-status", padding=False)
        with gr.Row(elem_id="write-versions-row"):
            self._versions = [VersionWidgets(number, app.can_look) for number in range(MAX_VERSIONS)]
        self._panel = TokenPanel(app, "write-look")
        self._work, self._before = gr.State(None), gr.State("")
        self._kept = Kept(TAB.id)
        self._events = Events(app, TAB.id, self._status, Buttons([self._fields.send], self._fields.stop))
        self._wire(page)

    @property
    def parts(self) -> Parts:
        senders = [self._fields.send, *(button for each in self._versions for button in (each.go_on, each.again))]
        exits = [Exit(each.send_to, [each.box], partial(_text_of, each.box)) for each in self._versions]
        return Parts(senders, exits, Entrance(self._fields.text), kept=[self._kept.box], typed=[self._fields.text])

    def _wire(self, page: gr.Blocks) -> None:
        events = self._events
        asked = [self._work, *(each.box for each in self._versions), *self._fields.asked]
        view = [self._work, self._kept.box, *(part for each in self._versions for part in each.shown)]
        events.run(self._fields.send.click, self._writing, asked, view)
        events.stop()
        for each in self._versions:
            self._wire_version(each, asked, view)
        events.run(self._panel.view.submit, self._branching, asked, view)
        self._kept.wire(events, self._restore, view)
        self._panel.wire()
        events.on(
            self._fields.undo.click,
            lambda event: {self._fields.text: event[self._before], self._fields.undo: gr.Button(visible=False)},
            [self._before],
            [self._fields.text, self._fields.undo],
        )
        self._fields.template.wire(events, page, [self._fields.temperature])
        events.on(page.load, self._offer_examples, (), [self._examples])
        events.on(
            self._examples.click,
            self._take_example,
            [self._examples],
            [self._fields.text, *self._fields.template.parts, self._fields.temperature],
        )

    def _wire_version(self, each: VersionWidgets, asked: Sequence[Component], view: Sequence[Block]) -> None:
        events = self._events
        events.run(each.go_on.click, partial(self._going_on, each), asked, view)
        events.run(each.again.click, partial(self._writing_again, each), asked, view)
        held, edited = [self._work, each.box], [self._work, self._kept.box]
        for button, step in ((each.earlier, -1), (each.later, 1)):
            events.on(button.click, partial(self._move, each, step), held, view)
        events.on(each.box.input, partial(self._edited, each), held, edited, trigger_mode="always_last")
        events.on(
            each.insert.click,
            partial(self._insert, each),
            [self._work, self._fields.text, each.box],
            [self._fields.text, self._before, self._fields.undo],
        )
        self._panel.events.run(each.look.click, partial(self._looking, each), asked, self._panel.shown)
        each.txt.click(None, each.box, None, js=save_as("qwen-ui-text.txt", "text/plain"))
        each.md.click(None, each.box, None, js=save_as("qwen-ui-text.md", "text/markdown"))

    def _writing(self, event: Event) -> Run[tuple[Version, ...]]:
        order = self._fields.order(event)
        columns = {each.column: gr.Column(visible=each.number < order.versions) for each in self._versions}
        return self._run(event, order, [Draft(number) for number in range(order.versions)], columns)

    def _writing_again(self, widgets: VersionWidgets, event: Event) -> Run[tuple[Version, ...]]:
        return self._run(event, self._order_of(event, widgets), [Draft(widgets.number)])

    def _going_on(self, widgets: VersionWidgets, event: Event) -> Run[tuple[Version, ...]]:
        """Writes more of one version, from the end of what its box holds."""
        now = self._work_of(event).versions[widgets.number].now
        draft = Draft(widgets.number, event[widgets.box], ended=now is not None and now.ended)
        return self._run(event, self._order_of(event, widgets), [draft], goes_on=True)

    def _looking(self, widgets: VersionWidgets, event: Event) -> Run[list[TokenLook]]:
        """Looks at the tokens of one version, as it stands in its box."""
        text = event[widgets.box] or ""
        if not text:
            raise InvalidInput("This version is empty. Write it first.")
        order, now = self._order_of(event, widgets), self._work_of(event).versions[widgets.number].now
        template = self._fields.template.load(order.template)
        messages = task.to_look_at(template, order, text, now.tokens if now else ())
        opened = task.opening(template, order)
        return self._panel.looking(
            event.say, lambda engine: messages, str(widgets.number), NOTE, template.adapter, opened
        )

    def _branching(self, event: Event) -> Run[tuple[Version, ...]]:
        """Writes on from a token that was chosen in the place of a version's own.

        That goes into the first version that is free; where none is, it is one more text of that version.
        """
        choice = token_view.chosen(event.data)
        of = next((each for each in self._versions if str(each.number) == choice.subject), self._versions[0])
        to = next((each for each in self._versions if not event[each.box]), of)
        draft = Draft(to.number, begun=choice.begun)
        return self._run(event, self._order_of(event, of), [draft], {to.column: gr.Column(visible=True)})

    def _run(
        self, event: Event, order: Order, drafts: Sequence[Draft], begun: Values | None = None, *, goes_on: bool = False
    ) -> Run[tuple[Version, ...]]:
        """``goes_on``: whether what is shown grows; else there is one more text of each version."""
        template, work = self._fields.template.load(order.template), self._work_of(event)

        def texts(version: Version, running: bool) -> Texts:
            before = work.versions[version.number]
            if not version.text.strip() and not running:
                return before
            ids = version.answer.tokens if version.answer.text == version.text else ()
            written = Written(order, version.text, version.ended, ids)
            return before.changed(written) if goes_on else before.grown(written)

        def show(versions: tuple[Version, ...], running: bool) -> Values:
            now, values = work, Values()
            for version in versions:
                widgets, shown = self._versions[version.number], texts(version, running)
                now = now.having(version.number, shown)
                values |= {widgets.box: version.text} if running else widgets.show(shown)
                values[widgets.line] = version_line(version, event.say)
            return values | {self._work: now} | ({} if running else self._kept.keep(to_browser(now)))

        undone: Values = {self._work: work}
        for widgets in (self._versions[draft.version] for draft in drafts):
            undone |= widgets.show(work.versions[widgets.number]) | {widgets.line: ""}
        return Run(
            lambda engine: task.write(engine, template, order, drafts),
            show,
            status=lambda versions, running: "",
            said=lambda versions: any(version.answer.text for version in versions),
            begun=(begun or {}) | {self._status: ""},
            undone=undone,
        )

    def _work_of(self, event: Event) -> Work:
        """All texts, those that are shown as they stand in their boxes.

        Where the server has forgotten them, what the boxes hold came from what the fields say now.
        """
        work = event[self._work] or Work()
        for each in self._versions:
            texts, text = work.versions[each.number], event.given.get(each.box)
            if text is not None and texts.now is not None:
                work = work.having(each.number, texts.edited(text))
            elif text:
                work = work.having(each.number, texts.grown(Written(self._fields.order(event), text)))
        return work

    def _order_of(self, event: Event, widgets: VersionWidgets) -> Order:
        """What the version came from; where the server has forgotten that, what the fields say now."""
        now = self._work_of(event).versions[widgets.number].now
        return now.order if now else self._fields.order(event)

    def _move(self, widgets: VersionWidgets, step: int, event: Event) -> Values:
        """Shows an earlier or a later text of a version."""
        texts = self._as_it_stands(widgets, event)
        if texts is None:
            return {}
        moved = texts.moved(step)
        return widgets.show(moved) | {widgets.line: ""} | self._with(widgets, moved, event)

    def _edited(self, widgets: VersionWidgets, event: Event) -> Values:
        """Has the browser keep a version as it is edited."""
        texts = self._as_it_stands(widgets, event)
        return {} if texts is None else self._with(widgets, texts, event)

    def _as_it_stands(self, widgets: VersionWidgets, event: Event) -> Texts | None:
        """The texts of a version with what its box holds, unless more of them come now or the server knows none."""
        if self._app.running.busy(event.session, TAB.id) or event[self._work] is None:
            return None
        texts: Texts = event[self._work].versions[widgets.number].edited(event[widgets.box] or "")
        return texts

    def _with(self, widgets: VersionWidgets, texts: Texts, event: Event) -> Values:
        work = event[self._work].having(widgets.number, texts)
        return {self._work: work} | self._kept.keep(to_browser(work))

    def _restore(self, event: Event, kept: Any) -> Values:
        """Shows what the browser has kept."""
        work = from_browser(kept)
        values: Values = {self._work: work}
        for widgets, texts in zip(self._versions, work.versions, strict=True):
            values |= widgets.show(texts) | {widgets.column: gr.Column(visible=bool(texts.all))}
        return values

    def _insert(self, widgets: VersionWidgets, event: Event) -> Values:
        """Makes a version the text to work on; a continuation goes to the text's end."""
        text, version = event[self._fields.text], event[widgets.box]
        now = (event[self._work] or Work()).versions[widgets.number].now
        new = version
        if now is not None and self._appends(now.order.template):
            new = text if text.endswith(version) else text + version
        return {self._fields.text: new, self._before: text, self._fields.undo: gr.Button(visible=new != text)}

    def _appends(self, id: str) -> bool:
        try:
            return task.continues(self._fields.template.load(id))
        except QwenUIError:  # gone or broken by now: then the version simply replaces the text, and Undo is there
            return False

    def _offer_examples(self, event: Event) -> Values:
        offered = samples(self._fields.template.templates(event))
        labels = [f"{template.name} · {text}" for template, text in offered]
        given = [[template.id, text] for template, text in offered]
        return {self._examples: gr.Dataset(samples=given, sample_labels=labels, visible=bool(given))}

    def _take_example(self, event: Event) -> Values:
        id, text = event[self._examples]
        return {self._fields.text: text} | self._fields.template.pick(event, id)


def samples(templates: Sequence[Template]) -> list[tuple[Template, str]]:
    """A few templates, some in the other language too, each with its sample of a text."""
    own = [template for template in templates if template.language == templates[0].language]
    other = [template for template in templates if template not in own]
    few = [*own[: EXAMPLES - 2], *other[:2]]
    texts = [(template, template.inputs["text"].sample) for template in few if "text" in template.inputs]
    return [(template, text) for template, text in texts if text.strip()]


def _text_of(box: gr.Textbox, event: Event) -> str:
    return event[box] or ""


TAB = Tab(
    "write", marked("Write"), Path(__file__).parent, lambda app, page, place: WriteTab(app, page).parts, endpoints
)
