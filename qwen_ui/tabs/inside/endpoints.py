"""/tokens, as scripts call it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr

from qwen_ui.engine.looking import check_top
from qwen_ui.messages import Message, conversation
from qwen_ui.page.app import App


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/tokens."""

    async def tokens(
        request: gr.Request,
        text: str = "",
        messages: list[Any] = [],  # noqa: B006  part of the contract, and never changed
        top: int = 5,
        adapter: str = "",
        model: str = "",
    ) -> list[dict[str, Any]]:
        """How probable the model holds each token of a text, or of a conversation's last message, the assistant's.

        A conversation is a list of {"role", "content"}; with "tokens" in its last entry, it is looked at as those ids.
        Gives [{"token", "id", "probability", "rank", "alternatives": [{"token", "id", "probability"}]}], with as many
        alternatives as top says, 1 to 50. The first token of a text has null, as it comes after nothing. A text may
        have 512 tokens, a conversation as many as the context.
        """
        given, said = Message("user", text).content, conversation(messages)
        with app.call(request, "tokens", adapter, model) as engine:
            return [asdict(look) for look in await engine.tokens(given, said, check_top(top))]

    return [tokens]
