"""What a dialogue looks like: citations that lead to their passages, and nothing that runs or loads."""

import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from html import unescape

import pytest

from qwen_ui.knowledge.proof import Proven
from qwen_ui.messages import Answer, Message
from qwen_ui.page import passages as shown_passages
from qwen_ui.page.passages import cards, highlighted
from qwen_ui.page.words import Say
from qwen_ui.sentences import ENGLISH, Language
from qwen_ui.tabs.ask.dialogue import Exchange, answered, exchanges, history, markdown, plain, shown
from qwen_ui.tabs.ask.task import Result
from tests.pages import words
from tests.tabs.ask.conftest import hit

SAY, ZH_SAY = ENGLISH.say, Language("zh", words().chinese).say
HOURS = hit("It closes at six.\n\n<img src=x> ![x](http://a.example/b.png) closed", "a<b>.pdf", "Hours › Day", 2, 7.5)
PRICES = hit("Entry is free.", "guide.md", score=3)
PASSAGES = (HOURS, PRICES)
QUESTION = "When does it close?"


def exchange(answer: str, turn: int = 1, say: Say = SAY) -> Exchange:
    return Exchange(QUESTION, Result(PASSAGES, Answer(answer)), cards(f"ask-{turn}", QUESTION, PASSAGES, say))


def alone(question: str, answer: str = "", *, asked: bool = True) -> Exchange:
    return Exchange(question, Result((), Answer(answer), asked))


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_only_citations_that_exist_are_links_and_each_has_its_passage():
    text, passages = answered(3, exchange("Six [1]. Far [7]. `x[2]`", turn=3), SAY)
    assert text == 'Six <a class="cite" href="#ask-3-1">1</a>. Far [7]. `x[2]`'
    cited, uncited = passages.split('<details class="uncited">')
    assert 'id="ask-3-1"' in cited
    assert 'id="ask-3-2"' in uncited
    assert "1 passage read, not cited" in text_of(uncited)


def test_what_each_sentence_rests_on_stands_behind_it():
    answer = "It is six [1]. I <b> think."
    proof = (Proven(0, 14, 2, 3.14), Proven(15, 27, None, 1.1))
    proven = replace(exchange(answer), result=Result(PASSAGES, Answer(answer), proof=proof))
    text, passages = answered(1, proven, SAY)
    assert re.sub(' title="[^"]*"', "", text) == (
        'It is six <a class="cite" href="#ask-1-1">1</a>.'
        '<a class="cite proven" href="#ask-1-2">2 <small>×3.1</small></a>'
        ' I <\u2060b> think.<span class="unproven">?</span>'
    )
    assert "3.1 times as likely" in text
    assert "no passage supports the sentence" in text_of(text_of(passages))
    assert "uncited" not in passages
    assert plain(proven, SAY).startswith("It is six [1]. [2] I <b> think.\n\nSources:\n[1] ")
    assert proven.cited == {1, 2}


def test_the_passages_of_a_long_text_that_are_not_cited_are_only_counted():
    passages = (*PASSAGES, *(hit("Of a long text.") for _ in range(100)))
    long = Exchange(QUESTION, Result(passages, Answer("Six [1].")), cards("ask-1", QUESTION, passages, SAY))
    _, shown = answered(1, long, SAY)
    assert 'id="ask-1-1"' in shown
    assert "Of a long text." not in shown
    assert "101 passages read, not cited" in text_of(shown)


def test_a_passage_names_its_document_heading_and_page_in_the_readers_language():
    assert "1 a<b>.pdf · Hours › Day · page 2" in text_of(answered(1, exchange("[1]"), SAY)[1])
    assert "第 2 页" in text_of(answered(1, exchange("[1]", say=ZH_SAY), ZH_SAY)[1])


def test_a_passage_is_shown_as_text_on_one_line_with_the_questions_words_marked():
    html = highlighted(HOURS.passage.text, QUESTION)
    assert "<mark>closes</mark>" in html
    assert "<mark>closed</mark>" in html
    assert "\n" not in html
    assert "<img" not in html
    assert "![" not in html
    assert text_of(html) == HOURS.passage.text


def test_chinese_words_are_marked():
    assert highlighted("博物馆晚上六点关门。", "几点关门？") == "博物馆晚上六点<mark>关门</mark>。"


def test_unusual_line_ends_do_not_end_the_html():
    assert len(highlighted("a\r\n\r\nb\u2028\u2029c\x0bd\x85e", "x").splitlines()) == 1


def test_html_and_images_of_the_model_are_text():
    text, _ = answered(1, exchange("<script>x</script> ![i](http://a.example) [1]"), SAY)
    assert "<script" not in text
    assert "![" not in text
    assert 'href="#ask-1-1"' in text


def test_an_answer_without_passages_has_none_below_it():
    assert answered(1, alone("q", "Hello [1]"), SAY) == ["Hello [1]"]


def test_a_question_without_an_answer_yet_is_one_message():
    assert [message["role"] for message in shown((exchange("a"), alone("q")), SAY)] == ["user", "assistant", "user"]


def test_the_plain_answer_lists_what_it_cites():
    assert plain(exchange("Six [1]."), SAY) == "Six [1].\n\nSources:\n[1] a<b>.pdf · Hours › Day · page 2"
    assert plain(exchange("Six."), SAY) == "Six."


def test_the_saved_dialogue_has_each_question_as_a_heading():
    saved = markdown((exchange("Six [2]."), alone("Two\nlines?", "Yes.")), ZH_SAY)
    assert saved == "## When does it close?\n\nSix [2].\n\n来源:\n[2] guide.md\n\n## Two lines?\n\nYes.\n"
    assert markdown((), SAY) == ""


def test_the_next_prompt_is_shown_what_the_model_said_without_numbers():
    earlier = (
        exchange("Six [1]."),
        alone("Who won?", "This is not in these documents.", asked=False),
        alone("Stopped?", " \n"),
    )
    assert history(earlier) == [Message("user", QUESTION), Message("assistant", "Six.")]


async def test_the_words_of_a_question_are_marked_once_however_often_its_answer_grows(monkeypatch: pytest.MonkeyPatch):
    marked: list[str] = []

    def watched(text: str, question: str) -> list[tuple[int, int]]:
        marked.append(text)
        return []

    async def results() -> AsyncGenerator[Result, None]:
        yield Result(None)
        for length in range(30):
            yield Result(PASSAGES, Answer("[1]" * length))

    monkeypatch.setattr(shown_passages, "marks", watched)
    for each in [each async for each in exchanges(results(), 1, QUESTION, SAY)]:
        assert len(each.cards) == len(each.passages)
        shown((each,), SAY)
    assert marked == [passage.passage.text for passage in PASSAGES]
