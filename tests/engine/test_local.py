"""What is special to the engine on this machine: many at once in one batch, its shared cache, its loop that may die."""

import asyncio
import threading
import weakref
from contextlib import AsyncExitStack
from typing import Any

import pytest
import torch

from qwen_ui.engine.local import LocalEngine, looking, scoring
from qwen_ui.engine.local.batch import BatchLoop
from qwen_ui.errors import EngineFailed, NotReady, PromptTooLong
from qwen_ui.messages import Message, Sampling
from tests.engine.conftest import SLOTS, STORY, first_text, held, idle, read, rest
from tests.interruption import Interrupted

QUESTIONS = [f"Name one {thing}." for thing in ("colour", "river", "fruit", "planet", "bird", "metal", "city", "tool")]


async def test_eight_streams_at_once_each_get_their_own_text(engine: LocalEngine) -> None:
    alone = [await read(engine, question, max_new_tokens=12, temperature=0) for question in QUESTIONS]
    together = await asyncio.gather(
        *(read(engine, question, max_new_tokens=12, temperature=0) for question in QUESTIONS)
    )
    assert [text for text, _ in together] == [text for text, _ in alone]
    assert len({text for text, _ in together}) > 1


async def test_sampling_is_each_request_s_own(engine: LocalEngine) -> None:
    greedy, _ = await read(engine, QUESTIONS[1], max_new_tokens=12, temperature=0)
    mixed = await asyncio.gather(
        *(read(engine, QUESTIONS[1], max_new_tokens=12, temperature=5, top_k=0, top_p=1) for _ in range(3)),
        *(read(engine, QUESTIONS[1], max_new_tokens=12, temperature=0) for _ in range(3)),
    )
    texts = [text for text, _ in mixed]
    assert texts[3:] == [greedy] * 3
    assert greedy not in texts[:3]


async def test_a_second_turn_reuses_the_first(engine: LocalEngine) -> None:
    first = [Message("user", "Here are some words to remember. " * 20)]
    text, usage = await read(engine, first, max_new_tokens=16, temperature=0)
    again = [*first, Message("assistant", text), Message("user", "Which ones?")]
    _, second = await read(engine, again, max_new_tokens=4, temperature=0)
    assert second.reused_tokens >= usage.prompt_tokens // 32 * 32 > 0


async def test_as_many_generate_as_there_are_slots(engine: LocalEngine) -> None:
    async with AsyncExitStack() as streams:
        for number in range(SLOTS):
            question = [Message("user", f"Story {number}")]
            await first_text(await streams.enter_async_context(engine.stream(question, Sampling(max_new_tokens=1000))))
        one_more = await streams.enter_async_context(engine.stream(STORY, Sampling()))
        assert (await anext(one_more)).position == 1
        assert (engine.active, engine.waiting) == (SLOTS, 1)
    await idle(engine)


async def test_a_killed_loop_comes_back(engine: LocalEngine) -> None:
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(engine.stream(STORY, Sampling(max_new_tokens=1000))) for _ in range(3)
        ]
        for stream in streams:
            await first_text(stream)
        cache = weakref.ref(engine.batch.manager.batch_processor.cache)
        engine.batch.manager.add_request([5] * 8, temperature=0.0)  # divides by zero: see the engine's admission
        for stream in streams:
            with pytest.raises(EngineFailed, match=r"[Tt]ry again"):
                await rest(stream)
    text, _ = await read(engine, QUESTIONS[0], max_new_tokens=4, temperature=0)
    assert text
    assert cache() is None, "there may be no memory for two"
    await idle(engine)


async def test_interrupted_while_the_loop_is_built_anew_a_request_leaves_nothing(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = threading.Event()
    monkeypatch.setattr(BatchLoop, "revive", lambda self: built.wait())
    async with engine.stream(STORY, Sampling()) as stream:
        monkeypatch.setattr(BatchLoop, "alive", False)
        reading = Interrupted(anext(stream), at=1)
        with pytest.raises(asyncio.CancelledError):
            await reading.task
    assert held(engine) == 0
    with pytest.raises(asyncio.CancelledError):
        await Interrupted(read(engine, STORY), at=1).task
    assert held(engine) == 0
    built.set()


async def test_a_request_that_its_cancellation_overtook_is_cancelled_again(engine: LocalEngine) -> None:
    engine.batch.submit("overtaken", [5] * 8, Sampling(max_new_tokens=1000), lambda output: None)
    del engine.batch.manager.output_router.result_handlers["overtaken"]
    while engine.batch.manager.output_router.output_queue.empty():
        await asyncio.sleep(0.005)
    engine.batch.release("another")
    await idle(engine)


async def test_a_closed_engine_refuses_at_entering(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchLoop, "alive", False)
    monkeypatch.setattr(engine.batch, "_closed", True)
    with pytest.raises(NotReady, match="shutting down"):
        await read(engine, STORY)
    with pytest.raises(NotReady, match="shutting down"):
        await engine.score(["Hello there"], ["!"])
    assert held(engine) == 0


async def test_scoring_leaves_running_streams_whole(engine: LocalEngine) -> None:
    alone, _ = await read(engine, QUESTIONS[2], max_new_tokens=16, temperature=0)
    stream = asyncio.create_task(read(engine, QUESTIONS[2], max_new_tokens=16, temperature=0))
    scores = await engine.score([f"Text {i} is" for i in range(40)], [" good", " bad"])
    assert len(scores) == 40
    assert (await stream)[0] == alone


async def test_looks_leave_running_streams_whole(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "STEP_TOKENS", 8)  # many pauses
    alone = await read(engine, QUESTIONS[2], max_new_tokens=24, temperature=0)
    streams = [asyncio.create_task(read(engine, QUESTIONS[2], max_new_tokens=24, temperature=0)) for _ in range(3)]
    text = "Rivers, lakes and seas. " * 8
    first, second = await asyncio.gather(engine.tokens(text), engine.tokens(text))
    assert first == second
    assert [(await stream)[0] for stream in streams] == [alone[0]] * 3
    await idle(engine)


async def test_a_cancelled_look_ends_before_its_next_step(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, places = 0, looking._places

    def counted(*args: Any) -> Any:
        nonlocal steps
        steps += 1
        return places(*args)

    monkeypatch.setattr(looking, "_places", counted)
    monkeypatch.setattr(looking, "STEP_TOKENS", 1)
    look = asyncio.create_task(engine.tokens("Rivers, lakes and seas. " * 60))
    while not steps:
        await asyncio.sleep(0.001)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    await engine.tokens("And then")  # waits for the one that ends
    assert steps < 100


async def test_a_look_without_memory_says_so_and_the_engine_goes_on(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> Any:
        raise torch.OutOfMemoryError

    with monkeypatch.context() as patched:
        patched.setattr(looking, "_places", full)
        with pytest.raises(PromptTooLong, match="not enough memory"):
            await engine.tokens("Rivers and lakes")
    assert len(await engine.tokens("Rivers and lakes")) == 3
    text, _ = await read(engine, QUESTIONS[0], max_new_tokens=2, temperature=0)
    assert text


async def test_a_branch_finds_its_prompt_and_beginning_in_the_cache(engine: LocalEngine) -> None:
    question = [Message("user", "Here are some words to remember. " * 20)]
    async with engine.stream(question, Sampling(max_new_tokens=40, temperature=0)) as stream:
        chunks = [chunk async for chunk in stream]
    begun = [token for chunk in chunks for token in chunk.tokens]
    async with engine.stream(question, Sampling(max_new_tokens=2), begun=begun) as stream:
        *_, last = [chunk async for chunk in stream]
    assert last.usage is not None
    assert last.usage.reused_tokens >= (last.usage.prompt_tokens - 1) // 32 * 32 - 32


async def test_a_cancelled_scoring_ends_early_and_never_do_two_compute(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, computing, most, whole = 0, 0, 0, 0
    compute = scoring.score

    def watched(*args: Any) -> Any:
        nonlocal begun, computing, most, whole
        begun, computing = begun + 1, computing + 1
        most = max(most, computing)
        try:
            scores = compute(*args)
            whole += 1
        finally:
            computing -= 1
        return scores

    monkeypatch.setattr(scoring, "score", watched)
    monkeypatch.setattr(scoring, "STEP_TOKENS", 8)  # a batch for each prompt or two
    prompts = [f"Text {i} is" for i in range(100)]
    first = asyncio.create_task(engine.score(prompts, [" good", " bad"]))
    while not computing:
        await asyncio.sleep(0.001)
    waiting = asyncio.create_task(engine.score(prompts, [" good", " bad"]))
    await asyncio.sleep(0.05)
    for task in (first, waiting):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    scores = await engine.score(prompts[:10], [" good", " bad"])
    assert len(scores) == 10
    assert (begun, whole, most) == (2, 1, 1)
