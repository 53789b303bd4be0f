"""A translation under way: what was ordered, a document's segments, and the text that they make together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from secrets import token_hex
from typing import Any, Literal, get_args

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import Template
from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.detect import detected
from qwen_ui.tabs.translate.files import Document
from qwen_ui.tabs.translate.glossary import Glossary
from qwen_ui.tabs.translate.mending import MENDABLE, put_back, restored
from qwen_ui.tabs.translate.protect import Finding, check, icu_syntax, protected
from qwen_ui.tabs.translate.segments import Part, assemble, split
from qwen_ui.text.languages import Language, find

MAX_SEGMENTS = 10_000
MAX_EDIT = 200_000
"""Characters of a segment's translation."""
MAX_VERSIONS = 10
"""Of a segment's translation."""
AUTO = "auto"
"""Instead of a source language: the one that the text seems to be in."""

Tone = Literal["plain", "formal", "informal"]
State = Literal["waiting", "writing", "done", "edited", "truncated", "stopped", "failed"]
"""``truncated``: the answer reached its limit of tokens. ``stopped``: only a part of it was written."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to translate. Raises `InvalidInput` for an unknown tone."""

    template: Template
    target: Language
    source: Language | None = None
    """None when it is not known."""
    tone: str = "plain"
    terms: Glossary = field(default_factory=Glossary)

    def __post_init__(self) -> None:
        if self.tone not in get_args(Tone):
            tones = ", ".join(get_args(Tone))
            raise InvalidInput("The tone must be one of {tones}, not {tone!r}.", tones=tones, tone=self.tone)


def order_for(
    texts: Sequence[str], template: Template, target: Any, source: Any, tone: str = "plain", terms: Any = ""
) -> Order:
    """How to translate the texts. Languages are named, and the glossary's terms are its text.

    Raises `InvalidInput` for a language or a glossary that can't be used.
    """
    if not isinstance(target, str) or not target.strip():
        raise InvalidInput("Name the target language by its code or name.")
    if not isinstance(source, str) or not source.strip():
        raise InvalidInput("Name the source language by its code or name.")
    if not isinstance(terms, str):
        raise InvalidInput("The glossary must be text, one line per term: term = translation.")
    language = detected(texts) if source.strip().lower() == AUTO else find(source)
    wanted = find(target)
    return Order(template, wanted, language, tone, glossary.parse(terms, language, wanted).prepared())


@dataclass(frozen=True, slots=True)
class Version:
    """One of several translations of a segment."""

    translation: str
    state: State
    restored: tuple[Finding, ...] = ()
    """What was put back into it, as the model had lost it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a document that is translated by itself."""

    source: str
    translation: str = ""
    state: State = "waiting"
    error: Exception | None = None
    """Why there is no translation, or no newer one."""
    findings: tuple[Finding, ...] = ()
    """What the translation may have lost, once it is whole, and what was put back."""
    restored: tuple[Finding, ...] = ()
    """What was put back into the translation, as the model had lost it."""
    others: tuple[Version, ...] = ()
    """Its other translations, in the order in which they were made."""
    version: int = 0
    """The place of its translation among them all."""

    @property
    def versions(self) -> tuple[Version, ...]:
        """All its translations."""
        shown = Version(self.translation, self.state, self.restored)
        return (*self.others[: self.version], shown, *self.others[self.version :])

    def showing(self, version: int) -> "Segment":
        """With another of its translations. Raises `InvalidInput` where there is none."""
        versions = self.versions
        if not 0 <= version < len(versions):
            raise InvalidInput("This version is no longer there.")
        others = (*versions[:version], *versions[version + 1 :])
        shown = versions[version]
        segment = Segment(self.source, shown.translation, shown.state, restored=shown.restored)
        return replace(segment, others=others, version=version)

    def after(self, before: "Segment") -> "Segment":
        """With what it was before among its versions."""
        is_other = before.whole and before.translation and before.translation != self.translation
        others = (before.versions if is_other else before.others)[1 - MAX_VERSIONS :]
        return replace(self, others=others, version=len(others))

    @property
    def whole(self) -> bool:
        """Whether its translation has come to its end."""
        return self.state in {"done", "edited", "truncated"}

    @property
    def lacks(self) -> bool:
        """Whether it lacks something that `put_back` knows."""
        return any(finding.kind in MENDABLE and not finding.restored for finding in self.findings)

    def checked(self, terms: Glossary) -> "Segment":
        """With what its translation may have lost or was put back into it, if it is whole."""
        if not self.whole:
            return self
        truncated = [Finding("truncated")] if self.state == "truncated" else []
        return replace(self, findings=(*truncated, *check(self.source, self.translation, terms), *self.restored))

    def mended(self) -> "Segment":
        """With all put back that its model has lost and that can be put back without a doubt, if it is whole."""
        if not self.whole:
            return self
        translation, found = restored(self.source, self.translation)
        return replace(self, translation=translation, restored=tuple(found))


@dataclass(slots=True, eq=False)
class Translation:
    """A document and how far its segments are. It changes while it is worked on and edited, both on the event loop."""

    order: Order
    document: Document
    parts: tuple[tuple[Part, ...], ...]
    """The parts of each of the document's texts."""
    segments: list[Segment]
    """One for each part to translate, in order."""
    id: str = field(default_factory=lambda: token_hex(8))
    """Tells it from others on the page."""
    running: bool = False
    """Whether segments are being translated now."""

    @property
    def is_file(self) -> bool:
        """Whether it was a file, and not typed."""
        return bool(self.document.name)

    @property
    def missing(self) -> list[int]:
        """The places of the segments that are not wholly translated."""
        return [place for place, segment in enumerate(self.segments) if not segment.whole]

    @property
    def error(self) -> Exception | None:
        """Of the first segment that failed."""
        return next((segment.error for segment in self.segments if segment.error), None)

    def put(self, places: Sequence[int], segment: Segment) -> None:
        """Takes news of segments of one text, but not for those that their reader has edited meanwhile."""
        checked = segment.checked(self.order.terms)
        for place in places:
            if self.segments[place].state != "edited":
                self.segments[place] = checked

    def edit(self, place: int, text: str) -> None:
        """Takes a reader's translation of a segment; without one, it waits to be translated.

        Raises `InvalidInput` for what is not valid text.
        """
        self.segments[place] = self._edited(self.segments[place], text)

    def _edited(self, segment: Segment, text: str) -> Segment:
        text = Message("assistant", text).content.strip()
        if len(text) > MAX_EDIT:
            raise InvalidInput(
                "The translation of a segment can't be longer than {limit:,} characters.", limit=MAX_EDIT
            )
        state: State = "edited" if text else "waiting"
        edited = replace(segment, translation=text, state=state, error=None, findings=(), restored=())
        return edited.checked(self.order.terms)

    def show(self, place: int, version: int) -> None:
        """Goes to another version of a segment's translation. Raises `InvalidInput` where there is none."""
        self.segments[place] = self.segments[place].showing(version).checked(self.order.terms)

    @property
    def mendable(self) -> list[int]:
        """The places of the segments that lack something that can be put back."""
        return [place for place, segment in enumerate(self.segments) if segment.lacks]

    def mended(self) -> list[tuple[int, Segment, Segment]]:
        """The segments that lack something: their places, as they are, and with all put back that can be.

        Not for the event loop: it takes milliseconds for each. `take` takes them.
        """
        found = [(place, self.segments[place]) for place in self.mendable]
        return [
            (place, segment, self._edited(segment, put_back(segment.source, segment.translation)))
            for place, segment in found
        ]

    def take(self, mended: Sequence[tuple[int, Segment, Segment]]) -> None:
        """Takes what `mended` gave, but for segments that have changed meanwhile."""
        for place, before, after in mended:
            if self.segments[place] is before:
                self.segments[place] = after

    def reorder(self, order: Order) -> None:
        """Goes on under another order, and with its glossary."""
        if order.terms != self.order.terms:
            self.segments[:] = [segment.checked(order.terms) for segment in self.segments]
        self.order = order

    def so_far(self, only_final: bool = False) -> str:
        """The translations in order, up to the first segment that is not whole, with what there is of that one.

        With ``only_final`` nothing is in it that may still change: while segments are written, it only gets longer. Of
        one that has something to lose nothing is there before it is whole, for it may be asked for once more.
        """
        texts: list[str] = []
        segments = iter(self.segments)
        for parts in self.parts:
            shown: list[Part] = []
            translations: list[str] = []
            for part in parts:
                shown.append(part)
                if not part.is_segment:
                    continue
                segment = next(segments)
                # A value in quotation marks ends with one: it is shown when it is whole.
                held_back = part.is_value or (only_final and any(protected(segment.source)))
                translations.append("" if held_back and not segment.whole else segment.translation)
                if not segment.whole:
                    return "\n".join([*texts, assemble(shown, translations, self.order.target)])
            texts.append(assemble(shown, translations, self.order.target))
        return "\n".join(texts)

    def results(self) -> list[str]:
        """A text for each of the document's; what is not wholly translated stays in its own language."""
        texts = iter([segment.translation if segment.whole else segment.source for segment in self.segments])
        return [
            assemble(parts, list(islice(texts, sum(part.is_segment for part in parts))), self.order.target)
            for parts in self.parts
        ]

    def file(self) -> bytes:
        """The document with the translations in their places."""
        return self.document.write(self.results(), self.order.target)

    def findings(self) -> list[tuple[int, Finding]]:
        """What the translations may have lost, each with its segment's place."""
        return [(place, finding) for place, segment in enumerate(self.segments) for finding in segment.findings]

    def reversed(self, order: Order) -> "Translation":
        """The translations as a document to translate back."""
        return begin(replace(self.document, texts=tuple(self.results())), order)


def begin(document: Document, order: Order) -> Translation:
    """The document cut into segments. Raises `InvalidInput` when they are too many."""
    is_markdown = document.name.lower().endswith(".md")
    parts = tuple(tuple(_parts(text, is_markdown)) for text in document.texts)
    segments = [Segment(part.prose) for text in parts for part in text if part.is_segment]
    if len(segments) > MAX_SEGMENTS:
        raise InvalidInput(
            "This text has {count:,} segments; at most {limit:,} are possible. Split it.",
            count=len(segments),
            limit=MAX_SEGMENTS,
        )
    return Translation(order, document, parts, segments)


def _parts(text: str, is_markdown: bool) -> Iterator[Part]:
    """Its segments, and what is kept. Each branch of an ICU message is translated by itself, and its syntax kept."""
    at = 0
    for start, end in icu_syntax(text):
        yield from split(text[at:start], is_markdown=is_markdown)
        yield Part(text[start:end], False)
        at = end
    yield from split(text[at:], is_markdown=is_markdown)


def typed(text: str) -> Document:
    """A typed text as a document without a name. Raises `InvalidInput` when it is empty or no valid text."""
    if not Message("user", text).content.strip():
        raise InvalidInput("There is nothing to translate. Enter or paste a text first.")
    return Document("", (text.replace("\r\n", "\n"),), lambda texts, _: texts[0].encode())
