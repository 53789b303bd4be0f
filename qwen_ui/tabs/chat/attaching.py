"""The files of the next message: chosen, dropped or pasted, and shown as chips above the box until it is sent."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.knowledge.library import Upload
from qwen_ui.knowledge.passages import Part
from qwen_ui.page.app import App
from qwen_ui.page.encoding import EncodingChoice
from qwen_ui.page.events import Buttons, Event, Events, Run, Values, brought
from qwen_ui.page.kept import Kept, not_kept
from qwen_ui.page.status import line
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat.attachments import Attachments, attachment_from_json, attachment_to_json, check
from qwen_ui.tabs.chat.reading import Reading, Waiting, counted, read, tokens_of
from qwen_ui.text.decode import UncertainEncoding

SCRIPT = (Path(__file__).parent / "attaching.js").read_text("utf-8")
ATTACHING = "chat-attaching"
"""The name of the work that reads files; it goes on while answers are written."""
NOT_ATTACHED = marked("Not attached: {error}")
LONG_PASTE = 4_000
"""Characters of a pasted text that is offered as an attachment."""


class Attaching:
    """The widgets, laid out by `above` and `button`. `wire` connects them."""

    def __init__(self, app: App, new_tokens: gr.Slider) -> None:
        self._app, self._new_tokens = app, new_tokens
        self.kept = Kept(ATTACHING)

    def above(self) -> None:
        """Makes what stands above the box where this is called."""
        self._chips = gr.HTML(js_on_load=SCRIPT, padding=False, elem_id="chat-attached")
        self._status = gr.HTML(padding=False, elem_id="chat-attaching")
        self._encoding = EncodingChoice("chat-encoding")
        self._uncertain, self._read = gr.State(()), gr.State(())
        self._stop = gr.Button(label("Stop"), size="sm", variant="stop", visible=False, elem_id="chat-attaching-stop")

    def button(self) -> None:
        """Makes the button that chooses files where this is called."""
        self._upload = gr.UploadButton(
            label("Attach files"), file_count="multiple", scale=0, min_width=44, elem_id="chat-attach"
        )

    @property
    def shown(self) -> list[Component]:
        """What changes with what is attached."""
        return [self.kept.box, self._chips, self._status]

    def ready(self, event: Event) -> Attachments:
        """What is attached, to be sent. Raises `InvalidInput` while files are still read, and for what can't be."""
        if self._app.running.busy(event.session, ATTACHING):
            raise InvalidInput("Files are being read. Stop that first, or wait for its end.")
        return self._attached(event)

    def _attached(self, event: Event) -> Attachments:
        return tuple(each.attachment for each in self._waiting(event))

    def none(self, say: Say) -> Values:
        """With nothing attached, and nothing said of files that were refused."""
        return self.kept.keep(None) | {self._chips: _chips((), "", say), self._status: ""}

    def again(self, event: Event, before: Attachments) -> Values:
        """What was attached to a message, to be attached to the next one too, before what is."""
        count = partial(tokens_of, self._engine(event))
        return self._show(event, [*(counted(each.name, each.parts, count) for each in before), *self._waiting(event)])

    def wire(self, page: gr.Blocks, box: gr.Textbox) -> None:
        """``box`` is what messages are typed into."""
        buttons = Buttons([], self._stop)
        events = Events(self._app, ATTACHING, self._status, buttons, admit=self._app.work, refused=NOT_ATTACHED)
        now = [self.kept.box, self._new_tokens, self._app.picker]
        told = [self._read, self._upload, self._encoding.radio, self._uncertain]
        for read_ in (
            events.run(self._upload.upload, self._reading, [*now, self._upload], told),
            events.run(
                self._encoding.radio.input, self._reading_in, [*now, self._encoding.radio, self._uncertain], told
            ),
        ):
            events.on(read_, self._take, [*now, self._read], [*self.shown, self._read])
        events.stop()
        events.on(self._chips.delete, self._remove, now, self.shown)
        events.on(self._chips.submit, self._pasted, [*now, box], [*self.shown, box], refused=NOT_ATTACHED)
        self.kept.wire(events, self._restore, [self._chips])
        events.on(page.load, lambda event: {self._chips: _chips((), "", event.say)}, (), [self._chips])
        self._box = box

    def _reading(self, event: Event) -> Run[Reading]:
        return self._attach(event, [Upload(Path(file)) for file in event[self._upload] or []], ())

    def _reading_in(self, event: Event) -> Run[Reading]:
        """Reads the first uncertain file in the chosen encoding."""
        if not event[self._uncertain]:
            raise InvalidInput("The server no longer has this file. Attach it again.")
        (upload, _), *others = event[self._uncertain]
        return self._attach(event, [Upload(upload.path, encoding=event[self._encoding.radio])], others)

    def _attach(
        self, event: Event, uploads: Sequence[Upload], others: Iterable[tuple[Upload, UncertainEncoding]]
    ) -> Run[Reading]:
        """Reads the files; those of ``others`` still wait for their encoding."""
        before, count = self._attached(event), partial(tokens_of, self._engine(event))
        address, say = self._app.address(event.request), event.say

        def show(reading: Reading, running: bool) -> Values:
            if running:
                return {}
            uncertain = (*others, *reading.uncertain)
            asked = self._encoding.offer(uncertain[0][1], say) if uncertain else self._encoding.none()
            return {self._read: reading.done, self._uncertain: uncertain} | asked

        def status(reading: Reading, running: bool) -> str:
            told = "".join(line(say("{reason}", reason=each), "error") for each in reading.told)
            return told + (line(say("Reading {file}…", file=reading.current), "busy") if running else "")

        return Run(
            lambda work: read(self._app.library, uploads, address, before, count, lambda: work.stopped),
            show,
            status,
            said=lambda reading: True,
            begun={self._upload: None} | self._encoding.none(),
            broken=NOT_ATTACHED,
        )

    def _take(self, event: Event) -> Values:
        """With what was read; others may have been removed or sent meanwhile."""
        if not event[self._read]:
            return {}
        return self._show(event, [*self._waiting(event), *event[self._read]]) | {self._read: ()}

    def _remove(self, event: Event) -> Values:
        """Without one of them."""
        place = brought(event.data).get("place")
        return self._show(event, [each for at, each in enumerate(self._waiting(event)) if at != place])

    def _pasted(self, event: Event) -> Values:
        """A text that was pasted into the box, as an attachment instead."""
        text, typed = brought(event.data).get("text"), event[self._box] or ""
        if not isinstance(text, str) or text not in typed:
            raise InvalidInput("The text has been changed. Paste it again.")
        before = self._waiting(event)
        one = counted(event.say("Pasted text"), [Part(text)], partial(tokens_of, self._engine(event)))
        check([each.attachment for each in (*before, one)])
        return self._show(event, [*before, one]) | {self._box: typed.replace(text, "", 1)}

    def _restore(self, event: Event, kept: Any) -> Values:
        return {self._chips: self._html(event, _from_json(kept))}

    def _waiting(self, event: Event) -> tuple[Waiting, ...]:
        return _from_json(self.kept.now(event))

    def _show(self, event: Event, waiting: Sequence[Waiting]) -> Values:
        return self.kept.keep(_to_json(waiting) if waiting else None) | {self._chips: self._html(event, waiting)}

    def _html(self, event: Event, waiting: Sequence[Waiting]) -> str:
        """The chips, and whether there is room for all that is attached."""
        engine, total = self._engine(event), sum(each.tokens for each in waiting)
        room = engine.info.context_length - (event.given.get(self._new_tokens) or 0) if engine else total
        note = ""
        if total > room:
            note = event.say(
                "Longer than the context has room for ({room:,} {room:token|tokens}): each message gets the passages "
                "that fit it best.",
                room=max(0, room),
            )
        return _chips(waiting, note, event.say)

    def _engine(self, event: Event) -> Engine | None:
        """What tokens are counted by, if it is there yet."""
        try:
            return self._app.offer.find(event.given.get(self._app.picker) or "").model.engine
        except QwenUIError:  # whoever sends the message is told
            return None


def _to_json(waiting: Sequence[Waiting]) -> list[dict[str, Any]]:
    return [{**attachment_to_json(each.attachment), "tokens": each.tokens} for each in waiting]


def _from_json(kept: Any) -> tuple[Waiting, ...]:
    """What was kept. Raises `InvalidInput` for what is none."""
    if kept is None:
        return ()
    if not isinstance(kept, list) or not all(
        isinstance(each, Mapping) and type(each.get("tokens")) is int for each in kept
    ):
        raise not_kept()
    return tuple(Waiting(attachment_from_json(each), each["tokens"]) for each in kept)


def _chips(waiting: Sequence[Waiting], note: str, say: Say) -> str:
    """What is attached, each with a button that removes it; and what offers to attach a long paste. HTML."""
    items = "".join(_chip(place, each, say) for place, each in enumerate(waiting))
    chips = f'<ul class="chips" aria-label="{escape(say("Attachments"))}">{items}</ul>' if items else ""
    told = f'<p class="status note" role="status">{escape(note)}</p>' if note else ""
    return (
        f'{chips}{told}<p class="offer" role="status" data-longer-than="{LONG_PASTE}" hidden>'
        f"{escape(say('You pasted a long text.'))} "
        f'<button type="button" data-do="attach">{escape(say("Attach it as a file"))}</button>'
        f'<button type="button" data-do="leave" aria-label="{escape(say("Close"))}">✕</button></p>'
    )


def _chip(place: int, each: Waiting, say: Say) -> str:
    name = each.attachment.name
    remove = escape(say("Remove {file}", file=name))
    tokens = escape(say("{count:,} {count:token|tokens}", count=each.tokens))
    return (
        f'<li class="chip"><span class="name" title="{escape(name)}">{escape(name)}</span> <small>{tokens}</small>'
        f'<button type="button" data-place="{place}" aria-label="{remove}" title="{remove}">✕</button></li>'
    )
