"""What an answer stands on: the model alone, a pasted text or a collection, and the passages found there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.library import Library
from qwen_ui.knowledge.source import Found, Source, pasted
from qwen_ui.knowledge.terms import is_general, question_terms
from qwen_ui.messages import Message
from qwen_ui.prompts import Template
from qwen_ui.tasks import ask
from qwen_ui.ui.texts import Say

Kind = Literal["model", "text", "documents"]
LONGEST_TEXT = 300_000
"""Characters of a pasted text: it is indexed anew for each question, which takes under a second up to here."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What the user chose to answer from."""

    kind: Kind = "model"
    text: str = ""
    """The pasted text."""
    collection: str | None = None
    """The collection's id."""
    text_name: str = ""
    """What the pasted text is called where it is cited."""
    owner: str = ""
    """Whose collections there are (see `Library`)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that was found, as the task takes it."""

    text: str
    document: str
    heading: str
    page: int | None
    score: float


async def look_up(
    library: Library, basis: Basis, question: str, history: Sequence[Message], say: Say
) -> tuple[Evidence, ...] | None:
    """The passages to answer from, best first; None where the model answers alone.

    Raises `InvalidInput` when what was chosen holds nothing to look in.
    """
    if basis.kind == "model":
        return None
    found = await asyncio.to_thread(lambda: _retrieve(_open(library, basis, say), question, history))
    return tuple(_evidence(each) for each in found)


def _open(library: Library, basis: Basis, say: Say) -> Source:
    if basis.kind == "text":
        return _pasted(basis, say)
    if not basis.collection:
        raise InvalidInput(say("ask_no_collection"))
    collection = library.open(basis.collection, basis.owner)
    if not collection.openings(1):
        raise InvalidInput(say("ask_no_documents"))
    return collection


def _pasted(basis: Basis, say: Say) -> Source:
    if not basis.text.strip():
        raise InvalidInput(say("ask_no_text"))
    if len(basis.text) > LONGEST_TEXT:
        raise InvalidInput(say("ask_text_too_long", count=f"{len(basis.text):,}", limit=f"{LONGEST_TEXT:,}"))
    Message("user", basis.text)  # refuses what is not valid Unicode
    return pasted(basis.text, basis.text_name)


def _retrieve(source: Source, question: str, history: Sequence[Message]) -> list[Found]:
    # "Summarize it" names the whole documents; "Why?" names nothing, and is about what was asked before.
    if is_general(question) and (not history or question_terms(question)):
        return source.openings()
    return source.retrieve(ask.search_query(question, history))


def _evidence(found: Found) -> Evidence:
    passage = found.passage
    return Evidence(passage.text, passage.document, passage.heading, passage.page, found.score)


def fitting(
    engine: Engine, template: Template, question: str, passages: Sequence[Evidence], new_tokens: int
) -> tuple[Evidence, ...]:
    """As many of the passages, best first, as leave room for the answer; one at least, if there are any."""
    room = engine.info.context_length - new_tokens
    for count in range(len(passages), 1, -1):
        if engine.count_tokens(ask.build(template, question, passages[:count])) <= room:
            return tuple(passages[:count])
    return tuple(passages[:1])
