"""The picker of a tab's prompt files: kept up to date with the folder, it names those that are broken."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any
from zlib import crc32

import gradio as gr
from gradio.events import Dependency

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.words import Say, label, reads_chinese
from qwen_ui.prompts import Listing, Template
from qwen_ui.sentences import marked


def in_chinese(template: Template) -> bool:
    """Whether the template is written in Chinese."""
    return template.language.lower().startswith("zh")


def own_first(templates: Sequence[Template], chinese: bool) -> list[Template]:
    """The templates, those in the reader's language first."""
    return sorted(templates, key=lambda template: in_chinese(template) != chinese)


def described(template: Template) -> str:
    """Name and description."""
    return " · ".join(filter(None, (template.name, template.description)))


def problems(errors: Sequence[QwenUIError], say: Say) -> str:
    """What is wrong with broken files, as HTML; empty if none is."""
    if not errors:
        return ""
    items = "".join(f"<li>{escape(say('{error}', error=error))}</li>" for error in errors)
    title = escape(say("Some prompt files can't be used:"))
    return f'<div class="problems" role="alert">{title}<ul>{items}</ul></div>'


_MARK = re.compile(r'<i hidden data-template="[^"]*"></i>')


class TemplatePicker:
    """A dropdown of the templates of a task, and a note under it. Made where this is called.

    ``picked`` gives the values of other widgets that go with a template, and raises for one that can't be used.
    ``named`` is how a template is listed; one that is listed by its name alone is described in the note.
    ``among`` gives, of all files, those to choose from just now.
    ``rank`` decides which come first among those in one language, the lowest; else they are in the order of their ids.
    """

    def __init__(
        self,
        app: App,
        task: str,
        title: str = marked("Template"),
        *,
        picked: Callable[[Event, Template], Values] = lambda event, template: {},
        elem_id: str,
        named: Callable[[Template], str] = lambda template: template.name,
        among: Callable[[Event, Listing], Listing] = lambda event, listing: listing,
        rank: Callable[[Template], int] = lambda template: 0,
        **options: Any,
    ) -> None:
        self._app = app
        self._task = task
        self._picked = picked
        self._named = named
        self._rank = rank
        self._among = among
        self.dropdown = as_held(
            gr.Dropdown([], label=label(title), elem_id=elem_id, allow_custom_value=True, **options)
        )
        self.dropdown.allow_custom_value = False  # so is it on the page; those that Gradio makes of it take any value
        self.note = gr.HTML(elem_id=f"{elem_id}-note", elem_classes="template-note", padding=False)

    @property
    def parts(self) -> list[Any]:
        """The dropdown and the note."""
        return [self.dropdown, self.note]

    def wire(
        self,
        events: Events,
        page: gr.Blocks,
        outputs: Sequence[Any] = (),
        restored: Callable[[Event], tuple[str | None, Values] | None] = lambda event: None,
        kept: Sequence[Any] = (),
        given: Sequence[Any] = (),
        opened: Any = None,
    ) -> Dependency:
        """Fills the picker when the page opens and when it gets the focus. ``outputs`` are what a pick changes.

        ``restored`` gives the id and the values that the browser has ``kept``, if there are any; without them, the
        first template in the reader's language is picked. ``given`` is what ``among`` looks at. ``opened`` is when
        something is restored, if that is not when the page opens. Gives the event of a pick, to go on from.
        """

        def open_(event: Event) -> Values:
            listing = self._offered(event)
            if (before := restored(event)) is not None:
                id, values = before
                return self.offer(event, listing, _by_id(listing, id), held=id) | values
            return self.begin(event, listing, reads_chinese(event.request))

        events.on(opened or page.load, open_, [*kept, *given], [*self.parts, *outputs])
        again = {"trigger_mode": "always_last"}  # else the page drops what comes while it waits for an answer
        events.on(self.dropdown.focus, self.refresh, [*self.parts, *given], self.parts, **again)
        return events.on(
            self.dropdown.input,
            self.repick,
            [*self.parts, *given, *outputs],
            [*self.parts, *outputs],
            refused=marked("This template can't be used: {error}"),
        )

    def listing(self) -> Listing:
        """The files that there are now."""
        return self._app.prompts.list(self._task)

    def load(self, id: str | None) -> Template:
        """A template as it is in its file now. Raises `TemplateError`, and `InvalidInput` when it is gone."""
        if not id:
            raise InvalidInput("Choose a template first.")
        return self._app.prompts.load(self._task, id)

    def pick(self, event: Event, id: str | None) -> Values:
        """The template picked, with what goes with it. Raises like `load`."""
        return self._taken(event, self.load(id))

    def _taken(self, event: Event, template: Template) -> Values:
        return self.offer(event, self._offered(event), template) | self._picked(event, template)

    def repick(self, event: Event) -> Values:
        """What is picked, unless it was before: Gradio says input twice for a choice, and once for a list only left.

        Without this, whoever passes the list by Tab loses the settings that they made for its template.
        """
        template = self.load(event[self.dropdown])
        return {} if _mark(template) in (event[self.note] or "") else self._taken(event, template)

    def begin(self, event: Event, listing: Listing, chinese: bool) -> Values:
        """The templates to choose from, and the first one in that language picked, if any can be used."""
        for template in self.ordered(listing, chinese):
            with suppress(QwenUIError):  # told when it is picked by hand
                return self.offer(event, listing, template) | self._picked(event, template)
        return self.offer(event, listing)

    def offer(self, event: Event, listing: Listing, chosen: Template | None = None, held: str | None = None) -> Values:
        """The templates to choose from, one of them chosen. ``held`` is the id of one that may be there no more."""
        picked = chosen.id if chosen else held
        return {
            self.dropdown: gr.Dropdown(choices=self.choices(event, listing, picked), value=picked or None),
            self.note: self._about(event, listing, chosen) + (_mark(chosen) if chosen else ""),
        }

    def refresh(self, event: Event) -> Values:
        """The templates that there are now; what is chosen stays."""
        listing = self._offered(event)
        about = self._about(event, listing, _by_id(listing, event[self.dropdown]))
        choices = self.choices(event, listing, event[self.dropdown])
        mark = _MARK.search(event[self.note] or "")
        return {self.dropdown: gr.Dropdown(choices=choices), self.note: about + (mark[0] if mark else "")}

    def choices(self, event: Event, listing: Listing, picked: str | None = None) -> list[tuple[str, str]]:
        """Names and ids, those in the reader's language first. What is picked and there no more is named as that."""
        templates = self.ordered(listing, reads_chinese(event.request))
        gone = bool(picked) and _by_id(listing, picked) is None
        named = [(self._named(template), template.id) for template in templates]
        return [*named, *([(event.say("{name} (not available)", name=picked), str(picked))] if gone else [])]

    def ordered(self, listing: Listing, chinese: bool) -> list[Template]:
        """The templates as they are listed, those in one language first."""
        return own_first(sorted(listing.templates, key=self._rank), chinese)

    def templates(self, event: Event) -> list[Template]:
        """All that there are now, those in the reader's language first."""
        return self.ordered(self.listing(), reads_chinese(event.request))

    def _offered(self, event: Event) -> Listing:
        return self._among(event, self.listing())

    def _about(self, event: Event, listing: Listing, template: Template | None) -> str:
        shown = template.description if template and self._named(template) == template.name else ""
        about = f'<p class="about">{escape(shown)}</p>' if shown else ""
        return about + problems(listing.errors, event.say)


def _mark(template: Template) -> str:
    """Tells in the note, unseen, which template was picked, and as it was in its file then."""
    return f'<i hidden data-template="{escape(template.id)} {crc32(template.source.encode()):x}"></i>'


def _by_id(listing: Listing, id: str | None) -> Template | None:
    return next((template for template in listing.templates if template.id == id), None)
