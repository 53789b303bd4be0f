"""Proves an answer's citations: each of its sentences is weighed with each passage alone, and with none."""

import asyncio
from collections.abc import Callable, Sequence

from qwen_ui.engine.base import Engine
from qwen_ui.knowledge.proof import NOTHING, Proven, candidates, choose, parts, sentences
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.messages import Answer, Message

NEWS_EVERY = 0.2
"""Seconds between two looks at whether the request was told to stop."""

AskWith = Callable[[Sequence[SearchHit]], list[Message]]
"""The messages that ask the question about these passages."""


def can_prove(engine: Engine, answer: Answer, passages: Sequence[SearchHit]) -> bool:
    """Whether there is something to prove, and an engine that can: not for an answer that was stopped."""
    whole = answer.usage is not None and answer.usage.ended != "cancelled"
    return whole and bool(passages and answer.text.strip()) and "likelihoods" in engine.info.abilities


async def prove(
    engine: Engine, ask_with: AskWith, answer: str, passages: Sequence[SearchHit], adapter: str = ""
) -> tuple[Proven, ...]:
    """The answer's sentences with the passage that supports each; none once the request was told to stop.

    Each passage is weighed alone: where two say the same, taking one of them away would change little. Raises like
    `Engine.likelihoods`.
    """
    found = await asyncio.to_thread(sentences, answer)
    if not found:
        return ()
    numbers = await asyncio.to_thread(candidates, answer, found, passages)
    conversations = [ask_with([hit]) for hit in (NOTHING, *(passages[number - 1] for number in numbers))]
    weighing = asyncio.ensure_future(engine.likelihoods(conversations, parts(answer, found), adapter))
    try:
        while not weighing.done() and not engine.stopped:
            await asyncio.wait({weighing}, timeout=NEWS_EVERY)
        return choose(answer, found, numbers, weighing.result()) if weighing.done() else ()
    finally:
        weighing.cancel()
