"""The engine over the real embedded model."""

import asyncio
import weakref
from typing import Any

import pytest
import torch

from qwen_ui.engine.local import LocalEngine
from qwen_ui.errors import Busy, EngineFailed, InvalidInput, PromptTooLong, QwenUIError
from qwen_ui.messages import Message, Sampling
from qwen_ui.models.load import Loaded
from tests.engine.conftest import SLOTS, read

QUESTIONS = [f"Name one {thing}." for thing in ("colour", "river", "fruit", "planet", "bird", "metal", "city", "tool")]
TIME_TO_END = 30  # seconds: a hang, not a measure


def plain_generate(loaded: Any, text: str, new_tokens: int) -> str:
    """What transformers' own `generate` answers greedily."""
    ids: Any = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.inference_mode():
        out = loaded.model.generate(**ids, max_new_tokens=new_tokens, do_sample=False)
    return str(loaded.tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))


async def idle(engine: LocalEngine) -> None:
    """Waits until the batch holds nothing any more."""
    async with asyncio.timeout(TIME_TO_END):
        while engine.active or engine.batch.held_blocks or engine.batch.manager.output_router.result_handlers:
            await asyncio.sleep(0)


async def test_greedy_streams_equal_generate(engine: LocalEngine, loaded: Loaded) -> None:
    text, usage = await read(engine, QUESTIONS[0], max_new_tokens=24, temperature=0)
    with engine.batch.pause():
        expected = await asyncio.to_thread(plain_generate, loaded, QUESTIONS[0], 24)
    assert text == expected
    assert usage.ended in {"length", "stop"}


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


async def test_usage_adds_up(engine: LocalEngine) -> None:
    text, usage = await read(engine, "Count from one to a hundred.", max_new_tokens=9, temperature=0)
    assert usage.prompt_tokens == engine.count_tokens([Message("user", "Count from one to a hundred.")])
    assert (usage.new_tokens, usage.ended) == (9, "length")
    assert usage.seconds_to_first_token > 0
    assert usage.tokens_per_second > 0
    assert text


async def test_a_second_turn_reuses_the_first(engine: LocalEngine) -> None:
    first = [Message("user", "Here are some words to remember. " * 20)]
    text, usage = await read(engine, first, max_new_tokens=16, temperature=0)
    again = [*first, Message("assistant", text), Message("user", "Which ones?")]
    _, second = await read(engine, again, max_new_tokens=4, temperature=0)
    assert second.reused_tokens >= usage.prompt_tokens // 32 * 32 > 0


async def test_ends_before_a_stop_string(engine: LocalEngine) -> None:
    whole, _ = await read(engine, "Tell me a story.", max_new_tokens=24, temperature=0)
    stop = whole.split()[4]
    text, usage = await read(engine, "Tell me a story.", max_new_tokens=24, temperature=0, stop=(stop,))
    assert text == whole[: whole.index(stop)]
    assert usage.ended == "stop"
    await idle(engine)


async def test_an_answer_that_ends_by_itself_holds_no_marker(engine: LocalEngine) -> None:
    text, usage = await read(engine, "What is 2+2? Answer with the number only.", max_new_tokens=64, temperature=0)
    assert usage.ended == "stop"
    assert "<|im_end|>" not in text


async def test_cancel_keeps_the_text_and_frees_the_model(engine: LocalEngine) -> None:
    stream = engine.stream([Message("user", "Write a very long story.")], Sampling(max_new_tokens=2000))
    text = ""
    usage = None
    async for chunk in stream:
        text += chunk.text
        usage = chunk.usage
        if text:
            stream.cancel()
    assert usage is not None
    assert usage.ended == "cancelled"
    assert 0 < usage.new_tokens < 50
    await idle(engine)


async def test_a_stream_that_is_left_behind_frees_the_model(engine: LocalEngine) -> None:
    stream = engine.stream([Message("user", "Write a very long story.")], Sampling(max_new_tokens=2000))
    await stream.__anext__()
    assert engine.active == 1
    await stream.aclose()
    await stream.aclose()
    await idle(engine)


async def test_a_cancelled_task_frees_the_model(engine: LocalEngine) -> None:
    task = asyncio.create_task(read(engine, "Write a very long story.", max_new_tokens=2000))
    async with asyncio.timeout(TIME_TO_END):
        while not engine.batch.held_blocks:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await idle(engine)


async def test_those_who_wait_know_their_place_and_can_leave(engine: LocalEngine) -> None:
    running = [engine.stream([Message("user", f"Story {i}")], Sampling(max_new_tokens=1000)) for i in range(SLOTS)]
    for stream in running:
        await stream.__anext__()
    waiting = [engine.stream([Message("user", f"Question {i}")], Sampling(max_new_tokens=2)) for i in range(2)]
    assert [(await stream.__anext__()).place for stream in waiting] == [1, 2]
    assert (engine.active, engine.waiting) == (SLOTS, 2)
    waiting[0].cancel()
    assert [chunk.usage.ended async for chunk in waiting[0] if chunk.usage] == ["cancelled"]
    assert (await waiting[1].__anext__()).place == 1
    await running[0].aclose()
    assert [chunk.usage.new_tokens async for chunk in waiting[1] if chunk.usage] == [2]
    for stream in running:
        await stream.aclose()
    await idle(engine)


async def test_a_full_line_is_refused(engine: LocalEngine) -> None:
    streams = [engine.stream([Message("user", "Hi")], Sampling(max_new_tokens=1000)) for _ in range(SLOTS * 5)]
    for stream in streams:
        await stream.__anext__()
    with pytest.raises(Busy, match="Try again"):
        await read(engine, "Hi", max_new_tokens=2)
    for stream in reversed(streams):
        await stream.aclose()
    await idle(engine)


async def test_a_killed_loop_comes_back(engine: LocalEngine) -> None:
    streams = [engine.stream([Message("user", "Tell me a story.")], Sampling(max_new_tokens=1000)) for _ in range(3)]
    for stream in streams:
        await stream.__anext__()
    cache = weakref.ref(engine.batch.manager.batch_processor.cache)
    engine.batch.manager.add_request([5] * 8, temperature=0.0)  # divides by zero: see the engine's admission
    for stream in streams:
        with pytest.raises(EngineFailed, match=r"[Tt]ry again"):
            async for _ in stream:
                pass
    text, _ = await read(engine, QUESTIONS[0], max_new_tokens=4, temperature=0)
    assert text
    assert cache() is None, "there may be no memory for two"
    await idle(engine)


@pytest.mark.parametrize(
    ("text", "sampling", "error"),
    [
        ("", {}, InvalidInput),
        (" \n\t ", {}, InvalidInput),
        ("long " * 60_000, {}, PromptTooLong),
        ("x" * 2_000_000, {}, PromptTooLong),
        ("half a \ud83d pair", {}, InvalidInput),
        ("Hi", {"temperature": float("nan")}, InvalidInput),
        ("Hi", {"temperature": -1}, InvalidInput),
        ("Hi", {"top_p": 0}, InvalidInput),
        ("Hi", {"top_p": float("inf")}, InvalidInput),
        ("Hi", {"top_k": -5}, InvalidInput),
        ("Hi", {"top_k": 2.5}, InvalidInput),
        ("Hi", {"max_new_tokens": 0}, InvalidInput),
        ("Hi", {"max_new_tokens": 30_000}, PromptTooLong),
        ("Hi", {"stop": ("",)}, InvalidInput),
    ],
)
async def test_bad_input_is_refused_and_the_next_request_works(
    engine: LocalEngine, text: str, sampling: dict[str, Any], error: type[QwenUIError]
) -> None:
    with pytest.raises(error):
        await read(engine, text, **({"max_new_tokens": 4} | sampling))
    answer, _ = await read(engine, "Hi", max_new_tokens=2, temperature=0)
    assert answer


async def test_a_long_chat_drops_its_oldest_turns_and_says_so(engine: LocalEngine) -> None:
    turns = [m for i in range(60) for m in (Message("user", f"{i} " + "word " * 150), Message("assistant", "ok"))]
    messages = [Message("system", "Be brief."), *turns, Message("user", "Hi")]
    room = engine.info.context_length - 4
    assert engine.count_tokens(messages) > room
    stream = engine.stream(messages, Sampling(max_new_tokens=4))
    prompt = engine.prompts.fit(messages, 4)  # what the stream sends, without computing 8,000 tokens here
    await stream.aclose()
    assert 0 < prompt.dropped < len(messages)
    assert len(prompt.tokens) <= room


def reference_score(loaded: Any, prompt: str, candidate: str) -> float:
    """One text at a time, no cache, no padding."""
    whole = loaded.tokenizer(prompt + candidate)["input_ids"]
    start = len(loaded.tokenizer(prompt)["input_ids"])
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([whole])).logits[0].float().log_softmax(-1)
    return sum(float(logits[at - 1, whole[at]]) for at in range(start, len(whole)))


async def test_scores_equal_those_of_one_text_at_a_time(engine: LocalEngine, loaded: Loaded) -> None:
    prompts = [f"Review: {text}\nSentiment:" for text in ("I love it", "Terrible, it broke after one single day", "Ok")]
    candidates = [" positive", " negative", " neither good nor bad", " 好评"]
    got = await engine.score(prompts, candidates)
    with engine.batch.pause():
        expected = [[reference_score(loaded, p, c) for c in candidates] for p in prompts]
    assert torch.allclose(torch.tensor(got), torch.tensor(expected), atol=1e-3)


async def test_scoring_leaves_running_streams_whole(engine: LocalEngine) -> None:
    alone, _ = await read(engine, QUESTIONS[2], max_new_tokens=16, temperature=0)
    stream = asyncio.create_task(read(engine, QUESTIONS[2], max_new_tokens=16, temperature=0))
    scores = await engine.score([f"Text {i} is" for i in range(40)], [" good", " bad"])
    assert len(scores) == 40
    assert (await stream)[0] == alone


@pytest.mark.parametrize(("prompts", "candidates"), [(["a b"], []), (["a b"], [""]), ([""], ["x"])])
async def test_scoring_nothing_is_refused(engine: LocalEngine, prompts: list[str], candidates: list[str]) -> None:
    with pytest.raises(InvalidInput):
        await engine.score(prompts, candidates)
