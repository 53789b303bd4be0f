"""Code: generate, explain, fix, improve, test and translate programs. Nothing that was written is ever run."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, get_args

from qwen_ui.engine.base import Engine, answers
from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.messages import Answer, Message
from qwen_ui.prompts import Listing, Template
from qwen_ui.tabs.code.answer import CodeFile, Parts, named, take_apart
from qwen_ui.text.code.checker import Checker
from qwen_ui.text.code.found import NOT_CHECKED, Syntax
from qwen_ui.text.code.languages import Language

Action = Literal["generate", "explain", "fix", "improve", "tests", "translate"]
ACTIONS = get_args(Action)


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for."""

    action: str
    template: str
    """The id of the prompt file."""
    language: Language
    """Of the code that is given or, if there is none, of the code to write."""
    target: Language
    """To translate to."""
    instruction: str = ""
    code: str = ""
    temperature: float | None = None
    """None: what the template says; the same for the new tokens."""
    max_new_tokens: int | None = None
    problem: str = ""
    """The first syntax error of code that is to be mended, with its place, as the model is told."""

    @property
    def written(self) -> Language:
        """The language of the code that comes out."""
        return self.target if self.action == "translate" else self.language


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What has come of a job so far."""

    job: Job
    answer: Answer
    syntax: Syntax = NOT_CHECKED
    """Of the code, once the answer is whole: code that is still growing is not called wrong."""

    def parts(self) -> Parts:
        """The code and the explanation. Where code is explained, it is the code that was given.

        Takes time in proportion to the answer: to be called when a result is shown, not for each chunk.
        """
        if self.job.action == "explain":
            return Parts(self.job.code, self.answer.text.strip())
        return take_apart(self.answer.text, self.job.written)

    def files(self, parts: Parts) -> list[CodeFile]:
        """All code of the answer as files, the main one first; none where code was only explained."""
        if self.job.action == "explain" or not parts.code.strip():
            return []
        name = parts.main.name if parts.main else ""
        return named(CodeFile(name, self.language(parts), parts.code), parts.explanation)

    def language(self, parts: Parts) -> Language:
        """Of the code: what its block says, else what was asked for."""
        return (parts.main and parts.main.language) or self.job.written


async def code(
    engine: Engine,
    template: Template,
    job: Job,
    checker: Checker,
    begun: Sequence[int] = (),
    said: Message | None = None,
) -> AsyncGenerator[CodeResult, None]:
    """Does the job: the result as its answer grows from the ids it has begun with, and last with its syntax checked.

    An answer that was ``said`` so far goes on from its end. Raises like `build` and `Engine.stream`.
    """
    if job.action == "fix":
        job = replace(job, problem=_located(await checker.check(job.code, job.language)))
    messages = await asyncio.to_thread(build, template, job)
    if said is not None:
        opening = messages.pop().content if messages[-1].role == "assistant" else ""
        messages.append(replace(said, content=opening + said.content, tokens=() if opening else said.tokens))
    sampling = template.sampling(temperature=job.temperature, max_new_tokens=job.max_new_tokens)
    result = CodeResult(job, Answer())
    async with aclosing(answers(engine, messages, sampling, template.adapter, begun)) as growing:
        async for answer in growing:
            result = CodeResult(job, _after(said, answer))
            yield result
    parts = await asyncio.to_thread(result.parts)
    yield replace(result, syntax=await checker.check(parts.code, result.language(parts)))


def _after(said: Message | None, answer: Answer) -> Answer:
    """The whole answer, where this goes on with one."""
    if said is None:
        return answer
    tokens = (*said.tokens, *answer.tokens) if said.tokens else ()
    return replace(answer, text=said.content + answer.text, tokens=tokens)


def build(template: Template, job: Job) -> list[Message]:
    """The messages that ask for it.

    Raises `InvalidInput` when the job lacks its code or its instruction, `TemplateError` for a broken template.
    """
    if job.action == "generate" and not job.instruction.strip():
        raise InvalidInput("Say what the code should do.")
    if job.action != "generate" and not job.code.strip():
        raise InvalidInput("Paste the code to work on.")
    return template.render(
        instruction=job.instruction,
        language=job.written.name,
        tag=job.written.id,
        code=job.code,
        fence=fence(job.code),
        problem=job.problem,
    )


def fence(code: str) -> str:
    """A fence that the code can't close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    return "`" * (longest + 1)


def serving(action: str, listing: Listing) -> Listing:
    """The prompt files for an action. Those whose action can't be told are among the broken ones."""
    usable, errors = [], list(listing.errors)
    for template in listing.templates:
        try:
            if action_of(template) == action:
                usable.append(template)
        except TemplateError as error:
            errors.append(error)
    return Listing(tuple(usable), tuple(errors))


def action_of(template: Template) -> str:
    """The action that a file is for: its front matter's ``action``, else what its name begins with.

    Raises `TemplateError` when that is no action.
    """
    action = template.extra.get("action", template.id.partition("-")[0])
    if action not in ACTIONS:
        raise template.fault(
            "action",
            "say which action this is for, with a line “action: …”: one of {actions}.",
            actions=", ".join(ACTIONS),
        )
    return str(action)


def _located(syntax: Syntax) -> str:
    """The error with its place, as the model is told; empty if none was found."""
    return f"line {syntax.line}, column {syntax.column}: {syntax.message}" if syntax.valid is False else ""
