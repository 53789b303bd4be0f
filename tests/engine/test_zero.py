"""The engine for ZeroGPU over the real embedded model: with `spaces.GPU` doing nothing, and in a forked process."""

import asyncio
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import spaces
import torch

from qwen_ui.config import Settings
from qwen_ui.engine.local import LocalEngine
from qwen_ui.engine.zero import ZeroEngine, jobs
from qwen_ui.engine.zero.jobs import LONGEST_SECONDS, START_SECONDS, Generation, seconds_for
from qwen_ui.errors import Busy, EngineFailed, InvalidInput, NotReady, PromptTooLong, QwenUIError
from qwen_ui.messages import Chunk, Message, Sampling
from qwen_ui.models.load import Loaded
from tests.engine.conftest import read
from tests.engine.test_local import plain_generate
from tests.engine.worker import Forked

TIME_TO_END = 60  # seconds: a hang, not a measure
WAITING = 2
STORY = [Message("user", "Write a very long story.")]


@pytest.fixture(autouse=True)
def slow_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's CPU is slower than the cards that the time is reckoned for."""
    monkeypatch.setattr(jobs, "NEW_TOKENS_PER_SECOND", 1)


@pytest.fixture(params=["no-op", "forked"])
def decorate(request: pytest.FixtureRequest) -> Any:
    return Forked() if request.param == "forked" else spaces.GPU


@pytest_asyncio.fixture(loop_scope="session")
async def zero(loaded: Loaded, decorate: Any) -> AsyncIterator[ZeroEngine]:
    engine = ZeroEngine(loaded, Settings(max_concurrent=WAITING), decorate)
    yield engine
    await engine.close()
    if isinstance(decorate, Forked):
        assert [child.exitcode for child in decorate.children] == [0] * len(decorate.children)


async def idle(engine: ZeroEngine) -> None:
    async with asyncio.timeout(TIME_TO_END):
        while engine.active or engine.waiting:
            await asyncio.sleep(0)


async def begun(engine: ZeroEngine, **sampling: Any) -> Any:
    """A stream whose first text has come."""
    stream = engine.stream(STORY, Sampling(max_new_tokens=2000, **sampling))
    while not (await stream.__anext__()).text:
        pass
    return stream


async def test_greedy_streams_equal_generate(zero: ZeroEngine, loaded: Loaded) -> None:
    text, usage = await read(zero, "Name one river.", max_new_tokens=12, temperature=0)
    assert text == await asyncio.to_thread(plain_generate, loaded, "Name one river.", 12)
    assert usage.prompt_tokens == zero.count_tokens([Message("user", "Name one river.")])
    assert usage.new_tokens == 12 or usage.ended == "stop"
    assert usage.reused_tokens == 0
    assert usage.seconds_to_first_token > 0
    assert usage.tokens_per_second > 0
    assert (zero.info.engine, zero.info.model) == ("transformers on ZeroGPU", loaded.info.model)


async def test_an_answer_that_ends_by_itself_holds_no_marker(zero: ZeroEngine) -> None:
    text, usage = await read(zero, "What is 2+2? Answer with the number only.", max_new_tokens=64, temperature=0)
    assert usage.ended == "stop"
    assert "<|im_end|>" not in text


async def test_ends_before_a_stop_string(zero: ZeroEngine) -> None:
    whole, _ = await read(zero, "Tell me a story.", max_new_tokens=16, temperature=0)
    stop = whole.split()[4]
    text, usage = await read(zero, "Tell me a story.", max_new_tokens=16, temperature=0, stop=(stop,))
    assert text == whole[: whole.index(stop)]
    assert usage.ended == "stop"
    await idle(zero)


async def test_two_at_once_queue_and_know_their_place(zero: ZeroEngine) -> None:
    first = await begun(zero)
    second = zero.stream([Message("user", "Hi")], Sampling(max_new_tokens=2, temperature=0))
    assert (await second.__anext__()).place == 1
    assert (zero.active, zero.waiting) == (1, 1)
    first.cancel()
    assert [chunk.usage.ended async for chunk in first if chunk.usage] == ["cancelled"]
    assert "".join([chunk.text async for chunk in second])
    await idle(zero)


async def test_cancel_keeps_the_text_and_ends_the_worker(zero: ZeroEngine, decorate: Any) -> None:
    stream = await begun(zero)
    stream.cancel()
    rest: list[Chunk] = [chunk async for chunk in stream]
    assert rest[-1].usage is not None
    assert rest[-1].usage.ended == "cancelled"
    assert 0 < rest[-1].usage.new_tokens < 100
    await idle(zero)
    if isinstance(decorate, Forked):
        assert not decorate.children[-1].is_alive()


async def test_a_stream_that_is_left_behind_ends_the_worker(zero: ZeroEngine, decorate: Any) -> None:
    stream = await begun(zero)
    await stream.aclose()
    await stream.aclose()
    await idle(zero)
    if isinstance(decorate, Forked):
        assert not decorate.children[-1].is_alive()


async def test_a_cancelled_task_frees_the_gpu(zero: ZeroEngine) -> None:
    task = asyncio.create_task(read(zero, STORY, max_new_tokens=2000))
    async with asyncio.timeout(TIME_TO_END):
        while not zero.active:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await idle(zero)


async def test_one_who_waits_can_leave_and_a_full_line_is_refused(zero: ZeroEngine) -> None:
    first = await begun(zero)
    waiting = [zero.stream(STORY, Sampling()) for _ in range(WAITING)]
    for stream in waiting:
        await stream.__anext__()
    with pytest.raises(Busy, match="Try again"):
        await read(zero, "Hi", max_new_tokens=2)
    waiting[0].cancel()
    assert [chunk.usage.ended async for chunk in waiting[0] if chunk.usage] == ["cancelled"]
    assert (await waiting[1].__anext__()).place == 1
    await waiting[1].aclose()
    await first.aclose()
    await idle(zero)


async def test_scores_equal_those_of_the_local_engine(zero: ZeroEngine, engine: LocalEngine) -> None:
    prompts = [f"Review: {text}\nSentiment:" for text in ("I love it", "Terrible, it broke after one day", "Ok")]
    candidates = [" positive", " negative", " neither good nor bad"]
    got, expected = await zero.score(prompts, candidates), await engine.score(prompts, candidates)
    assert torch.allclose(torch.tensor(got), torch.tensor(expected), atol=1e-3)
    assert await zero.score([], candidates) == []
    await idle(zero)


@pytest.mark.parametrize("decorate", [spaces.GPU])
@pytest.mark.parametrize(
    ("text", "sampling", "error"),
    [
        ("", {}, InvalidInput),
        ("long " * 60_000, {}, PromptTooLong),
        ("Hi", {"max_new_tokens": 30_000}, PromptTooLong),
    ],
)
async def test_bad_input_is_refused_before_the_gpu_is_asked_for(
    zero: ZeroEngine, text: str, sampling: dict[str, Any], error: type[QwenUIError]
) -> None:
    with pytest.raises(error):
        await read(zero, text, **({"max_new_tokens": 4} | sampling))
    assert zero.active == 0


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
    running = await begun(zero)
    waiting = zero.stream(STORY, Sampling())
    await waiting.__anext__()
    await zero.close()
    for stream in (running, waiting):
        with pytest.raises(NotReady, match="shutting down"):
            async for _ in stream:
                pass
    with pytest.raises(NotReady, match="shutting down"):
        await zero.score(["Hello there"], ["!"])


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
