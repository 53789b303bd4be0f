"""/write, as scripts call it."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr

from qwen_ui.page.app import App
from qwen_ui.tabs.write import task
from qwen_ui.tabs.write.task import Draft, Order


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """What scripts call."""

    async def write(
        text: str,
        request: gr.Request,
        template: str = "continue",
        max_new_tokens: int = 512,
        temperature: float = 0.8,
        adapter: str = "",
        model: str = "",
    ) -> AsyncIterator[str]:
        """Continues the text, or writes what the template makes of it. Gives the text so far, streamed."""
        chosen = app.prompts.load("write", template)
        order = Order(text, template, temperature=temperature, max_new_tokens=max_new_tokens)
        writing = partial(task.write, template=chosen, order=order, drafts=[Draft(0)])
        async for (version,) in app.serve(request, "write", writing, adapter, model):
            if version.error is not None:
                raise version.error
            yield version.text

    return [write]
