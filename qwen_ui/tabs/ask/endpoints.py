"""/ask, /search and /collections, as scripts call them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.citations import is_chinese, parse
from qwen_ui.knowledge.proof import supporting
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.messages import Message
from qwen_ui.page.app import App
from qwen_ui.page.templates import own_first
from qwen_ui.prompts import Template
from qwen_ui.tabs.ask import search, task
from qwen_ui.tabs.ask.search import check_documents

ID = "ask"


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """The three."""

    async def ask(
        question: str,
        request: gr.Request,
        context: str = "",
        collection: str = "",
        adapter: str = "",
        model: str = "",
        documents: list[str] = [],  # noqa: B006  part of the contract, and never changed
    ) -> AsyncIterator[dict[str, Any]]:
        """Answers the question: from the context, a text; from a collection of documents, by its name; or from neither.

        The model is not asked when nothing there fits the question; the answer then says so.

        Parameters:
            question: The question.
            context: A text to answer from, where no collection is named.
            collection: The name of a collection of documents to answer from, where no context is given.
            documents: The names of those of its documents to answer from; all of them where there are none.
        Returns:
            {"answer", "citations": [{"number", "source", "passage", "score", "support"}]}, streamed as it grows. The
            support is how many times as likely the passage makes a sentence of the answer, at most; null where that
            is not known. Where the model can tell, a last item has it, and "sentences" besides: [{"text", "number",
            "support"}], with the passage that each rests on, or null where no passage supports it.
        """
        _check(question, context, collection)
        check_documents(documents, collection)
        open_source: task.OpenSource | None = None
        if context.strip():
            open_source = partial(task.pasted_text, context, "context")
        elif collection.strip():
            open_source = partial(task.named_documents, app.library, collection, app.owner(request), documents)
        template = await asyncio.to_thread(_template, app, question)
        asking = partial(task.ask, template=template, question=question, open_source=open_source)
        async for result in app.serve(request, ID, asking, adapter, model):
            if result.passages is not None:
                yield _told(result, result.passages)

    return [ask, *search.endpoints(app)]


def _told(result: task.Result, passages: Sequence[SearchHit]) -> dict[str, Any]:
    """What there is of an answer."""
    answer, support = result.answer.text, supporting(result.proof)
    told = parse(answer, passages, support).as_dict()
    if result.proof:
        told["sentences"] = [
            {"text": answer[each.start : each.end], "number": each.number, "support": round(each.support, 4)}
            for each in result.proof
        ]
    return told


def _check(question: Any, context: Any, collection: Any) -> None:
    for name, value in (("question", question), ("context", context), ("collection", collection)):
        if not isinstance(value, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name=name, kind=type(value).__name__)
    if not Message("user", question).content.strip():
        raise InvalidInput("The question is empty. Ask something.")
    if context.strip() and collection.strip():
        raise InvalidInput("Give a context or a collection, not both.")


def _template(app: App, question: str) -> Template:
    """The first template in the question's language."""
    for template in own_first(app.prompts.list(ID).templates, is_chinese(question)):
        return template
    raise InvalidInput("There is no prompt file to ask with. Restore prompts/ask/answer.prompty.")
