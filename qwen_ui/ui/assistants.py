"""The list of assistants: the chat's prompt files, as the picker shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from qwen_ui.errors import TemplateError
from qwen_ui.messages import Sampling
from qwen_ui.prompts import Listing, PromptStore, Template
from qwen_ui.ui.texts import Say

TASK = "chat"


@dataclass(frozen=True, slots=True)
class Assistant:
    """What picking an assistant fills in."""

    id: str
    system: str
    sampling: Sampling


def load(prompts: PromptStore, id: str) -> Assistant:
    """One assistant. Raises `TemplateError` or `InvalidInput` when its file is gone or broken."""
    template = prompts.load(TASK, id)
    messages = template.render()
    if [message.role for message in messages] != ["system"]:
        raise TemplateError(f"{TASK}/{template.path.name}:1: an assistant's file has just one section, system.")
    return Assistant(id, messages[0].content.strip(), template.sampling())


def choices(listing: Listing) -> list[tuple[str, str]]:
    """Names and ids for the picker."""
    return [(template.name, template.id) for template in listing.templates]


def first(templates: Sequence[Template], chinese: bool) -> str | None:
    """The id of the assistant to begin with: the first in the visitor's language, else the first."""
    own = [t for t in templates if t.language.lower().startswith("zh") == chinese]
    return next((template.id for template in [*own, *templates]), None)


def about(listing: Listing, id: str | None) -> str:
    """What the assistant is for, as HTML."""
    return "".join(f'<p class="about">{escape(t.description)}</p>' for t in listing.templates if t.id == id)


def problems(listing: Listing, say: Say) -> str:
    """The broken files and what is wrong with them, as HTML; empty if there are none."""
    if not listing.errors:
        return ""
    items = "".join(f"<li>{escape(str(error))}</li>" for error in listing.errors)
    return f'<div class="problems" role="alert">{escape(say("broken_templates"))}<ul>{items}</ul></div>'
