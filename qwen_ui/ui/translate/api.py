"""The /translate endpoint. Its name, parameters and result are a contract."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import gradio as gr
from gradio.events import api

from qwen_ui.config import Settings
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.api import API, sentences
from qwen_ui.ui.streaming import Running, follow
from qwen_ui.ui.translate.batch import TASK, Batch, starter
from qwen_ui.ui.translate.orders import ordered
from qwen_ui.ui.translate.work import begin, typed
from qwen_ui.ui.visitors import visit


def endpoint(host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> None:
    """Adds the endpoint to the page that is being built."""

    async def translate(
        text: str, request: gr.Request, target: str = "French", source: str = "auto", glossary: str = ""
    ) -> AsyncIterator[str]:
        """Translates the text. Languages are named by code, English or own name. Gives the text so far, streamed."""
        with sentences():
            document = typed(text)
            order = await asyncio.to_thread(ordered, document.texts, target, source, glossary=glossary)
            work = await asyncio.to_thread(begin, document, order)
            start = starter(visit(host, request, TASK, "api"), prompts, order)
            batch = Batch(work, range(len(work.pieces)), start, settings.pieces_at_once)
            with running.track(request.session_hash or "", API, batch):
                async with aclosing(follow(batch)) as answers:
                    async for answer in answers:
                        if batch.error:
                            raise batch.error
                        yield answer.text

    translate.__annotations__["return"] = str  # for the API's description: what one update is
    api(translate, api_name="translate", concurrency_limit=None)
