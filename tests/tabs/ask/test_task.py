"""Asking and adding: what is looked up, what the model is shown, and that files are read one by one until Stop."""

import asyncio
import threading
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from qwen_ui.errors import EngineFailed, InvalidInput, PromptTooLong
from qwen_ui.knowledge.citations import look_up, parse
from qwen_ui.knowledge.convert import Limits
from qwen_ui.knowledge.library import Library, Step, Upload
from qwen_ui.knowledge.passages import Part
from qwen_ui.knowledge.source import Source
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.ask.task import (
    LONGEST_TEXT,
    OpenSource,
    Report,
    Result,
    add,
    ask,
    build,
    documents,
    fitting,
    named_documents,
    pasted_text,
)
from tests.fakes import INFO, FakeEngine
from tests.tabs.ask.conftest import GUIDE, GUIDE_ZH, LONG_GUIDE, fill, hit

TEMPLATE = PromptStore(PROJECT / "prompts").load("ask", "answer")
PASTED = partial(pasted_text, GUIDE, "Pasted text")
LONG = partial(pasted_text, LONG_GUIDE, "Pasted text")
PRICE = partial(pasted_text, "The price is 25 euros for adults.", "Pasted text")
EARLIER = [Message("user", "How much is a ticket?"), Message("assistant", "Seven euros.")]


async def results(
    engine: FakeEngine, question: str, open_source: OpenSource | None = PASTED, history: Sequence[Message] = ()
) -> list[Result]:
    return [result async for result in ask(engine, TEMPLATE, question, open_source, history, 64)]


async def test_the_model_answers_from_numbered_passages_of_the_collection(library: Library, tmp_path: Path):
    id = await asyncio.to_thread(fill, library, "Museum", tmp_path, guide=GUIDE, zh=GUIDE_ZH)
    engine = FakeEngine(["At ", "six [1]."])
    first, second, *_, last = await results(engine, "When does it close?", partial(documents, library, id, ""))
    assert first.passages is None
    assert second.passages
    assert second.answer.text == ""
    assert last.answer.text == "At six [1]."
    assert last.answer.usage is not None
    assert last.passages is not None
    assert last.passages[0].passage.heading == "Guide to the museum › Hours"
    messages, sampling = engine.asked[0]
    assert "[1] guide.md, Guide to the museum › Hours\n> The museum closes at six" in messages[-1].content
    assert sampling.max_new_tokens == 64
    assert sampling.temperature == TEMPLATE.sampling().temperature


async def test_the_model_alone_is_shown_no_passages():
    engine = FakeEngine(["Blue."])
    first, *_, last = await results(engine, "Which colour?", None)
    assert engine.asked[0][0][-1].content.strip() == "Which colour?"
    assert first.passages == last.passages == ()
    assert last.answer.text == "Blue."


async def test_without_a_number_of_new_tokens_the_template_says_it():
    engine = FakeEngine(["Blue."])
    async for _ in ask(engine, TEMPLATE, "Which colour?"):
        pass
    assert engine.asked[0][1].max_new_tokens == TEMPLATE.sampling().max_new_tokens


@pytest.mark.parametrize(
    ("question", "says"),
    [("Who won the football championship?", "not in these documents"), ("木星有几颗卫星？", "没有找到")],
)
async def test_what_is_not_in_a_long_text_is_said_without_asking_the_model(question: str, says: str):
    engine = FakeEngine(["Invented."])
    *_, last = await results(engine, question, LONG)
    assert engine.asked == []
    assert not last.asked
    assert says in last.answer.text
    assert last.passages == ()


@pytest.mark.parametrize("question", ["How much does it cost?", "这个多少钱？", "Summarize it.", "Who is Hamlet?"])
async def test_a_text_that_fits_is_read_whole_whatever_its_words_are(question: str):
    engine = FakeEngine(["25 euros [1]."])
    *_, last = await results(engine, question, PRICE)
    assert "[1] Pasted text\n> The price is 25 euros for adults." in engine.asked[0][0][-1].content
    assert last.asked
    assert last.answer.text == "25 euros [1]."
    assert parse(last.answer.text, last.passages or ()).citations[0].passage == "The price is 25 euros for adults."


async def test_a_text_that_fits_is_read_in_order_and_nothing_of_it_is_left_out():
    engine = FakeEngine(["Six."])
    text = "# Stars\n\n★★★★★\n\n" + GUIDE
    *_, last = await results(engine, "When does the museum close?", partial(pasted_text, text, "Pasted text"))
    passages = [hit.passage.text for hit in last.passages or ()]
    assert passages[0] == "★★★★★"
    assert passages == sorted(passages, key=text.index)
    scores = [hit.score for hit in last.passages or ()]
    assert scores[2] == max(scores) > scores[0] == 0
    for passage in passages:
        assert passage in engine.asked[0][0][-1].content


async def test_a_text_without_words_is_read_as_well():
    engine = FakeEngine(["Stars."])
    *_, last = await results(engine, "What is it?", partial(pasted_text, " ★★★★★ ", "Pasted text"))
    assert "[1] Pasted text\n> ★★★★★" in engine.asked[0][0][-1].content
    assert last.asked


async def test_a_collection_of_one_small_document_is_read_whole(library: Library, tmp_path: Path):
    id = await asyncio.to_thread(fill, library, "Museum", tmp_path, price="The price is 25 euros for adults.")
    engine = FakeEngine(["25 euros [1]."])
    await results(engine, "How much does it cost?", partial(documents, library, id, ""))
    assert "[1] price.md\n> The price is 25 euros" in engine.asked[0][0][-1].content


@pytest.mark.parametrize("more", [0, 1])
async def test_a_text_is_searched_when_it_leaves_no_room_for_the_answer_and_the_last_exchange(more: int):
    def size(words: int) -> int:
        whole = pasted_text("price " * words, "Pasted text").whole("", 10**9)
        return FakeEngine().count_tokens(build(TEMPLATE, "What costs more?", whole, EARLIER))

    fit = bisect_right(range(1, 5_000), INFO.context_length - 64, key=size)
    text = "price " * (fit + more)
    earlier = [Message("user", "long ago " * 500), Message("assistant", "yes"), *EARLIER]
    engine = FakeEngine(["Nothing."])
    *_, last = await results(engine, "What costs more?", partial(pasted_text, text, "Pasted text"), earlier)
    assert last.asked == (more == 0)


async def test_a_question_that_points_back_is_searched_with_the_one_before():
    engine = FakeEngine(["Free."])
    await results(engine, "And for children?", LONG, EARLIER)
    messages = engine.asked[0][0]
    assert messages[1:3] == EARLIER
    assert "A ticket costs seven euros" in messages[-1].content


def test_a_question_about_the_whole_reads_the_openings_even_later_on():
    found = look_up(PASTED(), "Summarize the document.")
    assert [each.passage.heading.rpartition(" › ")[2] for each in found] == ["Guide to the museum", "Hours", "Prices"]
    assert look_up(PASTED(), "Summarize the document.", EARLIER) == found


def test_chinese_passages_are_found_for_a_chinese_question():
    found = look_up(pasted_text(GUIDE_ZH, "粘贴的文本"), "门票多少钱？")
    assert found[0].passage.text == "门票七欧元，儿童免费。"
    assert found[0].passage.document == "粘贴的文本"


@pytest.mark.parametrize(
    ("open_source", "says"),
    [
        (lambda library: pasted_text(" \n", ""), "Paste a text first"),
        (lambda library: pasted_text("x" * (LONGEST_TEXT + 1), ""), "as a file instead"),
        (lambda library: pasted_text("a\ud800b", ""), "not valid Unicode"),
        (lambda library: documents(library, None, ""), "choose a collection"),
        (lambda library: documents(library, "gone", ""), "no such collection"),
        (lambda library: documents(library, library.create("Empty").id, ""), "no documents in this collection"),
        (lambda library: documents(library, library.create("Theirs", "them").id, "me"), "no such collection"),
        (lambda library: named_documents(library, "Zoo", ""), "no collection named 'Zoo'. There are: none."),
    ],
)
async def test_a_source_that_holds_nothing_is_refused_before_the_model_is_asked(
    library: Library, open_source: Callable[[Library], Source], says: str
):
    engine = FakeEngine()
    with pytest.raises(InvalidInput, match=says):
        await results(engine, "When does it close?", partial(open_source, library))
    assert engine.asked == []


async def test_the_event_loop_goes_on_while_a_source_is_opened():
    opened = threading.Event()

    def slow() -> Source:
        assert opened.wait(10)
        return PASTED()

    asyncio.get_running_loop().call_later(0.05, opened.set)  # never, while the loop is held up
    *_, last = await results(FakeEngine(["Six."]), "When does the museum close?", slow)
    assert last.answer.text == "Six."


async def test_a_refusal_of_the_engine_and_an_error_of_its_stream_reach_the_caller():
    with pytest.raises(PromptTooLong):
        await results(FakeEngine(refusal=PromptTooLong("Too long.")), "museum?")
    seen = []
    with pytest.raises(EngineFailed):
        async for result in ask(FakeEngine(["half"], error=EngineFailed("It died.")), TEMPLATE, "museum?", PASTED):
            seen.append(result.answer.text)
    assert seen[-1] == "half"


async def test_leaving_it_ends_the_stream():
    engine = FakeEngine(["never"], steps=0)
    answering = ask(engine, TEMPLATE, "Which colour?")
    await anext(answering)
    assert engine.active == 1
    await answering.aclose()
    assert engine.active == 0


def test_passages_that_do_not_fit_are_left_out_the_best_stay():
    found, engine, whole = look_up(PASTED(), "museum ticket"), FakeEngine(), INFO.context_length
    assert len(found) > 1
    assert fitting(engine, TEMPLATE, "museum ticket", found, 64) == found
    assert fitting(engine, TEMPLATE, "museum ticket", found, whole) == found[:1]
    assert fitting(engine, TEMPLATE, "museum ticket", (), whole) == ()


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_all_the_passages_that_fit_are_given_and_few_prompts_are_counted_for_that(count: int):
    counted: list[int] = []

    class Counting(FakeEngine):
        def count_tokens(self, messages: Sequence[Message]) -> int:
            counted.append(super().count_tokens(messages))
            return counted[-1]

    passages = [hit("word " * 50) for _ in range(count)]
    for fit in range(1, count + 1):
        counted.clear()
        new_tokens = INFO.context_length - FakeEngine().count_tokens(build(TEMPLATE, "words", passages[:fit]))
        assert len(fitting(Counting(), TEMPLATE, "words", passages, new_tokens)) == fit
        assert len(counted) <= count.bit_length()


async def reports(
    steps: AsyncGenerator[Step, None], total: int, stopped: Callable[[], bool] = lambda: False
) -> list[Report]:
    return [report async for report in add(steps, total, stopped)]


async def test_each_file_is_told_and_a_broken_one_is_named_while_the_rest_goes_in(library: Library, tmp_path: Path):
    for name, text in {"a.md": "Boats sail.", "empty.md": "", "copy.md": "Boats sail.", "b.txt": "Trains run."}.items():
        (tmp_path / name).write_text(text)
    uploads = [Upload(tmp_path / name) for name in ("a.md", "empty.md", "copy.md", "b.txt", "c.exe")]
    seen = await reports(library.create("Travel").add(uploads), len(uploads))
    assert [step.state for step in seen[-1].results] == ["added", "skipped", "duplicate", "added", "skipped"]
    assert [report.current.number for report in seen if report.current] == [1, 2, 3, 4, 5]
    assert seen[-1].current is None


class Slow:
    """Files whose reading the test lets end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.read = asyncio.Event()

    async def steps(self) -> AsyncGenerator[Step, None]:
        for number in (1, 2):
            yield Step(f"{number}.md", number, 2, "reading")
            self.begun.set()
            await self.read.wait()
            yield Step(f"{number}.md", number, 2, "added", passages=1)


async def test_stop_is_told_at_once_and_ends_after_the_file_that_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qwen_ui.tabs.ask.task.NEWS_EVERY", 0.01)
    slow, seen = Slow(), list[Report]()
    async for report in add(slow.steps(), 2, slow.begun.is_set):
        seen.append(report)
        if report.stopping:
            slow.read.set()
    told = next(report for report in seen if report.stopping)
    assert told.current is not None
    assert told.results == ()
    assert [step.file for step in seen[-1].results] == ["1.md"]


async def test_stop_ends_it_at_once_while_it_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qwen_ui.tabs.ask.task.NEWS_EVERY", 0.01)

    async def steps() -> AsyncGenerator[Step, None]:
        await asyncio.Event().wait()
        yield Step("1.md", 1, 1, "reading")

    *_, last = await reports(steps(), 1, lambda: True)
    assert last.results == ()


async def test_leaving_it_waits_for_the_file_that_is_read_and_begins_no_other(library: Library, tmp_path: Path):
    begun, read, ended = threading.Event(), threading.Event(), list[str]()
    collection = library.create("Travel")

    def convert(data: bytes, name: str, limits: Limits, encoding: str) -> list[Part]:
        begun.set()
        read.wait(60)
        ended.append(name)
        return [Part("Boats sail.")]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qwen_ui.knowledge.library.convert", convert)
        for name in ("a.md", "b.md"):
            (tmp_path / name).write_text(name)
        adding = collection.add([Upload(tmp_path / name) for name in ("a.md", "b.md")])
        following = asyncio.create_task(reports(adding, 2))
        await asyncio.to_thread(begun.wait, 60)
        following.cancel()
        await asyncio.wait({following}, timeout=0.1)
        assert not following.done()
        read.set()
        await asyncio.wait({following}, timeout=60)
    assert following.cancelled()
    assert ended == ["a.md"]


async def test_an_error_of_the_library_reaches_the_reader(library: Library, tmp_path: Path):
    collection = library.create("Gone")
    library.delete(collection.id)
    (tmp_path / "a.md").write_text("Boats.")
    with pytest.raises(InvalidInput, match="has been deleted"):
        await reports(collection.add([Upload(tmp_path / "a.md")]), 1)
