"""Look inside: one look at the model, begun and waited for; and looks that were kept as files."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Architecture, Look, Source
from qwen_ui.introspect.results import AnyResult, ArchitectureResult
from qwen_ui.introspect.traces import from_json
from qwen_ui.messages import Message

WAIT = 0.1
"""Seconds between two looks at whether the visitor wants to stop."""
MAX_TRACE_BYTES = 20_000_000
MAX_NUMBERS = 2_000_000
"""Of attention maps, in a file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at, and with what."""

    look: Look
    adapter: str = ""
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Held:
    """A look that was taken, with its result."""

    asked: Asked
    result: AnyResult
    seconds: float = 0.0
    opened: bool = False
    """Whether it comes from a file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a look is: the model that is looked into, then what the look shows."""

    model: ArchitectureResult | None = None
    held: Held | None = None


async def looked(
    engine: Engine, model: ArchitectureResult | None, asking: Callable[[ArchitectureResult], Asked]
) -> AsyncGenerator[Seen, None]:
    """What is asked for, once the model is known; nothing more when the visitor stops it.

    Raises `InvalidInput` for an engine that can't look inside its model, and like ``asking`` and `Engine.look`.
    """
    if "introspect" not in engine.info.abilities:
        raise InvalidInput(
            "The engine of this server can't look inside its model: that takes one which keeps the model in this "
            "process. Start the app on a machine of your own, without ZeroGPU or a remote server."
        )
    yield Seen()
    if model is None:
        found = await _look(engine, Asked(Architecture()))
        if found is None:
            return
        assert isinstance(found.result, ArchitectureResult)
        model = found.result
        yield Seen(model)
    held = await _look(engine, asking(model))
    yield Seen(model, held)


async def _look(engine: Engine, asked: Asked) -> Held | None:
    """The look; None when the visitor stops it."""
    started = time.monotonic()
    look = asyncio.ensure_future(engine.look(asked.look, asked.adapter, asked.scale))
    try:
        while not look.done() and not engine.stopped:
            await asyncio.wait({look}, timeout=WAIT)
        return Held(asked, look.result(), time.monotonic() - started) if look.done() else None
    finally:
        if not look.done():
            look.cancel()
            await asyncio.gather(look, return_exceptions=True)  # whatever it ends with, nobody waits for it any more


def source_of(text: str, as_chat: bool) -> Source:
    """The text as it is to be looked at. Raises `InvalidInput` when there is none, or too much of it."""
    if not text.strip():
        raise InvalidInput("Write a text first, or take one of the examples.")
    return Source(messages=(Message("user", text),)) if as_chat else Source(text=text)


def trace_of(held: Held) -> str:
    """The look as a file's text. Raises `InvalidInput` when that would be too large to be opened again."""
    numbers = getattr(held.result, "maps", None)
    if numbers is not None and numbers.size > MAX_NUMBERS:
        raise InvalidInput("The maps of so many tokens are too large for a file. Shorten the text, and look again.")
    return json.dumps(held.result.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_trace(data: bytes) -> Held:
    """The look that a file holds. Raises `InvalidInput`, saying what to open instead."""
    if len(data) > MAX_TRACE_BYTES:
        raise InvalidInput(
            "The file is larger than {limit} MB: no trace of a look is.", limit=MAX_TRACE_BYTES // 1_000_000
        )
    try:
        trace = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("This file is not a trace of a look inside: it is not JSON, or damaged.") from error
    result = from_json(trace)
    return Held(Asked(result.look, result.origin.adapter, result.origin.scale), result, opened=True)
