"""Judging: probabilities from scores, and every row of a file comes to a result or to a reason, whatever happens."""

import math
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from qwen_ui.decisions.judging import FIRST_BATCH, LARGEST_BATCH, Calibration, classify, decide, next_size
from qwen_ui.decisions.prompt import Order
from qwen_ui.errors import EngineFailed, PromptTooLong
from qwen_ui.prompts import PromptStore
from qwen_ui.tabs.sentiment.rows import Columns, Row
from qwen_ui.tabs.sentiment.task import TOO_LONG, Work, classify_one, judge
from tests.fakes import FakeEngine


def order(prompts: Path, calibrated: bool = True) -> Order:
    return Order(PromptStore(prompts).load("sentiment", "reviews"), ("good", "bad"), calibrated)


def work(prompts: Path, texts: list[str]) -> Work:
    rows = tuple(Row(number, text) for number, text in enumerate(texts, 2))
    return Work(order(prompts, calibrated=False), Columns("text"), rows)


def likes(prompt: str, candidate: str) -> float:
    """Good is what is called so in the prompt's last text; bad is always liked a little."""
    if candidate.strip() == "bad":
        return -1.0
    return -0.5 if "fine" in prompt.splitlines()[-2] else -3.0


class Short(FakeEngine):
    """An engine into whose context endless texts do not fit."""

    async def score(self, prompts: Sequence[str], candidates: Sequence[str], adapter: str = "") -> list[list[float]]:
        if any("endless" in prompt for prompt in prompts):
            raise PromptTooLong("Prompt 1 is longer than the context.")
        return await super().score(prompts, candidates, adapter)


async def finished(engine: FakeEngine, work: Work) -> Work:
    async for now in judge(engine, work, Calibration()):
        work = now
    return work


async def test_each_row_gets_its_result_in_its_order(prompts: Path):
    texts = [("fine" if number % 3 else "awful") + f" {number}" for number in range(50)]
    done = await finished(FakeEngine(likes=likes), work(prompts, texts))
    assert [row.text for row, _ in done.judged] == texts
    assert [result.label for _, result in done.judged] == ["good" if "fine" in text else "bad" for text in texts]
    assert (done.done, done.waiting) == (50, 0)


async def test_progress_is_told_before_the_first_batch_and_after_each(prompts: Path):
    asked = work(prompts, ["fine"] * 60)
    first, *others = [now async for now in judge(FakeEngine(likes=likes), asked, Calibration())]
    assert first == asked
    assert [now.done for now in others] == [FIRST_BATCH, 3 * FIRST_BATCH, 60]
    assert 0 < others[0].seconds < others[-1].seconds


async def test_stop_keeps_what_is_done_and_the_rest_goes_on_from_there(prompts: Path):
    engine = FakeEngine(likes=likes)
    async for now in judge(engine, work(prompts, ["fine"] * 60), Calibration()):
        stopped, engine.stopped = now, now.done > 0
    assert (stopped.done, stopped.waiting) == (FIRST_BATCH, 60 - FIRST_BATCH)
    engine.stopped = False
    whole = await finished(engine, stopped)
    assert [row.number for row, _ in whole.judged] == list(range(2, 62))
    assert sum(map(len, engine.scored)) == 60


async def test_a_row_too_long_for_the_model_is_skipped_and_the_others_are_judged(prompts: Path):
    texts = ["fine"] * 20
    texts[7] = texts[13] = "endless"
    done = await finished(Short(likes=likes), work(prompts, texts))
    assert [(row.number, row.reason) for row in done.skipped] == [(9, TOO_LONG), (15, TOO_LONG)]
    assert [row.number for row, _ in done.judged] == [n for n in range(2, 22) if n not in {9, 15}]


async def test_one_text_that_is_too_long_is_refused_in_its_own_words(prompts: Path):
    with pytest.raises(PromptTooLong, match="The text is longer than the model's context"):
        await classify_one(Short(), order(prompts), "endless", Calibration())


async def test_an_error_comes_after_what_was_judged_before_it(prompts: Path):
    engine = FakeEngine(likes=likes)
    async with aclosing(judge(engine, work(prompts, ["fine"] * 60), Calibration())) as progress:
        await anext(progress)
        assert (await anext(progress)).done == FIRST_BATCH
        engine.error = EngineFailed("The batch loop died.")
        with pytest.raises(EngineFailed):
            await anext(progress)


async def test_calibration_texts_are_scored_once_for_a_template_as_it_is_and_labels(prompts: Path):
    engine, calibration = FakeEngine(likes=likes), Calibration()
    (fine,) = await classify(engine, order(prompts), ["fine"], calibration)
    once = len(engine.scored)
    await classify(engine, order(prompts), ["awful"], calibration)
    assert len(engine.scored) == once + 1
    path = prompts / "sentiment" / "reviews.prompty"
    path.write_text(path.read_text("utf-8").replace("I fell asleep", "We fell asleep"), "utf-8")
    await classify(engine, order(prompts), ["fine"], calibration)
    assert len(engine.scored) == once + 3
    assert fine.probabilities["good"] > 0.9


async def test_without_calibration_no_calibration_text_is_scored(prompts: Path):
    engine = FakeEngine(likes=likes)
    await classify(engine, order(prompts, calibrated=False), ["fine"], Calibration())
    assert [len(asked) for asked in engine.scored] == [1]


@pytest.mark.parametrize(("rows", "seconds", "size"), [(16, 1.5, 16), (16, 0.1, 32), (512, 0.0, 512), (16, 60, 8)])
def test_batches_take_about_as_long_as_people_wait_for_stop(rows: int, seconds: float, size: int):
    assert next_size(rows, seconds) == size <= LARGEST_BATCH


LIKELIER = [math.log(0.2), math.log(0.6)]


def test_probabilities_are_the_softmax_of_calibrated_scores():
    (plain,) = decide([[LIKELIER]], ["a", "b"])
    assert plain.label == "b"
    assert plain.probabilities == pytest.approx({"a": 0.25, "b": 0.75})
    # "b" is what the model says of everything: against that, this text is an "a".
    (calibrated,) = decide([[LIKELIER]], ["a", "b"], [[[math.log(0.1), math.log(0.9)]]])
    assert calibrated.label == "a"
    assert calibrated.confidence == pytest.approx(0.75)
    assert calibrated.probabilities == pytest.approx({"a": 0.75, "b": 0.25})


def test_several_scorings_are_averaged():
    (result,) = decide([[LIKELIER], [[math.log(0.6), math.log(0.2)]]], ["a", "b"])
    assert result.probabilities == pytest.approx({"a": 0.5, "b": 0.5})
    with pytest.raises(ValueError, match="2 scorings need as many"):
        decide([[LIKELIER], [LIKELIER]], ["a", "b"], [[LIKELIER]])


def test_scores_of_any_size_give_probabilities_that_sum_to_one():
    for result in decide([[[-1e4, -2e4, -5.0], [-900.0, -900.0, -900.0]]], ["a", "b", "c"]):
        assert sum(result.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert all(math.isfinite(share) for share in result.probabilities.values())
    assert decide([[]], ["a", "b"]) == []
