"""One question: what the model is shown, what the page goes through, and that nothing typed is lost."""

from pathlib import Path

import pytest

from qwen_ui.config import PROJECT, Settings
from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.knowledge.library import Library
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.ask.dialogue import TAB, Dialogue, Exchange, Moment, Wish, asking, asking_again, history, respond
from qwen_ui.ui.ask.sources import LONGEST_TEXT, Basis, fitting, look_up
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import EN, ZH, saying
from tests.fakes import INFO, FakeEngine
from tests.pages import host_of
from tests.ui.ask.conftest import GUIDE, GUIDE_ZH, fill

SAY = saying(EN)
TEMPLATE = PromptStore(PROJECT / "prompts").load("ask", "answer")
PASTED = Basis("text", GUIDE, text_name="Pasted text")


def wish(question: str, basis: Basis = PASTED, before: Dialogue = ()) -> Wish:
    return asking(before, question, basis, TEMPLATE, 64)


async def moments(engine: FakeEngine, library: Library, wish: Wish, running: Running | None = None) -> list[Moment]:
    answers = respond(host_of(engine), library, running or Running(), "me", wish, SAY)
    return [moment async for moment in answers]


async def test_the_model_answers_from_numbered_passages_of_the_collection(library: Library, tmp_path: Path):
    id = fill(library, "Museum", tmp_path, guide=GUIDE)
    engine = FakeEngine(["At ", "six [1]."])
    first, *_, last = await moments(engine, library, wish("When does it close?", Basis("documents", collection=id)))
    assert first.running
    assert first.question == ""
    messages, sampling = engine.asked[0]
    assert "[1] guide.md, Guide to the museum › Hours\nThe museum closes at six" in messages[-1].content
    assert sampling.max_new_tokens == 64
    assert sampling.temperature == TEMPLATE.sampling().temperature
    (exchange,) = last.dialogue
    assert exchange.answer == "At six [1]."
    assert exchange.passages[0].heading == "Guide to the museum › Hours"
    assert "2 tokens" in last.status


async def test_the_model_alone_is_shown_no_passages(library: Library):
    engine = FakeEngine(["Blue."])
    *_, last = await moments(engine, library, wish("Which colour?", Basis()))
    assert engine.asked[0][0][-1].content.strip() == "Which colour?"
    assert last.dialogue == (Exchange("Which colour?", "Blue."),)


async def test_what_is_not_in_the_text_is_said_without_asking_the_model(library: Library):
    engine = FakeEngine(["Invented."])
    *_, last = await moments(engine, library, wish("Who won the football championship?"))
    assert engine.asked == []
    assert "not in these documents" in last.dialogue[0].answer
    assert not last.running
    *_, last = await moments(FakeEngine(["好。"]), library, wish("木星有几颗卫星？"))
    assert "没有找到" in last.dialogue[0].answer


async def test_a_question_that_points_back_is_searched_with_the_one_before(library: Library):
    before = (Exchange("How much is a ticket?", "Seven euros [1]."),)
    engine = FakeEngine(["Free."])
    await moments(engine, library, wish("And for children?", before=before))
    messages = engine.asked[0][0]
    assert [m.content for m in messages[1:3]] == ["How much is a ticket?", "Seven euros."]
    assert "A ticket costs seven euros" in messages[-1].content


async def test_a_question_about_the_whole_reads_the_openings_even_later_on(library: Library):
    before = (Exchange("How much is a ticket?", "Seven euros [1]."),)
    found = await look_up(library, PASTED, "Summarize the document.", [], SAY)
    later = await look_up(library, PASTED, "Summarize the document.", history(before), SAY)
    assert found == later
    assert found is not None
    assert [passage.heading.rpartition(" › ")[2] for passage in found] == ["Guide to the museum", "Hours", "Prices"]


async def test_sentences_that_nothing_was_found_do_not_go_into_the_next_prompt(library: Library):
    before = (Exchange("Who won?", "This is not in these documents.", from_model=False),)
    engine = FakeEngine(["Six."])
    await moments(engine, library, wish("When does the museum close?", before=before))
    assert [message.role for message in engine.asked[0][0]] == ["system", "user"]


async def test_stop_keeps_the_partial_answer_with_its_citations(library: Library):
    engine, running, seen = FakeEngine(["six [1] ", "never"], steps=1), Running(), list[Moment]()
    async for moment in respond(host_of(engine), library, running, "me", wish("When does the museum close?"), SAY):
        seen.append(moment)
        if moment.dialogue[-1].answer:
            running.stop("me", TAB)
    assert seen[-1].dialogue[-1].answer == "six [1] "
    assert seen[-1].dialogue[-1].passages
    assert "stopped" in seen[-1].status


@pytest.mark.parametrize(
    ("basis", "says"),
    [
        (Basis("text", " \n"), "Paste a text first"),
        (Basis("text", "x" * (LONGEST_TEXT + 1)), "Put it into a collection"),
        (Basis("text", "a\ud800b"), "not valid Unicode"),
        (Basis("documents"), "Choose a collection"),
        (Basis("documents", collection="gone"), "no such collection"),
    ],
)
async def test_a_source_that_holds_nothing_is_explained_and_the_question_comes_back(
    library: Library, basis: Basis, says: str
):
    *_, last = await moments(FakeEngine(), library, wish("When does it close?", basis))
    assert says in last.status
    assert last.question == "When does it close?"
    assert last.dialogue == ()


async def test_a_collection_without_documents_is_not_searched(library: Library):
    basis = Basis("documents", collection=library.create("Empty").id)
    *_, last = await moments(FakeEngine(), library, wish("When does it close?", basis))
    assert "no documents in this collection" in last.status


@pytest.mark.parametrize("error", [Busy("The line is full."), RuntimeError("secret")])
async def test_what_was_typed_comes_back_when_nothing_is_answered(library: Library, error: Exception):
    before = (Exchange("one", "two"),)
    *_, last = await moments(FakeEngine([], error=error), library, wish("three", Basis(), before))
    assert last.dialogue == before
    assert last.question == "three"
    assert "Not sent" in last.status
    assert "secret" not in last.status


async def test_what_was_answered_before_an_error_stays(library: Library):
    *_, last = await moments(FakeEngine(["half"], error=EngineFailed("It died.")), library, wish("one", Basis()))
    assert last.dialogue[-1].answer == "half"
    assert "It died." in last.status


async def test_a_failed_retry_leaves_the_old_answer(library: Library):
    dialogue = (Exchange("one", "two"), Exchange("three", "four"))
    again = asking_again(dialogue, Basis(), TEMPLATE, 64, SAY)
    *_, last = await moments(FakeEngine([], error=Busy("The line is full.")), library, again)
    assert last.dialogue == dialogue
    assert last.question is None
    engine = FakeEngine(["five"])
    *_, last = await moments(engine, library, again)
    assert [exchange.answer for exchange in last.dialogue] == ["two", "five"]


async def test_a_model_that_is_not_ready_refuses_and_gives_the_question_back(library: Library):
    answers = respond(EngineHost(Settings()), library, Running(), "me", wish("one", Basis()), SAY)
    (moment,) = [moment async for moment in answers]
    assert moment.question == "one"
    assert "still being prepared" in moment.status


@pytest.mark.parametrize("question", ["", " \n", "bad \ud800"])
def test_a_blank_or_invalid_question_is_refused(question: str):
    with pytest.raises(InvalidInput):
        wish(question)


def test_there_is_nothing_to_ask_again_at_first():
    with pytest.raises(InvalidInput, match="没有可以重新提问的问题"):
        asking_again((), Basis(), TEMPLATE, 64, saying(ZH))


async def test_passages_that_do_not_fit_are_left_out_the_best_stay(library: Library):
    found = await look_up(library, PASTED, "museum ticket", [], SAY)
    assert found is not None
    assert len(found) > 1
    engine, whole = FakeEngine(), INFO.context_length
    assert fitting(engine, TEMPLATE, "museum ticket", found, 64) == found
    assert fitting(engine, TEMPLATE, "museum ticket", found, whole) == found[:1]
    assert fitting(engine, TEMPLATE, "museum ticket", (), whole) == ()


async def test_chinese_passages_are_found_for_a_chinese_question(library: Library):
    found = await look_up(library, Basis("text", GUIDE_ZH, text_name="粘贴的文本"), "门票多少钱？", [], SAY)
    assert found
    assert found[0].text == "门票七欧元，儿童免费。"
