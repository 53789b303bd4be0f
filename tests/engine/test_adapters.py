"""Adapters in one batch, against peft's own generation on the same model."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from qwen_ui.adapters.files import Base
from qwen_ui.engine.base import answers
from qwen_ui.engine.local import LocalEngine
from qwen_ui.engine.local.batch import adapter_of, request_id
from qwen_ui.engine.zero import ZeroEngine
from qwen_ui.errors import Busy, InvalidInput
from qwen_ui.messages import Message, Sampling
from qwen_ui.models.load import Loaded
from qwen_ui.settings import Settings
from tests.engine.adapters import make_adapter
from tests.engine.conftest import SLOTS, held, open_zero
from tests.engine.worker import Forked
from tests.models.tiny import in_thread

SYSTEM = "You are a careful assistant who answers in one short sentence, and who never says more than was asked. " * 4
PROMPTS = ["Where is Paris?", "Write about a red fox.", "天空为什么是蓝色的？"]
ADAPTERS: dict[str, dict[str, Any]] = {
    "plain": {"r": 8},
    "wide": {"r": 32, "use_rslora": True, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    "dora": {"r": 4, "use_dora": True},
}
NAMES = ["", *ADAPTERS]
NEW_TOKENS = 24
BOTH = [" good", " bad"]


def chat(prompt: str) -> list[Message]:
    return [Message("system", SYSTEM), Message("user", prompt)]


@pytest.fixture(scope="module")
def adapters(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that they are in."""
    data = tmp_path_factory.mktemp("adapted")
    for seed, (name, config) in enumerate(ADAPTERS.items()):
        make_adapter(loaded.model, data / "adapters" / name, seed, **config)
    return data


@pytest.fixture(scope="module")
def generated(loaded: Loaded, adapters: Path) -> dict[tuple[str, str], str]:
    """What peft's model generates greedily, by adapter and prompt."""
    return in_thread(lambda: _generate(loaded, adapters))


def _generate(loaded: Loaded, adapters: Path) -> dict[tuple[str, str], str]:
    import torch
    from peft import PeftModel

    def answer(model: Any, prompt: str) -> str:
        messages = [{"role": each.role, "content": each.content} for each in chat(prompt)]
        given: Any = loaded.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        with torch.inference_mode():
            tokens = model.generate(**given, max_new_tokens=NEW_TOKENS, do_sample=False)
        return str(loaded.tokenizer.decode(tokens[0, given["input_ids"].shape[1] :], skip_special_tokens=True))

    texts = {("", prompt): answer(loaded.model, prompt) for prompt in PROMPTS}
    for name in ADAPTERS:
        adapted = PeftModel.from_pretrained(loaded.model, adapters / "adapters" / name)
        texts |= {(name, prompt): answer(adapted, prompt) for prompt in PROMPTS}
        adapted.unload()
    return texts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def adapted(loaded: Loaded, adapters: Path) -> AsyncIterator[LocalEngine]:
    settings = Settings(max_concurrent=2 * SLOTS, data_dir=adapters)
    engine = await asyncio.to_thread(LocalEngine, loaded, settings)
    yield engine
    await engine.close()
    engine._layers.remove()


async def greedy(engine: LocalEngine | ZeroEngine, prompt: str, adapter: str) -> tuple[str, int]:
    """The answer, and how much of its prompt was in the cache."""
    sampling = Sampling(max_new_tokens=NEW_TOKENS, temperature=0)
    async with engine.stream(chat(prompt), sampling, adapter) as stream:
        chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage is not None
    return "".join(chunk.text for chunk in chunks), chunks[-1].usage.reused_tokens


async def test_base_and_adapters_mixed_in_one_batch_say_what_peft_generates(adapted, generated):
    """Twice: the second time the prompts come from the cache, where they all begin alike."""
    asked = [(name, prompt) for name in NAMES for prompt in PROMPTS]
    for turn in range(2):
        said = await asyncio.gather(*(greedy(adapted, prompt, name) for name, prompt in asked))
        assert {key: text for key, (text, _) in zip(asked, said, strict=True)} == generated
        if turn:
            assert all(reused > 0 for _, reused in said)
    assert len({text for (_, prompt), text in generated.items() if prompt == PROMPTS[0]}) == len(NAMES)


async def test_a_prompt_is_found_in_the_cache_for_its_own_adapter_only(adapted):
    prompt = "Say what nobody has said before, please."
    assert [(await greedy(adapted, prompt + str(number), name))[1] > 0 for number, name in enumerate(NAMES)] == [
        True  # the system prompt, by the test before; nothing of another adapter's
    ] * len(NAMES)
    fresh = [Message("user", "Tell me a story about a fox. " * 25)]
    reused = []
    for name in ("", "plain", "wide", "plain"):
        async with adapted.stream(fresh, Sampling(max_new_tokens=3), name) as stream:
            usage = [chunk async for chunk in stream][-1].usage
        reused.append(usage.reused_tokens > 0)
    assert reused == [False, False, False, True]


async def test_scores_are_those_of_the_named_adapter(adapted, loaded, adapters):
    def alone() -> list[list[float]]:
        import torch
        from peft import PeftModel

        model = PeftModel.from_pretrained(loaded.model, adapters / "adapters/dora")
        rows = []
        for prompt in ("The film was", "The weather is"):
            ids = loaded.tokenizer(prompt, return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                after = model(ids).logits[0, -1].float().log_softmax(-1)
            rows.append([float(after[loaded.tokenizer.encode(word)[0]]) for word in BOTH])
        model.unload()
        return rows

    expected = in_thread(alone)
    prompts = ["The film was", "The weather is"]
    assert await adapted.score(prompts, BOTH, "dora") == [pytest.approx(row, abs=1e-3) for row in expected]
    assert await adapted.score(prompts, BOTH) != await adapted.score(prompts, BOTH, "dora")


async def test_a_look_is_the_named_adapter_s(adapted, loaded, adapters):
    text = "The film was long, and the weather is"

    def alone() -> list[float]:
        import torch
        from peft import PeftModel

        model = PeftModel.from_pretrained(loaded.model, adapters / "adapters/dora")
        ids = loaded.tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            probabilities = model(ids).logits[0, :-1].float().softmax(-1)
        model.unload()
        return [float(each) for each in probabilities.gather(1, ids[0, 1:, None])]

    expected = in_thread(alone)
    looks = await adapted.tokens(text, adapter="dora")
    assert [look.probability for look in looks[1:]] == pytest.approx(expected, abs=1e-3)
    assert await adapted.tokens(text) != looks
    with pytest.raises(InvalidInput, match="no adapter 'nobody'"):
        await adapted.tokens(text, adapter="nobody")


async def test_a_branch_of_an_adapter_goes_on_as_its_answer_did(adapted):
    sampling = Sampling(max_new_tokens=NEW_TOKENS, temperature=0)
    *_, first = [answer async for answer in answers(adapted, chat(PROMPTS[1]), sampling, "wide")]
    *_, branch = [answer async for answer in answers(adapted, chat(PROMPTS[1]), sampling, "wide", first.tokens[:5])]
    assert branch.text.startswith(first.text)
    looks = await adapted.tokens(
        messages=[*chat(PROMPTS[1]), Message("assistant", first.text, first.tokens)], adapter="wide"
    )
    assert {look.rank for look in looks} == {1}


async def test_base_answers_stay_as_they_are_to_the_bit_with_adapters_in_memory(adapted, engine):
    prompts = ["The film was", "A long and slow story about"]
    for name in ADAPTERS:
        await adapted.score(prompts, BOTH, name)
    assert await adapted.score(prompts, BOTH) == await engine.score(prompts, BOTH)


async def test_loading_takes_no_new_model_and_less_than_two_seconds(adapted, loaded, adapters):
    make_adapter(loaded.model, adapters / "adapters/late", 9)
    model, began = adapted._model, time.monotonic()
    number = await asyncio.to_thread(adapted.adapters.load, "late")
    assert time.monotonic() - began < 2 * 10  # ten times that on a machine that is busy otherwise
    assert number
    assert adapted._model is model


async def test_a_changed_adapter_is_another_one(adapted, loaded, adapters):
    folder = adapters / "adapters/changing"
    make_adapter(loaded.model, folder, 20)
    before = await greedy(adapted, PROMPTS[1], "changing")
    make_adapter(loaded.model, folder, 21)
    after = await greedy(adapted, PROMPTS[1], "changing")
    assert before[0] != after[0]


async def test_what_is_not_used_makes_room_and_what_is_used_stays(loaded, adapters, engine):
    """With room for two of the size of "plain"."""
    small = await asyncio.to_thread(LocalEngine, loaded, Settings(max_concurrent=4, data_dir=adapters))
    try:
        for seed in range(3):
            make_adapter(loaded.model, adapters / f"adapters/same{seed}", seed)
        small.adapters._budget = 2 * small._layers.bytes_of(small._layers.parts(adapters / "adapters/same0"))
        expected = [(await greedy(small, PROMPTS[0], f"same{seed}"))[0] for seed in range(3)]
        assert small.adapters.bytes == small.adapters._budget
        async with AsyncExitStack() as stack:
            for name in ("same0", "same1"):
                stream = await stack.enter_async_context(small.stream(chat("Go on."), Sampling(), name))
                await anext(stream)
            with pytest.raises(Busy, match="room for adapters"):
                await greedy(small, PROMPTS[0], "same2")
        assert [(await greedy(small, PROMPTS[0], f"same{seed}"))[0] for seed in range(3)] == expected
        small.adapters._budget //= 4
        with pytest.raises(InvalidInput, match="--max-adapters"):
            await greedy(small, PROMPTS[0], "wide")
    finally:
        await small.close()
        small._layers.remove()


async def test_nothing_is_held_after_an_adapter_was_refused(adapted):
    before = held(adapted)
    with pytest.raises(InvalidInput, match=r"no adapter 'nobody'\. There are: .*plain"):
        await read_with(adapted, "nobody")
    assert held(adapted) == before


async def read_with(engine: LocalEngine, adapter: str) -> None:
    async with engine.stream(chat(PROMPTS[0]), Sampling(max_new_tokens=2), adapter) as stream:
        async for _ in stream:
            pass


async def test_the_loop_that_is_built_anew_goes_on_with_adapters(adapted, generated):
    adapted.batch.manager.stop(block=True, hard_stop=True)
    text, _ = await greedy(adapted, PROMPTS[0], "plain")
    assert text == generated["plain", PROMPTS[0]]


async def test_zero_gpu_answers_with_adapters_one_after_the_other(loaded, adapters, generated):
    async with open_zero(loaded, Forked(), adapters) as zero:
        for name in ("plain", "", "dora"):
            assert (await greedy(zero, PROMPTS[0], name))[0] == generated[name, PROMPTS[0]]
        with pytest.raises(InvalidInput, match="no adapter 'nobody'"):
            await greedy(zero, PROMPTS[0], "nobody")


def test_a_request_tells_its_adapter_for_good():
    assert adapter_of(request_id(12)) == 12
    assert adapter_of("req_7") == 0


@pytest.mark.parametrize("precision", ["4bit", "bf16"])
async def test_packed_and_16_bit_weights_take_adapters(precision, adapters, tmp_path):
    """In 4 bits by the quick layers. What an adapter says is the same alone and among others."""
    from qwen_ui.models.load import open_model

    settings = Settings(model="embedded", precision=precision, max_concurrent=8)
    loaded = await asyncio.to_thread(in_thread, lambda: open_model(settings, lambda progress: None))
    shutil.copytree(adapters / "adapters", tmp_path / "adapters")
    engine = await asyncio.to_thread(LocalEngine, loaded, Settings(max_concurrent=8, data_dir=tmp_path))
    try:
        texts = await asyncio.gather(*(greedy(engine, PROMPTS[1], name) for name in NAMES))
        assert len({text for text, _ in texts}) > 1
        alone = [await engine.score(["The film was"], BOTH, name) for name in NAMES]
        assert len({tuple(rows[0]) for rows in alone}) == len(NAMES)
    finally:
        await engine.close()


def test_the_base_names_its_linear_layers_but_for_the_head(loaded):
    base = loaded.info.base
    assert isinstance(base, Base)
    assert base.layers["model.layers.0.self_attn.k_proj"] == (192, 576)
    assert len(base.layers) == 7 * 30
    assert not any("head" in name for name in base.layers)
