"""A look is begun, waited for, and given up."""

import asyncio

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Architecture, Forward, Source
from qwen_ui.introspect.results import ArchitectureResult
from qwen_ui.server.metering import MeteredEngine
from qwen_ui.tabs.inside.task import Asked, Seen, looked, source_of
from tests.fakes import FakeEngine
from tests.tabs.inside.made_up import LookingEngine, made_up

FORWARD = Forward(Source(text="the cat"))


def forward(model: ArchitectureResult) -> Asked:
    return Asked(FORWARD, "films", 0.5)


async def all_of(engine: FakeEngine, model: ArchitectureResult | None = None) -> list[Seen]:
    return [seen async for seen in looked(MeteredEngine(engine), model, forward)]


async def test_the_model_is_looked_at_first_and_only_once():
    engine = LookingEngine()
    seen = await all_of(engine)
    assert [look for look, *_ in engine.looks] == [Architecture(), FORWARD]
    assert engine.looks[-1][1:] == ("films", 0.5)
    assert seen[0] == Seen()
    assert seen[-1].held is not None
    assert seen[-1].held.result.kind == "forward"
    await all_of(engine, seen[-1].model)
    assert [look for look, *_ in engine.looks[2:]] == [FORWARD]


async def test_a_look_that_is_stopped_is_given_up():
    engine = LookingEngine(steps=0)
    metered = MeteredEngine(engine)
    model = made_up(Architecture())
    assert isinstance(model, ArchitectureResult)
    seen = []
    async for each in looked(metered, model, forward):
        seen.append(each)
        asyncio.get_running_loop().call_later(0.05, metered.stop)
    assert [each.held for each in seen] == [None, None]
    assert len(asyncio.all_tasks()) == 1


async def test_an_engine_that_cannot_be_looked_into_says_what_it_takes():
    with pytest.raises(InvalidInput, match="can't look inside its model"):
        await all_of(FakeEngine())


async def test_what_the_look_ends_with_is_raised():
    engine = LookingEngine(error=InvalidInput("Too long."))
    with pytest.raises(InvalidInput, match="Too long"):
        await all_of(engine)


def test_texts_are_bounded():
    with pytest.raises(InvalidInput, match="Shorten it"):
        source_of("word " * 10_000, as_chat=False)
    with pytest.raises(InvalidInput, match="Shorten it"):
        source_of("word " * 10_000, as_chat=True)
