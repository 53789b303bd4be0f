"""The real embedded model, loaded once for all engine tests, in fp32 so that greedy text is exact."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import spaces

from bench import llamacpp
from qwen_ui.engine.base import Engine, Stream
from qwen_ui.engine.local import LocalEngine
from qwen_ui.engine.queue import RequestQueue
from qwen_ui.engine.remote import RemoteEngine, open_server
from qwen_ui.engine.zero import ZeroEngine, jobs
from qwen_ui.messages import Chunk, Message, Sampling, Usage
from qwen_ui.models import embedded
from qwen_ui.models.load import Loaded, open_model
from qwen_ui.settings import PROJECT, Settings
from tests.engine.worker import Forked
from tests.fakes import FakeEngine
from tests.pages import free_port, host_of, serving

SLOTS = 8
WAITING = 2
STORY = [Message("user", "Write a very long story.")]
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


Open = Callable[[str], Awaitable[RemoteEngine]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def remote(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    """Opens the engine over a server of that kind, which is started when it is first asked for."""
    opened: dict[str, RemoteEngine] = {}
    with ExitStack() as servers:

        async def open_(kind: str) -> RemoteEngine:
            if kind not in opened:
                if kind == "llama.cpp":
                    gguf = Path(embedded.fetch(tmp_path_factory.mktemp("gguf"), lambda progress: None))
                    address = servers.enter_context(llamacpp.served(gguf, free_port()))
                else:
                    serve = servers.enter_context(serving(PROJECT / "prompts", tmp_path_factory.mktemp("data")))
                    address = f"{await asyncio.to_thread(serve, host_of(engine))}v1"
                opened[kind] = await asyncio.to_thread(open_server, Settings(model=address), lambda progress: None)
            return opened[kind]

        yield open_
        for each in opened.values():
            await each.close()


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
    kind: str, loaded: Loaded, engine: LocalEngine, remote: Open, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    """An engine of that kind, with one slot and as many who may wait as WAITING."""
    monkeypatch.setattr(jobs, "NEW_TOKENS_PER_SECOND", 1)  # a CPU is slower than the cards that are reckoned with
    if kind in {"zero", "forked"}:
        async with open_zero(loaded, spaces.GPU if kind == "zero" else Forked()) as zero:
            yield zero
    elif kind == "fake":
        yield FakeEngine([f"word {number} " for number in range(1000)])
    else:
        one = engine if kind == "local" else await remote(kind)
        monkeypatch.setattr(one, "queue", RequestQueue(1, WAITING))
        yield one
        await idle(engine)  # the server of "own /v1" lets go of what was left a moment after its client did


def each_of(*kinds: str) -> Any:
    """A fixture that is the engine of each of these kinds."""

    @pytest_asyncio.fixture(params=kinds)
    async def one(
        request: pytest.FixtureRequest,
        loaded: Loaded,
        engine: LocalEngine,
        remote: Open,
        monkeypatch: pytest.MonkeyPatch,
    ) -> AsyncIterator[Engine]:
        async with opened(request.param, loaded, engine, remote, monkeypatch) as one:
            yield one

    return one


REAL = ("local", "zero", "forked")
EXACT = (*REAL, "own /v1")
ANY = (*EXACT, "llama.cpp")

real = each_of(*REAL)
"""Those that have the model in this process: they can do all that there is."""
each = each_of(*REAL, "fake")
exact = each_of(*EXACT)
"""With the same weights: what they answer is known."""
any_real = each_of(*ANY)
any_engine = each_of(*ANY, "fake")


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
