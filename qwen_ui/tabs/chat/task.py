"""Chat: the model answers a conversation, and what is attached to it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from qwen_ui.engine.base import Engine, answers
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.messages import Answer, Message, Sampling
from qwen_ui.tabs.chat import given
from qwen_ui.tabs.chat.nodes import Chat


@dataclass(frozen=True, slots=True)
class Result:
    """What has come of a question so far."""

    answer: Answer = field(default_factory=Answer)
    passages: tuple[SearchHit, ...] | None = None
    """What the model is given of the attachments, where they do not fit whole: see `given.found`."""
    searching: bool = False


async def answer(
    engine: Engine,
    chat: Chat,
    after: int | None,
    system: str,
    sampling: Sampling,
    adapter: str = "",
    begun: Sequence[int] = (),
) -> AsyncGenerator[Result, None]:
    """The answer to a message of the conversation as it grows, from what is attached as well. Raises like `reply`."""
    passages = None
    if chat.attached(after):
        yield Result(searching=True)
        passages = await asyncio.to_thread(
            given.found, engine, chat, after, opening(system), sampling.max_new_tokens, len(begun)
        )
    messages = given.messages(chat, after, engine.info.model, passages)
    async with aclosing(reply(engine, messages, system, sampling, adapter, begun)) as growing:
        async for each in growing:
            yield Result(each, passages)


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
