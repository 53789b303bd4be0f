"""All adapters: what each was trained on; taking one in, giving it out, renaming and deleting it; and /adapters."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.adapters.card import Card
from qwen_ui.adapters.files import WEIGHTS, Base
from qwen_ui.adapters.store import Adapter
from qwen_ui.errors import InvalidInput
from qwen_ui.page.app import App
from qwen_ui.page.choices import as_held
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.page.picker import offered
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.tabs.finetune.endpoints import uploaded

FETCH = "() => document.querySelector('#finetune-adapter-zip').click()"
"""The browser fetches the file once the server has put it there."""


class Adapters:
    """The widgets, made where this is called, and what they do."""

    def __init__(self, app: App) -> None:
        self._app = app
        with gr.Row(elem_id="finetune-adapter-row"):
            self.chosen = as_held(gr.Dropdown([], label=label("Adapter"), scale=1, elem_id="finetune-adapter"))
            with gr.Row(elem_id="finetune-adapter-buttons"):
                self._add = gr.UploadButton(
                    label("Add a zip…"), file_types=[".zip"], size="sm", elem_id="finetune-adapter-add"
                )
                self._fetch = gr.Button(label("Download (zip)"), size="sm", elem_id="finetune-adapter-download")
                self._rename = gr.Button(label("Rename…"), size="sm", elem_id="finetune-adapter-rename")
                self._delete = gr.Button(label("Delete…"), size="sm", elem_id="finetune-adapter-delete")
        with gr.Row(visible=False, elem_id="finetune-adapter-renaming") as self._renaming:
            self._name = gr.Textbox(label=label("New name"), max_lines=1, scale=1, elem_id="finetune-adapter-name")
            self._named = gr.Button(label("Rename"), size="sm", variant="primary", scale=0, elem_id="finetune-named")
        with gr.Row(visible=False, elem_id="finetune-adapter-deleting") as self._deleting:
            self._sure = gr.HTML(padding=False)
            self._yes = gr.Button(label("Delete"), size="sm", variant="stop", scale=0, elem_id="finetune-adapter-yes")
            self._no = gr.Button(label("Cancel"), size="sm", scale=0)
        self.status = gr.HTML(elem_id="finetune-adapter-status", padding=False)
        self.card = gr.HTML(elem_id="finetune-card", padding=False)
        self._zip = gr.DownloadButton(elem_id="finetune-adapter-zip")
        buttons = [self._fetch, self._rename, self._delete]
        self.shown = [self.chosen, self.card, *buttons, self._renaming, self._deleting, app.picker]
        """What `offer` gives the values of."""

    def wire(self, events: Events, accordion: gr.Accordion) -> None:
        """Connects the buttons: ``events`` are the tab's own, with this part's status line."""
        of_one, given = [self.chosen], [self.chosen, self._app.picker]
        events.on(accordion.expand, lambda event: self.offer(event, event[self.chosen]), given, self.shown)
        events.on(self.chosen.input, lambda event: self.offer(event, event[self.chosen]), given, self.shown)
        events.on(self._add.upload, self._take_in, [self._add, self._app.picker], self.shown)
        fetched = events.on(self._fetch.click, self._give_out, of_one, [self._zip])
        fetched.success(None, None, None, js=FETCH)
        events.on(self._rename.click, self._ask_name, of_one, [self._renaming, self._deleting, self._name])
        events.on(
            [self._named.click, self._name.submit], self._give_name, [*given, self._name], [*self.shown, self._name]
        )
        events.on(self._delete.click, self._ask_sure, of_one, [self._renaming, self._deleting, self._sure])
        events.on(self._no.click, lambda event: {self._deleting: gr.Row(visible=False)}, (), [self._deleting])
        events.on(self._yes.click, self._remove, given, self.shown)

    def offer(self, event: Event, chosen: str | None) -> Values:
        """The adapters that there are now, and what the chosen one was trained on; in the page's head too."""
        found = self._app.adapters.all()
        current = next((each for each in found if each.name == chosen), next(iter(found), None))
        buttons = (self._fetch, self._rename, self._delete)
        return {
            self.chosen: gr.Dropdown(
                choices=[each.name for each in found], value=current.name if current else None, visible=bool(found)
            ),
            self.card: shown(current, event.say),
            **{button: gr.Button(visible=current is not None) for button in buttons},
            self._renaming: gr.Row(visible=False),
            self._deleting: gr.Row(visible=False),
            self._app.picker: offered(self._app, event.say, event.given.get(self._app.picker) or ""),
        }

    def _take_in(self, event: Event) -> Values:
        file = Path(event[self._add])
        added = self._app.adapters.add(file, file.stem, _base(self._app))
        told = event.say("The adapter “{name}” is there. Pick it in the page's head.", name=added.name)
        return self.offer(event, added.name) | {self.status: line(told, "note")}

    def _give_out(self, event: Event) -> Values:
        """The adapter as a zip in the page's cache, which Gradio empties by and by."""
        with tempfile.TemporaryDirectory() as folder:
            file = self._app.adapters.zip(_chosen(event[self.chosen]), Path(folder))
            return {self._zip: gr.DownloadButton(value=self._zip.move_resource_to_block_cache(file))}

    def _ask_name(self, event: Event) -> Values:
        return {
            self._renaming: gr.Row(visible=True),
            self._deleting: gr.Row(visible=False),
            self._name: _chosen(event[self.chosen]),
        }

    def _give_name(self, event: Event) -> Values:
        renamed = self._app.adapters.rename(_chosen(event[self.chosen]), (event[self._name] or "").strip())
        return self.offer(event, renamed.name)

    def _ask_sure(self, event: Event) -> Values:
        question = event.say("Delete the adapter “{name}”? This can't be undone.", name=_chosen(event[self.chosen]))
        return {
            self._renaming: gr.Row(visible=False),
            self._deleting: gr.Row(visible=True),
            self._sure: f"<p>{escape(question)}</p>",
        }

    def _remove(self, event: Event) -> Values:
        self._app.adapters.delete(_chosen(event[self.chosen]))
        return self.offer(event, None)


def _chosen(name: str | None) -> str:
    if not name:
        raise InvalidInput("Choose an adapter first.")
    return name


def _base(app: App) -> Base | None:
    """What runs here; None while nothing does."""
    local = app.host.local
    return local.info.base if local is not None and local.ready else None


def shown(adapter: Adapter | None, say: Say) -> str:
    """What an adapter was trained on, and what came of it. HTML."""
    if adapter is None:
        none = say("There is no adapter yet. Train one above, or add the zip of one.")
        return f"<p>{escape(none)}</p>"
    card, megabytes = adapter.card, (adapter.folder / WEIGHTS).stat().st_size / 1e6
    facts = [(say("Size"), f"{megabytes:,.1f} MB")]
    if card == Card():
        facts.append((say("Trained on"), say("unknown: it has no card")))
    else:
        facts += [
            (say("Base model"), card.base),
            (say("Trained on"), say("{file}, {count:,} {count:row|rows}", file=card.data, count=card.rows)),
            (say("Created"), card.made[:16].replace("T", " ")),
            (say("Prompt template"), card.template),
            (say("Labels"), ", ".join(card.labels)),
            *((name, f"{value:.3f}") for name, value in card.metrics.items()),
        ]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    return f'<dl class="facts">{rows}</dl>'


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/adapters, as scripts call it."""

    async def adapters(
        request: gr.Request, action: str = "list", name: str = "", to: str = "", file: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """All adapters with their cards: [{"name", "card"}]. Before that, an action: "delete" or "rename" (``to``) the
        one of that name, or "add" one under it from ``file``, a zip given with handle_file."""
        if app.settings.is_public:
            raise InvalidInput("Adapters are for the owner of this server to change: in public mode it is off.")
        return await asyncio.to_thread(_acted, app, action, (name, to), file)

    return [adapters]


def _acted(app: App, action: Any, names: tuple[Any, Any], file: Any) -> list[dict[str, Any]]:
    for each in (action, *names):
        if not isinstance(each, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name="name", kind=type(each).__name__)
    name, to = names
    if action == "delete":
        app.adapters.delete(name)
    elif action == "rename":
        app.adapters.rename(name, to)
    elif action == "add":
        app.adapters.add(uploaded(file), name, _base(app))
    elif action != "list":
        raise InvalidInput(
            "There is no action {action!r}. Choose one of {actions}.",
            action=action,
            actions="list, add, rename, delete",
        )
    return [{"name": each.name, "card": each.card.to_json()} for each in app.adapters.all()]
