"""What is made of a run's events, what can be asked for, and answers side by side."""

import json
from pathlib import Path
from typing import Any

import pytest

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import EngineFailed, InvalidInput, QwenUIError
from qwen_ui.finetune.runs import Request, Run, RunStore
from qwen_ui.prompts import PromptStore
from qwen_ui.sentences import ENGLISH, Sentence
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.finetune import curves, learned, look, outcome, show
from qwen_ui.tabs.finetune.answers import LOOKED, Ask, Reply, Way, ask_all, way_of
from qwen_ui.tabs.finetune.task import Journals, Story, check_name, file_bytes, pinned_of, settings_of, story_of
from tests.fakes import FakeEngine
from tests.finetune.fake_trainer import preview

SAY = ENGLISH.say


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return RunStore(tmp_path / "runs").add(Request("films", "films.csv", pinned=("What a film!",)), b"text,label\n")


def step(number: int, loss: float = 1.0, **more: Any) -> dict[str, Any]:
    return {
        "kind": "step",
        "step": number,
        "loss": loss,
        "rates": {"all": 1e-4},
        "norms": {"0": 1.0, "1": 10.0},
        **more,
    }


def test_a_step_that_was_told_again_after_a_kill_counts_once(run: Run):
    events = [step(1, 3.0), step(2, 2.0), step(3, 9.0), step(3, 1.5), step(4, 1.0)]
    story = story_of(run, run.request, events, "running")
    assert [(each["step"], each["loss"]) for each in story.steps] == [(1, 3.0), (2, 2.0), (3, 1.5), (4, 1.0)]
    assert story.step == 4


def test_events_that_came_since_are_added(run: Run):
    journals = Journals()
    run.tell("state", state="running")
    with run.lock:
        run.tell("step", **{name: value for name, value in step(1).items() if name != "kind"})
        assert journals.story(run).step == 1
        run.tell("step", **{name: value for name, value in step(2).items() if name != "kind"})
        assert journals.story(run).step == 2
    assert journals.story(run).state == "interrupted"


def test_a_failure_is_told_in_the_readers_language_with_sentences_in_it(run: Run):
    change = {"template": "Switch {what} off.", "values": {"what": "it"}}
    event = {"kind": "state", "state": "failed", "template": "Too large. {change}", "values": {"change": change}}
    story = story_of(run, run.request, [event], "failed")
    assert story.message == Sentence("Too large. {change}", change=Sentence("Switch {what} off.", what="it"))
    assert "Too large. Switch it off." in show.progress(story, SAY)


def test_a_run_whose_files_cannot_be_read_is_told(run: Run):
    (run.folder / "request.json").write_text("{", "utf-8")
    whole = RunStore(run.folder.parent).add(Request("whole", "films.csv"), b"")
    stories, problems = Journals().all(RunStore(run.folder.parent))
    assert [story.id for story in stories] == [whole.id]
    assert run.id in str(problems[0])


def test_names_that_are_taken_or_cannot_be_are_refused(run: Run, tmp_path: Path):
    waiting = story_of(run, run.request, [], "waiting")
    adapters = AdapterStore(tmp_path / "adapters", tmp_path / "runs")
    (adapters.folder / "songs").mkdir(parents=True)
    (adapters.folder / "songs" / "adapter_config.json").write_text("{}", "utf-8")
    assert check_name(" books ", adapters, [waiting]) == "books"
    for name, says in (("", "Give"), ("../x", "can't be"), ("songs", "already"), ("films", "in the queue")):
        with pytest.raises(InvalidInput, match=says):
            check_name(name, adapters, [waiting])


def test_pinned_prompts_are_five_at_most():
    assert pinned_of(" a \n\n b") == ("a", "b")
    with pytest.raises(InvalidInput, match="6 pinned prompts"):
        pinned_of("\n".join("abcdef"))
    with pytest.raises(InvalidInput, match="longer"):
        pinned_of("x" * 2001)


def test_settings_are_a_presets_with_others():
    assert (settings_of("tiny", {"rank": 4}).rank, settings_of("tiny", {}).batch_size) == (4, 4)
    for preset, given, says in (("fast", {}, "no preset"), ("quick", {"rnk": 4}, "no setting"), ("quick", 5, "object")):
        with pytest.raises(InvalidInput, match=says):
            settings_of(preset, given)  # type: ignore[arg-type]


def test_a_file_that_is_too_large_or_gone_is_told(tmp_path: Path):
    (file := tmp_path / "a.csv").write_bytes(b"x" * 1_100_000)
    with pytest.raises(InvalidInput, match="1 MB; 1 are possible"):
        file_bytes(str(file), 1)
    with pytest.raises(InvalidInput, match="no longer has"):
        file_bytes(str(tmp_path / "b.csv"), 1)


def test_curves_are_thinned_and_leave_out_what_no_plot_can_show(run: Run):
    events = [step(number, float("nan") if number == 7 else 1.0) for number in range(1, 5001)]
    points = curves.losses(story_of(run, run.request, events, "running"), "t", "v")
    assert len(points) <= curves.POINTS
    assert points[-1][0] == 5000
    assert all(point[1] == 1.0 for point in points)


def test_groups_that_learn_at_the_same_rate_are_one_curve(run: Run):
    events = [step(at, rates={"a": at / 10, "b": at / 10, "c": at / 20}) for at in (1, 2)]
    points = curves.rates(story_of(run, run.request, events, "running"))
    assert points == [(1, 0.1, "a … b"), (2, 0.2, "a … b"), (1, 0.05, "c"), (2, 0.1, "c")]


def test_the_heat_names_the_layer_with_the_strongest_gradient_and_leaves_frozen_ones_clear(run: Run):
    plan = {"kind": "plan", "layers": ["0", "1", "2"]}
    heat = curves.heat(story_of(run, run.request, [plan, step(1), step(2)], "running"))
    assert heat is not None
    assert (heat.layers, heat.strongest, heat.low, heat.high) == (("0", "1", "2"), "1", 1.0, 10.0)
    assert curves.heat(story_of(run, run.request, [plan], "running")) is None


def test_a_look_escapes_what_is_in_the_file_and_marks_what_bears_loss(run: Run):
    html = look.looked(preview(["a,b"] * 10, run), SAY)
    assert "<span> &lt;b&gt;good&lt;/b&gt;</span><mark> positive</mark>" in html
    assert "1 × its answer is empty (row 4)" in html
    assert "1 is longer than the maximum of 32" in html


def test_an_outcome_escapes_rows_and_tells_what_was_forgotten(run: Run):
    probe = {"probe": "p", "kind": "chat", "before": "<i>", "after": "y", "score_before": 1.0, "score_after": 0.25}
    result = {
        "kind": "result",
        "adapter": "films",
        "step": 4,
        "metrics": {"base": {"accuracy": 0.5}, "adapter": {"accuracy": 0.75}},
        "labels": ["<a>", "b"],
        "confusion": {"base": [[1, 1], [0, 2]], "adapter": [[2, 0], [0, 2]]},
        "regressions": [{"number": 3, "text": "<script>", "gold": "b", "base": "b", "adapter": "<a>"}],
        "forgetting": [probe],
    }
    html = outcome.outcome(story_of(run, run.request, [result], "finished"), SAY)
    assert "<script>" not in html
    assert "<a>" not in html
    assert "+25.0" in html
    assert "Chat: 25% kept" in html


async def told(engine: FakeEngine, asks: list[Ask], way: Way) -> dict[Ask, Reply | QwenUIError]:
    found: dict[Ask, Reply | QwenUIError] = {}
    async for each in ask_all(engine, asks, way):
        found = dict(each)
    return found


async def test_base_and_adapters_answer_side_by_side():
    engine = FakeEngine(["Hello ", "there."])
    base, adapted = Ask("Hi"), Ask("Hi", "films")
    assert await told(engine, [base, adapted], Way()) == {
        base: Reply("Hello there.", True),
        adapted: Reply("Hello there.", True),
    }
    assert sorted(engine.adapters) == ["", "films"]


async def test_where_there_are_labels_the_prompt_is_judged_as_it_was_trained():
    engine = FakeEngine(likes=lambda prompt, candidate: 2.0 * (candidate == " positive"))
    way = Way(PromptStore(PROJECT / "prompts").load("sentiment", "trained"), ("negative", "positive"))
    found = await told(engine, [Ask("A fine\nfilm", "films")], way)
    assert found == {Ask("A fine\nfilm", "films"): Reply("positive (88%) · negative (12%)", True)}
    assert "A fine film" in engine.scored[0][0]


async def test_an_answer_that_fails_leaves_the_others():
    class Half(FakeEngine):
        def stream(self, messages: Any, sampling: Any, adapter: str = "", begun: Any = ()) -> Any:
            self.refusal = EngineFailed("It broke.") if adapter else None
            return super().stream(messages, sampling, adapter)

    found = await told(Half(["Yes."]), [Ask("Hi", "films")], Way())
    assert str(found[Ask("Hi", "films")]) == "It broke."


def test_the_way_of_a_run_comes_from_what_was_looked_at(run: Run):
    prompts = PromptStore(PROJECT / "prompts")
    assert way_of(run, prompts) == Way()
    (run.folder / LOOKED).write_text(json.dumps(preview(["a,b"] * 10, run)), "utf-8")
    way = way_of(run, prompts)
    assert way.labels == ("positive", "negative")
    assert way.template is not None


def test_kept_answers_are_read_again_and_a_line_that_was_cut_off_is_left_out(run: Run):
    story = story_of(run, run.request, [], "running")
    (run.folder / "checkpoints" / "step-000004").mkdir(parents=True)
    assert learned.missing(run, story, {}) == [(0, "What a film!"), (4, "What a film!")]
    learned.keep(run, {(0, "What a film!"): "Yes\nindeed"})
    with (run.folder / learned.FILE).open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "pro')
    learned.keep(run, {(8, "What a film!"): "No"})
    assert learned.read(run).pop((8, "What a film!")) == "No"
    assert {key: text for key, text in learned.read(run).items() if key[0] < 8} == {(0, "What a film!"): "Yes\nindeed"}
    assert learned.missing(run, story, learned.read(run)) == [(4, "What a film!")]
    assert learned.ask_of(story, 4, "x") == Ask("x", f"{run.id}@4")


def test_pinned_prompts_are_shown_escaped_with_the_base_first(run: Run):
    story = story_of(run, run.request, [], "running")
    answers = {(0, "What a film!"): "<b>", (4, "What a film!"): "four", (8, "What a film!"): "eight"}
    html = show.learned(story, answers, {}, SAY)
    assert [html.index(text) for text in ("&lt;b&gt;", "eight", "four")] == sorted(
        html.index(text) for text in ("&lt;b&gt;", "eight", "four")
    )


def test_a_story_begins_with_nothing(run: Run):
    story: Story = story_of(run, run.request, [], "waiting")
    assert (story.step, story.best, story.over) == (0, {}, False)
    assert "In the queue" in show.progress(story, SAY)
