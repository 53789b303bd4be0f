"""/search and /collections, as scripts call them: what is in the collections, without asking the model."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.citations import Citation, look_up, numbered_citations
from qwen_ui.messages import Message
from qwen_ui.page.app import App
from qwen_ui.tabs.ask.task import named_documents

MOST = 50
"""Passages that a search can give."""
LONGEST = 2_000
"""Characters of a query."""


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """The two."""

    async def search(
        query: str,
        collection: str,
        request: gr.Request,
        top: int = 5,
        documents: list[str] = [],  # noqa: B006  part of the contract, and never changed
    ) -> dict[str, Any]:
        """Searches the documents of a collection, without asking the model.

        Parameters:
            query: What to look for: a question or some words, in the language of the documents.
            collection: The name of the collection.
            top: How many passages at most, from 1 to 50.
            documents: The names of those of its documents to search; all of them where there are none.
        Returns:
            {"passages": [{"number", "source", "passage", "score"}]}, best first; none where nothing fits.
        """
        _check(query, collection, top)
        check_documents(documents, collection)

        def find() -> list[dict[str, Any]]:
            source = named_documents(app.library, collection, app.owner(request), documents)
            return [_told(each) for each in numbered_citations(look_up(source, query, limit=top))]

        with app.host.admit(app.address(request)):
            return {"passages": await asyncio.to_thread(find)}

    async def collections(request: gr.Request) -> dict[str, Any]:
        """Lists the collections of documents that questions and searches can name.

        Returns:
            {"collections": [{"name", "documents", "passages"}]}, with how many there are of each.
        """
        found = await asyncio.to_thread(app.library.collections, app.owner(request))
        return {"collections": [{"name": c.name, "documents": c.documents, "passages": c.passages} for c in found]}

    return [search, collections]


def _told(citation: Citation) -> dict[str, Any]:
    """A passage that was found: no answer is there that it could support."""
    return {name: value for name, value in asdict(citation).items() if name != "support"}


def check_documents(documents: Any, collection: str) -> None:
    """Raises `InvalidInput` for what is no list of names, and for names of no collection's documents."""
    if not (isinstance(documents, list) and all(isinstance(name, str) for name in documents)):
        raise InvalidInput("The documents must be a list of names.")
    if documents and not collection.strip():
        raise InvalidInput("Name the collection that the documents are in.")


def _check(query: Any, collection: Any, top: Any) -> None:
    for name, value in (("query", query), ("collection", collection)):
        if not isinstance(value, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name=name, kind=type(value).__name__)
    if not Message("user", query).content.strip():
        raise InvalidInput("The query is empty. Say what to look for.")
    if len(query) > LONGEST:
        raise InvalidInput("The query is too long: up to {limit:,} characters are possible.", limit=LONGEST)
    if isinstance(top, bool) or not (isinstance(top, int) and 1 <= top <= MOST):
        raise InvalidInput("top must be a whole number from 1 to {most}.", most=MOST)
