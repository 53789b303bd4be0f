"""The queue of runs, over a trainer that only replays what one tells."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.finetune.runs import Request, Run
from tests.pages import runs_in

DATA = b"text,label\n" + b"".join(b"film %d,%s\n" % (row, b"good" if row % 2 else b"bad") for row in range(10))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[RunQueue]:
    queue = runs_in(tmp_path)
    yield queue
    for run in queue.store.all():
        run.stop()
    queue.close()


def add(queue: RunQueue, name: str) -> Run:
    return queue.add(Request(name, "films.csv", made=time.time()), DATA)


def until(what: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def finished(*runs: Run) -> Callable[[], bool]:
    return lambda: all(run.state == "finished" for run in runs)


def told(run: Run, state: str) -> float:
    """When the run came to the state."""
    return next(float(event["time"]) for event in run.events() if event.get("state") == state)


def test_runs_are_trained_one_at_a_time_in_the_order_of_the_requests(queue: RunQueue):
    runs = [add(queue, name) for name in ("first", "second")]
    queue.start()
    until(finished(*runs))
    assert told(runs[0], "finished") <= told(runs[1], "running")


def test_a_run_survives_the_server_and_those_that_wait_go_on_with_the_next_one(tmp_path: Path):
    before = runs_in(tmp_path)
    slow, waiting = add(before, "slow"), add(before, "later")
    before.start()
    until(lambda: slow.state == "running")
    before.close()
    assert slow.locked
    after = runs_in(tmp_path)
    after.start()
    time.sleep(1.5)
    assert (slow.state, waiting.state) == ("running", "waiting")
    after.stop(slow)
    until(lambda: (slow.state, waiting.state) == ("stopped", "finished"))
    after.close()


def test_a_killed_run_waits_for_its_button_and_then_goes_on(queue: RunQueue):
    run = add(queue, "twice")
    queue.start()
    until(lambda: run.state == "interrupted")
    time.sleep(1.5)
    assert run.state == "interrupted"
    queue.go_on(run)
    until(finished(run))
    with pytest.raises(InvalidInput, match="Only a run that broke off"):
        queue.go_on(run)


def test_a_process_that_ends_before_it_begins_is_told_with_its_last_words(queue: RunQueue):
    run = add(queue, "dies")
    queue.start()
    until(lambda: run.state == "failed")
    event = list(run.events())[-1]
    assert "there is no torch" in event["text"]
    assert event["values"] == {"cause": "ImportError: there is no torch"}


def test_a_run_whose_request_is_damaged_keeps_no_other_one_waiting(queue: RunQueue):
    damaged, whole = add(queue, "damaged"), add(queue, "whole")
    (damaged.folder / "request.json").write_text("{", "utf-8")
    queue.start()
    until(lambda: (damaged.state, whole.state) == ("failed", "finished"))


def test_a_run_that_waits_can_be_taken_out_and_deleted(queue: RunQueue):
    slow, waiting = add(queue, "slow"), add(queue, "never")
    queue.start()
    until(lambda: slow.state == "running")
    queue.stop(waiting)
    assert waiting.state == "stopped"
    with pytest.raises(InvalidInput, match="being trained"):
        queue.delete(slow)
    queue.delete(waiting)
    assert [run.id for run in queue.store.all()] == [slow.id]


def test_the_commands_own_runs_are_left_to_the_command(queue: RunQueue):
    run = queue.store.add(Request("mine", "films.csv"), DATA)
    queue.look()
    assert queue._process is None
    assert run.state == "waiting"


def test_a_full_disk_is_told_and_leaves_no_half_run(queue: RunQueue, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NotSaved, match="No space left on device"):
        add(queue, "films")
    assert not list(queue.store.folder.iterdir())


def test_an_event_that_was_cut_off_takes_no_other_one_away(queue: RunQueue):
    run = add(queue, "films")
    run.tell("step", step=1)
    with (run.folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"kind": "step", "st')
    assert [event["kind"] for event in run.events()] == ["step"]
    run.tell("step", step=2)
    assert [(event["kind"], event.get("step")) for event in run.events()] == [
        ("step", 1),
        ("damaged", None),
        ("step", 2),
    ]
    assert [event["step"] for event in run.events(2)] == [2]


def test_a_plan_tells_what_would_be_trained_and_leaves_nothing(queue: RunQueue, tmp_path: Path):
    found = queue.plan(Request("films", "films.csv"), DATA)
    assert found["preview"]["rows"]["train"] == 8
    assert found["estimate"]["fits"]
    assert not list((tmp_path / "looks").iterdir())


def test_a_plan_tells_what_is_wrong_with_the_data(queue: RunQueue):
    with pytest.raises(InvalidInput, match=r"films\.csv has 2 rows; at least 3 are needed\.") as error:
        queue.plan(Request("films", "films.csv"), b"text,label\na,b\n")
    assert error.value.sentence.template == "{file} has {rows} {rows:row|rows}; at least {least} are needed."


def test_a_plan_can_be_stopped(queue: RunQueue):
    with pytest.raises(InvalidInput, match="stopped"):
        queue.plan(Request("long", "films.csv"), DATA, lambda: True)


def test_a_plan_that_crashes_is_a_bug_and_no_sentence(queue: RunQueue):
    with pytest.raises(RuntimeError, match="it crashed"):
        queue.plan(Request("crash", "films.csv"), DATA)
