"""Finds out what a remote server is and what it can do, by asking it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import openai
from httpx2 import Limits
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

from qwen_ui.engine.base import Ability, EngineInfo, Feature, RemoteServer, Scoring
from qwen_ui.engine.remote import scoring
from qwen_ui.engine.remote.engine import RemoteEngine
from qwen_ui.engine.remote.failures import told
from qwen_ui.errors import Busy, EngineError, EngineFailed, InvalidInput, ModelError, ModelNotFound
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence
from qwen_ui.settings import Settings

log = logging.getLogger(__name__)

SILENCE = 300.0
"""Seconds without a byte after which a server counts as hung: reading a long prompt takes some its time."""
CONNECT = 10.0
"""Seconds in which a connection must be there."""
IDLE = 2.0
"""Seconds that a connection is kept for the next request: llama.cpp and uvicorn close theirs after 5."""
AGAIN = 2.0
"""Seconds between two tries to reach a server that is not there yet."""
NO_KEY = "none"
"""The client must be given one, and servers without keys take any."""
EXTRAS = ("top_k", "stream_options")
"""Fields that not every server takes."""
PROBE = "Name three rivers."
OPTIONS = ("kumquat", "zeugma")
"""Words that a model answers only if it has to."""
ABILITIES: dict[Feature, Ability] = {"tools": "tools", "plain texts": "texts", "guided choice": "forms"}
"""What the engine can pass on to a server that has it."""


def open_server(settings: Settings, report: Callable[[Progress], None]) -> RemoteEngine:
    """The engine over the server that the settings name; waits for one that is not there yet.

    Raises `ModelError` for a server that refuses the key, or has no such model.
    """
    connect = partial(_client, settings)
    address = settings.remote.place
    info, name, extras = asyncio.run(_found(settings, address, connect, report))
    return RemoteEngine(info, name, connect, settings.max_concurrent, extras)


def _client(settings: Settings) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=settings.remote.url,
        api_key=settings.remote_secret or NO_KEY,
        max_retries=0,  # an answer that was asked for twice is paid for twice
        timeout=Timeout(SILENCE, connect=CONNECT),
        http_client=DefaultAsyncHttpxClient(limits=Limits(keepalive_expiry=IDLE)),
    )


async def _found(
    settings: Settings, address: str, connect: Callable[[], AsyncOpenAI], report: Callable[[Progress], None]
) -> tuple[EngineInfo, str, tuple[str, ...]]:
    async with connect() as client:
        models = await _models(client, address, settings.remote.name, report)
        model = _chosen(models, settings.remote.name, address)
        report(Progress("asking", address))
        name = str(model.id)
        try:
            with told(address, name):
                extras = await _extras(client, name)
                features = await _features(client, name, extras)
        except (EngineError, InvalidInput) as error:
            raise ModelError("{error}", error=error) from error
    server = RemoteServer(address, tuple(str(each.id) for each in models), frozenset(features))
    info = EngineInfo(
        model=name,
        precision="",
        device=address,
        engine="OpenAI-compatible server",
        context_length=_context(model, settings.max_context),
        reason=Sentence("The server at {address} has it: --model names that server.", address=address),
        abilities=frozenset(ability for feature, ability in ABILITIES.items() if feature in server.features),
        scoring=_scoring(server.features),
        remote=server,
    )
    return info, name, extras


async def _models(client: AsyncOpenAI, address: str, name: str, report: Callable[[Progress], None]) -> list[Any]:
    """What the server has, once it is there."""
    report(Progress("connecting", address))
    while True:
        try:
            with told(address, name):
                return list((await client.models.list()).data)
        except (Busy, EngineFailed) as error:
            if not _passes(error):
                raise ModelError("{error}", error=error) from error
        except InvalidInput as error:
            raise ModelError("{error}", error=error) from error
        await asyncio.sleep(AGAIN)


def _passes(error: EngineError) -> bool:
    """Whether the server may come: it is not there, or still loading."""
    return isinstance(error, Busy) or isinstance(error.__cause__, openai.APIConnectionError)


def _chosen(models: Sequence[Any], name: str, address: str) -> Any:
    if not models:
        raise ModelNotFound("The server at {address} has no model.", address=address)
    names = ", ".join(str(each.id) for each in models[:20])
    if name:
        found = next((each for each in models if each.id == name), None)
        if found is None:
            raise ModelNotFound(
                "The server at {address} has no model {name}. It has: {names}.", address=address, name=name, names=names
            )
        return found
    if len(models) > 1:
        raise ModelNotFound(
            "The server at {address} has several models. Choose one with --model-name, or as --model …#NAME: {names}.",
            address=address,
            names=names,
        )
    return models[0]


def _context(model: Any, most: int) -> int:
    """Tokens of prompt and answer: what vLLM and llama.cpp say of the model, within the setting."""
    extra: dict[str, Any] = model.model_extra or {}
    meta = extra.get("meta") if isinstance(extra.get("meta"), dict) else {}
    said = extra.get("max_model_len") or (meta or {}).get("n_ctx")
    return min(said, most) if isinstance(said, int) and said > 0 else most


async def _extras(client: AsyncOpenAI, name: str) -> tuple[str, ...]:
    """The fields that the server takes. Raises what it says to a request without any."""
    values: dict[str, Any] = {"top_k": 1, "stream_options": {"include_usage": True}}
    for chosen in (EXTRAS, EXTRAS[1:], EXTRAS[:1], ()):
        try:
            body = {field: values[field] for field in chosen}
            stream = await client.chat.completions.create(
                model=name, messages=_asked(PROBE), max_tokens=1, stream=True, extra_body=body or None
            )
            async for _ in stream:
                pass
            return chosen
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            if not chosen:
                raise
    return ()


async def _features(client: AsyncOpenAI, name: str, extras: Sequence[str]) -> set[Feature]:
    looks: dict[Feature, Callable[[], Awaitable[bool]]] = {
        "streaming": partial(_streams, client, name),
        "usage": partial(_counts, client, name, extras),
        "stop": partial(_stops, client, name),
        "n": partial(_repeats, client, name),
        "log-probabilities": partial(_tells, client, name),
        "prompt log-probabilities": partial(_echoes, client, name),
        "guided choice": partial(_chooses, client, name),
        "tools": partial(_calls, client, name),
        "plain texts": partial(_goes_on, client, name),
    }
    answers = await asyncio.gather(*(look() for look in looks.values()), return_exceptions=True)
    return {feature for feature, answer in zip(looks, answers, strict=True) if _has(feature, answer)}


def _has(feature: Feature, answer: bool | BaseException) -> bool:
    """Whether the server has the feature; it has not where it refuses or answers in another form."""
    if isinstance(answer, openai.APIStatusError | openai.APIResponseValidationError):
        log.info("%s: no (%s)", feature, type(answer).__name__)
        return False
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _asked(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def _answer(client: AsyncOpenAI, name: str, **options: Any) -> Any:
    return await client.chat.completions.create(
        model=name, messages=_asked(PROBE), temperature=0, **({"max_tokens": 8} | options)
    )


async def _streams(client: AsyncOpenAI, name: str) -> bool:
    pieces = 0
    async for event in await _answer(client, name, stream=True):
        pieces += bool(event.choices and event.choices[0].delta.content)
    return pieces > 1


async def _counts(client: AsyncOpenAI, name: str, extras: Sequence[str]) -> bool:
    if "stream_options" not in extras:
        return False
    events = await _answer(client, name, stream=True, max_tokens=1, stream_options={"include_usage": True})
    return any([event.usage is not None async for event in events])


async def _stops(client: AsyncOpenAI, name: str) -> bool:
    """Whether an answer ends before a text that it had without it."""
    whole = (await _answer(client, name)).choices[0].message.content or ""
    middle = whole[1:4]
    ended = (await _answer(client, name, stop=[middle])).choices[0].message.content or ""
    return bool(middle) and middle not in ended


async def _repeats(client: AsyncOpenAI, name: str) -> bool:
    return len((await _answer(client, name, n=2, max_tokens=1)).choices) == 2


async def _tells(client: AsyncOpenAI, name: str) -> bool:
    """Whether it tells the likeliest tokens. Where guesses are checked by another model, some tell only zeros."""
    likeliest = await scoring.first_tokens(client, name, PROBE)
    return len(likeliest) > 1 and any(likeliest.values())


async def _echoes(client: AsyncOpenAI, name: str) -> bool:
    logprobs = [logprob for _, logprob in await scoring.echoed(client, name, PROBE)]
    return len(logprobs) > 2 and any(logprobs)


async def _chooses(client: AsyncOpenAI, name: str) -> bool:
    return await scoring.choice(client, name, PROBE, OPTIONS) in OPTIONS


async def _calls(client: AsyncOpenAI, name: str) -> bool:
    tool = {"type": "function", "function": {"name": "rivers", "parameters": {"type": "object", "properties": {}}}}
    answer = await _answer(client, name, tools=[tool], tool_choice="required", max_tokens=64)
    return bool(answer.choices[0].message.tool_calls)


async def _goes_on(client: AsyncOpenAI, name: str) -> bool:
    answer = await client.completions.create(model=name, prompt=PROBE, max_tokens=4, temperature=0)
    return bool(answer.choices and answer.choices[0].text)


def _scoring(features: frozenset[Feature]) -> Scoring:
    if "prompt log-probabilities" in features:
        return "exact"
    if "log-probabilities" in features:
        return "first token"
    return "choice" if "guided choice" in features else "none"
