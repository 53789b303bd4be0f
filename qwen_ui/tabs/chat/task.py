"""Chat: the model answers a conversation."""

from collections.abc import AsyncGenerator, Sequence

from qwen_ui.engine.base import Engine, answers
from qwen_ui.messages import Answer, Message, Sampling


def reply(
    engine: Engine, messages: Sequence[Message], system: str, sampling: Sampling, adapter: str = ""
) -> AsyncGenerator[Answer, None]:
    """The answer to the conversation as it grows. A blank ``system`` prompt is none. Raises like `Engine.stream`."""
    opening = [Message("system", system)] if system.strip() else []
    return answers(engine, [*opening, *messages], sampling, adapter)
