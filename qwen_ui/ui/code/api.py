"""What scripts call: /code. Its name, parameters and result are a contract."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr
from gradio.events import api

from qwen_ui.config import Settings
from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.code import ACTIONS, find
from qwen_ui.ui.api import API, sentences
from qwen_ui.ui.code import templates
from qwen_ui.ui.code.work import TAB, Job, results, start
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.visitors import visit

_HAN = re.compile(r"[㐀-鿿]")


def endpoint(host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> None:
    """Adds the endpoint to the page that is being built."""

    async def code(
        instruction: str, request: gr.Request, language: str = "python", action: str = "generate", code: str = ""
    ) -> AsyncIterator[dict[str, Any]]:
        """Generates, explains, fixes, improves, tests or translates code; for translate, language is the new one.

        Gives {"code", "language", "explanation", "valid"}, streamed. "valid" is whether the syntax is right, null
        while the answer grows and when it can't be told.
        """
        with sentences():
            job = job_of(prompts, instruction, language, action, code)
            stream = await start(visit(host, request, TAB, "api"), prompts, job)
            async with aclosing(stream), aclosing(results(stream, job)) as pairs:
                with running.track(request.session_hash or "", API, stream):
                    async for _, result in pairs:
                        yield result.as_dict()

    code.__annotations__["return"] = dict[str, Any]  # for the API's description: what one update is
    api(code, api_name="code", concurrency_limit=None)


def job_of(prompts: PromptStore, instruction: Any, language: Any, action: Any, code: Any) -> Job:
    """The job, with the template in the language of the instruction. Raises `InvalidInput` for what can't be used."""
    for name, value in (("instruction", instruction), ("language", language), ("action", action), ("code", code)):
        if not isinstance(value, str):
            raise InvalidInput(f"The {name} must be text, not {type(value).__name__}.")
    if action not in ACTIONS:
        raise InvalidInput(f"There is no action {action!r}. Choose one of {', '.join(ACTIONS)}.")
    found = find(language)
    template = templates.default(templates.available(prompts), action, chinese=bool(_HAN.search(instruction)))
    return Job(action, template.id, found, found, instruction, code)
