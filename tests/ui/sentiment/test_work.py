"""Judging a file: every row comes to a result or to a reason, whatever happens; and what the page says of it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from qwen_ui.errors import EngineFailed, PromptTooLong
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.sentiment import Classified, Row, read
from qwen_ui.ui.sentiment.columns import Columns, guessed
from qwen_ui.ui.sentiment.judge import Judge, Order
from qwen_ui.ui.sentiment.report import SHOWN, Wanted, report, table
from qwen_ui.ui.sentiment.runs import judged
from qwen_ui.ui.sentiment.work import FIRST_BATCH, LARGEST_BATCH, TOO_LONG, Job, Work, sized
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import EN, saying
from tests.fakes import FakeEngine
from tests.pages import host_of

SAY = saying(EN)


def order(prompts: Path, calibrated: bool = True) -> Order:
    return Order(PromptStore(prompts).load("sentiment", "reviews"), ("good", "bad"), calibrated)


def work(prompts: Path, texts: list[str], calibrated: bool = False) -> Work:
    return Work(order(prompts, calibrated), tuple(Row(number, text) for number, text in enumerate(texts, 2)))


def likes(prompt: str, candidate: str) -> float:
    """Good is what is called so in the prompt's last text; bad is always liked a little."""
    if candidate.strip() == "bad":
        return -1.0
    return -0.5 if "fine" in prompt.splitlines()[-2] else -3.0


async def finished(job: Job) -> Work:
    async for _ in job:
        pass
    return job.work


async def test_each_row_gets_its_result_in_its_order(prompts: Path):
    texts = [("fine" if number % 3 else "awful") + f" {number}" for number in range(50)]
    done = await finished(Job(partial(Judge(), host_of(FakeEngine(likes=likes))), work(prompts, texts)))
    assert [row.text for row in done.rows] == texts
    assert [result.label for result in done.results] == ["good" if "fine" in text else "bad" for text in texts]
    assert not done.waiting
    assert done.total == 50


async def test_stop_keeps_what_is_done_and_the_rest_goes_on_from_there(prompts: Path):
    engine = FakeEngine(likes=likes)
    judge = partial(Judge(), host_of(engine))
    job = Job(judge, work(prompts, ["fine"] * 60))
    await anext(job)
    job.cancel()
    stopped = await finished(job)
    assert len(stopped.rows) == len(stopped.results) == FIRST_BATCH
    assert len(stopped.waiting) == 60 - FIRST_BATCH
    whole = await finished(Job(judge, stopped))
    assert [row.number for row in whole.rows] == list(range(2, 62))


async def test_a_row_too_long_for_the_model_is_counted_and_the_others_are_judged(prompts: Path):
    class Short(FakeEngine):
        async def score(self, prompts, candidates):
            if any("endless" in prompt for prompt in prompts):
                raise PromptTooLong("Prompt 1 is longer than the context.")
            return await super().score(prompts, candidates)

    texts = ["fine"] * 20
    texts[7] = texts[13] = "endless"
    done = await finished(Job(partial(Judge(), host_of(Short(likes=likes))), work(prompts, texts)))
    assert [(row.number, row.reason) for row in done.bad] == [(9, TOO_LONG), (15, TOO_LONG)]
    assert [row.number for row in done.rows] == [n for n in range(2, 22) if n not in {9, 15}]


async def test_what_was_judged_before_an_error_is_kept_and_the_error_said(prompts: Path):
    judge = partial(Judge(), host_of(FakeEngine(likes=likes)))

    async def once(order: Order, texts: Sequence[str]) -> list[Classified]:
        if job.done:
            raise EngineFailed("The batch loop died.")
        return await judge(order, texts)

    job = Job(once, work(prompts, ["fine"] * 60))
    moments = [moment async for moment in judged(Running(), "me", job, SAY)]
    assert "The batch loop died." in moments[-1].status
    assert moments[-1].work is not None
    assert len(moments[-1].work.rows) == FIRST_BATCH


async def test_only_one_job_at_a_time_runs_for_a_visitor(prompts: Path):
    engine = FakeEngine(steps=0)
    running, judge = Running(), partial(Judge(), host_of(engine))
    first = judged(running, "me", Job(judge, work(prompts, ["fine"])), SAY)
    await anext(first)
    (refused,) = [moment async for moment in judged(running, "me", Job(judge, work(prompts, ["fine"])), SAY)]
    assert "Stop it first" in refused.status
    await first.aclose()
    assert not running.busy("me", "sentiment")


async def test_references_are_scored_once_for_a_template_as_it_is_and_labels(prompts: Path):
    engine = FakeEngine(likes=likes)
    judge = partial(Judge(), host_of(engine))
    (fine,) = await judge(order(prompts), ["fine"])
    once = len(engine.scored)
    await judge(order(prompts), ["awful"])
    assert len(engine.scored) == once + 1
    path = prompts / "sentiment" / "reviews.prompty"
    path.write_text(path.read_text("utf-8").replace("I fell asleep", "We fell asleep"), "utf-8")
    await judge(order(prompts), ["fine"])
    assert len(engine.scored) == once + 3
    assert fine.probabilities["good"] > 0.9


@pytest.mark.parametrize(("rows", "seconds", "size"), [(16, 1.5, 16), (16, 0.1, 32), (512, 0.0, 512), (16, 60, 8)])
def test_batches_take_about_as_long_as_people_wait_for_stop(rows: int, seconds: float, size: int):
    assert sized(rows, seconds) == size <= LARGEST_BATCH


def test_columns_are_guessed_by_name_and_by_value():
    data = "id,day,stars,review_text,true\n1,2024-05-01,5,short,Good\n2,2024-05-02,4,,bad\n"
    assert guessed(read("t.csv", data.encode()), ["good", "bad"]) == Columns("review_text", "true", "day")
    data = "a,b\n1,this one is the longest\n2,yes\n"
    assert guessed(read("t.csv", data.encode()), ["good", "bad"]) == Columns("b")
    assert guessed(read("t.csv", "标签,评论,日期\n好,好吃,2024年\n".encode()), ["好", "坏"]).text == "评论"


async def judged_file(prompts: Path, rows: list[Row]) -> Work:
    there = Work(order(prompts, calibrated=False), tuple(rows), has_truth=True, has_dates=True)
    return await finished(Job(partial(Judge(), host_of(FakeEngine(likes=likes))), there))


async def test_the_report_tells_accuracy_and_what_it_leaves_out(prompts: Path):
    rows = [Row(2, "fine", "good", "2024-01-01"), Row(3, "fine", "BAD", "2024-02-01"), Row(4, "<b>", "?", "soon")]
    _, quality, trend, undated, *_ = report(await judged_file(prompts, rows), SAY)
    assert "Accuracy 50.0%" in quality
    assert "1 rows (4)" in quality
    assert "1 rows (4)" in undated
    assert trend.visible


async def test_the_table_is_filtered_and_bounded(prompts: Path):
    rows = [Row(number, "fine" if number % 2 else "awful") for number in range(2 * SHOWN + 10)]
    there = await judged_file(prompts, rows)
    shown, said = table(there, Wanted("good"), SAY)
    assert {row[2] for row in shown.value["data"]} == {"good"}
    assert len(shown.value["data"]) == SHOWN
    assert f"{SHOWN:,} of {SHOWN + 5:,}" in said
    none, said = table(there, Wanted(low=0.99), SAY)
    assert not none.value["data"]
    assert ">0 rows<" in said
