"""Files in a conversation: the text of each, and passages of them, as the browser keeps both.

An attachment stands in the conversation itself, so that it is there after a reload and in an export.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.passages import Part, Passage, cut
from qwen_ui.knowledge.source import Memory, SearchHit
from qwen_ui.messages import Message
from qwen_ui.sentences import Sentence

LONGEST = 300_000
"""Characters of a message's attachments together: they are indexed for each question, in under a second up to here."""
MOST = 10
"""Attachments of a message."""
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg", ".tif", ".tiff", ".heic", ".avif"})
"""What files that hold no text end in."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file's text. Raises `InvalidInput` for what is none."""

    name: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.parts:
            raise _damaged()
        for text in (self.name, *(part.text for part in self.parts)):
            Message("user", text)  # refuses what is not valid Unicode

    @property
    def length(self) -> int:
        """In characters."""
        return sum(len(part.text) for part in self.parts)


Attachments = tuple[Attachment, ...]


def check(attachments: Sequence[Attachment]) -> None:
    """Raises `InvalidInput` for more than a message may have."""
    if len(attachments) > MOST:
        raise InvalidInput("A message may have up to {limit} attachments. Remove some.", limit=MOST)
    if (length := sum(each.length for each in attachments)) > LONGEST:
        raise InvalidInput(
            "The attachments have {count:,} characters together, and {limit:,} are possible. Remove some, or add them "
            "to “My documents” in the Ask tab.",
            count=length,
            limit=LONGEST,
        )


def is_image(name: str) -> bool:
    """Whether a file of that name is an image."""
    return name.lower().endswith(tuple(IMAGES))


def no_image(name: str) -> Sentence:
    """What is said of one."""
    return Sentence(
        "{file} is an image, and this model reads only text. Attach a document, or paste the text.", file=name
    )


def searchable(attachments: Sequence[Attachment]) -> Memory:
    """Them as one source to search. It takes up to a second."""
    passages = [passage for each in attachments for passage in cut(each.parts, each.name)]
    return Memory(
        Passage(id, each.document, each.heading, each.page, each.text, each.position)
        for id, each in enumerate(passages)
    )


def attachment_to_json(attachment: Attachment) -> dict[str, Any]:
    """As the browser and files keep it."""
    return {"name": attachment.name, "parts": [[part.page, part.text] for part in attachment.parts]}


def attachment_from_json(value: Any) -> Attachment:
    """What was kept. Raises `InvalidInput` for what is none."""
    if not isinstance(value, Mapping) or not isinstance(name := value.get("name"), str):
        raise _damaged()
    parts = value.get("parts")
    if not isinstance(parts, list):
        raise _damaged()
    return Attachment(name, tuple(map(_part, parts)))


def _part(value: Any) -> Part:
    match value:
        case [int() | None as page, str(text)] if not isinstance(page, bool):
            return Part(text, page)
    raise _damaged()


def hit_to_json(hit: SearchHit) -> dict[str, Any]:
    """As the browser and files keep it."""
    passage = hit.passage
    kept = {"document": passage.document, "heading": passage.heading, "page": passage.page, "text": passage.text}
    return kept | {"score": round(hit.score, 4)}


def hit_from_json(number: int, value: Any) -> SearchHit:
    """What was kept. Raises `InvalidInput` for what is none."""
    match value:
        case {
            "document": str(document),
            "heading": str(heading),
            "page": int() | None as page,
            "text": str(text),
            "score": int() | float() as score,
        }:
            for said in (document, heading, text):
                Message("user", said)
            return SearchHit(Passage(number, document, heading, page, text, number), score)
    raise _damaged()


def _damaged() -> InvalidInput:
    return InvalidInput("It is damaged: an attachment of it can't be read.")
