"""What is special to the engine for ZeroGPU: with `spaces.GPU` doing nothing, and in a forked process."""

import pickle
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
import spaces
import torch

from qwen_ui.engine.zero import ZeroEngine, jobs
from qwen_ui.engine.zero.jobs import LONGEST_SECONDS, START_SECONDS, Generation, seconds_for
from qwen_ui.errors import EngineFailed, NotReady
from qwen_ui.messages import Sampling
from qwen_ui.models.load import Loaded
from qwen_ui.settings import Settings
from tests.engine.conftest import STORY, first_text, idle, open_zero, read, rest
from tests.engine.worker import Forked


@pytest.fixture(autouse=True)
def slow_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's CPU is slower than the cards that the time is reckoned for."""
    monkeypatch.setattr(jobs, "NEW_TOKENS_PER_SECOND", 1)


@pytest.fixture(params=["no-op", "forked"])
def decorate(request: pytest.FixtureRequest) -> Any:
    return Forked() if request.param == "forked" else spaces.GPU


@pytest_asyncio.fixture
async def zero(loaded: Loaded, decorate: Any) -> AsyncIterator[ZeroEngine]:
    async with open_zero(loaded, decorate) as engine:
        yield engine


async def test_it_says_what_it_is(zero: ZeroEngine, loaded: Loaded) -> None:
    assert (zero.info.engine, zero.info.model) == ("transformers on ZeroGPU", loaded.info.model)


@pytest.mark.parametrize("decorate", [Forked()])
@pytest.mark.parametrize("cancelled", [True, False])
async def test_the_worker_has_ended_when_the_gpu_is_free(zero: ZeroEngine, decorate: Forked, cancelled: bool) -> None:
    async with zero.stream(STORY, Sampling(max_new_tokens=2000)) as stream:
        await first_text(stream)
        if cancelled:
            stream.cancel()
            await rest(stream)
            await idle(zero)
    await idle(zero)
    assert not decorate.children[-1].is_alive()


async def test_an_error_on_the_gpu_is_a_sentence_and_the_next_request_works(
    zero: ZeroEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def out_of_memory(sampling: Sampling) -> None:
        raise torch.OutOfMemoryError

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "picker", out_of_memory)
        with pytest.raises(EngineFailed, match=r"could not finish this \(\w+Error\)\. Try again"):
            await read(zero, "Hi", max_new_tokens=2)
    assert "did not finish" in caplog.text
    text, _ = await read(zero, "Hi", max_new_tokens=2, temperature=0)
    assert text


async def test_the_platform_s_own_refusal_reaches_the_visitor(loaded: Loaded) -> None:
    import gradio

    def no_quota(on_gpu: Any, duration: Any) -> Any:
        def call(job: Any) -> Any:
            if duration(job):
                raise gradio.Error("You have used up your quota. Try again in 1:00:00.", title="ZeroGPU quota exceeded")
            yield

        return call

    engine = ZeroEngine(loaded, Settings(), no_quota)
    with pytest.raises(EngineFailed, match=r"^ZeroGPU quota exceeded: You have used up your quota\. Try again in"):
        await read(engine, "Hi", max_new_tokens=2)


async def test_closing_ends_what_runs_with_a_sentence(zero: ZeroEngine) -> None:
    async with AsyncExitStack() as streams:
        running = await streams.enter_async_context(zero.stream(STORY, Sampling(max_new_tokens=2000)))
        await first_text(running)
        waiting = await streams.enter_async_context(zero.stream(STORY, Sampling()))
        await zero.close()
        for stream in (running, waiting):
            with pytest.raises(NotReady, match="shutting down"):
                await rest(stream)
    for refused in (read(zero, STORY), zero.score(["Hello there"], ["!"])):
        with pytest.raises(NotReady, match="shutting down"):
            await refused


async def test_an_answer_ends_when_its_time_is_up(zero: ZeroEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LATE_SECONDS", LONGEST_SECONDS)
    _, usage = await read(zero, STORY, max_new_tokens=500, temperature=0)
    assert (usage.new_tokens, usage.ended) == (1, "length")


def test_the_time_asked_for_grows_with_the_tokens_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "NEW_TOKENS_PER_SECOND", 25)
    assert seconds_for(100, 50) == START_SECONDS + 3
    assert seconds_for(100, 500) > seconds_for(100, 50)
    assert seconds_for(8000, 50) > seconds_for(100, 50)
    assert seconds_for(8000, 32_000) == LONGEST_SECONDS


def test_sampling_follows_temperature_top_k_and_top_p() -> None:
    scores = torch.tensor([[4.0, 3.0, 2.0, 1.0]])

    def drawn(**sampling: Any) -> set[int]:
        pick = jobs.picker(Sampling(**sampling))
        return {int(pick(scores)) for _ in range(200)}

    torch.manual_seed(0)
    assert drawn(temperature=0) == {0}
    assert drawn(temperature=5, top_k=0, top_p=1) == {0, 1, 2, 3}
    assert drawn(temperature=5, top_k=2, top_p=1) == {0, 1}
    assert drawn(temperature=1, top_k=0, top_p=0.7) == {0, 1}


def test_a_job_travels_whole() -> None:
    job = Generation([1, 2], Sampling(stop=("\n",)), frozenset({3}))
    assert pickle.loads(pickle.dumps(job)) == job
