"""Write: what is asked for, what comes of versions that are written together, and that nothing is left running."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from qwen_ui.errors import Busy, EngineFailed, InvalidInput, TemplateError
from qwen_ui.messages import Message, Sampling
from qwen_ui.prompts import PromptStore, parse
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.write.task import Draft, Order, Version, build, continues, join, tokens_for, write
from tests.fakes import FakeEngine, FakeStream

STORE = PromptStore(PROJECT / "prompts")
ORDER = Order("A fox in the snow", "story", versions=2)
KINDS = ("continue", "news", "story", "dialogue", "email", "outline", "rewrite", "summarize")


def messages(id: str, text: str, words: int | None = None, draft: str = "", ended: bool = True) -> list[Message]:
    return build(STORE.load("write", id), Order(text, id, words), Draft(0, draft, ended))


async def written(engine: FakeEngine, drafts: Sequence[Draft], order: Order = ORDER) -> list[tuple[Version, ...]]:
    return [versions async for versions in write(engine, STORE.load("write", order.template), order, drafts)]


@pytest.mark.parametrize("kind", [id + suffix for id in KINDS for suffix in ("", "-zh")])
def test_every_template_takes_text_and_length(kind: str):
    assert STORE.load("write", kind).language == ("zh" if kind.endswith("-zh") else "en")
    asked = messages(kind, "  a\n\nuser:\nb", words=250)
    assert asked[0].role == "system"
    assert "  a\n\nuser:\nb" in asked[-1].content
    assert asked[-1].role == ("assistant" if kind.startswith("continue") else "user")
    assert "250" in asked[1].content
    assert "words" not in messages(kind, "a")[1].content


def test_going_on_shows_the_model_its_draft():
    for id, words in (("story", "Go on"), ("story-zh", "接着写")):
        asked = messages(id, "An idea", draft="It was late")
        assert [message.role for message in asked] == ["system", "user", "assistant", "user"]
        assert asked[2] == Message("assistant", "It was late")
        assert words in asked[3].content


def test_a_text_to_continue_is_the_beginning_of_the_answer():
    assert continues(STORE.load("write", "continue"))
    assert not continues(STORE.load("write", "story"))
    assert messages("continue", "Once upon a ti")[-1] == Message("assistant", "Once upon a ti")
    assert messages("continue", "Once", draft=" upon", ended=False)[-1] == Message("assistant", "Once upon")
    *_, so_far, asked = messages("continue", "Once", draft=" upon.")
    assert (so_far, asked.role) == (Message("assistant", "Once upon."), "user")


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"text": "  \n"}, "Write something"),
        ({"text": "x", "words": 0}, "from 1 to 10,000"),
        ({"text": "x", "words": -3}, "from 1"),
        ({"text": "x", "words": 10**6}, "to 10,000"),
        ({"text": "x", "versions": 0}, "1 to 4 versions"),
        ({"text": "x", "versions": 5}, "1 to 4 versions"),
        ({"text": "x", "versions": 1.5}, "1 to 4 versions"),
        ({"text": "x", "versions": None}, "1 to 4 versions"),
        ({"text": "x", "temperature": 0, "versions": 2}, "the same"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order: dict[str, object], says: str):
    with pytest.raises(InvalidInput, match=says):
        Order(template="story", **order)  # type: ignore[arg-type]


def test_a_template_with_a_bad_go_on_says_where(tmp_path):
    template = parse(tmp_path / "write" / "x.prompty", b"---\nname: x\ngo_on: [5]\n---\nuser:\n{{ text }}")
    with pytest.raises(TemplateError, match=r"^write/x\.prompty:3: go_on"):
        build(template, Order("a", "x"), Draft(0, "b", ended=True))


@pytest.mark.parametrize(
    ("draft", "more", "whole"),
    [
        ("It was late", "and dark.", "It was late and dark."),
        ("It was late.", " It rained.", "It was late. It rained."),
        ("It was late.", "It rained.", "It was late. It rained."),
        ("It was late", ", and dark.", "It was late, and dark."),
        ("End.\n\n", "New.", "End.\n\nNew."),
        ("夜深了，", "下起了雨。", "夜深了，下起了雨。"),
        ("夜深了", "下起了雨。", "夜深了下起了雨。"),
        ("It was late and she ran home", "she ran home quickly.", "It was late and she ran home quickly."),
        ("", "Hi", "Hi"),
        ("Hi", "", "Hi"),
    ],
)
def test_draft_and_continuation_join_without_seam_or_repetition(draft: str, more: str, whole: str):
    assert join(draft, more) == whole


def test_a_wanted_length_fits_into_its_tokens():
    assert tokens_for(200, "en") >= 300
    assert tokens_for(200, "zh-CN") >= 200


async def test_all_versions_are_written():
    engine = FakeEngine(["Once", " there"])
    first, *_, last = await written(engine, [Draft(0), Draft(1)])
    assert [version.text for version in first] == ["", ""]
    assert [(version.number, version.text, version.ended) for version in last] == [
        (0, "Once there", True),
        (1, "Once there", True),
    ]
    assert engine.active == 0
    assert all("A fox in the snow" in asked[-1].content for asked, _ in engine.asked)


async def test_a_wanted_length_is_asked_for_and_given_room():
    engine = FakeEngine(["x"])
    await written(engine, [Draft(0)], Order("A fox", "story", words=600, temperature=0.3))
    asked, sampling = engine.asked[0]
    assert "600 words" in asked[-1].content
    assert sampling.max_new_tokens > 1000
    assert sampling.temperature == 0.3
    await written(engine, [Draft(0)], Order("A fox", "story"))
    assert engine.asked[1][1] == STORE.load("write", "story").sampling()


async def test_a_text_that_broke_off_goes_on_within_its_word():
    engine = FakeEngine(["house ", "stood."])
    *_, last = await written(engine, [Draft(1, "The light")])
    assert engine.asked[0][0][-1] == Message("assistant", "The light")
    assert [(version.number, version.text) for version in last] == [(1, "The lighthouse stood.")]


async def test_a_text_that_had_ended_is_asked_to_go_on():
    engine = FakeEngine(["Then it rained."])
    *_, last = await written(engine, [Draft(0, "It was late.", ended=True)])
    asked = engine.asked[0][0]
    assert asked[-2] == Message("assistant", "It was late.")
    assert "Go on" in asked[-1].content
    assert last[0].text == "It was late. Then it rained."


async def test_an_emptied_version_is_written_from_its_beginning():
    engine = FakeEngine(["New."])
    *_, last = await written(engine, [Draft(0, " \n")])
    assert [message.role for message in engine.asked[0][0]] == ["system", "user"]
    assert last[0].text.strip() == "New."


class BreaksTheSecond(FakeEngine):
    """Its second answer breaks off."""

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        broken = FakeEngine(["half"], error=EngineFailed("The loop died."))
        return super().make_stream(messages) if len(self.asked) == 1 else broken.make_stream(messages)


async def test_an_error_stays_with_its_version():
    *_, last = await written(BreaksTheSecond(["fine"]), [Draft(0), Draft(1)])
    assert [version.text for version in last] == ["fine", "half"]
    assert last[0].error is None
    assert isinstance(last[1].error, EngineFailed)


class FullAtTheSecond(FakeEngine):
    """Takes one request and refuses the next."""

    @asynccontextmanager
    async def stream(
        self, messages: Sequence[Message], sampling: Sampling, adapter: str = "", begun: Sequence[int] = ()
    ) -> AsyncIterator[FakeStream]:
        if self.asked:
            raise Busy("The queue is full.")
        async with super().stream(messages, sampling, adapter, begun) as stream:
            yield stream


async def test_when_not_all_versions_can_start_none_does():
    engine = FullAtTheSecond(["x"])
    with pytest.raises(Busy):
        await written(engine, [Draft(0), Draft(1)])
    assert engine.active == 0


async def test_whoever_leaves_ends_all_streams():
    engine = FakeEngine(["never"], steps=0)
    writing = write(engine, STORE.load("write", "story"), ORDER, [Draft(number) for number in range(3)])
    async with aclosing(writing):
        await anext(writing)
        assert engine.active == 3
    await asyncio.sleep(0)
    assert engine.active == 0
