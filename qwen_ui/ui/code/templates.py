"""Which of the Code tab's prompt files serves which action."""

from collections.abc import Sequence

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.prompts import Listing, PromptStore, Template
from qwen_ui.tasks.code import ACTIONS
from qwen_ui.ui.assistants import first

TASK = "code"


def action_of(template: Template) -> str:
    """The action that a file is for: its front matter's ``action``, else what its name begins with.

    Raises `TemplateError` when that is no action.
    """
    action = template.extra.get("action", template.id.partition("-")[0])
    if action not in ACTIONS:
        there = ", ".join(ACTIONS)
        raise template.fault("action", f"say which action this is for, with a line “action: …”: one of {there}.")
    return str(action)


def available(prompts: PromptStore) -> Listing:
    """The files there are now; those whose action can't be told are among the broken ones."""
    listing = prompts.list(TASK)
    usable, errors = [], list(listing.errors)
    for template in listing.templates:
        try:
            action_of(template)
        except TemplateError as error:
            errors.append(error)
        else:
            usable.append(template)
    return Listing(tuple(usable), tuple(errors))


def serving(listing: Listing, action: str) -> list[Template]:
    """The templates for an action."""
    return [template for template in listing.templates if action_of(template) == action]


def choices(templates: Sequence[Template]) -> list[tuple[str, str]]:
    """Names with descriptions, and ids, for the picker."""
    return [(" · ".join(filter(None, (t.name, t.description))), t.id) for t in templates]


def default(listing: Listing, action: str, chinese: bool) -> Template:
    """The template to begin with, in that language if there is one. Raises `InvalidInput` when there is none at all."""
    templates = serving(listing, action)
    id = first(templates, chinese)
    if id is None:
        raise InvalidInput(f"There is no prompt file for {action}. Restore prompts/{TASK}/{action}.prompty.")
    return next(template for template in templates if template.id == id)


def is_chinese(prompts: PromptStore, id: str) -> bool | None:
    """Whether the template asks for Chinese; None when it can't be read."""
    template = next((template for template in prompts.list(TASK).templates if template.id == id), None)
    return None if template is None else template.language.lower().startswith("zh")
