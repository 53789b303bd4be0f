"""The Sentiment tab: its layout, and which handler answers to what."""

import asyncio

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.sending import Entrance, Parts
from qwen_ui.ui.sentiment import handlers as does
from qwen_ui.ui.sentiment.fields import Controls, Inputs, Results
from qwen_ui.ui.sentiment.handlers import Handlers
from qwen_ui.ui.sentiment.work import Work
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.wiring import QUIET, SECRET, STREAMING

DAY = 24 * 3600
FETCH = "() => document.querySelector('#sentiment-download').click()"
"""The browser fetches the file once the server has put it there."""
KEEP = "(template, labels) => [{template, labels}]"


def tab(page: gr.Blocks, host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> Parts:
    """Lays the tab out within the page and wires it."""
    handlers = Handlers(host, prompts, running)
    work = gr.State(None, time_to_live=DAY)
    kept = gr.BrowserState(None, storage_key="qwen-ui-sentiment", secret=SECRET, render=False)
    with gr.Row(elem_id="sentiment-fields"):
        with gr.Column(elem_id="sentiment-main"):
            inputs = Inputs()
            with gr.Row(elem_id="sentiment-buttons"):
                stop = gr.Button(I18N("stop"), variant="stop", visible=False, elem_id="sentiment-stop")
                rest = gr.Button(I18N("sentiment_rest"), visible=False, interactive=False, elem_id="sentiment-rest")
            status = gr.HTML(elem_id="sentiment-status", padding=False)
            result = gr.HTML(elem_id="sentiment-result", padding=False)
        with gr.Column(elem_id="sentiment-side"):
            controls = Controls()
    with gr.Column(visible=False, elem_id="sentiment-of-file") as of_a_file:
        results = Results()
    examples = gr.Dataset(
        label=I18N("sentiment_examples"),
        components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
        samples=[],
        visible=False,
        elem_id="sentiment-examples",
    )

    buttons = [inputs.go, inputs.go_file, stop]
    of_file = [work, status, *buttons, rest]
    chosen = [inputs.column, inputs.truth, inputs.date]
    inputs.go.click(handlers.start, [inputs.text, *controls.all], [result, status, *buttons], **STREAMING)
    for event in (
        inputs.go_file.click(handlers.start_file, [inputs.file, *chosen, *controls.all], of_file, **STREAMING),
        rest.click(handlers.rest, work, of_file, **STREAMING),
    ):
        event.then(handlers.report, work, results.reported, **QUIET)
    stop.click(handlers.stop, None, None, **QUIET)

    beside = [result, examples, of_a_file]
    inputs.text_tab.select(lambda: _shown(text=True), None, beside, **QUIET)
    inputs.file_tab.select(lambda: _shown(text=False), None, beside, **QUIET)

    opened = [*chosen, inputs.facts]
    gr.on([inputs.file.upload, inputs.file.clear], handlers.open, [inputs.file, controls.labels], opened, **QUIET)
    inputs.column.input(handlers.look, [inputs.file, inputs.column], inputs.facts, **QUIET)
    changed = [results.label.input, results.low.release, results.high.release, results.low.change, results.high.change]
    gr.on(changed, handlers.filter, [work, *results.wanted], [results.table, results.shown], **QUIET)

    async def save(there: Work | None) -> gr.DownloadButton:
        return await asyncio.to_thread(does.save, there, results.file)

    results.save.click(save, work, results.file, **QUIET).then(None, None, None, js=FETCH)

    picked = [controls.problems, controls.template, controls.labels]
    page.load(handlers.restore, kept, [controls.problems, controls.template, controls.labels, examples], **QUIET)
    for widget in (controls.template, controls.labels):
        widget.change(None, [controls.template, controls.labels], kept, js=KEEP, trigger_mode="always_last", **QUIET)
    controls.template.focus(handlers.refresh, controls.template, [controls.problems, controls.template], **QUIET)
    controls.template.input(handlers.pick, [controls.template, controls.labels], picked, **QUIET)
    examples.click(handlers.example, examples, [inputs.text, *picked], **QUIET)
    return Parts([inputs.go, inputs.go_file, rest], (), Entrance([inputs.text]), [kept], [inputs.text])


def _shown(text: bool) -> tuple[gr.HTML, gr.Dataset, gr.Column]:
    """The result and the examples of a text, or the results of a file."""
    return gr.HTML(visible=text), gr.Dataset(visible=text), gr.Column(visible=not text)
