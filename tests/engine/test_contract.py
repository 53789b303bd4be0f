"""What holds for every engine: the local one, that for ZeroGPU (in this process, and in forked ones), those over
servers that speak OpenAI's API (this app's own, over the local engine, and llama.cpp's), and the fake."""

import asyncio
import itertools
import threading
from contextlib import AsyncExitStack
from typing import Any

import pytest
import torch

from qwen_ui.engine.base import Engine
from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.engine.threads import Checkpoint
from qwen_ui.errors import Busy, InvalidInput, PromptTooLong, QwenUIError
from qwen_ui.messages import Message, Sampling
from tests.engine.conftest import STORY, TIME_TO_END, WAITING, first_text, held, idle, read, rest
from tests.fakes import FakeEngine
from tests.interruption import Interrupted

QUESTION = "Name one river."


@pytest.fixture(scope="module")
def generated(loaded: Any) -> str:
    """What transformers' own `generate` answers greedily."""
    ids: Any = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": QUESTION}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.inference_mode():
        out = loaded.model.generate(**ids, max_new_tokens=16, do_sample=False)
    return str(loaded.tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))


async def test_greedy_text_equals_generate(exact: Engine, generated: str) -> None:
    text, usage = await read(exact, QUESTION, max_new_tokens=16, temperature=0)
    assert text == generated
    assert usage.ended in {"length", "stop"}


async def test_a_text_is_gone_on_with_as_it_is(real: Engine, loaded: Any) -> None:
    text = "Once upon a time there was a"
    ids = loaded.tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        out = loaded.model.generate(**ids, max_new_tokens=8, do_sample=False)
    expected = loaded.tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    prompt = tuple(ids["input_ids"][0].tolist())
    for asked in (Message("text", text), Message("text", "", prompt)):
        said, usage = await read(real, [asked], max_new_tokens=8, temperature=0)
        assert said == expected
        assert usage.prompt_tokens == len(prompt)
        looks = await real.tokens(messages=[asked], top=1)
        assert tuple(look.id for look in looks) == prompt
        assert looks[0].probability is None


async def test_usage_adds_up(any_engine: Engine) -> None:
    text, usage = await read(any_engine, STORY, max_new_tokens=9, temperature=0)
    assert text
    if not any_engine.info.remote:  # over a server it is an estimate
        assert usage.prompt_tokens == any_engine.count_tokens(STORY)
    assert usage.new_tokens == 9 or isinstance(any_engine, FakeEngine)
    assert usage.ended == ("stop" if isinstance(any_engine, FakeEngine) else "length")
    assert usage.reused_tokens <= usage.prompt_tokens
    assert usage.context_length == any_engine.info.context_length
    assert usage.seconds_to_first_token > 0
    assert usage.tokens_per_second > 0
    assert not any_engine.stopped


async def test_a_stream_ends_before_a_stop_string(any_real: Engine) -> None:
    whole, _ = await read(any_real, QUESTION, max_new_tokens=16, temperature=0)
    stop = whole.split()[2]
    text, usage = await read(any_real, QUESTION, max_new_tokens=16, temperature=0, stop=(stop,))
    assert text == whole[: whole.index(stop)]
    assert usage.ended == "stop"
    await idle(any_real)


async def test_an_answer_that_ends_by_itself_holds_no_marker(exact: Engine) -> None:
    text, usage = await read(exact, "What is 2+2? Answer with the number only.", max_new_tokens=64, temperature=0)
    assert usage.ended == "stop"
    assert "<|im_end|>" not in text


async def test_a_long_chat_drops_its_oldest_turns_and_says_so(
    real: Engine, loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "_prompts", PromptEncoder(loaded.tokenizer, 200))
    turns = [m for i in range(20) for m in (Message("user", f"Is it {i}?"), Message("assistant", "It may well be."))]
    _, usage = await read(real, [Message("system", "Be brief."), *turns, Message("user", "Hi")], max_new_tokens=2)
    assert 0 < usage.dropped_messages < len(turns)
    assert usage.dropped_messages % 2 == 0
    assert usage.prompt_tokens <= 198


async def test_cancel_keeps_the_text_and_frees_the_model(any_engine: Engine) -> None:
    async with any_engine.stream(STORY, Sampling(max_new_tokens=600)) as stream:
        assert await first_text(stream)
        stream.cancel()
        _, usage = await rest(stream)
        assert usage.ended == "cancelled"
        assert 0 < usage.new_tokens < 100
        assert [chunk async for chunk in stream] == []
    await idle(any_engine)


async def test_leaving_a_stream_frees_the_model(any_engine: Engine) -> None:
    async with any_engine.stream(STORY, Sampling(max_new_tokens=600)) as stream:
        await first_text(stream)
        assert any_engine.active == 1
    await idle(any_engine)


async def test_the_model_is_free_once_the_last_chunk_has_come(any_real: Engine) -> None:
    async with any_real.stream(STORY, Sampling(max_new_tokens=2)) as stream:
        await rest(stream)
        await idle(any_real)


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "behind another"])
async def test_interrupted_wherever_it_waits_a_request_leaves_nothing(any_engine: Engine, busy: bool) -> None:
    for at in itertools.count(1):
        async with AsyncExitStack() as other:
            if busy:
                await other.enter_async_context(any_engine.stream(STORY, Sampling()))
            request = Interrupted(read(any_engine, QUESTION, max_new_tokens=3), at)
            while request.waits < 2 and not request.task.done():  # it waits for its prompt, then in the queue
                await asyncio.sleep(0.001)
        done = await asyncio.gather(request.task, return_exceptions=True)
        await idle(any_engine)
        if request.waits < at:
            break
        assert isinstance(done[0], asyncio.CancelledError)
        if at == 10:  # in the midst of a long answer of the fake
            break
    assert at > 3


async def test_cancelled_while_its_prompt_is_fitted_a_request_stops_that_work(
    real: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def fit_for_ever(self: PromptEncoder, messages: Any, new: int, checkpoint: Checkpoint, begun: Any) -> None:
        try:
            while True:
                checkpoint()
        finally:
            stopped.set()

    monkeypatch.setattr(PromptEncoder, "fit", fit_for_ever)
    with pytest.raises(asyncio.CancelledError):
        await Interrupted(read(real, STORY), at=1).task
    assert held(real) == 0
    assert await asyncio.to_thread(stopped.wait, TIME_TO_END)


async def test_those_who_wait_know_their_position_and_can_leave(any_real: Engine) -> None:
    async with AsyncExitStack() as first, AsyncExitStack() as others:
        running = await first.enter_async_context(any_real.stream(STORY, Sampling(max_new_tokens=600)))
        await first_text(running)
        second, third = [
            await others.enter_async_context(any_real.stream(STORY, Sampling(max_new_tokens=2))) for _ in range(2)
        ]
        assert [(await anext(stream)).position for stream in (second, third)] == [1, 2]
        assert (any_real.active, any_real.waiting) == (1, 2)
        second.cancel()
        text, usage = await rest(second)
        assert (text, usage.ended, usage.new_tokens) == ("", "cancelled", 0)
        assert (await anext(third)).position == 1
        await first.aclose()
        text, usage = await rest(third)
        assert (bool(text), usage.new_tokens) == (True, 2)
    await idle(any_real)


async def test_a_full_queue_refuses_at_entering(any_real: Engine) -> None:
    async with AsyncExitStack() as others:
        for _ in range(1 + WAITING):
            await others.enter_async_context(any_real.stream(STORY, Sampling()))
        with pytest.raises(Busy, match=r"2 requests are waiting already\. Try again"):
            await others.enter_async_context(any_real.stream(STORY, Sampling()))
        assert (any_real.active, any_real.waiting) == (1, WAITING)
    assert held(any_real) == 0


@pytest.mark.parametrize(
    ("text", "new_tokens", "error"),
    [
        ("", 4, InvalidInput),
        (" \n\t ", 4, InvalidInput),
        ("long " * 60_000, 4, PromptTooLong),
        ("x" * 2_000_000, 4, PromptTooLong),
        ("Hi", 30_000, PromptTooLong),
    ],
    ids=["empty", "blank", "long", "far too long", "many new tokens"],
)
async def test_bad_input_is_refused_at_entering(
    any_real: Engine, text: str, new_tokens: int, error: type[QwenUIError]
) -> None:
    await idle(any_real)  # a remote engine's server may be this one, and not know yet that its last request has gone
    async with AsyncExitStack() as stack:
        with pytest.raises(error):
            stream = any_real.stream([Message("user", text)], Sampling(max_new_tokens=new_tokens))
            entered = await stack.enter_async_context(stream)
            if any_real.info.remote:  # that a text is a little too long is known to the server alone
                await rest(entered)
    if any_real.info.remote:
        await idle(any_real)
    assert held(any_real) == 0


async def test_the_fake_refuses_at_entering_too() -> None:
    fake = FakeEngine(refusal=Busy("Try again."))
    async with AsyncExitStack() as stack:
        with pytest.raises(Busy):
            await stack.enter_async_context(fake.stream(STORY, Sampling()))
        assert held(fake) == 0


def reference_score(loaded: Any, prompt: str, candidate: str) -> float:
    """One text at a time, no cache, no padding."""
    whole = loaded.tokenizer(prompt + candidate)["input_ids"]
    start = len(loaded.tokenizer(prompt)["input_ids"])
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([whole])).logits[0].float().log_softmax(-1)
    return sum(float(logits[at - 1, whole[at]]) for at in range(start, len(whole)))


PROMPTS = [f"Review: {text}\nSentiment:" for text in ("I love it", "Terrible, it broke after one single day", "Ok")]
CANDIDATES = [" positive", " negative", " neither good nor bad", " 好评"]


@pytest.fixture(scope="module")
def reference(loaded: Any) -> torch.Tensor:
    return torch.tensor([[reference_score(loaded, p, c) for c in CANDIDATES] for p in PROMPTS])


async def test_scores_equal_those_of_one_text_at_a_time(exact: Engine, reference: torch.Tensor) -> None:
    scores = await exact.score(PROMPTS, CANDIDATES)
    assert torch.allclose(torch.tensor(scores), reference, atol=1e-3)
    await idle(exact)


async def test_there_is_a_score_for_each_candidate_of_each_prompt(any_engine: Engine) -> None:
    scores = await any_engine.score(PROMPTS, CANDIDATES)
    assert [len(row) for row in scores] == [len(CANDIDATES)] * len(PROMPTS)
    assert all(score < 0 for row in scores for score in row)
    assert await any_engine.score([], CANDIDATES) == []


@pytest.mark.parametrize(("prompts", "candidates"), [(["a b"], []), (["a b"], [""]), ([""], ["x"])])
async def test_scoring_nothing_is_refused(any_real: Engine, prompts: list[str], candidates: list[str]) -> None:
    with pytest.raises(InvalidInput):
        await any_real.score(prompts, candidates)
    assert held(any_real) == 0
