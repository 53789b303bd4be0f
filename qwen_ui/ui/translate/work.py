"""A translation under way: what was asked for, its pieces, and the text that they make together. All pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.tasks.translate import Document, Finding, Language, Segment, assemble, check, split
from qwen_ui.tasks.translate.glossary import Term

MAX_PIECES = 10_000
STANDARD = "standard"

State = Literal["waiting", "writing", "done", "cut", "stopped", "failed"]
"""``cut``: the answer reached its limit of tokens. ``stopped``: only a part of it was written."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to translate."""

    target: Language
    source: Language | None = None
    """None when it is not known."""
    tone: str = "plain"
    terms: tuple[Term, ...] = ()
    template: str = STANDARD
    """The id of the prompt file."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that is translated by itself."""

    source: str
    translation: str = ""
    state: State = "waiting"
    error: Exception | None = None

    @property
    def whole(self) -> bool:
        """Whether its translation has come to its end."""
        return self.state in {"done", "cut"}


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A document with its pieces, one for each segment to translate, in order."""

    order: Order
    document: Document
    parts: tuple[tuple[Segment, ...], ...]
    """The segments of each of the document's texts."""
    pieces: tuple[Piece, ...]

    @property
    def is_file(self) -> bool:
        """Whether it was a file, and not typed."""
        return bool(self.document.name)

    @property
    def missing(self) -> list[int]:
        """The places of the pieces that are not wholly translated."""
        return [place for place, piece in enumerate(self.pieces) if not piece.whole]

    def with_piece(self, place: int, piece: Piece) -> "Work":
        """With another piece in that place."""
        return replace(self, pieces=(*self.pieces[:place], piece, *self.pieces[place + 1 :]))

    def so_far(self) -> str:
        """The translations in order, up to the first piece that is not whole, with what there is of that one.

        While no piece changes, but they grow and are finished, this only gets longer.
        """
        texts, first = [], 0
        for part in self.parts:
            pieces = self.pieces[first : first + sum(segment.translate for segment in part)]
            first += len(pieces)
            whole = next((place for place, piece in enumerate(pieces) if not piece.whole), None)
            shown = part if whole is None else _up_to(part, whole)
            count = len(pieces) if whole is None else whole + 1
            texts.append(assemble(shown, [piece.translation for piece in pieces[:count]], self.order.target))
            if whole is not None:
                break
        return "\n".join(texts)

    def results(self) -> list[str]:
        """A text for each of the document's; pieces without a translation stay in their own language."""
        pieces = iter(self.pieces)
        return [
            assemble(part, [piece.translation or piece.source for piece in _take(pieces, part)], self.order.target)
            for part in self.parts
        ]

    def file(self) -> bytes:
        """The document with the translations in their places."""
        return self.document.write(self.results())

    def findings(self) -> list[tuple[int, Finding]]:
        """What the translations may have lost, each with its piece's place."""
        return [
            (place, finding)
            for place, piece in enumerate(self.pieces)
            if piece.whole
            for finding in check(piece.source, piece.translation, self.order.terms)
        ]


def begin(document: Document, order: Order) -> Work:
    """The document cut into pieces. Raises `InvalidInput` when they are too many."""
    parts = tuple(tuple(split(text)) for text in document.texts)
    pieces = tuple(Piece(segment.text) for part in parts for segment in part if segment.translate)
    if len(pieces) > MAX_PIECES:
        raise InvalidInput(f"That makes {len(pieces):,} segments; {MAX_PIECES:,} are possible. Split it.")
    return Work(order, document, parts, pieces)


def typed(text: str) -> Document:
    """A typed text as a document without a name. Raises `InvalidInput` when it is empty or no valid text."""
    Message("user", text)
    if not text.strip():
        raise InvalidInput("There is nothing to translate. Write or paste a text first.")
    return Document("", (text.replace("\r\n", "\n"),), lambda texts: texts[0])


def translated(work: Work, order: Order) -> Work:
    """The work's translations as the document of a new work: to translate them back, say."""
    return begin(replace(work.document, texts=tuple(work.results())), order)


def _up_to(part: Sequence[Segment], count: int) -> Sequence[Segment]:
    """The segments up to the one to translate that has so many of its kind before it."""
    places = [place for place, segment in enumerate(part) if segment.translate]
    return part[: places[count] + 1]


def _take(pieces: Iterator[Piece], part: Sequence[Segment]) -> list[Piece]:
    return [next(pieces) for segment in part if segment.translate]
