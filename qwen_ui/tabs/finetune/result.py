"""Step 4: what came of a run, and what can be done with its adapter."""

import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.page.app import App
from qwen_ui.page.events import NOT_DONE, Buttons, Event, Events, Values
from qwen_ui.page.events import Run as Running
from qwen_ui.page.picker import offered
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.finetune.answers import Ask, Reply, Told, ask_all, way_of
from qwen_ui.tabs.finetune.export import Exported, exported
from qwen_ui.tabs.finetune.outcome import outcome
from qwen_ui.tabs.finetune.task import Journals, Story
from qwen_ui.tabs.finetune.watch import Watch, admitting

EXPORTING = "finetune-exporting"
FETCH = "() => document.querySelector('#%s').click()"
"""The browser fetches the file once the server has put it there."""


class Result:
    """The widgets, made where this is called, and what they do."""

    def __init__(self, app: App, journals: Journals, watch: Watch) -> None:
        self._app = app
        self._journals = journals
        self._watch = watch
        self._picker = app.picker
        self.outcome = gr.HTML(elem_id="finetune-outcome", padding=False)
        with gr.Row(visible=False, elem_id="finetune-result-buttons") as self.buttons:
            self.use = gr.Button(label("Use it now"), size="sm", variant="primary", elem_id="finetune-use")
            self.download = gr.Button(label("Download (zip)"), size="sm", elem_id="finetune-download")
            self.export = gr.Button(label("Export merged model"), size="sm", elem_id="finetune-export")
            self.unexport = gr.Button(
                label("Stop"), size="sm", variant="stop", visible=False, elem_id="finetune-stop-export"
            )
            self.again = gr.Button(label("Train again with changes"), size="sm", elem_id="finetune-again")
        self.status = gr.HTML(elem_id="finetune-result-status", padding=False)
        self._file = gr.DownloadButton(elem_id="finetune-zip", elem_classes="finetune-hidden")
        with gr.Column(visible=False, elem_id="finetune-try") as self.trying:
            with gr.Row(elem_id="finetune-try-row"):
                self.prompt = gr.Textbox(
                    label=label("Try base and adapter side by side"),
                    placeholder=label("A prompt of your own…"),
                    lines=2,
                    max_lines=8,
                    scale=1,
                    elem_id="finetune-prompt",
                )
                self.ask = gr.Button(
                    label("Ask both"), variant="primary", interactive=False, scale=0, elem_id="finetune-ask"
                )
                self.hush = gr.Button(
                    label("Stop"), variant="stop", visible=False, scale=0, elem_id="finetune-hush-both"
                )
            with gr.Row(elem_id="finetune-both"):
                self.base = gr.Textbox(
                    label=label("Base model"), lines=4, max_lines=16, interactive=False, elem_id="finetune-of-base"
                )
                self.adapted = gr.Textbox(
                    label=label("With the adapter"),
                    lines=4,
                    max_lines=16,
                    interactive=False,
                    elem_id="finetune-of-adapter",
                )
            self.said = gr.HTML(elem_id="finetune-try-status", padding=False)

    @property
    def shown(self) -> list[Any]:
        """What `show` gives the values of."""
        return [self.outcome, self.buttons, self.trying, self.use, self.download, self.export]

    def show(self, story: Story | None, say: Say) -> Values:
        """What came of the run."""
        adapter = bool(story and story.result.get("adapter"))
        return {
            self.outcome: outcome(story, say) if story else "",
            self.buttons: gr.Row(visible=story is not None and story.over),
            self.trying: gr.Column(visible=adapter),
            self.use: gr.Button(visible=adapter),
            self.download: gr.Button(visible=adapter),
            self.export: gr.Button(visible=adapter),
        }

    def wire(self, events: Events) -> None:
        """Connects the buttons: ``events`` are the tab's own, with this step's status line."""
        run = self._watch.run
        fetched = events.on(self.download.click, self._zip, [run], [self._file])
        fetched.success(None, None, None, js=FETCH % "finetune-zip")
        exporting = Events(
            self._app,
            EXPORTING,
            self.status,
            Buttons([self.export], self.unexport),
            admit=self._app.work,
            refused=NOT_DONE,
        )
        merged = exporting.run(self.export.click, self._exporting, [run], [self._file])
        merged.success(
            None, [self.status], None, js=f"(said) => said.includes('data-fetch') && ({FETCH % 'finetune-zip'})()"
        )
        exporting.stop()
        buttons = Buttons([self.ask], self.hush)
        asking = Events(self._app, "finetune-asking", self.said, buttons, admit=admitting(self._app))
        asking.run([self.ask.click, self.prompt.submit], self._asking, [run, self.prompt], [self.base, self.adapted])
        asking.stop()
        events.on(self.use.click, self._use, [run], [self._picker])

    def adapter(self, event: Event) -> str:
        """The name of the run's adapter. Raises `InvalidInput` when it has none."""
        story = self._journals.story(self._watch.chosen(event))
        if not (name := story.result.get("adapter")):
            raise InvalidInput("This run has made no adapter.")
        return str(name)

    def _use(self, event: Event) -> Values:
        name = self.adapter(event)
        told = event.say("All tabs now answer with the adapter “{name}”.", name=name)
        picked = self._app.offer.adapted(name)
        return {self._picker: offered(self._app, event.say, picked), self.status: line(told, "note")}

    def _zip(self, event: Event) -> Values:
        """The adapter as a zip in the page's cache, which Gradio empties by and by."""
        name = self.adapter(event)
        with tempfile.TemporaryDirectory() as folder:
            return {self._file: self._offered(self._app.adapters.zip(name, Path(folder)))}

    def _offered(self, file: Path) -> gr.DownloadButton:
        return gr.DownloadButton(value=self._file.move_resource_to_block_cache(file))

    def _exporting(self, event: Event) -> Running[str | Exported]:
        """Merges adapter and base into one model, and offers it as a zip."""
        name, say = self.adapter(event), event.say
        exports = self._app.settings.data_dir / "exports"

        def status(told: str | Exported, running: bool) -> str:
            if isinstance(told, str):
                return line(told or say("Merging…"), "busy")
            ready = say("The model is ready: {file} ({size:,.0f} MB).", file=told.file.name, size=told.megabytes)
            return f'<div data-fetch="1">{line(ready, "note")}</div>'

        def shown(told: str | Exported, running: bool) -> Values:
            if running or isinstance(told, str):
                return {}
            offered = self._offered(told.file)
            told.file.unlink(missing_ok=True)
            return {self._file: offered}

        return Running(
            lambda work: exported(self._app.runs.command, name, exports, lambda: work.stopped),
            shown,
            status,
            said=lambda told: isinstance(told, Exported),
            begun={self.status: line(say("Merging…"), "busy")},
            refused=NOT_DONE,
        )

    def _asking(self, event: Event) -> Running[Told]:
        """Puts a prompt to the base and to the adapter."""
        prompt, say = (event[self.prompt] or "").strip(), event.say
        if not prompt:
            raise InvalidInput("Write a prompt first.")
        run = self._watch.chosen(event)
        base, adapted = Ask(prompt), Ask(prompt, self.adapter(event))
        way = way_of(run, self._app.prompts)

        def text(told: Told, ask: Ask) -> str:
            found = told.get(ask)
            return found.text if isinstance(found, Reply) else say("{error}", error=found) if found else ""

        def shown(told: Told, running: bool) -> Values:
            return {self.base: text(told, base), self.adapted: text(told, adapted)}

        return Running(
            lambda engine: ask_all(engine, [base, adapted], way),
            shown,
            status=lambda told, running: line(say("Answering…"), "busy") if running else "",
            said=bool,
        )
