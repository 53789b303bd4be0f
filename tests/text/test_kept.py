"""Processes that are kept: what a question does to one of them ends with it."""

import signal
from concurrent.futures import wait

import pytest

from qwen_ui.text.kept import GaveUp, Kept

ANSWERS = "tests.text.answers"


@pytest.fixture
def kept() -> Kept:
    return Kept(ANSWERS, seconds=1, memory=400_000_000)


def test_a_process_answers_one_question_after_the_other(kept: Kept):
    first = kept.ask(["say", "é\ud800\n"]).result()
    assert first[0] == "é\ud800\n"
    assert kept.ask(["say", 2]).result() == [2, first[1]]


@pytest.mark.parametrize("question", ["compute", "hold the interpreter", "sleep", "fill the memory", "crash", "exit"])
def test_a_question_that_would_take_all_is_given_up_and_the_next_one_answered(kept: Kept, question: str):
    _, process = kept.ask(["say", 1]).result()
    with pytest.raises(GaveUp):
        kept.ask([question, 0]).result()
    answer, another = kept.ask(["say", 2]).result()
    assert answer == 2
    assert another != process


def test_others_are_answered_meanwhile(kept: Kept):
    endless = kept.ask(["hold the interpreter", 0])
    assert [kept.ask(["say", number]).result()[0] for number in range(20)] == list(range(20))
    assert not endless.done()
    wait([endless])


def test_a_process_that_has_ended_between_two_questions_is_replaced(kept: Kept):
    _, process = kept.ask(["say", 1]).result()
    kept._idle[0]._process.send_signal(signal.SIGTERM)
    kept._idle[0]._process.wait()
    assert kept.ask(["say", 2]).result()[1] != process


def test_time_is_counted_by_question(kept: Kept):
    assert len({kept.ask(["compute for", 0.4]).result()[1] for _ in range(6)}) == 1
