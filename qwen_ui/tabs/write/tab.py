"""The Write tab: its layout, and what answers to what."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import TokenLook
from qwen_ui.page import token_view
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Event, Events, Run, Values
from qwen_ui.page.scripts import save_as
from qwen_ui.page.sending import Entrance, Exit
from qwen_ui.page.sliders import temperature_slider
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.templates import TemplatePicker, described
from qwen_ui.page.token_panel import TokenPanel
from qwen_ui.page.words import label
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.write import task
from qwen_ui.tabs.write.task import MAX_VERSIONS, Draft, Order, Version
from qwen_ui.tabs.write.versions import VersionWidgets, Work, version_line

LONGEST = 2000
EXAMPLES = 6
NOTE = Sentence("Choose another token, and a new version continues from there.")


class WriteTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._app = app
        with gr.Row(elem_id="write-fields"):
            with gr.Column(elem_id="write-main"):
                self._lay_out_text()
            with gr.Column(elem_id="write-side"):
                self._lay_out_options()
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
        self._events = Events(app, TAB.id, self._status, Buttons([self._send], self._stop))
        self._wire(page)

    @property
    def parts(self) -> Parts:
        senders = [self._send, *(button for each in self._versions for button in (each.go_on, each.again))]
        exits = [Exit(each.send_to, [each.box], partial(_text_of, each.box)) for each in self._versions]
        return Parts(senders, exits, Entrance(self._text), typed=[self._text])

    def _lay_out_text(self) -> None:
        self._text = gr.Textbox(
            label=label("Text"),
            placeholder=label("The beginning of a text, or what it should be about…"),
            lines=9,
            max_lines=20,
            elem_id="write-input",
        )
        with gr.Row(elem_id="write-buttons"):
            self._send = gr.Button(
                label("Write", context="button"), variant="primary", interactive=False, elem_id="write-send"
            )
            self._stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="write-stop")
            self._undo = gr.Button(label("Undo insert"), size="sm", visible=False, elem_id="write-undo")

    def _lay_out_options(self) -> None:
        self._template = TemplatePicker(
            self._app,
            TAB.id,
            marked("Type of text"),
            picked=lambda event, template: {self._temperature: template.sampling().temperature},
            elem_id="write-template",
            named=described,
        )
        self._words = gr.Slider(
            0,
            LONGEST,
            0,
            step=10,
            label=label("Length"),
            info=label("Words (characters in Chinese); 0 for any length"),
            elem_id="write-words",
        )
        self._count = gr.Radio(
            list(range(1, MAX_VERSIONS + 1)), value=1, label=label("Versions"), elem_id="write-versions"
        )
        self._temperature = temperature_slider(0.8, elem_id="write-temperature")

    def _wire(self, page: gr.Blocks) -> None:
        events = self._events
        fields = [self._text, self._template.dropdown, self._words, self._temperature, self._count]
        view = [self._work, *(part for each in self._versions for part in (each.box, each.line, each.column))]
        events.run(self._send.click, self._writing, fields, view)
        events.stop()
        for each in self._versions:
            events.run(each.go_on.click, partial(self._going_on, each), [self._work, each.box, *fields], view)
            events.run(each.again.click, partial(self._writing_again, each), [self._work, *fields], view)
            events.on(
                each.insert.click,
                partial(self._insert, each.box),
                [self._work, self._text, each.box],
                [self._text, self._before, self._undo],
            )
            self._panel.events.run(
                each.look.click, partial(self._looking, each), [self._work, each.box, *fields], self._panel.shown
            )
            each.txt.click(None, each.box, None, js=save_as("qwen-ui-text.txt", "text/plain"))
            each.md.click(None, each.box, None, js=save_as("qwen-ui-text.md", "text/markdown"))
        boxes = [each.box for each in self._versions]
        events.run(self._panel.view.submit, self._branching, [self._work, *boxes, *fields], view)
        self._panel.wire()
        events.on(
            self._undo.click,
            lambda event: {self._text: event[self._before], self._undo: gr.Button(visible=False)},
            [self._before],
            [self._text, self._undo],
        )
        self._template.wire(events, page, [self._temperature])
        events.on(page.load, self._offer_examples, (), [self._examples])
        events.on(
            self._examples.click,
            self._take_example,
            [self._examples],
            [self._text, *self._template.parts, self._temperature],
        )

    def _writing(self, event: Event) -> Run[tuple[Version, ...]]:
        work = Work(self._order(event))
        columns = {each.column: gr.Column(visible=each.number < work.order.versions) for each in self._versions}
        return self._run(event, work, [Draft(number) for number in range(work.order.versions)], columns)

    def _writing_again(self, widgets: VersionWidgets, event: Event) -> Run[tuple[Version, ...]]:
        return self._run(event, self._work_of(event), [Draft(widgets.number)])

    def _going_on(self, widgets: VersionWidgets, event: Event) -> Run[tuple[Version, ...]]:
        """Writes more of one version, from the end of what its box holds."""
        work, text = self._work_of(event), event[widgets.box]
        return self._run(event, work, [Draft(widgets.number, text, ended=text == work.endings[widgets.number])])

    def _looking(self, widgets: VersionWidgets, event: Event) -> Run[list[TokenLook]]:
        """Looks at the tokens of one version, as it stands in its box."""
        work, text = self._work_of(event), event[widgets.box] or ""
        if not text:
            raise InvalidInput("This version is empty. Write it first.")
        template = self._template.load(work.order.template)
        answer, ids = work.tokens[widgets.number]
        messages = task.to_look_at(template, work.order, text, ids if answer == text else ())
        opened = task.opening(template, work.order)
        return self._panel.looking(
            event.say, lambda engine: messages, str(widgets.number), NOTE, template.adapter, opened
        )

    def _branching(self, event: Event) -> Run[tuple[Version, ...]]:
        """Writes on, in the first version that is free, from a token that was chosen in the place of another's own."""
        choice = token_view.chosen(event.data)
        free = next((each for each in self._versions if not event[each.box]), None)
        if free is None:
            raise InvalidInput("All versions are taken. Clear the text of one, and choose the token again.")
        draft = Draft(free.number, begun=choice.begun)
        return self._run(event, self._work_of(event), [draft], {free.column: gr.Column(visible=True)})

    def _run(
        self, event: Event, work: Work, drafts: Sequence[Draft], begun: Values | None = None
    ) -> Run[tuple[Version, ...]]:
        template = self._template.load(work.order.template)

        def show(versions: tuple[Version, ...], running: bool) -> Values:
            values: Values = {self._work: work.after(versions)}
            for version in versions:
                widgets = self._versions[version.number]
                values |= {widgets.box: version.text, widgets.line: version_line(version, event.say)}
            return values

        return Run(
            lambda engine: task.write(engine, template, work.order, drafts),
            show,
            status=lambda versions, running: "",
            said=lambda versions: any(version.answer.text for version in versions),
            begun=(begun or {}) | {self._status: ""},
        )

    def _work_of(self, event: Event) -> Work:
        """What the versions came from; where the server has forgotten that, what the fields say now."""
        return event[self._work] or Work(self._order(event))

    def _order(self, event: Event) -> Order:
        words = event[self._words]
        if words is not None and (not isinstance(words, int | float) or words != int(words)):
            raise InvalidInput("The length must be a whole number of words.")
        return Order(
            event[self._text] or "",
            event[self._template.dropdown] or "",
            int(words) if words else None,
            event[self._temperature],
            event[self._count],
        )

    def _insert(self, box: gr.Textbox, event: Event) -> Values:
        """Makes a version the text to work on; a continuation goes to the text's end."""
        text, version, work = event[self._text], event[box], event[self._work]
        new = version
        if work is not None and self._appends(work.order.template):
            new = text if text.endswith(version) else text + version
        return {self._text: new, self._before: text, self._undo: gr.Button(visible=new != text)}

    def _appends(self, id: str) -> bool:
        try:
            return task.continues(self._template.load(id))
        except QwenUIError:  # gone or broken by now: then the version simply replaces the text, and Undo is there
            return False

    def _offer_examples(self, event: Event) -> Values:
        """The samples of a few templates, some in the other language too, each as id and text."""
        templates = self._template.templates(event)
        own = [template for template in templates if template.language == templates[0].language]
        other = [template for template in templates if template not in own]
        few = [*own[: EXAMPLES - 2], *other[:2]]
        offered = [each for each in few if "text" in each.inputs and each.inputs["text"].sample.strip()]
        samples = [[template.id, template.inputs["text"].sample] for template in offered]
        labels = [f"{template.name} · {template.inputs['text'].sample}" for template in offered]
        return {self._examples: gr.Dataset(samples=samples, sample_labels=labels, visible=bool(samples))}

    def _take_example(self, event: Event) -> Values:
        id, text = event[self._examples]
        return {self._text: text} | self._template.pick(event, id)


def _text_of(box: gr.Textbox, event: Event) -> str:
    return event[box] or ""


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/write, as scripts call it."""

    async def write(
        text: str,
        request: gr.Request,
        template: str = "continue",
        max_new_tokens: int = 512,
        temperature: float = 0.8,
        adapter: str = "",
        model: str = "",
    ) -> AsyncIterator[str]:
        """Continues the text, or writes what the template makes of it. Gives the text so far, streamed."""
        chosen = app.prompts.load(TAB.id, template)
        order = Order(text, template, temperature=temperature, max_new_tokens=max_new_tokens)
        writing = partial(task.write, template=chosen, order=order, drafts=[Draft(0)])
        async for (version,) in app.serve(request, TAB.id, writing, adapter, model):
            if version.error is not None:
                raise version.error
            yield version.text

    return [write]


TAB = Tab(
    "write", marked("Write"), Path(__file__).parent, lambda app, page, place: WriteTab(app, page).parts, endpoints
)
