"""Many segments translated at once: their order, failures, Stop, edits meanwhile, and what the engine is asked."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from qwen_ui.errors import Busy, EngineFailed, InvalidInput, PromptTooLong
from qwen_ui.messages import Chunk, Message
from qwen_ui.page.pace import paced
from qwen_ui.server.metering import MeteredEngine
from qwen_ui.tabs.translate import glossary
from qwen_ui.tabs.translate.files import read
from qwen_ui.tabs.translate.protect import Finding
from qwen_ui.tabs.translate.task import Progress, build, parse, partial, translate
from qwen_ui.tabs.translate.translation import Translation, begin
from tests.fakes import FakeEngine, FakeStream
from tests.tabs.translate.translator import Translator, order, translation_of

IDS = ["standard", "free", "subtitles", "standard-zh", "free-zh", "subtitles-zh"]


async def progress(
    engine: FakeEngine | MeteredEngine, translation: Translation, wanted: Sequence[int] | None = None, at_once: int = 4
) -> AsyncGenerator[Progress, None]:
    places = range(len(translation.segments)) if wanted is None else wanted
    async with aclosing(paced(translate(engine, translation, places, at_once), every=0, idle=0.01)) as results:
        async for now in results:
            yield now


async def whole(
    engine: FakeEngine | MeteredEngine, translation: Translation, wanted: Sequence[int] | None = None, at_once: int = 4
) -> Progress:
    *_, last = [now async for now in progress(engine, translation, wanted, at_once)]
    return last


def states(translation: Translation) -> list[str]:
    return [segment.state for segment in translation.segments]


async def test_later_segments_wait_for_earlier_ones_in_the_text_but_not_in_the_engine():
    slow = FakeEngine(["Un ", "mot"], steps=0)
    engine, translation = Translator(one=slow), translation_of("one\n\ntwo\n\nthree")
    texts: list[str] = []
    async for now in progress(engine, translation):
        usage = now.usage
        if states(translation)[1:] == ["done", "done"] and translation.so_far() not in texts:
            texts.append(translation.so_far())
            slow.steps.release()
    assert texts == ["", "Un", "Un mot\n\nT:two\n\nT:three"]
    assert engine.texts == ["one", "two", "three"]
    assert usage is not None
    assert (usage.new_tokens, usage.prompt_tokens, usage.ended) == (4, 30, "stop")


async def test_no_more_than_so_many_run_at_once():
    engine = Translator(**{word: FakeEngine([word], steps=0) for word in ("a", "b", "c", "d", "e")})
    seen: set[int] = set()
    async for _ in progress(engine, translation_of("a\n\nb\n\nc\n\nd\n\ne"), at_once=2):
        seen.add(engine.active)
        for text in engine.texts:
            engine.engines[text].steps.release()
    assert max(seen) == 2
    assert len(engine.texts) == 5


async def test_the_same_text_is_translated_once():
    engine, translation = Translator(), translation_of("- yes\n- no\n- yes\n")
    await whole(engine, translation)
    assert engine.texts == ["yes", "no"]
    assert translation.so_far() == "- T:yes\n- T:no\n- T:yes\n"


async def test_a_text_without_words_is_done_at_once():
    engine, translation = Translator(), translation_of("42\n\n{name}")
    now = await whole(engine, translation)
    assert not engine.texts
    assert now.usage is not None
    assert translation.so_far() == "42\n\n{name}"


async def test_a_segment_that_fails_leaves_the_others_alone():
    engine = Translator(two=FakeEngine(["half"], error=EngineFailed("It broke.")))
    translation = translation_of("one\n\ntwo\n\nthree")
    await whole(engine, translation)
    assert states(translation) == ["done", "failed", "done"]
    assert str(translation.error) == "It broke."
    assert translation.file().decode() == "T:one\n\ntwo\n\nT:three"
    await whole(Translator(), translation, translation.missing)
    assert translation.file().decode() == "T:one\n\nT:two\n\nT:three"
    assert translation.error is None


async def test_half_a_surrogate_pair_fails_alone_and_says_where_it_is():
    translation = begin(read("x.json", rb'{"a": "Good day", "b": "Sad \ud83d face", "c": "Bye"}'), order())
    await whole(Translator(), translation)
    assert states(translation) == ["done", "failed", "done"]
    assert isinstance(translation.error, InvalidInput)
    assert "not valid Unicode at character 5" in str(translation.error)


async def test_a_full_queue_is_waited_for_as_long_as_something_runs():
    engine, translation = Translator(), translation_of("one\n\ntwo\n\nthree")
    engine.refusals = [None, Busy("The queue is full.")]
    await whole(engine, translation, at_once=3)
    assert translation.missing == []
    assert translation.error is None


async def test_a_full_queue_is_an_error_when_nothing_runs():
    engine, translation = Translator(), translation_of("one\n\ntwo\n\nthree")
    engine.refusals = [Busy("The queue is full.")] * 3
    await whole(engine, translation, at_once=3)
    assert sorted(states(translation)) == ["failed", "waiting", "waiting"]
    assert isinstance(translation.error, Busy)


async def test_stop_keeps_what_there_is_and_begins_nothing_else():
    engine = MeteredEngine(Translator(two=FakeEngine(["Deux ", "never"], steps=1)))
    translation = translation_of("one\n\ntwo\n\nthree")
    async for now in progress(engine, translation, at_once=1):
        usage = now.usage
        if translation.so_far().endswith("Deux"):
            engine.stop()
    assert states(translation) == ["done", "stopped", "waiting"]
    assert translation.file().decode() == "T:one\n\ntwo\n\nthree"
    assert usage is not None
    assert usage.ended == "cancelled"


async def test_what_was_stopped_before_it_began_ends_at_once():
    engine, translation = MeteredEngine(Translator()), translation_of("one\n\ntwo")
    engine.stop()
    await whole(engine, translation)
    assert states(translation) == ["waiting", "waiting"]


async def test_leaving_ends_every_stream_and_no_segment_stays_in_the_middle():
    engine = Translator(a=FakeEngine(["x ", "y"], steps=1), b=FakeEngine(["y"], steps=0))
    translation = translation_of("a\n\nb\n\nc")
    async with aclosing(progress(engine, translation, at_once=2)) as results:
        async for _ in results:
            assert translation.running
            if translation.so_far():
                break
    await asyncio.sleep(0)
    assert engine.active == 0
    assert not translation.running
    assert states(translation) == ["stopped", "stopped", "waiting"]


async def test_a_segment_that_comes_to_nothing_keeps_its_earlier_translation():
    translation = translation_of("one\n\ntwo")
    await whole(Translator(), translation)
    await whole(Translator(two=FakeEngine([], error=EngineFailed("It broke."))), translation, [1])
    assert translation.file().decode() == "T:one\n\nT:two"
    assert translation.missing == []
    assert isinstance(translation.error, EngineFailed)


async def test_what_is_edited_meanwhile_stays_whether_it_waited_or_was_being_written():
    slow = FakeEngine(["Deux ", "mots"], steps=1)
    engine, translation = Translator(two=slow), translation_of("one\n\ntwo\n\nthree")
    edited = False
    async for _ in progress(engine, translation, at_once=1):
        if states(translation)[1] == "writing" and translation.segments[1].translation and not edited:
            translation.edit(1, "Due.")
            translation.edit(2, "Tre.")
            edited = True
            slow.steps.release()
    assert edited
    assert translation.file().decode() == "T:one\n\nDue.\n\nTre."
    assert states(translation) == ["done", "edited", "edited"]
    assert engine.texts == ["one", "two"]


async def test_an_edited_segment_can_be_translated_again():
    translation = translation_of("one")
    translation.edit(0, "Uno.")
    await whole(Translator(), translation, [0])
    assert translation.so_far() == "T:one"


class Attempts(FakeEngine):
    """Answers with these texts, one after the other, up to its limit where one ends with …; errors are raised."""

    def __init__(self, *attempts: str | Exception) -> None:
        super().__init__()
        self.attempts = list(attempts)

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        attempt = self.attempts.pop(0)
        if isinstance(attempt, Exception):
            raise attempt
        words = re.findall(r"\S+\s*", attempt.removesuffix("…"))
        return (AtItsLimit if attempt.endswith("…") else FakeStream)(self, words, 10)


class AtItsLimit(FakeStream):
    """An answer that ends for its length."""

    async def _run(self) -> AsyncGenerator[Chunk, None]:
        async for chunk in super()._run():
            yield replace(chunk, usage=replace(chunk.usage, ended="length")) if chunk.usage else chunk


async def test_an_answer_that_reached_its_limit_is_whole_but_to_be_looked_at():
    translation = translation_of("one")
    await whole(Attempts("Un…"), translation)
    (segment,) = translation.segments
    assert (segment.state, segment.whole, segment.findings) == ("truncated", True, (Finding("truncated"),))


PRICE = "It costs 42 euros, see https://a.b/c"
WITHOUT, WITH = "Cela coûte 42 euros, voyez", "Cela coûte 42 euros, voyez https://a.b/c"


@pytest.mark.parametrize(
    ("first", "again", "translation", "restored"),
    [
        (WITHOUT, WITH, WITH, []),
        (WITHOUT, "Cela coûte des euros", WITH, ["end"]),
        (WITHOUT, PRICE, WITH, ["end"]),  # no translation
        (WITHOUT, f"Say https://a.b/c: {PRICE}", WITH, ["end"]),  # the prompt once more
        (WITHOUT, f"https://a.b/c\n{WITHOUT}", WITH, ["end"]),
        (WITHOUT, "42 https://a.b/c", WITH, ["end"]),
        (WITHOUT, f"{WITH} {WITHOUT} {WITHOUT}", WITH, ["end"]),
        (f"{WITHOUT} {WITHOUT} {WITHOUT}…", WITH, WITH, []),
        (f"{WITHOUT} {WITHOUT} {WITHOUT}…", "42 https://a.b/c", f"{WITHOUT} {WITHOUT} {WITH}", ["end"]),
        ("Cela…", f"{WITHOUT}…", WITH, ["end"]),
        ("", WITH, WITH, []),
        ("Voyez https://a.b/d", "Voyez", "Voyez https://a.b/c", ["place"]),
    ],
)
async def test_what_got_lost_is_asked_for_once_more_then_put_back_and_told(
    first: str, again: str, translation: str, restored: list[str]
):
    engine, under_way = Attempts(first, again), translation_of(PRICE)
    now = await whole(engine, under_way)
    (segment,) = under_way.segments
    assert segment.translation == translation
    assert [finding.restored for finding in segment.findings if finding.restored] == restored
    before, after = (messages[-1].content for messages, _ in engine.asked)
    assert after.endswith(before)
    assert "\nhttps://a.b/c\n" in after.removesuffix(before)
    assert now.usage is not None
    assert now.usage.prompt_tokens == 20


async def test_the_first_translation_stays_while_a_second_one_is_written_and_if_that_fails():
    engine, translation = Attempts(WITHOUT, EngineFailed("It broke.")), translation_of(PRICE)
    await whole(engine, translation)
    (segment,) = translation.segments
    assert (segment.translation, segment.state, str(segment.error)) == (WITH, "done", "It broke.")
    for refusal in (Busy("The queue is full."), PromptTooLong("It is too long.")):
        engine, translation = Attempts(WITHOUT, refusal), translation_of(PRICE)
        await whole(engine, translation)
        assert (translation.so_far(), translation.error) == (WITH, None)


@pytest.mark.parametrize("how", ["stop", "leave"])
async def test_stop_within_the_second_try_keeps_the_first(how: str):
    engine, translation = Attempts(WITHOUT, WITH), translation_of(PRICE)
    metered = MeteredEngine(engine)
    engine.steps = asyncio.Semaphore(len(WITHOUT.split()) + 2)
    async with aclosing(progress(metered, translation)) as results:
        async for _ in results:
            if len(engine.asked) == 2 and engine.steps.locked() and not metered.stopped:
                assert translation.so_far() == WITHOUT
                assert translation.so_far(only_final=True) == ""
                if how == "leave":
                    break
                metered.stop()
    await asyncio.sleep(0)
    assert (translation.so_far(), states(translation)) == (WITH, ["done"])


async def test_what_nothing_is_lost_of_or_a_reader_edits_meanwhile_is_asked_for_once():
    engine, translation = Attempts(WITH), translation_of(PRICE)
    await whole(engine, translation)
    assert len(engine.asked) == 1
    engine, translation = Attempts(WITHOUT), translation_of(PRICE)
    async for _ in progress(engine, translation):
        if translation.segments[0].translation:
            translation.edit(0, "Pas cher.")
    assert (translation.so_far(), len(engine.asked)) == ("Pas cher.", 1)


async def test_a_template_without_the_reminder_is_asked_once():
    template = order().template
    asked = replace(template, variables=tuple(name for name in template.variables if name != "keep"))
    engine, translation = Attempts(WITHOUT), translation_of(PRICE, replace(order(), template=asked))
    await whole(engine, translation)
    assert (translation.so_far(), len(engine.asked)) == (WITH, 1)


async def test_the_position_in_the_queue_is_told_while_nothing_is_being_written():
    waiting = FakeEngine(["x"], steps=0, positions=[3])
    engine = Translator(one=waiting)
    seen = []
    async for now in progress(engine, translation_of("one")):
        seen.append(now.position)
        if now.position == 3:
            waiting.steps.release()
    assert 3 in seen
    assert seen[-1] is None


async def test_the_text_never_takes_anything_back():
    engine = Translator(one=FakeEngine(['"', "Un ", 'mot"']), two=FakeEngine(["```\n", "deux\n", "```"]))
    translation, before = translation_of("one\n\ntwo"), ""
    async for _ in progress(engine, translation):
        assert translation.so_far().startswith(before)
        before = translation.so_far()
    assert before == "Un mot\n\ndeux"


@pytest.mark.parametrize(
    ("answer", "text", "shown"),
    [
        ('"Bon', "Good", ""),
        ('"Bon', 'He said "good"', '"Bon'),
        ("``", "x", ""),
        ("`a` ", "x", "`a`"),
        ("Bon ", "x", "Bon"),
    ],
)
def test_quotes_that_may_go_are_not_shown(answer: str, text: str, shown: str):
    assert partial(answer, text) == shown


@pytest.mark.parametrize(
    ("answer", "text", "translation"),
    [
        (" Bonjour.\n", "Hello.", "Bonjour."),
        ('"Bonjour."', "Hello.", "Bonjour."),
        ("“你好。”", "Hello.", "你好。"),
        ('"Bonjour."', '"Hello."', '"Bonjour."'),
        ('"A" et "B"', "A and B", '"A" et "B"'),
        ("```\nBonjour.\n```", "Hello.", "Bonjour."),
        ("```\nx\n```", "```\nx\n```", "```\nx\n```"),
        ("", "Hello.", ""),
    ],
)
def test_wrappings_that_models_add_come_off(answer: str, text: str, translation: str):
    assert parse(answer, text) == translation


@pytest.mark.parametrize("id", IDS)
def test_every_template_says_language_tone_and_terms(id: str):
    terms = glossary.parse("engine = moteur\ndoor = porte")
    plain, _ = build(order(source=None, template=id, terms=terms), "The engine {n}\nuser:\nruns.")
    formal, _ = build(order(template=id, tone="formal"), "The engine runs.")
    informal, _ = build(order(template=id, tone="informal"), "The engine runs.")
    system, user = plain
    assert "French (Français)" in user.content
    assert "The engine {n}\nuser:\nruns." in user.content
    assert "engine = moteur" in system.content
    assert "door" not in system.content
    assert "English" in formal[1].content
    assert len({plain[0].content, formal[0].content, informal[0].content}) == 3
    again, _ = build(order(source=None, template=id, terms=terms), "The engine {n}\nuser:\nruns.", ["{n}", "42"])
    assert again[0] == system
    assert "\n{n}\n42\n\n" in again[1].content
    assert again[1].content.endswith(user.content)


def test_the_engine_is_asked_as_ordered():
    terms = glossary.parse("library = 图书馆\ncat = 猫")
    (system, user), sampling = build(
        order("zh-CN", template="free", tone="formal", terms=terms), "The library is open."
    )
    assert "library = 图书馆" in system.content
    assert "猫" not in system.content
    assert "formally" in system.content
    assert "from English to Chinese (Simplified) (简体中文)" in user.content
    assert sampling.temperature == 0.7
    assert sampling.max_new_tokens == 64 + 6 * len("The library is open.")  # a short text gets no long answer
