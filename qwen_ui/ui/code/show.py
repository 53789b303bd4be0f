"""A moment of the Code tab as values for its widgets."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from qwen_ui.tasks.code import CodeResult, Language, Syntax
from qwen_ui.ui.code.work import Job, Moment
from qwen_ui.ui.conversation import harmless, plain
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import Say

Page = tuple[Any, ...]
"""Values for the widgets of `tab.Outcome.view`, in their order."""


def sendable(job: Job | None, code: str | None, explanation: str | None) -> str:
    """What another tab gets of a result: the code as Markdown, or the explanation that was asked for."""
    if job is None:
        return ""
    if job.action == "explain" or not (code or "").strip():
        return plain(explanation or "")
    return f"```{job.written.id}\n{code}\n```"


@dataclass(frozen=True, slots=True)
class Version:
    """A result as the page has it, edits included."""

    job: Job
    code: str
    explanation: str


def page(moment: Moment, before: Version | None, say: Say) -> Page:
    """The moment as values for the widgets. Until there is a result, the one from before stays."""
    return (*_result(moment, before, say), *_state(moment, before is not None))


def _result(moment: Moment, before: Version | None, say: Say) -> Page:
    job, result = moment.job, moment.result
    if job is None or result is None:
        return (gr.skip(),) * 10
    explains = job.action == "explain"
    checked = not explains and not moment.running
    return (
        job,
        before,
        gr.Column(visible=False),
        gr.Column(visible=True),
        editor(result.code, result.language, visible=not explains),
        gr.Row(visible=not explains),
        f"code{result.language.ending}",
        checked_line(result.code, result.language, result.syntax, say) if checked else "",
        gr.Button(visible=checked and result.syntax.valid is False),
        harmless(result.explanation),
    )


def _state(moment: Moment, earlier: bool) -> Page:
    done = moment.result is not None and not moment.running
    return (
        moment.status,
        gr.Button(visible=not moment.running),
        gr.Button(visible=moment.running),
        gr.Button(visible=not moment.running and (done or earlier)),
        gr.Button(visible=done and earlier) if moment.result is not None else gr.skip(),
    )


def restored(version: Version, syntax: Syntax, before: Version | None, say: Say) -> Page:
    """An earlier version as values for the widgets."""
    result = CodeResult(version.code, version.job.written, version.explanation, syntax)
    return page(Moment(version.job, result), before, say)


def editor(code: str, language: Language, **more: Any) -> gr.Code:
    """The code in an editor with its colours, where Gradio has them."""
    mode: Any = language.editor
    return gr.Code(code, language=mode, label=language.name, **more)


def checked_line(code: str, language: Language, syntax: Syntax, say: Say) -> str:
    """What the check found, as HTML; empty if there was none."""
    if not code.strip():
        return line(say("code_none"), "unchecked")
    if syntax.valid:
        return line(say("code_valid", language=language.name), "valid")
    if syntax.valid is None:
        return line(say("code_unchecked", message=syntax.message), "unchecked") if syntax.message else ""
    place = {"line": syntax.line, "column": syntax.column}
    return line(say("code_invalid", language=language.name, message=syntax.message, **place), "invalid")
