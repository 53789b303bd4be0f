"""The Code tab: its layout, and what answers to what."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, TokenLook
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Buttons, Event, Events, Run, Values
from qwen_ui.page.kept import Kept
from qwen_ui.page.scripts import DOWNLOAD
from qwen_ui.page.sending import Entrance, Exit
from qwen_ui.page.status import finished, progress
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.token_panel import TokenPanel
from qwen_ui.page.token_view import chosen
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.sentences import Sentence, marked
from qwen_ui.tabs.code import task
from qwen_ui.tabs.code.examples import EXAMPLES
from qwen_ui.tabs.code.fields import Fields, template_for
from qwen_ui.tabs.code.keeping import from_browser, to_browser
from qwen_ui.tabs.code.result import ResultWidgets, Version, version_of
from qwen_ui.tabs.code.task import ACTIONS, Action, CodeResult, Job
from qwen_ui.text.code.found import NOT_CHECKED
from qwen_ui.text.code.languages import LANGUAGES, find
from qwen_ui.text.languages import HAN

EVERY = 1 / 10
"""Seconds between two updates: the editor colours the code anew at each."""
SHOW = """() => {
  if (innerWidth <= 900) document.getElementById("code-main").scrollIntoView({behavior: "smooth"});
}"""
"""Where the result stands below the fields, it comes into sight."""
SAVE = f'(text, name) => ({DOWNLOAD})(text, "text/plain;charset=utf-8", name)'
LENGTH_REACHED = Sentence("The answer reached its maximum length. “Continue” goes on from here.")
NOTE = Sentence("Choose another token, and the answer goes on from there: this one becomes the previous version.")


class CodeTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._app = app
        with gr.Row(elem_id="code"):
            with gr.Column(elem_id="code-side"):
                self._fields = Fields(app)
            with gr.Column(elem_id="code-main"):
                self._result = ResultWidgets([example.title for example in EXAMPLES], can_look=app.can_look)
                self._panel = TokenPanel(app, "code-look-panel")
        self._kept = Kept(TAB.id)
        buttons = Buttons([self._fields.run, self._result.retry], self._fields.stop)
        self._events = Events(app, TAB.id, self._result.status, buttons)
        self._fields.wire(self._events, page)
        self._wire(page)

    @property
    def parts(self) -> Parts:
        fields, result = self._fields, self._result
        return Parts(
            [fields.run, result.go_on],
            [Exit(result.send_to, result.held, result.text)],
            Entrance(fields.instruction, fields.filled, fields.receive),
            kept=[self._kept.box],
            typed=[fields.instruction, fields.code],
        )

    def _wire(self, page: gr.Blocks) -> None:
        events, fields, result = self._events, self._fields, self._result
        held = [*result.held, result.job, result.answer, result.cut]
        asked = [*fields.controls, *held]
        shown = [*result.shown, self._kept.box]
        events.run([fields.run.click, fields.instruction.submit], self._running, asked, shown)
        fields.run.click(None, None, None, js=SHOW, **QUIET)
        filled = events.on(result.examples.click, self._take_example, [result.examples], fields.filled)
        events.run(filled, self._running, asked, shown)
        events.run(result.retry.click, self._running_again, asked, shown)
        events.run(result.go_on.click, self._going_on, asked, shown)
        events.run(result.fix.click, self._fixing, asked, shown)
        events.run(self._panel.view.submit, self._branching, asked, shown)
        self._panel.events.run(result.look.click, self._looking, asked, self._panel.shown)
        self._panel.wire()
        events.stop()
        events.on(result.back.click, self._back, [*asked, result.before], [*shown, result.status])
        found = [result.check, result.fix, result.files, self._kept.box]
        checked = [*held, result.before]
        events.on(result.code.input, self._recheck, checked, found, trigger_mode="always_last")
        restored = self._kept.wire(events, self._restore, shown)
        events.on(restored, self._recheck, checked, found)
        adopted = [*result.held, fields.action, fields.template.dropdown]
        events.on(result.adopt.click, self._adopt, adopted, fields.filled)
        result.download.click(None, [result.code, result.file], None, js=SAVE, **QUIET)

    def _running(self, event: Event) -> Run[CodeResult]:
        """Does what the fields ask for."""
        return self._run(event, self._fields.job(event))

    def _running_again(self, event: Event) -> Run[CodeResult]:
        return self._run(event, self._job_of(event))

    def _looking(self, event: Event) -> Run[list[TokenLook]]:
        """Looks at the tokens of the answer that the result was taken from."""
        job, answer = self._job_of(event), self._answer_of(event)
        template = self._app.prompts.load(TAB.id, job.template)
        messages = [*task.build(template, job), answer]
        return self._panel.looking(event.say, lambda engine: messages, "", NOTE, template.adapter)

    def _answer_of(self, event: Event) -> Message:
        """The answer that the result was taken from."""
        answer: Message | None = event[self._result.answer]
        if answer is None:
            raise InvalidInput(
                "The answer itself is gone: the server was restarted, or this page was left alone for too long. "
                "Run it again."
            )
        return answer

    def _branching(self, event: Event) -> Run[CodeResult]:
        """Has the answer go on from a token that was chosen in the place of its own."""
        return self._run(event, self._job_of(event), chosen(event.data).begun)

    def _going_on(self, event: Event) -> Run[CodeResult]:
        """Has an answer that reached its maximum length go on."""
        return self._run(event, self._job_of(event), said=self._answer_of(event))

    def _fixing(self, event: Event) -> Run[CodeResult]:
        """Has the model mend the code as it stands in the editor."""
        job = self._job_of(event)
        chinese = self._fields.asks_in_chinese(event, job.template)
        return self._run(
            event,
            replace(
                job,
                action="fix",
                template=template_for("fix", self._app.prompts.list(TAB.id), chinese).id,
                language=self._result.language(event),
                instruction="",
                code=event[self._result.code] or "",
            ),
        )

    def _run(self, event: Event, job: Job, begun: Sequence[int] = (), said: Message | None = None) -> Run[CodeResult]:
        template = self._app.prompts.load(TAB.id, job.template)
        before = self._result.version(event, self._job_of(event))

        def show(result: CodeResult, running: bool) -> Values:
            if not there(result):
                return {}
            now = version_of(result)
            kept = {} if running else self._kept.keep(to_browser(now, before))
            return self._result.show(now, before, result.syntax, event.say, running) | kept

        def status(result: CodeResult, running: bool) -> str:
            return progress(result.answer, event.say) if running else finished(result.answer, event.say, LENGTH_REACHED)

        def there(result: CodeResult) -> bool:
            return bool(result.answer.text.strip())

        work = partial(task.code, template=template, job=job, checker=self._app.checker, begun=begun, said=said)
        return Run(work, show, status, there, every=EVERY)

    def _job_of(self, event: Event) -> Job:
        """What the result came from; where the server has forgotten that, what the fields ask for now."""
        job: Job = event[self._result.job] or self._fields.job(event)
        return job

    async def _back(self, event: Event) -> Values:
        """Shows the earlier version; the present one becomes the earlier one."""
        earlier: Version | None = event[self._result.before]
        if earlier is None:
            raise InvalidInput(
                "The previous version is gone: the server was restarted, or this page was left alone for too long. "
                "What you see here is kept."
            )
        now = self._result.version(event, self._job_of(event))
        syntax = await self._app.checker.check(earlier.code, earlier.language)
        kept = self._kept.keep(to_browser(earlier, now))
        return self._result.show(earlier, now, syntax, event.say) | {self._result.status: ""} | kept

    async def _recheck(self, event: Event) -> Values:
        """Checks the code as it is edited, and has the browser keep it."""
        if self._app.running.busy(event.session, TAB.id) or not event[self._result.file]:
            return {}
        code, language = event[self._result.code] or "", self._result.language(event)
        syntax = await self._app.checker.check(code, language)
        linked = await asyncio.to_thread(self._result.linked, event)
        return self._result.found(code, language, syntax, event.say) | linked | self._keep(event)

    def _keep(self, event: Event) -> Values:
        """Has the browser keep the result as it stands; of one that the server has forgotten it keeps what it has."""
        job = event[self._result.job]
        if job is None:
            return {}
        return self._kept.keep(to_browser(self._result.version(event, job), event[self._result.before]))

    def _restore(self, event: Event, kept: Any) -> Values:
        """Shows what the browser has kept; its syntax is checked next."""
        now, before = from_browser(kept)
        return self._result.show(now, before, NOT_CHECKED, event.say)

    def _adopt(self, event: Event) -> Values:
        """Makes the result the code to work on."""
        action, language = event[self._fields.action], self._result.language(event)
        return self._fields.fill(
            event,
            "improve" if action == "generate" else action,
            language=language if language in LANGUAGES else None,
            instruction="",
            code=event[self._result.code] or "",
        )

    def _take_example(self, event: Event) -> Values:
        example = EXAMPLES[event[self._result.examples]]
        return self._fields.fill(
            event,
            example.action,
            chinese=example.chinese,
            language=find(example.language),
            target=find("rust"),
            instruction=example.instruction,
            code=example.code,
        )


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/code, as scripts call it."""

    async def code(
        instruction: str,
        request: gr.Request,
        language: str = "python",
        action: Action = "generate",
        code: str = "",
        adapter: str = "",
        model: str = "",
    ) -> AsyncIterator[dict[str, Any]]:
        """Generates, explains, fixes, improves, tests or translates code. Nothing is run.

        Parameters:
            instruction: What to write, or what to mind; may be empty where there is code.
            language: Of the code, such as python, javascript or sql; to translate, the new one.
            action: What to do.
            code: The code to work on; none to generate.
        Returns:
            {"code", "language", "explanation", "valid", "files"}, streamed as it grows.
            "valid": whether the syntax is right, null while the answer grows and where it can't be told.
            "files": all blocks of code in the answer, the main one first, as {"name", "language", "code"}.
        """
        job, template = await asyncio.to_thread(asked, app.prompts, instruction, language, action, code)
        work = partial(task.code, template=template, job=job, checker=app.checker)
        async for result in app.serve(request, TAB.id, work, adapter, model):
            yield await asyncio.to_thread(_told, result)

    return [code]


def _told(result: CodeResult) -> dict[str, Any]:
    parts = result.parts()
    files = [
        {"name": file.name, "language": file.language.id if file.language else "", "code": file.code}
        for file in result.files(parts)
    ]
    return {
        "code": parts.code,
        "language": result.language(parts).id,
        "explanation": parts.explanation,
        "valid": result.syntax.valid,
        "files": files,
    }


def asked(prompts: PromptStore, instruction: Any, language: Any, action: Any, code: Any) -> tuple[Job, Template]:
    """What a script asks for, and the template in the language of its instruction.

    Raises `InvalidInput` for what can't be used.
    """
    for name, value in (("instruction", instruction), ("language", language), ("action", action), ("code", code)):
        if not isinstance(value, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name=name, kind=type(value).__name__)
    if action not in ACTIONS:
        raise InvalidInput(
            "There is no action {action!r}. Choose one of {actions}.", action=action, actions=", ".join(ACTIONS)
        )
    found = find(language)
    template = template_for(action, prompts.list(TAB.id), chinese=bool(HAN.search(instruction)))
    return Job(action, template.id, found, found, instruction, code), template


TAB = Tab("code", marked("Code"), Path(__file__).parent, lambda app, page, place: CodeTab(app, page).parts, endpoints)
