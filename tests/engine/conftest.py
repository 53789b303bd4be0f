"""The real embedded model, loaded once for all engine tests, in fp32 so that greedy text is exact."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest_asyncio

from qwen_ui.config import Settings
from qwen_ui.engine.base import Engine
from qwen_ui.engine.local import LocalEngine
from qwen_ui.messages import Chunk, Message, Sampling, Usage
from qwen_ui.models.load import Loaded, open_model

SLOTS = 8


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


async def read(engine: Engine, messages: Sequence[Message] | str, **sampling: Any) -> tuple[str, Usage]:
    """The whole text of a stream, and its usage."""
    if isinstance(messages, str):
        messages = [Message("user", messages)]
    chunks: list[Chunk] = [chunk async for chunk in engine.stream(messages, Sampling(**sampling))]
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].usage is not None
    return "".join(chunk.text for chunk in chunks), chunks[-1].usage
