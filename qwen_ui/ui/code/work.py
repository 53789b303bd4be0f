"""From what is asked of the Code tab to the states that its page goes through. No widgets here."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from qwen_ui.engine.base import Stream
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.metering import EngineSource
from qwen_ui.tasks.code import CodeResult, Language, Syntax, build, check, parse, split_answer
from qwen_ui.ui.code.templates import TASK
from qwen_ui.ui.statistics import line, progress, statistics
from qwen_ui.ui.streaming import Answer, Running, follow
from qwen_ui.ui.texts import Say

log = logging.getLogger(__name__)

TAB = "code"
EVERY = 1 / 10
"""Seconds between two updates: the editor colours the code anew at each."""
NOT_CHECKED = Syntax(None)


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for."""

    action: str
    template: str
    language: Language
    """Of the code that is given or, if there is none, of the code to write."""
    target: Language
    """To translate to."""
    instruction: str = ""
    code: str = ""
    temperature: float | None = None
    """None: what the template says; the same for the new tokens."""
    max_new_tokens: int | None = None

    @property
    def written(self) -> Language:
        """The language of the code that comes out."""
        return self.target if self.action == "translate" else self.language


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows at one moment."""

    job: Job | None
    """What the result came from."""
    result: CodeResult | None
    """None leaves what is there."""
    status: str = ""
    """HTML."""
    running: bool = False


def checked(job: Job, say: Say) -> Job:
    """The job. Raises `InvalidInput`, in the visitor's language, when what it works on is missing."""
    if job.action == "generate" and not job.instruction.strip():
        raise InvalidInput(say("code_no_instruction"))
    if job.action != "generate" and not job.code.strip():
        raise InvalidInput(say("code_no_code"))
    return job


async def prompt(template: Template, job: Job) -> list[Message]:
    """The messages to send. To mend code, they name its first syntax error. Raises like `build`."""
    problem = ""
    if job.action == "fix":
        problem = located(await asyncio.to_thread(check, job.code, job.language))
    return build(template, job.action, job.written, instruction=job.instruction, code=job.code, problem=problem)


def located(syntax: Syntax) -> str:
    """The error with its place, for the model; empty if none was found."""
    return f"line {syntax.line}, column {syntax.column}: {syntax.message}" if syntax.valid is False else ""


async def start(host: EngineSource, prompts: PromptStore, job: Job) -> Stream:
    """Sends the job to the model. Raises `QwenUIError` when it can't be."""
    template = prompts.load(TASK, job.template)
    sampling = template.sampling(temperature=job.temperature, max_new_tokens=job.max_new_tokens)
    return host.engine.stream(await prompt(template, job), sampling)


async def results(stream: Stream, job: Job) -> AsyncGenerator[tuple[Answer, CodeResult], None]:
    """The answer taken apart again and again as it grows; the last time whole, and its code checked."""
    answer = Answer()
    async with aclosing(follow(stream, EVERY)) as answers:
        async for answer in answers:
            yield answer, _so_far(answer.text, job)
    yield answer, await asyncio.to_thread(parse, answer.text, job.action, job.written, job.code)


def _so_far(text: str, job: Job) -> CodeResult:
    code, explanation = (job.code, text) if job.action == "explain" else split_answer(text, job.written)
    return CodeResult(code, job.written, explanation, NOT_CHECKED)


async def work(
    host: EngineSource, prompts: PromptStore, running: Running, session: str, job: Job, say: Say
) -> AsyncGenerator[Moment, None]:
    """The moments from the job to its whole result, or to the error that it ended with."""
    answer, result = Answer(), None
    try:
        stream = await start(host, prompts, job)
        async with aclosing(stream), aclosing(results(stream, job)) as pairs:
            with running.track(session, TAB, stream):
                yield Moment(job, None, progress(answer, say), running=True)
                async for answer, result in pairs:
                    shown = result if answer.text.strip() else None
                    yield Moment(job, shown, progress(answer, say), running=True)
    except QwenUIError as error:
        yield _failed(job, answer, result, str(error), say)
    except Exception:
        log.exception("A request for code failed")
        yield _failed(job, answer, result, say("unexpected"), say)
    else:
        yield _whole(job, answer, result, say)


def _whole(job: Job, answer: Answer, result: CodeResult | None, say: Say) -> Moment:
    cost = statistics(answer.usage, say) if answer.usage else ""
    if not answer.text.strip():
        return Moment(None, None, line(say("nothing_said"), "note") + cost)
    return Moment(job, result, cost)


def _failed(job: Job, answer: Answer, result: CodeResult | None, sentence: str, say: Say) -> Moment:
    """After an error: what was written so far stays; if that is nothing, all is as before."""
    if answer.text.strip():
        return Moment(job, result, line(say("broken_off", error=sentence), "error"))
    return Moment(None, None, line(say("not_sent", error=sentence), "error"))
