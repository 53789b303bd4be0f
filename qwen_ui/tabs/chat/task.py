"""Chat: the model answers a conversation."""

from collections.abc import AsyncGenerator, Sequence

from qwen_ui.engine.base import Engine, answers
from qwen_ui.messages import Answer, Message, Sampling


def reply(
    engine: Engine,
    messages: Sequence[Message],
    system: str,
    sampling: Sampling,
    adapter: str = "",
    begun: Sequence[int] = (),
) -> AsyncGenerator[Answer, None]:
    """The answer to the conversation as it grows, from the ids on that it has begun with.

    A blank ``system`` prompt is none. Raises like `Engine.stream`.
    """
    return answers(engine, [*opening(system), *messages], sampling, adapter, begun)


def opening(system: str) -> list[Message]:
    """What stands before the conversation."""
    return [Message("system", system)] if system.strip() else []
