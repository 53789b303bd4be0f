"""The side of the Code tab: what to do, in which language, how, and with which code."""

from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.page.app import App
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.sending import below
from qwen_ui.page.sliders import new_tokens_slider, temperature_slider
from qwen_ui.page.templates import TemplatePicker, described, in_chinese, own_first
from qwen_ui.page.words import label, reads_chinese
from qwen_ui.prompts import SUFFIX, Listing, Template
from qwen_ui.sentences import marked
from qwen_ui.tabs.code.answer import take_apart
from qwen_ui.tabs.code.task import Job, serving
from qwen_ui.text.code.languages import LANGUAGES, Language, find

NAMES = {
    "generate": marked("Generate"),
    "explain": marked("Explain"),
    "fix": marked("Fix"),
    "improve": marked("Improve"),
    "tests": marked("Write tests"),
    "translate": marked("Translate"),
}
WANTED = (marked("What should the code do?"), marked("A function that…"))
IN_MIND = (marked("Anything to keep in mind? (optional)"), marked("An error message, requirements…"))
"""Label and placeholder of the instruction: where it is all there is, and where there is code."""


class Fields:
    """The widgets, made where this is called. `wire` connects them among themselves."""

    def __init__(self, app: App) -> None:
        self.action = gr.Radio(
            [(label(name), action) for action, name in NAMES.items()],
            value="generate",
            label=label("What to do"),
            elem_id="code-action",
        )
        with gr.Row(elem_id="code-languages"):
            self.language = _languages("python", label=label("Programming language"), elem_id="code-language")
            self.target = _languages("rust", label=label("Translate to"), elem_id="code-target", visible=False)
        self.code = gr.Code(
            language="python",
            label=label("Your code"),
            lines=8,
            max_lines=20,
            interactive=True,
            visible=False,
            buttons=["copy"],
            elem_id="code-given",
        )
        self.instruction = gr.Textbox(
            label=label(WANTED[0]),
            placeholder=label(WANTED[1]),
            lines=3,
            max_lines=10,
            elem_id="code-input",
        )
        with gr.Row(elem_id="code-buttons"):
            self.run = gr.Button(label("Generate"), variant="primary", interactive=False, elem_id="code-run")
            self.stop = gr.Button(label("Stop"), variant="stop", visible=False, elem_id="code-stop")
        with gr.Accordion(label("Template and settings"), open=False, elem_id="code-settings"):
            self._lay_out_settings(app)

    def _lay_out_settings(self, app: App) -> None:
        self.template = TemplatePicker(
            app,
            "code",
            picked=self._filled,
            named=described,
            among=self._among,
            info=label("The prompt that is used; it sets the values below"),
            elem_id="code-template",
        )
        self.temperature = temperature_slider(0.2, elem_id="code-temperature")
        self.max_new_tokens = new_tokens_slider(1024, 8192, elem_id="code-max-new-tokens")

    @property
    def controls(self) -> list[Any]:
        """The widgets that `job` reads."""
        given = [self.action, self.language, self.target, self.template.dropdown, self.instruction, self.code]
        return [*given, self.temperature, self.max_new_tokens]

    @property
    def filled(self) -> list[Any]:
        """The widgets that `fill` may change."""
        return [*self.controls, self.template.note, self.run]

    def wire(self, events: Events, page: gr.Blocks) -> None:
        """Keeps the widgets fitting to the action, and the templates to the files."""
        self.template.wire(events, page, [self.temperature, self.max_new_tokens], given=[self.action])
        choice = [self.action, self.template.dropdown]
        events.on(self.action.input, lambda event: self.fill(event, event[self.action]), choice, self.filled)
        events.on(
            self.language.input,
            lambda event: {self.code: gr.Code(**_colours(find(event[self.language])))},
            [self.language],
            [self.code],
        )

    def job(self, event: Event) -> Job:
        """What the widgets ask for. Code that is not shown is not part of it.

        Raises `InvalidInput` where no prompt file is for the action.
        """
        action = event[self.action]
        return Job(
            action,
            self._template_id(event),
            find(event[self.language]),
            find(event[self.target]),
            event[self.instruction] or "",
            "" if action == "generate" else event[self.code] or "",
            event[self.temperature],
            int(event[self.max_new_tokens]),
        )

    def fill(
        self,
        event: Event,
        action: str,
        *,
        chinese: bool | None = None,
        language: Language | None = None,
        target: Language | None = None,
        instruction: str | None = None,
        code: str | None = None,
    ) -> Values:
        """The widgets as the action needs them. What else is given goes into them; what is not stays as it is.

        The template is in Chinese if that is wanted or, where nothing is said, if the one picked so far is.
        """
        generates = action == "generate"
        wanted, placeholder = WANTED if generates else IN_MIND
        if chinese is None:
            chinese = self.asks_in_chinese(event, event[self.template.dropdown])
        values = self.template.begin(event, serving(action, self.template.listing()), chinese) | {
            self.action: action,
            self.target: gr.Dropdown(visible=action == "translate", **_value(target.id if target else None)),
            self.code: gr.Code(visible=not generates, **_value(code), **_colours(language)),
            self.instruction: gr.Textbox(
                label=event.say(wanted),
                placeholder=event.say(placeholder),
                lines=3 if generates else 1,
                **_value(instruction),
            ),
            self.run: gr.Button(event.say(NAMES[action])),
        }
        return values | ({self.language: language.id} if language else {})

    def receive(self, event: Event, text: str) -> Values:
        """Takes a text from another tab: code in it to be explained, else as what the code should do."""
        block = take_apart(text).main
        if block is None:
            return {self.instruction: below(event[self.instruction], text)}
        chinese = reads_chinese(event.request)
        language = block.language if block.language in LANGUAGES else None
        return self.fill(event, "explain", chinese=chinese, language=language, code=block.code)

    def asks_in_chinese(self, event: Event, id: str | None) -> bool:
        """Whether the template asks in Chinese; where it can't be read, whether the visitor reads that."""
        templates = {template.id: template for template in self.template.listing().templates}
        return in_chinese(templates[id]) if id in templates else reads_chinese(event.request)

    def _template_id(self, event: Event) -> str:
        """The template picked. While the picker still follows the action it is one for another: then the first."""
        action, id, listing = event[self.action], event[self.template.dropdown], self.template.listing()
        own = {template.id for template in serving(action, listing).templates}
        others = {template.id for template in listing.templates} - own
        if id and id not in others:
            return str(id)
        return template_for(action, listing, self.asks_in_chinese(event, id)).id

    def _among(self, event: Event, listing: Listing) -> Listing:
        return serving(event[self.action], listing)

    def _filled(self, event: Event, template: Template) -> Values:
        sampling = template.sampling()
        return {self.temperature: sampling.temperature, self.max_new_tokens: sampling.max_new_tokens}


def template_for(action: str, listing: Listing, chinese: bool) -> Template:
    """The template to begin with, in that language if there is one. Raises `InvalidInput` when there is none."""
    templates = own_first(serving(action, listing).templates, chinese)
    if not templates:
        file = f"prompts/code/{action}{SUFFIX}"
        raise InvalidInput("There is no prompt file for {action}. Restore {file}.", action=action, file=file)
    return templates[0]


def _languages(value: str, **options: Any) -> gr.Dropdown:
    return gr.Dropdown([(each.name, each.id) for each in LANGUAGES], value=value, min_width=120, **options)


def _value(value: str | None) -> dict[str, Any]:
    """The argument that sets a widget's value; none leaves what is there."""
    return {} if value is None else {"value": value}


def _colours(language: Language | None) -> dict[str, Any]:
    """The argument that colours an editor, where Gradio can; none leaves the colours that are there."""
    return {} if language is None else {"language": language.editor}
