"""How likely texts are after others, over a server: by each of three ways that some servers have and others don't."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from openai import AsyncOpenAI

from qwen_ui.engine.base import Scoring
from qwen_ui.errors import EngineFailed, InvalidInput

AT_ONCE = 8
"""Requests that score at the same time."""
TOP = 20
"""The likeliest first tokens that are asked for: more are refused by most servers."""
UNCHOSEN = -math.log(99)
"""A constrained choice says only which one: taken as 99 to 1 for it."""


async def score(
    client: AsyncOpenAI, model: str, way: Scoring, prompts: Sequence[str], candidates: Sequence[str]
) -> list[list[float]]:
    """A row a prompt, a column a candidate: see `Engine.score`."""
    ways: Mapping[Scoring, Callable[..., Awaitable[list[float]]]] = {
        "exact": _by_prompt,
        "first token": _by_first_token,
        "choice": _by_choice,
    }
    if way not in ways:
        raise InvalidInput(
            "The server that answers here tells no probabilities, so it can't judge texts. vLLM, SGLang and "
            "llama.cpp do."
        )
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(prompt: str) -> list[float]:
        async with slots:
            return await ways[way](client, model, prompt, candidates)

    rows = [asyncio.ensure_future(one(prompt)) for prompt in prompts]
    try:
        return list(await asyncio.gather(*rows))
    finally:
        for row in rows:
            row.cancel()  # where one has failed, or nobody waits any more


async def _by_prompt(client: AsyncOpenAI, model: str, prompt: str, candidates: Sequence[str]) -> list[float]:
    """The server computes the whole text, and tells the log-probability of each of its tokens."""
    texts = [prompt + candidate for candidate in candidates]
    answers = [await echoed(client, model, text) for text in texts]
    return [_after(len(prompt), text, answer) for text, answer in zip(texts, answers, strict=True)]


async def echoed(client: AsyncOpenAI, model: str, text: str) -> list[tuple[int, float | None]]:
    """Where each token of the text ends, and its log-probability. Empty where the server does not say."""
    options: dict[str, Any] = {"max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0}
    answer = await client.completions.create(model=model, prompt=text, **options)
    found: Any = answer.choices[0].logprobs if answer.choices else None
    if found is None or not found.tokens or not answer.choices[0].text.startswith(text):
        return []
    begins = found.text_offset or [0, *accumulate(map(len, found.tokens))]
    ends = [*begins[1 : len(found.tokens)], len(answer.choices[0].text)]
    return list(zip(ends, found.token_logprobs or [], strict=False))


def _after(start: int, text: str, tokens: Sequence[tuple[int, float | None]]) -> float:
    """The sum over the tokens of the text that end behind its ``start``; what was generated after it is left out."""
    found = [logprob for end, logprob in tokens if start < end <= len(text) and logprob is not None]
    if not found:
        raise EngineFailed("The server has told no probabilities of the text. Look at that server.")
    return sum(found)


async def _by_first_token(client: AsyncOpenAI, model: str, prompt: str, candidates: Sequence[str]) -> list[float]:
    """The log-probability that the answer begins like the candidate; where it is not among those told, the least."""
    likeliest = await first_tokens(client, model, prompt)
    if not likeliest:
        raise EngineFailed("The server has told no probabilities of the text. Look at that server.")
    least = min(likeliest.values())
    return [_begins(candidate, candidates, likeliest, least) for candidate in candidates]


async def first_tokens(client: AsyncOpenAI, model: str, prompt: str) -> dict[str, float]:
    """The likeliest tokens after the prompt, with their log-probabilities. Empty where the server does not say."""
    answer = await client.completions.create(model=model, prompt=prompt, max_tokens=1, logprobs=TOP, temperature=0)
    found: Any = answer.choices[0].logprobs if answer.choices else None
    if found is None:
        return {}
    if found.top_logprobs:
        return dict(found.top_logprobs[0] or {})
    content = (found.model_extra or {}).get("content") or []  # llama.cpp has the shape of chats here
    return {each["token"]: each["logprob"] for each in (content[0].get("top_logprobs") or [] if content else [])}


def _begins(candidate: str, candidates: Sequence[str], likeliest: Mapping[str, float], least: float) -> float:
    shared = [
        logprob
        for token, logprob in likeliest.items()
        if token and candidate.startswith(token) and sum(each.startswith(token) for each in candidates) == 1
    ]
    return math.log(sum(map(math.exp, shared))) if shared else least


async def _by_choice(client: AsyncOpenAI, model: str, prompt: str, candidates: Sequence[str]) -> list[float]:
    """The server may only answer one of the candidates."""
    chosen = await choice(client, model, prompt, candidates)
    return [0.0 if candidate == chosen else UNCHOSEN for candidate in candidates]


def form(schema: Mapping[str, Any]) -> Any:
    """How the server is told that an answer has to fit the JSON schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


async def choice(client: AsyncOpenAI, model: str, prompt: str, options: Sequence[str]) -> str | None:
    """The option that the model answers; None where the server lets it answer something else."""
    answer = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        max_tokens=64,
        temperature=0,
        response_format=form({"type": "string", "enum": list(options)}),
    )
    try:
        said = json.loads(answer.choices[0].message.content or "")
    except (IndexError, json.JSONDecodeError):
        return None
    return said if said in options else None
