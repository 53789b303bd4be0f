"""How sure? The same conversation answered several times: what the model says how often, were it asked again.

Sampling several answers and counting those that agree: Wang et al. 2022, https://arxiv.org/abs/2203.11171; as a measure
of how sure a model is: Farquhar et al. 2024, https://doi.org/10.1038/s41586-024-07421-0.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from qwen_ui.engine.base import Engine, answers
from qwen_ui.errors import QwenUIError
from qwen_ui.messages import Answer, Message, Sampling
from qwen_ui.tabs.chat.agreement import groups

CONTINUATIONS = 8
SAMPLING = Sampling(max_new_tokens=128, temperature=0.7, top_p=1, top_k=40)
"""As Wang et al. sample: varied enough to differ where the model is in doubt, and small models still make sense."""


@dataclass(frozen=True, slots=True)
class Group:
    """Answers that say the same."""

    members: tuple[int, ...]
    """Their places among all."""
    share: float
    """Of those that are whole, from 0 to 1."""
    shown: bool
    """Whether the answer that the reader has in front of them says the same."""


@dataclass(frozen=True, slots=True)
class Sureness:
    """The answers so far, and what those that are whole say."""

    answers: tuple[Answer, ...]
    groups: tuple[Group, ...] = ()
    """The largest first."""

    @property
    def whole(self) -> tuple[int, ...]:
        """The places of those that have come to their end."""
        return tuple(place for place, answer in enumerate(self.answers) if is_whole(answer))


def is_whole(answer: Answer) -> bool:
    """Whether it has come to its end, or to its limit of tokens; nobody stopped it."""
    return answer.usage is not None and answer.usage.ended != "cancelled" and bool(answer.text.strip())


async def how_sure(
    engine: Engine, messages: Sequence[Message], system: str = "", shown: str = "", adapter: str = ""
) -> AsyncGenerator[Sureness, None]:
    """Answers the conversation CONTINUATIONS times: all answers after each piece of news, grouped as they get whole.

    ``messages`` end with the question, and ``shown`` is the answer that it has. The first answer's prompt is computed,
    the others find it in the cache. One that breaks off is left as it is; raises what all broke off with, and like
    `Engine.stream`.
    """
    opening = [Message("system", system)] if system.strip() else []
    asked = [*opening, *messages]
    question = messages[-1].content if messages else ""
    said = [Answer()] * CONTINUATIONS
    news, cached = asyncio.Event(), asyncio.Event()

    async def answer(place: int) -> None:
        try:
            if place:
                await cached.wait()
            if engine.stopped:
                return
            async with aclosing(answers(engine, asked, SAMPLING, adapter)) as grown:
                async for said[place] in grown:
                    news.set()
                    if said[place].text:
                        cached.set()
        finally:
            cached.set()
            news.set()

    tasks = [asyncio.create_task(answer(place)) for place in range(CONTINUATIONS)]
    try:
        sureness = Sureness(tuple(said))
        yield sureness
        while not all(task.done() for task in tasks):
            await news.wait()
            news.clear()
            sureness = _grown(sureness, tuple(said), shown, question)
            yield sureness
        _raise_failure(tasks)
        yield _grown(sureness, tuple(said), shown, question)  # what came while the last one was being looked at
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _grown(before: Sureness, said: tuple[Answer, ...], shown: str, question: str) -> Sureness:
    now = Sureness(said, before.groups)
    return now if now.whole == before.whole else Sureness(said, grouped(said, shown, question))


def grouped(said: Sequence[Answer], shown: str = "", question: str = "") -> tuple[Group, ...]:
    """What the whole ones among the answers say, and which of it the shown answer says."""
    whole = [place for place, answer in enumerate(said) if is_whole(answer)]
    texts = [said[place].text for place in whole]
    found = groups([*texts, *([shown] if shown.strip() else [])], question)
    members = ([at for at in group if at < len(whole)] for group in found)
    told = [
        Group(tuple(whole[at] for at in own), len(own) / len(whole), len(own) < len(group))
        for group, own in zip(found, members, strict=True)
        if own
    ]
    return tuple(sorted(told, key=lambda group: -len(group.members)))


def _raise_failure(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Raises what went wrong, unless it is only what some answers broke off with."""
    errors = [error for task in tasks if (error := task.exception()) is not None]
    unexpected = [error for error in errors if not isinstance(error, QwenUIError)]
    if unexpected or len(errors) == len(tasks):
        raise (unexpected or errors)[0]
