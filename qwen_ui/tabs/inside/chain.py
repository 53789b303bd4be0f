"""Generation by hand: tokens that are appended to the text one by one, so that their borders stay as they are."""

from dataclasses import dataclass

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Source
from qwen_ui.introspect.results import ForwardResult, Piece
from qwen_ui.messages import text_of
from qwen_ui.page.events import Event, Values
from qwen_ui.tabs.inside.task import Held, source_of


@dataclass(frozen=True, slots=True)
class Grown:
    """A text that tokens were appended to."""

    text: str
    """What the box held when the first was."""
    reading: str
    ids: tuple[int, ...]
    """Of the whole."""
    appended: tuple[Piece, ...] = ()


class Chain:
    """What is looked at: the text of the box, with what was appended to it."""

    def __init__(self, text: gr.Textbox, reading: gr.Radio) -> None:
        self._text, self._reading = text, reading
        self.grown = gr.State(None)

    def of(self, event: Event) -> Grown | None:
        """The text with what was appended to it; None where nothing was, or the text has changed since."""
        grown: Grown | None = event[self.grown]
        if grown and (grown.text, grown.reading) == (event[self._text], event[self._reading]):
            return grown
        return None

    def source(self, event: Event) -> Source:
        """What is to be looked at. Raises `InvalidInput` when there is none."""
        if grown := self.of(event):
            return Source(ids=grown.ids)
        return source_of(event[self._text] or "", event[self._reading] == "chat")

    def append(self, event: Event, held: Held | None, id: int) -> Values:
        """Appends the token with that id to what was looked at."""
        if held is None or not isinstance(held.result, ForwardResult) or held.result.look.source != self.source(event):
            raise InvalidInput("The text has changed since it was looked at. Look again first.")
        known = {piece.id: piece for piece in held.result.next.likeliest}
        if id not in known:
            raise InvalidInput("That token is not among those that are shown.")
        before = self.of(event)
        return {
            self.grown: Grown(
                event[self._text],
                event[self._reading],
                (*(piece.id for piece in held.result.pieces), id),
                (*(before.appended if before else ()), known[id]),
            )
        }

    def undo(self, event: Event) -> Values:
        """Takes the last token away again."""
        grown = self.of(event)
        if grown is None or not grown.appended:
            raise InvalidInput("No token was appended.")
        left = Grown(grown.text, grown.reading, grown.ids[:-1], grown.appended[:-1])
        return {self.grown: left if left.appended else None}

    def taken(self, held: Held) -> Values:
        """The fields as they are for a look from a file."""
        source: Source | None = getattr(held.result.look, "source", None)
        if source is None:
            return {}
        if source.text or (len(source.messages) == 1 and source.messages[0].role == "user"):
            chat = bool(source.messages)
            text = source.messages[0].content if chat else source.text
            return {self._text: text, self._reading: "chat" if chat else "text", self.grown: None}
        pieces: tuple[Piece, ...] = getattr(held.result, "pieces", ())
        text = text_of([piece.token for piece in pieces])
        grown = Grown(text, "text", source.ids) if source.ids else None
        return {self._text: text, self._reading: "text", self.grown: grown}
