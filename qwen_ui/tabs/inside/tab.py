"""The Look inside tab: a text, and the parts that show what the model makes of it."""

import time
from functools import partial
from pathlib import Path

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Source
from qwen_ui.introspect.results import ArchitectureResult
from qwen_ui.page.app import App
from qwen_ui.page.events import NOT_DONE, Buttons, Event, Events, Run, Values
from qwen_ui.page.sending import Entrance
from qwen_ui.page.status import line
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside import task
from qwen_ui.tabs.inside.architecture import ArchitecturePart
from qwen_ui.tabs.inside.attention import AttentionPart
from qwen_ui.tabs.inside.backward import BackwardPart
from qwen_ui.tabs.inside.chain import Chain
from qwen_ui.tabs.inside.compare import ComparePart
from qwen_ui.tabs.inside.endpoints import endpoints
from qwen_ui.tabs.inside.feedforward import FeedForwardPart
from qwen_ui.tabs.inside.forward import ForwardPart
from qwen_ui.tabs.inside.microscope import MicroscopePart
from qwen_ui.tabs.inside.part import Asking, Part, described
from qwen_ui.tabs.inside.positions import PositionsPart
from qwen_ui.tabs.inside.task import Asked, Held, Seen

EXAMPLES = (
    (
        marked("A pattern that comes again: which heads copy it?"),
        "red fox, green owl, blue whale, white bear. red fox, green owl, blue",
        " whale",
    ),
    (
        marked("A translation: when does the word appear?"),
        "English: cheese → French: fromage\nEnglish: water → French:",
        " eau",
    ),
    (marked("A sum: is it sure?"), "2 + 3 = 5\n4 + 4 = 8\n6 + 3 =", " 9"),
    (marked("A Chinese idiom: one character is missing"), "成语：画蛇添足、守株待兔、一石二", "鸟"),
)
"""What each shows, its text, and an answer to that."""
SAMPLES = [[text, answer] for _, text, answer in EXAMPLES]
ANY = Source(text=".")
"""For parts that need no text."""
PARTS: tuple[type[Part], ...] = (
    ArchitecturePart,
    ForwardPart,
    AttentionPart,
    PositionsPart,
    FeedForwardPart,
    BackwardPart,
    MicroscopePart,
    ComparePart,
)


class InsideTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks, place: gr.Tab) -> None:
        self._app = app
        self._open, self._model, self._asking = gr.State(PARTS[0].id), gr.State(None), Asking()
        self._lay_out_text()
        self._chain = Chain(self._text, self._reading)
        self._parts: dict[str, Part] = {}
        with gr.Tabs(elem_id="inside-parts") as self._places:
            for number, kind in enumerate(PARTS, 1):
                with gr.Tab(label(kind.name), id=kind.id, elem_id=f"inside-part-{number}") as part_place:
                    self._parts[kind.id] = kind(app, part_place)
        forward, backward = self._parts["forward"], self._parts["backward"]
        assert isinstance(forward, ForwardPart)
        assert isinstance(backward, BackwardPart)
        self._forward, self._backward = forward, backward
        buttons = Buttons([self._look], self._stop)
        # Whatever is picked in the page's head, at the model that runs here: each part says itself with which adapter.
        self._events = Events(app, TAB.id, self._status, buttons, admit=app.request_here, refused=NOT_DONE)
        self._wire(page, place)

    @property
    def parts(self) -> Parts:
        return Parts([self._look], entrance=Entrance(self._text), typed=[self._text])

    def _lay_out_text(self) -> None:
        with gr.Row(elem_id="inside-asking"):
            with gr.Column(elem_id="inside-asked", min_width=0):
                self._text = gr.Textbox(
                    label=label("Text"),
                    placeholder=label("A few words that the model is to go on from…"),
                    value=EXAMPLES[0][1],
                    lines=3,
                    max_lines=8,
                    elem_id="inside-text",
                )
            with gr.Column(elem_id="inside-side", min_width=0):
                self._reading = gr.Radio(
                    [(label("As it stands"), "text"), (label("As a message to the assistant"), "chat")],
                    value="text",
                    label=label("How the model reads it"),
                    elem_id="inside-reading",
                )
                with gr.Row(elem_id="inside-buttons"):
                    self._look = gr.Button(label("Look"), variant="primary", interactive=False, elem_id="inside-look")
                    self._stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="inside-stop")
                    self._upload = gr.UploadButton(
                        label("Open a trace…"), file_types=[".json"], size="sm", elem_id="inside-open"
                    )
        self._examples = gr.Dataset(
            label=label("Examples"),
            components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
            samples=SAMPLES,
            elem_id="inside-examples",
        )
        self._status = gr.HTML(elem_id="inside-status", padding=False)

    def _wire(self, page: gr.Blocks, place: gr.Tab) -> None:
        events, asking = self._events, self._asking
        parts = list(self._parts.values())
        controls = [control for part in parts for control in (part.held, *part.controls)]
        fields = [
            self._text,
            self._reading,
            self._chain.grown,
            self._open,
            self._model,
            asking.count,
            self._app.picker,
        ]
        inputs = list(dict.fromkeys([*fields, *controls]))
        shown = list(dict.fromkeys(each for part in parts for each in (part.held, *part.shown, *part.controls)))
        for part in parts:
            events.on(part.place.select, partial(self._opened, part), inputs, [self._open, asking.count])
            part.wire(events, asking)
        events.on(place.select, self._reopened, inputs, [asking.count])
        looked = [self._places, asking.count]
        events.on([self._look.click, self._text.submit], self._looked, [self._open, asking.count], looked)
        stopped = events.stopped(asking.count.change)
        # The page may hear of the end of the look before only after this one was asked for: then it is to come next.
        events.run(stopped, self._looking, inputs, [*shown, self._model], trigger_mode="always_last")
        events.stop()
        events.on(page.load, self._offer_examples, (), [self._examples])
        taken = [self._text, self._reading, self._backward.answer, *looked]
        events.on(self._examples.click, self._take, [self._examples, self._open, asking.count], taken)
        self._forward.append_with(events, asking, self._chain, [self._text, self._reading])
        uploaded = [*shown, self._open, self._places, self._text, self._reading, self._chain.grown]
        events.on(events.stopped(self._upload.upload), self._read, [self._upload, *inputs], uploaded)

    def _looked(self, event: Event) -> Values:
        """Look was pressed: where the open part shows nothing of the text, one that does is opened."""
        if self._parts[event[self._open]].needs_text:
            return self._asking.now(event)
        return {self._places: gr.Tabs(selected=self._forward.id)}

    def _opened(self, part: Part, event: Event) -> Values:
        return {self._open: part.id} | self._reopened(event.having({self._open: part.id}))

    def _reopened(self, event: Event) -> Values:
        """A part was opened: looks, unless it shows this text already."""
        part = self._parts[event[self._open]]
        held: Held | None = event[part.held]
        if part.by_itself and self._app.here.ready and not self._is_shown(part, held, event):
            return self._asking.now(event)
        return {self._status: self._told(held, event)}

    def _is_shown(self, part: Part, held: Held | None, event: Event) -> bool:
        model: ArchitectureResult | None = event[self._model]
        return bool(held and model and (held.opened or held.asked == self._asked(part, event, model)))

    def _asked(self, part: Part, event: Event, model: ArchitectureResult) -> Asked:
        return part.asked(event, self._chain.source(event) if part.needs_text else ANY, model)

    def _looking(self, event: Event) -> Run[Seen]:
        part, say, started = self._parts[event[self._open]], event.say, time.monotonic()
        model: ArchitectureResult | None = event[self._model]

        def shown(seen: Seen, running: bool) -> Values:
            if running or seen.model is None or seen.held is None:
                return {}
            fitted = {} if model else self._fitted(seen.model)
            return fitted | {part.held: seen.held} | part.show(seen.held, event)

        def status(seen: Seen, running: bool) -> str:
            if running:
                return line(say("Looking… {seconds:.0f} s", seconds=time.monotonic() - started), "busy")
            return self._told(seen.held, event) if seen.held else line(say("Stopped: nothing was looked at."), "note")

        def asked(model_now: ArchitectureResult) -> Asked:
            return self._asked(part, event if model else event.having(part.begin(model_now)), model_now)

        return Run(
            lambda engine: task.looked(engine, model, asked),
            shown,
            status,
            said=lambda seen: seen.held is not None,
            begun={self._status: line(say("Looking…"), "busy")},
            broken=NOT_DONE,
        )

    def _fitted(self, model: ArchitectureResult) -> Values:
        """The model, and all controls for it."""
        values: Values = {self._model: model}
        for part in self._parts.values():
            values |= part.fit(model)
        return values

    def _told(self, held: Held | None, event: Event) -> str:
        return line(described(held, event.say)) if held else ""

    def _offer_examples(self, event: Event) -> Values:
        labels = [event.say(about) for about, *_ in EXAMPLES]
        return {self._examples: gr.Dataset(samples=SAMPLES, sample_labels=labels)}

    def _take(self, event: Event) -> Values:
        text, answer = event[self._examples]
        return {self._text: text, self._reading: "text", self._backward.answer: answer} | self._looked(event)

    def _read(self, event: Event) -> Values:
        """Opens a trace, in the part that it is of."""
        held = task.read_trace(Path(event[self._upload]).read_bytes())
        part = self._parts[held.result.kind]
        try:
            drawn = part.show(held, event)
        except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError) as error:
            raise InvalidInput("This trace is damaged: its numbers do not fit together. Look again.") from error
        return (
            drawn
            | self._chain.taken(held)
            | {
                part.held: held,
                self._open: part.id,
                self._places: gr.Tabs(selected=part.id),
                self._status: self._told(held, event),
            }
        )


TAB = Tab(
    "inside",
    marked("Look inside"),
    Path(__file__).parent,
    lambda app, page, place: InsideTab(app, page, place).parts,
    endpoints,
)
