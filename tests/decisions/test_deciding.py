"""Deciding, over an engine without a model: kinds, templates, calibration, and what is refused."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.decisions.deciding import FEWEST_OF_BATCH, MAX_TEXTS, Asked, Decided, Decisions
from qwen_ui.decisions.judging import FIRST_BATCH, Calibration, classify
from qwen_ui.decisions.prompt import Order
from qwen_ui.errors import InvalidInput, PromptTooLong, TemplateError
from qwen_ui.prompts import PromptStore
from tests.fakes import FakeEngine

ASK = "Is this praise?"
OWN = """---
name: Own
labels: [urgent, normal]
references: [One., Two.]
examples:
  - {text: "fire!", label: urgent}
  - {text: "hello", label: normal}
---
user:
{% for example in examples %}{{ example.text }} = {{ example.label }}
{% endfor %}{{ text }} ="""


def likes(prompt: str, candidate: str) -> float:
    """What is asked about last decides: it says which option it wants, and how much more than the others."""
    text = next((line for line in reversed(prompt.splitlines()) if "wants" in line), "")
    return 0.0 if candidate.strip() in text.partition("wants")[2].split() else -2.0


@pytest.fixture
def decisions(prompts: Path, tmp_path: Path) -> Decisions:
    return Decisions(PromptStore(prompts), AdapterStore(tmp_path / "adapters", tmp_path / "runs"))


async def decided(decisions: Decisions, text: str | Sequence[str], options: Any = "", **asked: Any) -> Decided:
    """Uncalibrated, unless it is said how."""
    given = {"question": ASK, "calibration": "none"} | asked
    return await decisions.decide(FakeEngine(likes=likes), Asked(texts=text, options=options, **given))


async def test_yes_or_no_is_asked_where_there_are_no_options(decisions: Decisions):
    found = await decided(decisions, "It wants yes .")
    assert (found.kind, found.way) == ("yes/no", "none")
    (told,) = found.told()
    assert told["answer"] == "yes"
    assert told["probabilities"] == pytest.approx({"yes": 1 / (1 + math.exp(-2)), "no": 1 / (1 + math.exp(2))})
    chinese = await decided(decisions, "It wants 否 .", question="这是表扬吗？")
    assert (chinese.kind, chinese.told()[0]["answer"]) == ("yes/no", "否")


async def test_a_score_is_a_number_and_has_a_mean(decisions: Decisions):
    found = await decided(decisions, ["It wants 4 .", "It wants 1 5 ."], "1-5")
    first, second = found.told()
    assert (found.kind, first["answer"], type(first["answer"])) == ("score", 4, int)
    assert first["expected"] == pytest.approx(sum(int(key) * share for key, share in first["probabilities"].items()))
    assert second["expected"] == pytest.approx(3)


async def test_choices_keep_their_order_and_spelling(decisions: Decisions):
    found = await decided(decisions, "It wants Sales .", ["Support", "Sales", "Delivery"])
    (told,) = found.told()
    assert (found.kind, told["answer"], list(told["probabilities"])) == (
        "choice",
        "Sales",
        ["Support", "Sales", "Delivery"],
    )
    assert "expected" not in told


@pytest.mark.parametrize(
    ("question", "options", "shown", "begins"),
    [
        (ASK, "yes/no", "(yes, no)", "Text: "),
        (ASK, "1-5", "(1, 2, 3, 4, 5)", "Text: "),
        (ASK, "a,b", "(sports, politics, cooking)", "Text: "),
        ("这是表扬吗？", "", "（是, 否）", "文本："),
        ("Which?", "好, 坏", "（表扬, 批评）", "文本："),
    ],
)
async def test_examples_of_the_same_kind_are_shown_in_the_questions_language(
    decisions: Decisions, question: str, options: str, shown: str, begins: str
):
    engine = FakeEngine()
    await decisions.decide(engine, Asked(question, "A\n\ttext.", options, calibration="none"))
    for (prompt,) in engine.scored:
        assert prompt.startswith(begins)
        assert shown in prompt.rpartition(begins)[0]
        assert f"{begins}A text.\n" in prompt
        assert question in prompt.splitlines()[-2]


async def test_many_texts_are_calibrated_against_each_other_and_few_against_the_templates(decisions: Decisions):
    engine = FakeEngine(likes=likes)
    alike = await decisions.decide(engine, Asked(ASK, ["It wants yes ."] * FEWEST_OF_BATCH))
    assert alike.way == "batch"
    assert alike.results[0].probabilities == pytest.approx({"yes": 0.5, "no": 0.5})
    before = len(engine.scored)
    few = await decisions.decide(engine, Asked(ASK, ["It wants yes ."] * (FEWEST_OF_BATCH - 1)))
    assert (few.way, few.results[0].label) == ("reference", "yes")
    again = len(engine.scored)
    assert await decisions.decide(engine, Asked(ASK, ["It wants yes ."] * (FEWEST_OF_BATCH - 1))) == few
    assert len(engine.scored) - again < again - before  # the reference texts were scored once
    await decisions.decide(engine, Asked("Is this spam?", "Hi."))
    assert any(len(prompts) > 1 for prompts in engine.scored[-4:])  # and are again for another question


async def test_sentiment_is_a_decision_with_a_question_of_its_own(decisions: Decisions, prompts: Path):
    engine = FakeEngine(likes=likes)
    found = await decisions.decide(engine, Asked("", "It wants positive .", template="sentiment/reviews"))
    order = Order(PromptStore(prompts).load("sentiment", "reviews"), ("positive", "neutral", "negative"))
    assert [*found.results] == await classify(engine, order, ["It wants positive ."], Calibration())
    assert (found.kind, found.way) == ("choice", "reference")


async def test_a_prompt_file_of_ones_own_has_its_question_its_options_and_its_examples(
    decisions: Decisions, prompts: Path
):
    (prompts / "decide" / "own.prompty").write_text(OWN)
    engine = FakeEngine(likes=lambda prompt, candidate: float("help" in prompt and candidate == " urgent"))
    found = await decisions.decide(engine, Asked("", "help", template="own"))
    assert (found.results[0].label, found.way) == ("urgent", "reference")
    assert engine.scored[0] == ["fire! = urgent\nhello = normal\nhelp ="]
    with pytest.raises(InvalidInput, match="Own has its own question"):
        await decisions.decide(engine, Asked(ASK, "help", template="own"))


async def test_an_adapter_is_named_to_the_engine(decisions: Decisions, tmp_path: Path):
    folder = tmp_path / "adapters" / "mine"
    folder.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (folder / name).write_text("{}")
    engine = FakeEngine()
    await decisions.decide(engine, Asked(ASK, "Hi."), "mine")
    assert set(engine.adapters) == {"mine"}


async def test_who_has_gone_costs_no_more(decisions: Decisions):
    class Left(FakeEngine):
        async def score(self, *asked: Any, **named: Any) -> list[list[float]]:
            self.stopped = True
            return await super().score(*asked, **named)

    engine = Left()
    with pytest.raises(InvalidInput, match="was stopped"):
        await decisions.decide(engine, Asked(ASK, ["Hi."] * 100))
    assert {len(prompts) for prompts in engine.scored} == {FIRST_BATCH}


async def test_a_text_beyond_the_context_is_told_in_its_own_words(decisions: Decisions):
    with pytest.raises(PromptTooLong, match="A text is longer than the model's context"):
        await decisions.decide(FakeEngine(error=PromptTooLong("Prompt 1 is too long.")), Asked(ASK, "Hi."))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"question": " \n"}, "The question is empty"),
        ({"question": "x" * 501}, "501 characters; the limit is 500"),
        ({"question": 5}, "must be text"),
        ({"question": "\ud800"}, "not valid Unicode"),
        ({"texts": ""}, "no text to analyze"),
        ({"texts": []}, "1 to 256 texts, not 0"),
        ({"texts": ["x"] * (MAX_TEXTS + 1)}, "not 257"),
        ({"texts": ["x", " "]}, "no text to analyze"),
        ({"texts": ["x", None]}, "must be text"),
        ({"texts": {"a": 1}}, "must be text"),
        ({"texts": "x" * 4001}, "limit is 4,000"),
        ({"options": "one"}, "2 to 20 options"),
        ({"options": ["a", "a"]}, "appears twice"),
        ({"options": ["a", "\ud800"]}, "not valid Unicode"),
        ({"options": 5}, "must be a list"),
        ({"template": "../../etc/passwd"}, "may hold letters"),
        ({"template": "/etc/passwd"}, "may hold letters"),
        ({"template": "nothing"}, "no template 'nothing' for decide. There are: praise, question, question-zh"),
        ({"template": 5}, "must be text"),
        ({"template": "sentiment/reviews"}, "has its own question"),
        ({"calibration": "perhaps"}, "auto, batch, reference or none"),
        ({"calibration": "batch"}, "takes 16 of them at least, not 1"),
    ],
)
async def test_what_can_not_be_decided_is_refused_before_any_work(
    decisions: Decisions, asked: dict[str, Any], says: str
):
    engine = FakeEngine()
    with pytest.raises(InvalidInput, match=says):
        await decisions.decide(engine, Asked(**{"question": ASK, "texts": "Hi."} | asked))
    assert not engine.scored


async def test_a_prompt_file_that_is_broken_says_where(decisions: Decisions, prompts: Path):
    path = prompts / "decide" / "own.prompty"
    path.write_text(OWN.replace("[urgent, normal]", "[urgent]"))
    with pytest.raises(TemplateError, match=r"^decide/own\.prompty:3: Give 2 to 20 options"):
        await decisions.decide(FakeEngine(), Asked("", "help", template="own"))
    path.write_text(OWN.replace("label: urgent}", "label: urgent, question: 'How?', options: one}"))
    with pytest.raises(TemplateError, match=r"^decide/own\.prompty:5: Give 2 to 20 options"):
        await decisions.decide(FakeEngine(), Asked("", "help", template="own"))
    path.write_text(OWN.replace("references: [One., Two.]", ""))
    with pytest.raises(InvalidInput, match="no reference texts"):
        await decisions.decide(FakeEngine(), Asked("", "help", template="own", calibration="reference"))
    assert (await decisions.decide(FakeEngine(), Asked("", "help", template="own"))).way == "none"
