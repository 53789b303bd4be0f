"""Looks at the embedded model while it serves: in NF4, 8 bits, bf16 and fp32, with others' streams beside them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from qwen_ui.engine.local import LocalEngine
from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import looks
from qwen_ui.introspect.looks import Source
from qwen_ui.messages import Message, Sampling
from qwen_ui.models.load import Loaded, open_model
from qwen_ui.settings import Settings
from tests.introspect.models import plain
from tests.models.tiny import in_thread

pytestmark = pytest.mark.asyncio(loop_scope="module")
TEXT = "The capital of France is Paris. The capital of Germany is Berlin. The capital of Italy is"
SOURCE = Source(text=TEXT)
LAYER = "model.layers.3.mlp.up_proj"
LOOKS: list[looks.Look] = [
    looks.Architecture(),
    looks.Forward(SOURCE),
    looks.Forward(SOURCE, frozenset({(2, 1)}), frozenset({5})),
    looks.Attention(SOURCE, 3),
    looks.Positions(SOURCE),
    looks.FeedForward(SOURCE, 20),
    looks.Microscope(SOURCE, LAYER, 7),
]
GREEDY = Sampling(max_new_tokens=24, temperature=0)
PROMPTS = ["Write about a red fox.", "天空为什么是蓝色的？", "Count from one to ten."]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["4bit", "8bit", "bf16", "fp32"])
async def loaded(request: pytest.FixtureRequest, embedded_settings: Settings) -> Loaded:
    from dataclasses import replace

    settings = replace(embedded_settings, precision=request.param, max_concurrent=8)
    result: list[Loaded] = []
    thread = threading.Thread(target=lambda: result.append(open_model(settings, lambda progress: None)))
    thread.start()
    await asyncio.to_thread(thread.join)
    return result[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalEngine]:
    settings = Settings(max_concurrent=8, data_dir=tmp_path_factory.mktemp("data"))
    engine = await asyncio.to_thread(LocalEngine, loaded, settings)
    yield engine
    await engine.close()


async def answer(engine: LocalEngine, prompt: str) -> tuple[int, ...]:
    async with engine.stream([Message("user", prompt)], GREEDY) as stream:
        return tuple([token async for chunk in stream for token in chunk.tokens])


async def test_looks_leave_streams_and_the_model_as_they_were(engine: LocalEngine, loaded: Loaded):
    """Token for token, bit for bit. What bf16 rounds depends on who else is in a step: there, it is one stream."""
    prompts = PROMPTS if loaded.info.precision == "fp32" else PROMPTS[:1]

    async def answers() -> list[tuple[int, ...]]:
        return await asyncio.gather(*(answer(engine, prompt) for prompt in prompts))

    await answers()  # from here on, the beginnings come from the cache
    before, logits, way = await answers(), await _logits(engine, loaded), loaded.model.config._attn_implementation
    running = asyncio.create_task(answers())
    results = await asyncio.gather(*(engine.look(look) for look in LOOKS))
    assert await running == before
    assert await answers() == before
    np.testing.assert_array_equal(await _logits(engine, loaded), logits)
    assert loaded.model.config._attn_implementation == way
    assert engine.batch.alive
    assert "introspect" in engine.info.abilities
    assert [type(result.look) for result in results] == [type(look) for look in LOOKS]


async def _logits(engine: LocalEngine, loaded: Loaded) -> Any:
    """(1, positions, vocabulary): what the model computes by itself."""
    import torch

    def compute() -> Any:
        with torch.inference_mode(), engine.batch.pause():
            return loaded.model(torch.tensor([loaded.tokenizer.encode(TEXT)])).logits.float().numpy()

    return await asyncio.to_thread(in_thread, compute)


async def test_the_next_token_is_the_models_own(engine: LocalEngine, loaded: Loaded):
    ids = loaded.tokenizer.encode(TEXT)
    result: Any = await engine.look(looks.Forward(SOURCE))
    maps: Any = await engine.look(looks.Attention(SOURCE, 3))
    assert [piece.id for piece in result.pieces] == ids
    assert "".join(piece.token for piece in result.pieces) == TEXT
    with engine.batch.pause():
        expected = await asyncio.to_thread(plain, loaded.model, ids)
    rough = {"fp32": 1e-3, "bf16": 0.4, "8bit": 0.4, "4bit": 0.4}[loaded.info.precision]
    np.testing.assert_allclose(result.next.logits, expected.logits[0, -1].float(), atol=rough)
    np.testing.assert_allclose(maps.maps, expected.attentions[3][0].float(), atol=rough / 10)
    states = np.stack([state[0].float().norm(dim=1) for state in expected.hidden_states[:-1]])
    np.testing.assert_allclose(result.norms[:-1], states, rtol=rough / 10)
    assert " Rome" in [piece.token for piece in result.next.likeliest[:3]]


async def test_packed_layers_are_seen_as_they_are_computed_with(engine: LocalEngine, loaded: Loaded):
    architecture: Any = await engine.look(looks.Architecture())
    result: Any = await engine.look(looks.Microscope(SOURCE, LAYER, 7))
    part = next(each for each in architecture.parts if each.name == "model.layers.3.mlp")
    assert dict(part.shapes)["up_proj.weight"] == (1536, 576)
    assert architecture.parameters == 134_515_008
    assert (part.precision, result.resident) == (loaded.info.precision, loaded.info.precision == "4bit")
    bits = {"4bit": 4.2, "8bit": 8, "bf16": 16, "fp32": 32}[loaded.info.precision]  # 4.25 repacked, else 4.13
    assert 8 * part.bytes == pytest.approx(bits * part.parameters, rel=0.02)
    np.testing.assert_allclose(result.unpacked, result.levels[result.codes] * result.scale, rtol=0.01)
    assert 0.05 < result.weight_error < 0.15
    assert 0.02 < result.output_error.mean() < 0.3


async def test_a_look_that_nobody_waits_for_ends(engine: LocalEngine):
    task = asyncio.create_task(engine.look(looks.Forward(Source(text=TEXT * 20))))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(30):
        while any(thread.name == "engine-work" for thread in threading.enumerate()):
            await asyncio.sleep(0.05)
        assert len(await answer(engine, PROMPTS[0])) == GREEDY.max_new_tokens


@pytest.mark.parametrize(
    ("look", "given"),
    [
        (looks.Forward(Source(text="word " * 600)), {}),
        (looks.Attention(SOURCE, 30), {}),
        (looks.Compare(SOURCE), {}),
        (looks.Forward(SOURCE), {"adapter": "nobody"}),
        (looks.Forward(SOURCE), {"scale": float("nan")}),
        (looks.Microscope(SOURCE, "lm_head"), {}),
    ],
)
async def test_what_cannot_be_is_refused(engine: LocalEngine, look: Any, given: dict[str, Any]):
    with pytest.raises(InvalidInput):
        await engine.look(look, **given)


async def test_conversations_end_where_the_answer_begins_or_is(engine: LocalEngine):
    asked = (Message("user", "Where is Paris?"),)
    opened: Any = await engine.look(looks.Attention(Source(messages=asked)))
    assert "".join(piece.token for piece in opened.pieces).endswith("<|im_start|>assistant\n")
    ids = (504, 260)
    said: Any = await engine.look(looks.Attention(Source(messages=(*asked, Message("assistant", "any", ids)))))
    assert [piece.id for piece in said.pieces] == [*(piece.id for piece in opened.pieces), *ids]


async def test_4_bits_against_16(engine: LocalEngine, loaded: Loaded, tmp_path: Path):
    if loaded.info.precision != "4bit":
        pytest.skip("nothing is packed")
    result: Any = await engine.look(looks.Microscope(SOURCE, LAYER, whole=True))
    assert result.missing == ""
    count = len(loaded.tokenizer.encode(TEXT))
    assert result.against.divergence.shape == (count,)
    assert 0 < result.against.divergence.mean() < 2
    assert result.against.agree.mean() > 0.4
    assert result.against.there[-1].token == " Rome"
