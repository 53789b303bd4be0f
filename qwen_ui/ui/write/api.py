"""/write, as scripts call it. Names, parameters and results are a contract."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import gradio as gr
from gradio.events import api

from qwen_ui.config import Settings
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.write import build
from qwen_ui.ui.api import API, sentences
from qwen_ui.ui.streaming import Running, follow
from qwen_ui.ui.visitors import visit
from qwen_ui.ui.write.versions import TASK


def endpoint(host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> None:
    """Adds /write to the page that is being built."""

    async def write(
        text: str,
        request: gr.Request,
        template: str = "continue",
        max_new_tokens: int = 512,
        temperature: float = 0.8,
    ) -> AsyncIterator[str]:
        """Continues the text, or writes what the template makes of it. Gives the text so far, streamed."""
        with sentences():
            chosen = prompts.load(TASK, template)
            messages = build(chosen, Message("user", text).content)
            sampling = chosen.sampling(max_new_tokens=max_new_tokens, temperature=temperature)
            stream = visit(host, request, TASK, "api").engine.stream(messages, sampling)
            with running.track(request.session_hash or "", API, stream):
                async with aclosing(follow(stream)) as answers:
                    async for answer in answers:
                        yield answer.text

    write.__annotations__["return"] = str  # for the API's description: what one update is
    api(write, api_name="write", concurrency_limit=None)
