"""The /sentiment endpoint. Its name, parameters and result are a contract."""

from typing import Any

import gradio as gr
from gradio.events import api

from qwen_ui.config import Settings
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.sentiment import parse_labels, suited
from qwen_ui.ui.api import sentences
from qwen_ui.ui.sentiment.judge import TASK, Judge, Order
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.visitors import visit


def endpoint(host: EngineHost, prompts: PromptStore, running: Running, settings: Settings) -> None:
    """Adds the endpoint to the page that is being built."""
    judge = Judge()

    async def sentiment(text: str, request: gr.Request, labels: str = "positive,neutral,negative") -> dict[str, Any]:
        """Judges the text: {"label", "probabilities"}, calibrated, by the template that suits the labels best."""
        with sentences():
            line = Message("user", text).content  # refuses what is no text
            if not isinstance(labels, str | list) or not all(isinstance(label, str) for label in labels):
                raise InvalidInput("The labels must be a text with commas between them.")
            wanted = parse_labels(labels)
            order = Order(suited(prompts.list(TASK).templates, wanted), wanted)
            (result,) = await judge(visit(host, request, TASK, "api"), order, [line])
            return result.as_dict()

    api(sentiment, api_name="sentiment", concurrency_limit=None)
