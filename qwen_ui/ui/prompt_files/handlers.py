"""What the events of the Prompts tab do: values of widgets in, values of widgets out."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr

from qwen_ui.engine.base import Stream
from qwen_ui.errors import InvalidInput, QwenUIError, TemplateError
from qwen_ui.prompts.edit import PromptEditor, difference, render
from qwen_ui.prompts.template import SUFFIX
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.prompt_files import show
from qwen_ui.ui.prompt_files.bench import Bench, conversation, key, sample_text, values
from qwen_ui.ui.prompt_files.trial import TAB, trial
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import Say, reads_chinese, speaker
from qwen_ui.ui.visitors import visit

Page = tuple[Any, ...]
"""Values for: bench, list, problems, head, editor, values, preview, changes, status, Restore, the copy's name."""


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running streams."""

    def __init__(self, host: EngineHost, editor: PromptEditor, running: Running) -> None:
        self._host = host
        self._editor = editor
        self._running = running

    async def enter(self, request: gr.Request) -> Page:
        """The tasks for the picker, and the page with the first template in the visitor's language."""
        say, chinese = speaker(request), reads_chinese(request)
        entries = await asyncio.to_thread(self._editor.entries)
        own = [e for e in entries if e.template and e.template.language.lower().startswith("zh") == chinese]
        first = next((key(entry.task, entry.id) for entry in [*own, *entries]), "")
        tasks = [(say("prompts_all"), ""), *((task, task) for task in self._editor.store.tasks())]
        return gr.Dropdown(choices=tasks, value=""), *await self._open(Bench(), first, "", say)

    async def filter(self, request: gr.Request, task: str | None) -> tuple[Any, ...]:
        """The files of one task, or of all: the list and the problems. What is picked stays as it is by now."""
        say = speaker(request)
        entries = await asyncio.to_thread(self._editor.entries)
        return gr.Radio(choices=show.choices(entries, task or "", say)), show.problems(entries, say)

    async def open(self, request: gr.Request, bench: Bench, text: str, chosen: str, task: str) -> Page:
        """Opens the chosen file. What was typed and not saved is kept, and comes back with its file."""
        return await self._open(bench.putting_away(text or ""), chosen, task, speaker(request))

    async def reload(self, request: gr.Request, bench: Bench, task: str) -> Page:
        """Reads the list and the open file again, dropping what was not saved."""
        return await self._open(bench.without_draft(), bench.key, task, speaker(request))

    async def save(self, request: gr.Request, bench: Bench, text: str, task: str) -> Page:
        """Saves the text, if it makes a template."""
        say = speaker(request)
        try:
            await asyncio.to_thread(self._editor.save, bench.task, bench.id, text or "", bench.source)
        except QwenUIError as error:
            return _unchanged(line(say("prompts_not_saved", error=error), "error"))
        done = line(say("prompts_saved", file=f"{bench.key}{SUFFIX}"))
        return await self._open(bench.without_draft(), bench.key, task, say, done)

    async def restore(self, request: gr.Request, bench: Bench, task: str) -> Page:
        """Brings the original text back. What is in the editor goes."""
        say = speaker(request)
        try:
            await asyncio.to_thread(self._editor.restore, bench.task, bench.id)
        except QwenUIError as error:
            return _unchanged(line(say("prompts_not_saved", error=error), "error"))
        done = line(say("prompts_restored", file=f"{bench.key}{SUFFIX}"))
        return await self._open(bench.without_draft(), bench.key, task, say, done)

    async def duplicate(self, request: gr.Request, bench: Bench, text: str, name: str, task: str) -> Page:
        """Saves the editor's text as a new file and opens that. The file it comes from stays as it is."""
        say = speaker(request)
        try:
            new = await asyncio.to_thread(self._editor.duplicate, bench.task, bench.id, name, text or "")
        except QwenUIError as error:
            return _unchanged(line(say("prompts_not_saved", error=error), "error"))
        chosen = key(bench.task, new)
        done = line(say("prompts_saved", file=f"{chosen}{SUFFIX}"))
        return await self._open(bench.without_draft(), chosen, task, say, done)

    async def review(self, request: gr.Request, bench: Bench, text: str, given: str) -> tuple[str, str, str]:
        """Status, preview and changes of the text as it is being typed."""
        return await asyncio.to_thread(self._review, bench, text or "", given or "", speaker(request))

    async def run(
        self, request: gr.Request, bench: Bench, text: str, given: str, message: str
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Runs the text in the editor, saved or not: answer, its line, Run, Stop."""
        say, session = speaker(request), request.session_hash or ""

        def begin() -> Stream:
            if self._running.busy(session, TAB):
                raise InvalidInput(say("still_writing"))
            template = self._editor.check(bench.task, bench.id, self._readable(bench, text or ""))
            messages = conversation(template, given or "", message, say)
            return visit(self._host, request, TAB).engine.stream(messages, template.sampling())

        async with aclosing(trial(begin, self._running, session, say)) as moments:
            async for moment in moments:
                answer = gr.skip() if moment.text is None else moment.text
                buttons = gr.Button(visible=not moment.running), gr.Button(visible=moment.running)
                yield answer, moment.status, *buttons

    async def stop(self, request: gr.Request) -> None:
        """Ends the run; what there is of its answer stays."""
        self._running.stop(request.session_hash or "", TAB)

    def _readable(self, bench: Bench, text: str) -> str:
        """The text to work with: the visitor's own only where visitors may edit."""
        return text if self._editor.editable else bench.source

    async def _open(self, bench: Bench, chosen: str, task: str, say: Say, done: str = "") -> Page:
        return await asyncio.to_thread(self._opened, bench, chosen, task, say, done)

    def _opened(self, bench: Bench, chosen: str, task: str, say: Say, done: str) -> Page:
        entries = self._editor.entries()
        listed, problems = show.choices(entries, task, say), show.problems(entries, say)
        try:
            bench = bench.opening(self._editor, chosen) if chosen else bench
        except QwenUIError as error:
            failed = line(say("prompts_not_open", error=error), "error")
            return bench, _list(listed, bench.key), problems, *_unchanged(failed)[3:]
        entry = next((entry for entry in entries if key(entry.task, entry.id) == bench.key), None)
        given = sample_text(entry.template) if entry and entry.template else ""
        status, preview, changes = self._review(bench, bench.text, given, say)
        draft = line(say("prompts_draft"), "note") if bench.key in bench.drafts else ""
        return (
            bench,
            _list(listed, bench.key),
            problems,
            show.head(bench, entry, say),
            bench.text,
            given,
            preview,
            changes,
            done + draft + (status if not draft or "error" in status else ""),
            gr.Button(visible=bool(entry and entry.changed and self._editor.editable)),
            "",
        )

    def _review(self, bench: Bench, text: str, given: str, say: Say) -> tuple[str, str, str]:
        if not bench.id:
            return "", "", ""
        text = self._readable(bench, text)
        unsaved = line(say("prompts_unsaved"), "note") if bench.edited(text) else ""
        original = self._editor.original(bench.task, bench.id)
        changes = show.differences(difference((original or bench.source).strip(), text.strip()), say)
        try:
            template = self._editor.check(bench.task, bench.id, text)
        except TemplateError as error:
            return line(say("error", error=error), "error"), "", changes
        try:
            preview = show.messages(render(template, values(template, given, say)))
        except QwenUIError as error:
            preview = line(say("error", error=error), "error")
        return unsaved, preview, changes


def _list(listed: list[tuple[str, str]], chosen: str) -> gr.Radio:
    return gr.Radio(choices=listed, value=chosen if chosen in (value for _, value in listed) else None)


def _unchanged(status: str) -> Page:
    """The page as it is, but for the status."""
    return (*[gr.skip()] * 8, status, gr.skip(), gr.skip())
