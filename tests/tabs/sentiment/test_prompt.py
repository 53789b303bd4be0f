"""Sentiment: labels, and the prompts whose continuations are scored."""

from pathlib import Path
from typing import Any

import pytest

from qwen_ui.decisions.prompt import build, calibration_texts
from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.prompts import PromptStore, Template, parse
from qwen_ui.tabs.sentiment.prompt import default_labels, parse_labels, suited

SHIPPED = ["reviews", "reviews-zh", "emotions", "emotions-zh"]


def template(head: str) -> Template:
    body = "{% for example in examples %}{{ example.text }}{% endfor %}{{ text }}\nLabel:"
    return parse(Path("sentiment/x.prompty"), f"---\nname: x\n{head}\n---\nuser:\n{body}".encode())


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ("positive,neutral,negative", ("positive", "neutral", "negative")),
        (" very  good ; bad\n", ("very good", "bad")),
        ("正面，负面、中性", ("正面", "负面", "中性")),
        (["a,b", "c"], ("a,b", "c")),
    ],
)
def test_labels_in_any_language(given, labels):
    assert parse_labels(given) == labels


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "2 to 20 labels"),
        ("one", "not 1"),
        (",".join(map(str, range(21))), "not 21"),
        ("a,b,A", "'A' appears twice"),
        ("a," + "b" * 51, "may have 50 characters"),
        (5, "must be a text"),
        (["a", 5], "must be a text"),
    ],
)
def test_bad_labels(given: Any, says: str):
    with pytest.raises(InvalidInput, match=says):
        parse_labels(given)


@pytest.mark.parametrize("id", SHIPPED)
def test_shipped_templates_show_examples_of_every_label_and_end_before_the_label(store: PromptStore, id: str):
    shipped = store.load("sentiment", id)
    for scoring in build(shipped, ["One\n\ttext: x"], default_labels(shipped)):
        (prompt,) = scoring.prompts
        assert all(f"{candidate}\n" in prompt for candidate in scoring.candidates)
        assert prompt.endswith(("：", ":"))
        assert "One text: x" in prompt
    assert len(calibration_texts(shipped)) >= 10


def test_only_wanted_labels_are_shown_and_spelled_as_wanted(store: PromptStore):
    for scoring in build(store.load("sentiment", "reviews"), ["Fine."], ["Negative", "Positive"]):
        assert scoring.candidates == (" Negative", " Positive")
        assert "Sentiment: Positive\n" in scoring.prompts[0]
        assert "neutral" not in scoring.prompts[0].casefold()


def test_labels_without_examples_are_listed_once(store: PromptStore):
    (scoring,) = build(store.load("sentiment", "reviews-zh"), ["还行。"], ["好评", "差评"])
    assert scoring.candidates == ("好评", "差评")
    assert scoring.prompts == ("每条评论属于以下标签之一：好评, 差评\n\n评论：还行。\n情感：",)


def test_prompts_of_a_file_begin_alike(store: PromptStore):
    for scoring in build(store.load("sentiment", "reviews"), ["A", "B"], ["positive", "negative"]):
        first, second = scoring.prompts
        assert first.replace("Review: A", "Review: B") == second  # so the engine computes the beginning once


def test_the_template_is_chosen_by_the_labels(store: PromptStore):
    templates = store.list("sentiment").templates
    for labels, id in (
        (["positive", "negative"], "reviews"),
        (["正面", "负面"], "reviews-zh"),
        (["Joy", "anger"], "emotions"),
        (["喜悦", "愤怒"], "emotions-zh"),
    ):
        assert suited(templates, labels).id == id
    assert suited(templates, ["紧急", "普通"]).language == "zh"
    assert suited(templates, ["urgent", "normal"]).language == "en"
    assert suited([template("labels: 5"), *templates], ["joy", "fear"]).id == "emotions"  # a broken one is in no way
    with pytest.raises(InvalidInput, match="no working template"):
        suited([], ["a", "b"])


@pytest.mark.parametrize(("text", "says"), [(" \n", "no text to analyze"), ("x" * 4001, "4,001 characters")])
def test_a_text_that_cannot_be_judged(store: PromptStore, text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        build(store.load("sentiment", "reviews"), [text], ["a", "b"])


def test_a_template_with_unusable_front_matter_says_where():
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: examples must be a list of \{text: …, label"):
        build(template("examples: [{text: a}]"), ["x"], ["a", "b"])
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: examples must be"):
        build(template("examples: [[{text: a, label: x}], 5]"), ["x"], ["a", "b"])
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: references must be"):
        calibration_texts(template("references: nice"))
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: Enter 2 to 20"):
        default_labels(template("labels: [one]"))
    with pytest.raises(TemplateError, match=r"prompty:1: labels must be a list"):
        default_labels(template("language: en"))
