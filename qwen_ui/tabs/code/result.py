"""The result in the Code tab: code with its check and explanation, and the version before it."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import gradio as gr

from qwen_ui.messages import Message
from qwen_ui.page.events import Event, Values
from qwen_ui.page.scripts import LATEX
from qwen_ui.page.sending import send_to
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.code.answer import CodeFile, named
from qwen_ui.tabs.code.task import CodeResult, Job, fence
from qwen_ui.text.code.found import Syntax
from qwen_ui.text.code.languages import LANGUAGES, Language, of_file
from qwen_ui.text.markdown import harmless, plain


@dataclass(frozen=True, slots=True)
class Version:
    """A result as the page holds it, edits included."""

    job: Job
    language: Language
    """Of the code."""
    code: str
    """Empty where code was only explained."""
    explanation: str
    """As it is shown."""
    name: str = ""
    """Of the file, where the answer gives one."""
    answer: Message | None = None
    """The model's own words, before they were edited."""
    cut: bool = False
    """Whether these reached their maximum length."""


def version_of(result: CodeResult) -> Version:
    """A result as the page is to hold it."""
    parts = result.parts()
    job, language = result.job, result.language(parts)
    name = parts.main.name if parts.main and of_file(parts.main.name) == language else ""
    answer = Message("assistant", result.answer.text, result.answer.tokens)
    code = "" if job.action == "explain" else parts.code
    cut = result.answer.usage is not None and result.answer.usage.ended == "length"
    return Version(job, language, code, harmless(parts.explanation), name, answer, cut)


def _default_name(language: Language) -> str:
    return f"code{language.extension}"


def file_links(name: str, language: Language, code: str, explanation: str, say: Say) -> str:
    """Links that save each file of an answer with several, and all of them as one. All HTML.

    The files are in the links themselves: no copy of them stays on the server.
    """
    files = named(CodeFile(name, language, code), explanation) if code.strip() else []
    if len(files) < 2:
        return ""
    text = "text/plain;charset=utf-8"
    links = [_link(file.name, file.name, text, file.code.encode(errors="replace")) for file in files]
    everything = _link("code.zip", say("All as a .zip file"), "application/zip", zipped(files))
    title = escape(say("{count} {count:file|files} in this answer:", count=len(files)))
    return f'<p class="files"><span>{title}</span> {" ".join([*links, everything])}</p>'


def _link(name: str, text: str, media_type: str, data: bytes) -> str:
    content = b64encode(data).decode("ascii")
    return f'<a download="{escape(name)}" href="data:{media_type};base64,{content}">{escape(text)}</a>'


def zipped(files: Sequence[CodeFile]) -> bytes:
    """The files as one .zip."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.code)
    return buffer.getvalue()


class ResultWidgets:
    """The widgets, made where this is called.

    What a result is stands in what the browser holds: the code, the file's name for its language, the explanation.
    ``job``, ``answer``, ``cut`` and ``before`` are the server's; it forgets them at a restart, and when a page is left
    alone for long.
    """

    def __init__(self, examples: Sequence[str], can_look: bool) -> None:
        self._can_look = can_look
        self.job, self.answer, self.before = gr.State(None), gr.State(None), gr.State(None)
        self.cut = gr.State(False)
        self.file = gr.Textbox(visible="hidden", container=False)
        with gr.Column(elem_id="code-empty") as self.empty:
            gr.Markdown(label("What shall we write?"), elem_id="code-greeting")
            self.examples = gr.Dataset(
                components=["textbox"],
                samples=[[example] for example in examples],
                type="index",
                show_label=False,
                label=label("Examples"),
                elem_id="code-examples",
            )
        with gr.Column(visible=False, elem_id="code-outcome") as self.full:
            self._lay_out_result()
        self.status = gr.HTML(elem_id="code-status", padding=False)
        with gr.Row(elem_id="code-foot"):
            self.go_on = gr.Button(label("Continue"), size="sm", visible=False, elem_id="code-go-on")
            self.retry = gr.Button(label("Retry"), size="sm", visible=False, elem_id="code-retry")
            self.back = gr.Button(label("Previous version"), size="sm", visible=False, elem_id="code-back")
            self.look = gr.Button(label("Look at tokens"), size="sm", visible=False, elem_id="code-look")

    def _lay_out_result(self) -> None:
        self.code = gr.Code(
            language="python", lines=8, max_lines=28, interactive=True, buttons=["copy"], elem_id="code-result"
        )
        with gr.Row(elem_id="code-found"):
            self.check = gr.HTML(elem_id="code-check", padding=False)
            self.fix = gr.Button(label("Fix it"), size="sm", visible=False, scale=0, elem_id="code-fix")
        with gr.Row(elem_id="code-tools") as self.tools:
            self.adopt = gr.Button(label("Use as input"), size="sm", elem_id="code-adopt")
            self.download = gr.Button(label("Download"), size="sm", elem_id="code-download")
        self.files = gr.HTML(elem_id="code-files", padding=False)
        self.explanation = gr.Markdown(latex_delimiters=LATEX, elem_id="code-explanation")
        self.send_to = send_to(elem_id="code-send-to")

    @property
    def held(self) -> list[Any]:
        """What the browser holds of a result: all that `language` and `text` need."""
        return [self.code, self.file, self.explanation]

    @property
    def shown(self) -> list[Any]:
        """What `show` changes."""
        server = [self.job, self.answer, self.cut, self.before]
        parts = [self.go_on, self.empty, self.full, self.tools, self.check, self.fix, self.files, self.back, self.look]
        return [*self.held, *server, *parts]

    def language(self, event: Event) -> Language:
        """The language of the code in the editor."""
        return of_file(event[self.file]) or LANGUAGES[0]

    def version(self, event: Event, job: Job) -> Version | None:
        """The result as it is now, which came from the job; None if there is none."""
        if not event[self.file]:
            return None
        language, name = self.language(event), event[self.file]
        own = "" if name == _default_name(language) else name
        return Version(
            job,
            language,
            event[self.code] or "",
            event[self.explanation] or "",
            own,
            event[self.answer],
            event[self.cut],
        )

    def text(self, event: Event) -> str:
        """What another tab gets: the code as Markdown, or the explanation where there is no code."""
        code = event[self.code] or ""
        if not code.strip():
            return plain(event[self.explanation] or "")
        mark = fence(code)
        return f"{mark}{self.language(event).id}\n{code}\n{mark}"

    def show(self, version: Version, before: Version | None, syntax: Syntax, say: Say, running: bool = False) -> Values:
        """A version, and the one before it. While it is still being written nothing is said of its syntax."""
        explains = version.job.action == "explain"
        unsaid: Values = {self.check: "", self.fix: gr.Button(visible=False)}
        found = unsaid if explains or running else self.found(version.code, version.language, syntax, say)
        mode: Any = version.language.editor
        name = version.name or _default_name(version.language)
        whole = not explains and not running
        explanation = plain(version.explanation)
        links = file_links(name, version.language, version.code, explanation, say) if whole else ""
        return found | {
            self.job: version.job,
            self.answer: version.answer,
            self.cut: version.cut,
            self.before: before,
            self.empty: gr.Column(visible=False),
            self.full: gr.Column(visible=True),
            self.code: gr.Code(
                version.code, language=mode, label=version.name or version.language.name, visible=not explains
            ),
            self.tools: gr.Row(visible=not explains),
            self.file: name,
            self.files: links,
            self.explanation: version.explanation,
            self.go_on: gr.Button(visible=version.cut and version.answer is not None and not running),
            self.back: gr.Button(visible=before is not None and not running),
            self.look: gr.Button(visible=self._can_look and version.answer is not None and not running),
        }

    def linked(self, event: Event) -> Values:
        """The files of the answer to download, as the code is edited."""
        name, language = event[self.file], self.language(event)
        links = file_links(name, language, event[self.code] or "", plain(event[self.explanation] or ""), event.say)
        return {self.files: links}

    def found(self, code: str, language: Language, syntax: Syntax, say: Say) -> Values:
        """What a check has found, and whether it can be mended."""
        if not code.strip():
            told = line(say("There is no code in this answer."), "unchecked")
        elif syntax.valid:
            told = line(say("{language}: no syntax errors. It has not been run.", language=language.name), "valid")
        elif syntax.valid is None:
            unchecked = say("The syntax was not checked. {message}", message=syntax.message)
            told = line(unchecked, "unchecked") if syntax.message else ""
        else:
            invalid = say(
                "{language}: syntax error in line {line}, column {column}: {message}",
                language=language.name,
                line=syntax.line,
                column=syntax.column,
                message=syntax.message,
            )
            told = line(invalid, "invalid")
        return {self.check: told, self.fix: gr.Button(visible=syntax.valid is False)}
