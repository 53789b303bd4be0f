"""The real embedded model, loaded once for all engine tests, in fp32 so that greedy text is exact."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import spaces

from qwen_ui.engine.base import Engine, Stream
from qwen_ui.engine.local import LocalEngine
from qwen_ui.engine.queue import RequestQueue
from qwen_ui.engine.zero import ZeroEngine, jobs
from qwen_ui.messages import Chunk, Message, Sampling, Usage
from qwen_ui.models.load import Loaded, open_model
from qwen_ui.settings import Settings
from tests.engine.worker import Forked
from tests.fakes import FakeEngine

SLOTS = 8
WAITING = 2
STORY = [Message("user", "Write a very long story.")]
REAL = ("local", "zero", "forked")
TIME_TO_END = 60  # seconds: a hang, not a measure


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def loaded() -> Loaded:
    result: list[Loaded] = []
    settings = Settings(model="embedded", precision="fp32", max_concurrent=SLOTS)
    thread = threading.Thread(target=lambda: result.append(open_model(settings, lambda progress: None)))
    thread.start()  # a thread that ends, as the app does it: see BatchLoop
    await asyncio.to_thread(thread.join)
    return result[0]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(loaded: Loaded) -> AsyncIterator[LocalEngine]:
    engine = await asyncio.to_thread(LocalEngine, loaded, Settings(max_concurrent=SLOTS))
    yield engine
    await engine.close()


@asynccontextmanager
async def open_zero(loaded: Loaded, decorate: Any, data_dir: Path | None = None) -> AsyncIterator[ZeroEngine]:
    """The engine for ZeroGPU, with one slot and so many who may wait. Each process that it forked has to end well."""
    settings = Settings(max_concurrent=WAITING)
    engine = ZeroEngine(loaded, replace(settings, data_dir=data_dir) if data_dir else settings, decorate)
    yield engine
    await engine.close()
    if isinstance(decorate, Forked):
        assert [child.exitcode for child in decorate.children] == [0] * len(decorate.children)


@asynccontextmanager
async def opened(
    kind: str, loaded: Loaded, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    """An engine of that kind, with one slot and as many who may wait as WAITING."""
    monkeypatch.setattr(jobs, "NEW_TOKENS_PER_SECOND", 1)  # a CPU is slower than the cards that are reckoned with
    monkeypatch.setattr(engine, "queue", RequestQueue(1, WAITING))
    if kind in {"zero", "forked"}:
        async with open_zero(loaded, spaces.GPU if kind == "zero" else Forked()) as zero:
            yield zero
    else:
        yield engine if kind == "local" else FakeEngine([f"word {number} " for number in range(1000)])


@pytest_asyncio.fixture(params=[*REAL, "fake"])
async def each(
    request: pytest.FixtureRequest, loaded: Loaded, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    async with opened(request.param, loaded, engine, monkeypatch) as one:
        yield one


@pytest_asyncio.fixture(params=REAL)
async def real(
    request: pytest.FixtureRequest, loaded: Loaded, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    async with opened(request.param, loaded, engine, monkeypatch) as one:
        yield one


async def read(engine: Engine, messages: Sequence[Message] | str, **sampling: Any) -> tuple[str, Usage]:
    """The whole text of a stream, and its usage."""
    if isinstance(messages, str):
        messages = [Message("user", messages)]
    async with engine.stream(messages, Sampling(**sampling)) as stream:
        return await rest(stream)


async def rest(stream: Stream) -> tuple[str, Usage]:
    """What a stream says from here on, and its usage."""
    chunks: list[Chunk] = [chunk async for chunk in stream]
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].usage is not None
    return "".join(chunk.text for chunk in chunks), chunks[-1].usage


async def first_text(stream: Stream) -> str:
    """Reads until there is text."""
    async for chunk in stream:
        if chunk.text:
            return chunk.text
    raise AssertionError("the stream ended without a text")


def held(engine: Engine) -> int:
    """What requests hold of the engine now: slots and positions, cache blocks, handlers of results."""
    count = engine.active + engine.waiting
    if isinstance(engine, LocalEngine):
        count += engine.batch.held_blocks + len(engine.batch.manager.output_router.result_handlers)
    return count


async def idle(engine: Engine) -> None:
    """Waits until the engine holds nothing any more."""
    async with asyncio.timeout(TIME_TO_END):
        while held(engine):
            await asyncio.sleep(0.005)  # a loop that never rests would take the model's time
