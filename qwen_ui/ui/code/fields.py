"""The side of the Code tab: what to do, in which language, how, and with which code."""

import re
from typing import Any

import gradio as gr

from qwen_ui.errors import QwenUIError
from qwen_ui.messages import Sampling
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.code import ACTIONS, LANGUAGES, find, known, split_answer
from qwen_ui.ui.assistants import problems
from qwen_ui.ui.code import templates
from qwen_ui.ui.code.examples import EXAMPLES
from qwen_ui.ui.code.show import Page
from qwen_ui.ui.code.work import Job
from qwen_ui.ui.sending import below
from qwen_ui.ui.statistics import line
from qwen_ui.ui.texts import I18N, Say, reads_chinese, speaker
from qwen_ui.ui.wiring import QUIET

_FENCE = re.compile(r"^```(\w*)", re.MULTILINE)
NAMES = [(language.name, language.id) for language in LANGUAGES]


def read(
    action: str,
    language: str,
    target: str,
    template: str | None,
    instruction: str | None,
    code: str | None,
    temperature: float,
    max_new_tokens: float,
) -> Job:
    """The job that the widgets ask for, in the order of `Fields.controls`. Code that is not shown is not part of it."""
    return Job(
        action,
        template or action,
        find(language),
        find(target),
        instruction or "",
        "" if action == "generate" else code or "",
        temperature,
        int(max_new_tokens),
    )


class Fields:
    """The widgets, made where this is called. `wire` connects them among themselves."""

    def __init__(self, prompts: PromptStore) -> None:
        self._prompts = prompts
        self.action = gr.Radio(
            [(I18N(f"code_{action}"), action) for action in ACTIONS],
            value="generate",
            label=I18N("code_action"),
            elem_id="code-action",
        )
        with gr.Row(elem_id="code-languages"):
            self.language = _languages("code_language", "python", "code-language")
            self.target = _languages("code_target", "rust", "code-target", visible=False)
        self.code = gr.Code(
            language="python",
            label=I18N("code_given"),
            lines=8,
            max_lines=20,
            interactive=True,
            visible=False,
            buttons=["copy"],
            elem_id="code-given",
        )
        self.instruction = gr.Textbox(
            label=I18N("code_wanted"),
            placeholder=I18N("code_wanted_placeholder"),
            lines=3,
            max_lines=10,
            elem_id="code-input",
        )
        with gr.Row(elem_id="code-buttons"):
            self.run = gr.Button(I18N("code_generate"), variant="primary", interactive=False, elem_id="code-run")
            self.stop = gr.Button(I18N("stop"), variant="stop", visible=False, elem_id="code-stop")
        self.problems = gr.HTML(elem_id="code-problems", padding=False)
        with gr.Accordion(I18N("code_settings"), open=False, elem_id="code-settings"):
            self.template = gr.Dropdown(
                [], label=I18N("code_template"), info=I18N("code_template_info"), elem_id="code-template"
            )
            self.temperature = _slider("temperature", 0, 2, 0.05, 0.2)
            self.max_new_tokens = _slider("max_new_tokens", 16, 8192, 16, 1024)

    @property
    def controls(self) -> list[Any]:
        """The widgets whose values `read` takes."""
        given = [self.action, self.language, self.target, self.template, self.instruction, self.code]
        return [*given, self.temperature, self.max_new_tokens]

    @property
    def filled(self) -> list[Any]:
        """The widgets that `example` and `adopt` give values for."""
        return [self.action, self.language, *self._shaped]

    @property
    def _shaped(self) -> list[Any]:
        return [self.instruction, self.code, self.target, self.run, *self._templated]

    @property
    def _templated(self) -> list[Any]:
        return [self.problems, self.template, self.temperature, self.max_new_tokens]

    def wire(self, page: gr.Blocks) -> None:
        """Keeps the widgets fitting to the action, and the templates to the files."""
        page.load(self._load, None, self._templated, **QUIET)
        self.action.input(self._choose_action, [self.action, self.template], self._shaped, **QUIET)
        self.language.input(_colours, [self.language], [self.code], **QUIET)
        self.template.focus(self._refresh, [self.action], [self.problems, self.template], **QUIET)
        picked = [self.problems, self.temperature, self.max_new_tokens]
        self.template.input(self._pick, [self.template], picked, **QUIET)

    def example(self, request: gr.Request, index: int) -> Page:
        """Fills in what the example says."""
        example = EXAMPLES[index]
        instruction, given, target, *rest = self._shape(example.action, example.chinese, speaker(request))
        return (
            example.action,
            example.language,
            instruction | {"value": example.instruction},
            given | {"value": example.code, "language": find(example.language).editor},
            target | {"value": example.target},
            *rest,
        )

    @property
    def received(self) -> list[Any]:
        """The widgets that `receive` gives values for."""
        return [self.instruction, self.code, self.action, self.language, *self._shaped[2:]]

    def receive(self, request: gr.Request, before: str, text: str) -> Page:
        """Takes a text from another tab: code in it to be explained, else as what the code should do."""
        fence = _FENCE.search(text)
        if fence is None:
            return below(before, text), *(gr.skip() for _ in self.received[1:])
        language, (code, _) = known(fence[1]), split_answer(text)
        instruction, given, *shaped = self._shape("explain", reads_chinese(request), speaker(request))
        given |= {"value": code, **({"language": language.editor} if language else {})}
        return instruction, given, "explain", language.id if language else gr.skip(), *shaped

    def adopt(self, request: gr.Request, job: Job, code: str | None, action: str, template: str | None) -> Page:
        """Makes the result the code to work on."""
        action = "improve" if action == "generate" else action
        instruction, given, *rest = self._shape(action, self._chinese(request, template), speaker(request))
        given |= {"value": code, "language": job.written.editor}
        return action, job.written.id, instruction | {"value": ""}, given, *rest

    def _chinese(self, request: gr.Request, template: str | None) -> bool:
        chosen = templates.is_chinese(self._prompts, template or "")
        return reads_chinese(request) if chosen is None else chosen

    def _choose_action(self, request: gr.Request, action: str, template: str | None) -> Page:
        return self._shape(action, self._chinese(request, template), speaker(request))

    def _shape(self, action: str, chinese: bool, say: Say) -> Page:
        """The widgets as the action needs them."""
        generates = action == "generate"
        return (
            gr.update(
                label=say("code_wanted" if generates else "code_mind"),
                placeholder=say("code_wanted_placeholder" if generates else "code_mind_placeholder"),
                lines=3 if generates else 1,
            ),
            gr.update(visible=not generates),
            gr.update(visible=action == "translate"),
            gr.update(value=say(f"code_{action}")),
            *self._offer(action, chinese, say),
        )

    def _load(self, request: gr.Request) -> Page:
        return self._offer("generate", reads_chinese(request), speaker(request))

    def _offer(self, action: str, chinese: bool, say: Say) -> Page:
        """What is wrong with the prompt files, those for the action, and what the first of them sets."""
        listing = templates.available(self._prompts)
        shown, serving = problems(listing, say), templates.serving(listing, action)
        try:
            template = templates.default(listing, action, chinese)
        except QwenUIError as error:
            return (
                shown + line(say("error", error=error), "error"),
                gr.Dropdown(choices=[], value=None),
                gr.skip(),
                gr.skip(),
            )
        picker = gr.Dropdown(choices=templates.choices(serving), value=template.id)
        return shown, picker, *_numbers(template.sampling())

    def _refresh(self, request: gr.Request, action: str) -> Page:
        listing = templates.available(self._prompts)
        serving = templates.serving(listing, action)
        return problems(listing, speaker(request)), gr.Dropdown(choices=templates.choices(serving))

    def _pick(self, request: gr.Request, id: str | None) -> Page:
        """What the template sets, or why it can't be used."""
        try:
            return "", *_numbers(self._prompts.load(templates.TASK, id or "").sampling())
        except QwenUIError as error:
            return line(speaker(request)("code_not_picked", error=error), "error"), gr.skip(), gr.skip()


def _numbers(sampling: Sampling) -> Page:
    return sampling.temperature, sampling.max_new_tokens


def _languages(text: str, value: str, elem_id: str, **more: Any) -> gr.Dropdown:
    return gr.Dropdown(NAMES, value=value, label=I18N(text), min_width=120, elem_id=elem_id, **more)


def _slider(name: str, low: float, high: float, step: float, value: float) -> gr.Slider:
    info = I18N(f"{name}_info")
    return gr.Slider(low, high, value, step=step, label=I18N(name), info=info, elem_id=f"code-{name.replace('_', '-')}")


def _colours(language: str) -> gr.Code:
    mode: Any = find(language).editor
    return gr.Code(language=mode)
