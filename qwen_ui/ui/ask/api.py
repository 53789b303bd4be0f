"""What scripts call: /ask. Its name, parameters and result are a contract."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr
from gradio.events import api

from qwen_ui.config import Settings
from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.library import Library
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks import ask as task
from qwen_ui.ui.api import API, sentences
from qwen_ui.ui.ask.dialogue import TAB
from qwen_ui.ui.ask.sources import Basis, fitting, look_up
from qwen_ui.ui.assistants import first
from qwen_ui.ui.streaming import Running, follow
from qwen_ui.ui.texts import EN, saying
from qwen_ui.ui.visitors import owner, visit

_HAN = re.compile(r"[㐀-鿿]")


def endpoint(host: EngineHost, prompts: PromptStore, running: Running, settings: Settings, library: Library) -> None:
    """Adds the endpoint to the page that is being built."""

    async def ask(
        question: str, request: gr.Request, context: str = "", collection: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """Answers the question: from the context, a text; from a collection of documents, by its name; or from neither.

        Gives {"answer", "citations": [{"number", "source", "passage", "score"}]}, streamed. The model is not asked
        when nothing there fits the question; the answer then says so.
        """
        with sentences():
            engine = visit(host, request, TAB, "api").engine
            basis = await asyncio.to_thread(basis_of, library, question, context, collection, owner(host, request))
            passages = await look_up(library, basis, question, (), saying(EN))
            if passages == ():
                yield task.not_found(question).as_dict()
                return
            template = _template(prompts, question)
            sampling = template.sampling()
            given = fitting(engine, template, question, passages or (), sampling.max_new_tokens)
            stream = engine.stream(task.build(template, question, given), sampling)
            with running.track(request.session_hash or "", API, stream):
                async with aclosing(follow(stream)) as answers:
                    async for answer in answers:
                        yield task.parse(answer.text, given).as_dict()

    ask.__annotations__["return"] = dict[str, Any]  # for the API's description: what one update is
    api(ask, api_name="ask", concurrency_limit=None)


def basis_of(library: Library, question: Any, context: Any, collection: Any, who: str = "") -> Basis:
    """What to answer from. Raises `InvalidInput` for what can't be used."""
    for name, value in (("question", question), ("context", context), ("collection", collection)):
        if not isinstance(value, str):
            raise InvalidInput(f"The {name} must be text, not {type(value).__name__}.")
    if not Message("user", question).content.strip():
        raise InvalidInput("The question is empty. Ask something.")
    if context.strip() and collection.strip():
        raise InvalidInput("Give a context or a collection, not both.")
    if collection.strip():
        return Basis("documents", collection=_named(library, collection, who), owner=who)
    return Basis("text", context, text_name="context") if context.strip() else Basis()


def _named(library: Library, name: str, who: str) -> str:
    """The id of the collection. Raises `InvalidInput` with the names there are."""
    try:
        return library.named(name, who).id
    except InvalidInput as error:
        there = ", ".join(info.name for info in library.collections(who)) or "none"
        raise InvalidInput(f"{error} There are: {there}.") from error


def _template(prompts: PromptStore, question: str) -> Template:
    """The first template in the question's language."""
    id = first(prompts.list(TAB).templates, chinese=bool(_HAN.search(question)))
    if id is None:
        raise InvalidInput("There is no prompt file to ask with. Restore prompts/ask/answer.prompty.")
    return prompts.load(TAB, id)
