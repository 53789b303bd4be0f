"""What scripts call: /status and /chat. Names, parameters and results are a contract."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import gradio as gr
from gradio.events import api

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Message, Sampling, conversation
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.streaming import Running, follow
from qwen_ui.ui.visitors import visit

log = logging.getLogger(__name__)

API = "api"


def endpoints(host: EngineHost, running: Running) -> None:
    """Adds the endpoints to the page that is being built."""

    def status() -> dict[str, Any]:
        """What runs here, whether it is ready, and how busy it is."""
        return host.status()

    async def chat(
        message: str,
        request: gr.Request,
        history: list[dict[str, Any]] = [],  # noqa: B006  part of the contract, and never changed
        system: str = "",
        max_new_tokens: int = 512,
        temperature: float = 0.7,
        top_p: float = 0.8,
        top_k: int = 20,
    ) -> AsyncIterator[str]:
        """Answers the message after the history, a list of {"role", "content"}. Gives the text so far, streamed."""
        with sentences():
            messages = [*_opening(system), *conversation(history), _question(message)]
            sampling = Sampling(max_new_tokens, temperature, top_p, top_k)
            stream = visit(host, request, "chat", "api").engine.stream(messages, sampling)
            with running.track(request.session_hash or "", API, stream):
                async with aclosing(follow(stream)) as answers:
                    async for answer in answers:
                        yield answer.text

    chat.__annotations__["return"] = str  # for the API's description: what one update is
    api(status, api_name="status", concurrency_limit=None)
    api(chat, api_name="chat", concurrency_limit=None)


@contextmanager
def sentences() -> Iterator[None]:
    """Lets only errors meant for users reach the caller, as `gr.Error`; others go to the log."""
    try:
        yield
    except QwenUIError as error:
        raise gr.Error(str(error), print_exception=False) from error
    except Exception as error:
        log.exception("A request failed")
        raise gr.Error(
            "Something went wrong on the server. Try again; the server's log says more.", print_exception=False
        ) from error


def _opening(system: Any) -> list[Message]:
    message = Message("system", system)
    return [message] if system.strip() else []


def _question(text: Any) -> Message:
    message = Message("user", text)
    if not text.strip():
        raise InvalidInput("The message is empty. Write something.")
    return message
