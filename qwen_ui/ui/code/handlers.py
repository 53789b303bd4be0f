"""What the events of the Code tab do: values of widgets in, values of widgets out."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.code import check
from qwen_ui.ui.code import templates
from qwen_ui.ui.code.fields import read
from qwen_ui.ui.code.show import Page, Version, checked_line, page, restored
from qwen_ui.ui.code.work import TAB, Job, Moment, checked, work
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import speaker
from qwen_ui.ui.visitors import visit


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running streams.

    ``job``, ``code`` and ``explanation`` are what the page shows as the result, edits included.
    """

    def __init__(self, host: EngineHost, prompts: PromptStore, running: Running) -> None:
        self._host = host
        self._prompts = prompts
        self._running = running

    async def run(
        self, request: gr.Request, job: Job | None, code: str | None, explanation: str | None, *fields: Any
    ) -> AsyncGenerator[Page, None]:
        """Does what the fields ask for."""
        async with aclosing(self._work(request, lambda: read(*fields), _version(job, code, explanation))) as pages:
            async for values in pages:
                yield values

    async def retry(
        self, request: gr.Request, job: Job, code: str | None, explanation: str | None
    ) -> AsyncGenerator[Page, None]:
        """Does the last job again."""
        async with aclosing(self._work(request, lambda: job, _version(job, code, explanation))) as pages:
            async for values in pages:
                yield values

    async def fix(
        self, request: gr.Request, job: Job, code: str | None, explanation: str | None
    ) -> AsyncGenerator[Page, None]:
        """Has the model mend the result as it stands in the editor."""
        before = _version(job, code, explanation)
        async with aclosing(self._work(request, lambda: self._mending(job, code or ""), before)) as pages:
            async for values in pages:
                yield values

    def _mending(self, job: Job, code: str) -> Job:
        chinese = templates.is_chinese(self._prompts, job.template) or False
        template = templates.default(templates.available(self._prompts), "fix", chinese)
        return replace(job, action="fix", template=template.id, language=job.written, code=code, instruction="")

    async def _work(
        self, request: gr.Request, begin: Callable[[], Job], before: Version | None
    ) -> AsyncGenerator[Page, None]:
        say, session = speaker(request), request.session_hash or ""
        try:
            if self._running.busy(session, TAB):
                raise InvalidInput(say("still_writing"))
            job = checked(begin(), say)
        except QwenUIError as error:
            yield page(Moment(None, None, line(say("not_sent", error=error), "error")), before, say)
            return
        source = visit(self._host, request, TAB)
        async with aclosing(work(source, self._prompts, self._running, session, job, say)) as moments:
            async for moment in moments:
                yield page(moment, before, say)

    async def stop(self, request: gr.Request) -> None:
        """Ends what is being written; what there is of it stays."""
        self._running.stop(request.session_hash or "", TAB)

    async def back(
        self, request: gr.Request, job: Job, code: str | None, explanation: str | None, before: Version
    ) -> Page:
        """Shows the earlier version; the present one becomes the earlier one."""
        syntax = await asyncio.to_thread(check, before.code, before.job.written)
        return restored(before, syntax, _version(job, code, explanation), speaker(request))

    async def recheck(self, request: gr.Request, job: Job, code: str | None) -> tuple[Any, ...]:
        """Checks the edited result: the line about it, and whether it can be mended."""
        if self._running.busy(request.session_hash or "", TAB):
            return gr.skip(), gr.skip()
        syntax = await asyncio.to_thread(check, code or "", job.written)
        return checked_line(code or "", job.written, syntax, speaker(request)), gr.Button(visible=syntax.valid is False)


def _version(job: Job | None, code: str | None, explanation: str | None) -> Version | None:
    return None if job is None else Version(job, code or "", explanation or "")
