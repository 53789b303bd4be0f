"""Several answers at once for one request."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from qwen_ui.engine.base import Engine
from qwen_ui.engine.prompt import MAX_CHARACTERS_PER_TOKEN
from qwen_ui.engine.threads import Checkpoint, in_thread
from qwen_ui.errors import PromptTooLong
from qwen_ui.messages import MAX_NEW_TOKENS, Chunk, Message, Sampling
from qwen_ui.server.v1.errors import ApiError, check_able

Conversation = Sequence[Message]


async def generated(
    engine: Engine, prompts: Sequence[Conversation], sampling: Sampling, at_once: int
) -> AsyncGenerator[tuple[int, Chunk], None]:
    """The chunks of an answer to each prompt, as they come, with the prompt's number.

    The first of each is empty: it was not refused. Each has a seed of its own, if there is one. Raises like
    `Engine.stream`, and what a stream ends with.
    """
    if len(prompts) == 1:
        async with engine.stream(prompts[0], sampling) as stream:
            yield 0, Chunk()
            async for chunk in stream:
                yield 0, chunk
        return
    news: asyncio.Queue[tuple[int, Chunk | Exception | None]] = asyncio.Queue()
    places = asyncio.Semaphore(at_once)
    tasks = [
        asyncio.create_task(_answer(engine, prompt, _of(sampling, number), number, news, places))
        for number, prompt in enumerate(prompts)
    ]
    try:
        left = len(prompts)
        while left:
            number, new = await news.get()
            if isinstance(new, Exception):
                raise new
            if new is None:
                left -= 1
            else:
                yield number, new
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _of(sampling: Sampling, number: int) -> Sampling:
    return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + number)


async def _answer(
    engine: Engine, prompt: Conversation, sampling: Sampling, number: int, news: Any, places: asyncio.Semaphore
) -> None:
    try:
        async with places, engine.stream(prompt, sampling) as stream:
            news.put_nowait((number, Chunk()))
            async for chunk in stream:
                news.put_nowait((number, chunk))
    except Exception as error:  # noqa: BLE001  raised where the answers are put together
        news.put_nowait((number, error))
    else:
        news.put_nowait((number, None))


async def room(engine: Engine, messages: Conversation, wanted: int | None) -> int:
    """How many new tokens an answer may have: all that the context leaves, unless fewer are wanted.

    Raises `ApiError` where that is none or too few: nothing of a program's conversation is left out.
    """
    context = engine.info.context_length
    if sum(len(message.whole) for message in messages) > context * MAX_CHARACTERS_PER_TOKEN:
        raise ApiError(400, f"The messages are far longer than the context of {context} tokens.", *_TOO_LONG)

    def count(checkpoint: Checkpoint) -> int:
        return engine.count_tokens(messages)

    try:
        taken = await in_thread(count)
    except PromptTooLong as error:
        raise ApiError(400, str(error), *_TOO_LONG) from error
    if taken + (wanted or 1) > context:
        asked = f" and {wanted} for the answer" if wanted else ""
        message = f"The context has {context} tokens, and the request needs {taken} for the prompt{asked}."
        raise ApiError(400, message, *_TOO_LONG)
    left = context - taken
    if engine.info.remote:
        left = max(1, left * 3 // 4)  # what is taken was estimated
    return min(wanted or left, MAX_NEW_TOKENS)


_TOO_LONG = ("context_length_exceeded", "messages")


def check_drawing(engine: Engine, sampling: Sampling, param: str = "response_format") -> None:
    """Refuses what the engine can't draw by. ``param`` is what asks for a form."""
    if sampling.form:
        check_able(engine, "forms", param, "hold answers to JSON")
    if sampling.seed is not None and not sampling.greedy:
        check_able(engine, "seeds", "seed", "draw by a seed: for the same answer each time, set temperature to 0")


def check_n(n: int, at_once: int) -> None:
    """Refuses more answers to one request than are generated together for it."""
    if n > at_once:
        raise ApiError(400, f"Invalid value for 'n': up to {at_once} answers are possible here.", "invalid_value", "n")
