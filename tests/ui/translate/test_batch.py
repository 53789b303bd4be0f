"""Many pieces translated at once: their order, failures, Stop, and what the engine is asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from qwen_ui.config import PROJECT
from qwen_ui.errors import Busy, EngineFailed, InvalidInput, NotReady
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.translate import find, glossary
from qwen_ui.ui.streaming import Answer, follow
from qwen_ui.ui.translate.batch import Batch, partial, starter
from qwen_ui.ui.translate.work import Order, Work, begin, typed
from tests.fakes import FakeEngine
from tests.pages import host_of
from tests.ui.translate.conftest import Translator

PROMPTS = PromptStore(PROJECT / "prompts")
ORDER = Order(find("fr"), find("en"))


def batch_of(engine: Translator, text: str, at_once: int = 4, order: Order = ORDER) -> Batch:
    work = begin(typed(text), order)
    return again(engine, work, range(len(work.pieces)), at_once)


def again(engine: Translator, work: Work, wanted: Sequence[int], at_once: int = 4) -> Batch:
    return Batch(work, wanted, starter(host_of(engine), PROMPTS, work.order), at_once)


async def answers(batch: Batch) -> AsyncIterator[Answer]:
    async with aclosing(follow(batch, every=0, idle=0.01)) as every:
        async for answer in every:
            yield answer


async def whole(batch: Batch) -> Answer:
    async for answer in answers(batch):
        last = answer
    return last


async def test_later_pieces_wait_for_earlier_ones_in_the_text_but_not_in_the_engine():
    slow = FakeEngine(["Un ", "mot"], steps=0)
    engine = Translator(one=slow)
    batch = batch_of(engine, "one\n\ntwo\n\nthree")
    texts: list[str] = []
    async for answer in answers(batch):
        others_done = [piece.state for piece in batch.work.pieces[1:]] == ["done", "done"]
        if others_done and answer.text not in texts:
            texts.append(answer.text)
            slow.steps.release()
    assert texts == ["", "Un", "Un mot\n\nT:two\n\nT:three"]
    assert engine.texts == ["one", "two", "three"]
    assert answer.usage is not None
    assert answer.usage.new_tokens == 4
    assert answer.usage.prompt_tokens == 30


async def test_no_more_than_so_many_run_at_once():
    engine = Translator(**{word: FakeEngine([word], steps=0) for word in ("a", "b", "c", "d", "e")})
    batch = batch_of(engine, "a\n\nb\n\nc\n\nd\n\ne", at_once=2)
    async for _ in answers(batch):
        assert sum(one.active for one in engine.engines.values()) <= 2
        for one in engine.engines.values():
            if one.active:
                one.steps.release()
    assert len(engine.texts) == 5


async def test_the_same_text_is_translated_once():
    engine = Translator()
    answer = await whole(batch_of(engine, "- yes\n- no\n- yes\n"))
    assert engine.texts == ["yes", "no"]
    assert answer.text == "- T:yes\n- T:no\n- T:yes\n"


async def test_a_piece_that_fails_leaves_the_others_alone():
    engine = Translator(two=FakeEngine(["half"], error=EngineFailed("It broke.")))
    batch = batch_of(engine, "one\n\ntwo\n\nthree")
    await whole(batch)
    assert [piece.state for piece in batch.work.pieces] == ["done", "failed", "done"]
    assert str(batch.error) == "It broke."
    assert batch.work.file().decode() == "T:one\n\nhalf\n\nT:three"
    again_ = again(Translator(), batch.work, batch.work.missing)
    await whole(again_)
    assert again_.work.file().decode() == "T:one\n\nT:two\n\nT:three"
    assert again_.error is None


async def test_a_full_line_is_waited_for_as_long_as_something_runs():
    engine = Translator()
    batch = batch_of(engine, "one\n\ntwo\n\nthree", at_once=3)
    start, calls = batch._start, 0  # the engine refuses the second call alone

    def refusing(text: str) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Busy("The line is full.")
        return start(text)

    batch._start = refusing  # type: ignore[assignment]
    await whole(batch)
    assert batch.work.missing == []
    assert batch.error is None


async def test_a_full_line_is_an_error_when_nothing_runs():
    engine = Translator()
    engine.refused = [Busy("The line is full.")] * 3
    batch = batch_of(engine, "one\n\ntwo\n\nthree", at_once=1)
    await whole(batch)
    assert [piece.state for piece in batch.work.pieces] == ["failed", "waiting", "waiting"]
    assert isinstance(batch.error, Busy)


async def test_stop_keeps_what_there_is_and_begins_nothing_else():
    engine = Translator(two=FakeEngine(["Deux ", "never"], steps=1))
    batch = batch_of(engine, "one\n\ntwo\n\nthree", at_once=1)
    async for answer in answers(batch):
        if answer.text.endswith("Deux"):
            batch.cancel()
    assert [piece.state for piece in batch.work.pieces] == ["done", "stopped", "waiting"]
    assert batch.work.file().decode() == "T:one\n\nDeux\n\nthree"
    assert answer.usage is not None
    assert answer.usage.ended == "cancelled"


async def test_leaving_ends_every_stream():
    engine = Translator(**{word: FakeEngine(["x"], steps=0) for word in ("a", "b")})
    batch = batch_of(engine, "a\n\nb")
    async with aclosing(follow(batch, every=0, idle=0.01)) as every:
        async for _ in every:
            if sum(one.active for one in engine.engines.values()) == 2:
                break
    assert sum(one.active for one in engine.engines.values()) == 0


async def test_a_piece_that_comes_to_nothing_keeps_its_earlier_translation():
    batch = batch_of(Translator(), "one\n\ntwo")
    await whole(batch)
    failing = again(Translator(two=FakeEngine([], error=EngineFailed("It broke."))), batch.work, [1])
    await whole(failing)
    assert failing.work.file().decode() == "T:one\n\nT:two"
    assert failing.work.missing == []
    assert isinstance(failing.error, EngineFailed)


async def test_the_place_in_line_is_told():
    engine = Translator(one=FakeEngine(["x"], steps=0, places=[3]))
    batch = batch_of(engine, "one")
    async for answer in answers(batch):
        if answer.place == 3:
            engine.engines["one"].steps.release()
    assert answer.text == "x"


async def test_the_text_never_takes_anything_back():
    engine = Translator(one=FakeEngine(['"', "Un ", 'mot"']), two=FakeEngine(["```\n", "deux\n", "```"]))
    before = ""
    async for answer in answers(batch_of(engine, "one\n\ntwo")):
        assert answer.text.startswith(before)
        before = answer.text
    assert before == "Un mot\n\ndeux"


@pytest.mark.parametrize(
    ("answer", "source", "shown"),
    [
        ('"Bon', "Good", ""),
        ('"Bon', 'He said "good"', '"Bon'),
        ("``", "x", ""),
        ("`a` ", "x", "`a`"),
        ("Bon ", "x", "Bon"),
    ],
)
def test_quotes_that_may_go_are_not_shown(answer: str, source: str, shown: str):
    assert partial(answer, source) == shown


async def test_the_engine_is_asked_as_ordered():
    engine = Translator()
    order = Order(find("zh-CN"), find("en"), "formal", glossary.parse("library = 图书馆\ncat = 猫"), "free")
    await whole(batch_of(engine, "The library is open.", order=order))
    messages, sampling = engine.asked[0]
    assert "library = 图书馆" in messages[0].content
    assert "猫" not in messages[0].content
    assert "formally" in messages[0].content
    assert "from English to Chinese (Simplified) (简体中文)" in messages[1].content
    assert sampling.temperature == 0.7
    assert sampling.max_new_tokens == 64 + 6 * len("The library is open.")  # a short text gets no long answer


def test_what_can_not_begin_says_why():
    waiting = EngineHost(host_of(Translator()).settings)
    with pytest.raises(NotReady):
        starter(waiting, PROMPTS, ORDER)
    with pytest.raises(InvalidInput, match="no template 'gone'"):
        starter(host_of(Translator()), PROMPTS, Order(find("fr"), template="gone"))
