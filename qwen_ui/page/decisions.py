"""/decide, as scripts call it. No tab has it: it is for what other programs have to decide."""

from collections.abc import Callable
from typing import Any, Literal

import gradio as gr

from qwen_ui.decisions.deciding import TASK, Asked, Decisions
from qwen_ui.page.app import App


def endpoint(app: App) -> Callable[..., Any]:
    """The function that answers."""
    decisions = Decisions(app.prompts, app.adapters)

    async def decide(
        question: str,
        text: str | list[str],
        request: gr.Request,
        options: str | list[str] = "",
        template: str = "",
        calibration: Literal["auto", "batch", "reference", "none"] = "auto",
        adapter: str = "",
        model: str = "",
    ) -> dict[str, Any]:
        """Decides which of the options answers a question about a text, with a calibrated probability of each.

        Parameters:
            question: What is asked about the text, such as: Is this a complaint?
            text: The text, or a list of up to 256.
            options: 2 to 20 choices, a list or separated by commas; "1-5" for a score; empty for yes or no.
            template: A prompt file of prompts/decide by its name, or of another task as task/name.
            calibration: Against the texts themselves (16 or more), the template's reference texts, or nothing.
        Returns:
            {"type", "answer", "probabilities", "calibrated"}, of a score also "expected", its mean;
            of a list {"type", "calibrated", "results": [{"answer", "probabilities"}]}.
        """
        with app.call(request, TASK, adapter, model) as engine:
            asked = Asked(question, text, options, template, calibration)
            decided = await decisions.decide(engine, asked, engine.adapter)
        told = {"type": decided.kind, "calibrated": decided.way}
        results = decided.told()
        return told | (results[0] if isinstance(text, str) else {"results": results})

    return decide
