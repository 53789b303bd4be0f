"""What an answer's sentences rest on: where they are, what is weighed, and which passage is named."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from qwen_ui.errors import Busy
from qwen_ui.knowledge.proof import (
    LEAST,
    MOST_CHARACTERS,
    MOST_PASSAGES,
    MOST_SENTENCES,
    Proven,
    Stretch,
    candidates,
    choose,
    parts,
    sentences,
    supporting,
    with_proof,
)
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.ask import proof
from qwen_ui.tabs.ask.task import Result, ask, pasted_text
from tests.fakes import FakeEngine
from tests.tabs.ask.conftest import GUIDE, hit, holds

TEMPLATE = PromptStore(PROJECT / "prompts").load("ask", "answer")
QUESTION = "When does the museum close?"
PASTED = partial(pasted_text, GUIDE, "Pasted text")
ANSWER = ["It closes at six. ", "It is far away."]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("It closes at six [1]. It is shut. [2] Ask us!", ["It closes at six [1].", "It is shut. [2]", "Ask us!"]),
        ("Dr. Smith paid 3.50 in the U.S. Bank, e.g. today.", None),
        ("Yes. It closes at six.", None),
        ("He said “No way!” Then he left.", ["He said “No way!”", "Then he left."]),
        ("六点关门[1]。周一不开放！“真的吗？”是的。", ["六点关门[1]。", "周一不开放！", "“真的吗？”", "是的。"]),
        ("Points:\n\n1. Seven euros\n- Children free", ["Points:", "1. Seven euros", "- Children free"]),
        ("# A heading. Here\n\n**It is six.** Or `a. B` not.", ["Here", "**It is six.**", "Or `a. B` not."]),
        ("Run it:\n\n```py\nx. Y = 1\n```\nIt works.", ["Run it:", "```py\nx. Y = 1\n```", "It works."]),
        ("| a | b |\n|---|---|\n| six | two |\n", ["a | b", "six | two"]),
        ("Still growing", None),
        ("[1]", []),
        (" \n", []),
    ],
)
def test_sentences(answer: str, found: list[str] | None):
    assert [answer[each.start : each.end] for each in sentences(answer)] == ([answer] if found is None else found)


def test_a_long_answer_is_weighed_as_far_as_that_goes():
    assert len(sentences("It is so. " * 100)) == MOST_SENTENCES
    assert sentences("very " * 10_000)[-1].end <= MOST_CHARACTERS


def test_the_parts_are_the_answer_without_its_numbers():
    answer = "# Hours\n\nIt closes at six [1]. [2] It is far away [9]."
    assert parts(answer, sentences(answer)) == ["# Hours\n\nIt closes at six.", " It is far away."]


def test_few_passages_are_all_weighed_of_many_those_with_an_answers_words():
    answer = "It closes at six. Ferries leave at nine."
    few = [hit(f"Passage {number}.") for number in range(MOST_PASSAGES)]
    assert candidates(answer, sentences(answer), few) == list(range(1, MOST_PASSAGES + 1))
    many = [hit(f"Nothing {number}.") for number in range(500)]
    many[77], many[400] = hit("Ferries leave in the morning."), hit("The museum closes early.")
    many = [replace(each, passage=replace(each.passage, id=id)) for id, each in enumerate(many)]
    assert candidates(answer, sentences(answer), many) == [78, 401]
    assert candidates("Cheese!", sentences("Cheese!"), many) == list(range(1, MOST_PASSAGES + 1))


def test_a_sentence_gets_the_passage_that_makes_it_likeliest_if_one_does():
    found = [Stretch(0, 4), Stretch(5, 9, is_code=True)]
    one, other = choose("Six. Far.", found, [3, 7], [[-4.0, -2.0], [-3.0, -2.0], [-1.0, -1.9]])
    assert (one.start, one.end, one.number) == (0, 4, 7)
    assert one.support == pytest.approx(20.0855, abs=1e-3)
    assert other == Proven(5, 9, None, other.support, is_code=True)
    assert other.support == pytest.approx(1.1052, abs=1e-3)
    assert other.support < LEAST
    assert supporting([one, other, replace(one, support=2.0)]) == {7: one.support}


def test_what_is_said_again_rests_on_the_same():
    answer = "It is six [1]. It is far. It is six."
    first, other, again = choose(answer, sentences(answer), [1], [[-4.0, -2.0, -1.0], [-1.0, -2.0, -1.0]])
    assert (first.number, other.number) == (1, None)
    assert again == replace(first, start=26, end=36)


@pytest.mark.parametrize(
    ("answer", "number", "shown"),
    [
        ("It is six.", 1, "It is six.<1>"),
        ("It is six [1].", 1, "It is six.<1>"),
        ("It is six [1, 2].", 1, "It is six [2].<1>"),
        ("It is six [2].", 1, "It is six [2].<1>"),
        ("It is six [1-3].", 3, "It is six [1][2].<3>"),
        ("It is six [1].", None, "It is six [1].<None>"),
        ("```\na[1]\n```", 1, "```\na[1]\n```\n\n<1>"),
    ],
)
def test_a_number_stands_behind_its_sentence_once(answer: str, number: int | None, shown: str):
    proof = [Proven(each.start, each.end, number, 2.0, each.is_code) for each in sentences(answer)]
    assert with_proof(f"{answer} On", proof, 3, lambda each: f"<{each.number}>") == f"{shown} On"


async def results(engine: FakeEngine) -> list[Result]:
    return [result async for result in ask(engine, TEMPLATE, QUESTION, PASTED, max_new_tokens=64)]


async def test_an_answer_is_proven_once_it_is_whole():
    engine = FakeEngine(ANSWER, holds=holds)
    *_, before, checking, last = await results(engine)
    assert before.answer == checking.answer == last.answer
    assert (before.checking, checking.checking, last.checking) == (False, True, False)
    assert [each.number for each in last.proof] == [2, None]
    assert [round(each.support, 2) for each in last.proof] == [20.09, 1.0]
    assert engine.weighed == [["It closes at six.", " It is far away."]]


async def test_each_passage_is_weighed_alone_behind_the_same_beginning():
    asked: list[str] = []

    def noted(question: str, part: str) -> float:
        asked.append(question)
        return 0.0

    await results(FakeEngine(["It closes at six."], holds=noted))
    without, *alone = asked
    assert "[1] \n> …" in without
    assert [each.count("[1]") for each in alone] == [1, 1, 1]
    assert all("[2]" not in each and QUESTION in each for each in asked)


@pytest.mark.parametrize("words", [[], [" \n"], ["[1]"]])
async def test_what_says_nothing_is_not_weighed(words: list[str]):
    engine = FakeEngine(words, holds=holds)
    assert (await results(engine))[-1].proof == ()
    assert engine.weighed == []


async def test_without_passages_or_an_engine_that_can_there_is_no_proof():
    assert not any(each.proof or each.checking for each in await results(FakeEngine(ANSWER)))
    alone = [each async for each in ask(FakeEngine(ANSWER, holds=holds), TEMPLATE, QUESTION)]
    assert not any(each.proof or each.checking for each in alone)


async def test_stop_ends_the_proof_and_the_answer_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proof, "NEWS_EVERY", 0.01)
    engine, seen = FakeEngine(ANSWER, steps=len(ANSWER), holds=holds), list[Result]()
    async for result in ask(engine, TEMPLATE, QUESTION, PASTED, max_new_tokens=64):
        seen.append(result)
        if result.checking:
            asyncio.get_running_loop().call_later(0.05, setattr, engine, "stopped", True)
    assert seen[-1].answer.text == "".join(ANSWER)
    assert (seen[-1].proof, seen[-1].checking) == ((), False)


async def test_why_an_answer_could_not_be_weighed_is_told_beside_it():
    def full(asked: str, part: str) -> float:
        raise Busy("All room for adapters is in use.")

    *_, last = await results(FakeEngine(ANSWER, holds=full))
    assert last.answer.text == "".join(ANSWER)
    assert str(last.unproven) == "All room for adapters is in use."
