"""Versions that are written together: what is asked, what comes of each, and that nothing is left running."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from qwen_ui.config import PROJECT
from qwen_ui.engine.base import Stream
from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import EN, saying
from qwen_ui.ui.write.versions import Moment, Order, Part, checked, together, written
from tests.fakes import FakeEngine, FakeStream
from tests.pages import host_of

SAY = saying(EN)
STORE = PromptStore(PROJECT / "prompts")
ORDER = Order("A fox in the snow", "story", versions=2)


async def moments(
    engine: FakeEngine, parts: Sequence[Part], order: Order = ORDER, running: Running | None = None
) -> list[Moment]:
    made = written(host_of(engine), STORE, running or Running(), "me", order, parts, SAY)
    return [moment async for moment in made]


async def test_all_versions_are_written_each_with_its_own_line():
    engine = FakeEngine(["Once", " there"])
    first, *_, last = await moments(engine, [Part(0), Part(1)])
    assert first.running
    assert {place: version.text for place, version in last.versions.items()} == {0: "Once there", 1: "Once there"}
    assert all("2 tokens" in version.status and version.ended for version in last.versions.values())
    assert not last.running
    assert engine.active == 0
    assert all("A fox in the snow" in asked[-1].content for asked, _ in engine.asked)


async def test_a_wanted_length_is_asked_for_and_given_room():
    engine = FakeEngine(["x"])
    await moments(engine, [Part(0)], Order("A fox", "story", words=600, temperature=0.3))
    asked, sampling = engine.asked[0]
    assert "600 words" in asked[-1].content
    assert sampling.max_new_tokens > 1000
    assert sampling.temperature == 0.3
    await moments(engine, [Part(0)], Order("A fox", "story"))
    assert engine.asked[1][1] == STORE.load("write", "story").sampling()


async def test_a_text_that_broke_off_goes_on_within_its_word():
    engine = FakeEngine(["house ", "stood."])
    *_, last = await moments(engine, [Part(1, "The light")])
    assert engine.asked[0][0][-1] == Message("assistant", "The light")
    assert last.versions[1].text == "The lighthouse stood."
    assert list(last.versions) == [1]


async def test_a_text_that_had_ended_is_asked_to_go_on():
    engine = FakeEngine(["Then it rained."])
    *_, last = await moments(engine, [Part(0, "It was late.", ended=True)])
    asked = engine.asked[0][0]
    assert asked[-2] == Message("assistant", "It was late.")
    assert "Go on" in asked[-1].content
    assert last.versions[0].text == "It was late. Then it rained."


async def test_an_emptied_version_is_written_from_its_beginning():
    engine = FakeEngine(["New."])
    *_, last = await moments(engine, [Part(0, " \n")])
    assert [message.role for message in engine.asked[0][0]] == ["system", "user"]
    assert last.versions[0].text.strip() == "New."


async def test_stop_keeps_what_there_is_of_each():
    engine, running, seen = FakeEngine(["half ", "never"], steps=2), Running(), list[Moment]()
    async for moment in written(host_of(engine), STORE, running, "me", ORDER, [Part(0), Part(1)], SAY):
        seen.append(moment)
        if all(version.text for version in moment.versions.values()):
            running.stop("me", "write")
    assert [version.text for version in seen[-1].versions.values()] == ["half ", "half "]
    assert all("stopped" in version.status and not version.ended for version in seen[-1].versions.values())


async def test_an_error_stays_with_its_version():
    good, bad = FakeEngine(["fine"]), FakeEngine(["half"], error=EngineFailed("The loop died."))
    streams = [engine.stream([Message("user", "x")], Sampling()) for engine in (good, bad)]
    *_, last = [outcomes async for outcomes in together(streams)]
    assert [outcome.answer.text for outcome in last] == ["fine", "half"]
    assert last[0].error is None
    assert isinstance(last[1].error, EngineFailed)


@pytest.mark.parametrize(
    ("error", "says"), [(EngineFailed("It died."), "It died."), (RuntimeError("secret"), "log says")]
)
async def test_what_was_written_before_an_error_stays(error: Exception, says: str):
    *_, last = await moments(FakeEngine(["half"], error=error), [Part(0)])
    assert last.versions[0].text == "half"
    assert says in last.versions[0].status
    assert "secret" not in last.versions[0].status


class FullAtTheSecond(FakeEngine):
    """Takes one request and refuses the next."""

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> FakeStream:
        if self.asked:
            raise Busy("The line is full.")
        return super().stream(messages, sampling)


async def test_when_not_all_versions_can_start_none_does():
    engine = FullAtTheSecond(["x"])
    (moment,) = await moments(engine, [Part(0), Part(1)])
    assert moment.versions == {}
    assert "The line is full." in moment.status
    assert engine.active == 0


async def test_whoever_leaves_ends_all_streams():
    engine = FakeEngine(["never"], steps=0)
    streams: list[Stream] = [engine.stream([Message("user", "x")], Sampling()) for _ in range(3)]
    async with aclosing(together(streams)) as news:
        await anext(news)
    await asyncio.sleep(0)
    assert engine.active == 0


@pytest.mark.parametrize(
    ("order", "says"),
    [(Order(" \n", "story"), "Write something first"), (Order("x", "story", temperature=0, versions=2), "the same")],
)
def test_an_order_that_makes_no_sense_is_refused(order: Order, says: str):
    with pytest.raises(InvalidInput, match=says):
        checked(order, SAY)


async def test_a_template_that_is_gone_is_a_sentence():
    (moment,) = await moments(FakeEngine(), [Part(0)], Order("x", "gone"))
    assert "no template" in moment.status
