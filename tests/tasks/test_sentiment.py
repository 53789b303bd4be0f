"""Sentiment: labels, prompts, calibration, and how results are reported."""

import csv
import io
import math
from pathlib import Path

import pytest

from qwen_ui.errors import InvalidInput, TemplateError
from qwen_ui.prompts import PromptStore, Template, parse
from qwen_ui.tasks.sentiment import (
    BadRow,
    Classified,
    Row,
    as_csv,
    build,
    classify,
    default_labels,
    evaluate,
    parse_labels,
    references,
    suited,
    trend,
)

SHIPPED = ["reviews", "reviews-zh", "emotions", "emotions-zh"]


def template(head: str) -> Template:
    body = "{% for example in examples %}{{ example.text }}{% endfor %}{{ text }}\nLabel:"
    return parse(Path("sentiment/x.prompty"), f"---\nname: x\n{head}\n---\nuser:\n{body}".encode())


def found(*labels: str) -> list[Classified]:
    return [Classified(label, {"good": 0.5, "bad": 0.5}) for label in labels]


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
        ("a,b,A", "'A' is there twice"),
        ("a," + "b" * 51, "may have 50 characters"),
    ],
)
def test_bad_labels(given: str, says: str):
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
    assert len(references(shipped)) >= 10


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


@pytest.mark.parametrize(("text", "says"), [(" \n", "no text to judge"), ("x" * 4001, "4,001 characters")])
def test_a_text_that_cannot_be_judged(store: PromptStore, text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        build(store.load("sentiment", "reviews"), [text], ["a", "b"])


def test_a_template_with_unusable_front_matter_says_where():
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: examples must be"):
        build(template("examples: [{text: a}]"), ["x"], ["a", "b"])
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: examples must be"):
        build(template("examples: [[{text: a, label: x}], 5]"), ["x"], ["a", "b"])
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: references must be"):
        references(template("references: nice"))
    with pytest.raises(TemplateError, match=r"^sentiment/x\.prompty:3: Name 2 to 20"):
        default_labels(template("labels: [one]"))
    with pytest.raises(TemplateError, match=r"prompty:1: labels must be a list"):
        default_labels(template("language: en"))


LIKELIER = [math.log(0.2), math.log(0.6)]


def test_probabilities_are_the_softmax_of_calibrated_scores():
    (plain,) = classify([[LIKELIER]], ["a", "b"])
    assert plain.label == "b"
    assert plain.probabilities == pytest.approx({"a": 0.25, "b": 0.75})
    # "b" is what the model says of everything: against that, this text is an "a".
    (calibrated,) = classify([[LIKELIER]], ["a", "b"], [[[math.log(0.1), math.log(0.9)]]])
    assert calibrated.label == "a"
    assert calibrated.confidence == pytest.approx(0.75)
    assert calibrated.as_dict() == {"label": "a", "probabilities": pytest.approx({"a": 0.75, "b": 0.25})}


def test_several_scorings_are_averaged():
    (result,) = classify([[LIKELIER], [[math.log(0.6), math.log(0.2)]]], ["a", "b"])
    assert result.probabilities == pytest.approx({"a": 0.5, "b": 0.5})
    with pytest.raises(ValueError, match="2 scorings need as many"):
        classify([[LIKELIER], [LIKELIER]], ["a", "b"], [[LIKELIER]])


def test_scores_of_any_size_give_probabilities_that_sum_to_one():
    for result in classify([[[-1e4, -2e4, -5.0], [-900.0, -900.0, -900.0]]], ["a", "b", "c"]):
        assert sum(result.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert all(math.isfinite(share) for share in result.probabilities.values())
    assert classify([[]], ["a", "b"]) == []


def test_quality_against_true_labels():
    rows = [Row(number, "x", truth) for number, truth in enumerate(["good", "GOOD ", "bad", "bad", "", "meh"], 1)]
    quality = evaluate(rows, found("good", "bad", "bad", "bad", "good", "good"), ["good", "bad"])
    assert (quality.rows, quality.accuracy, quality.confusion) == (4, 0.75, ((1, 1), (0, 2)))
    assert quality.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert quality.unknown == (5, 6)
    assert evaluate(rows[4:5], found("good"), ["good", "bad"]).rows == 0


def test_a_trend_counts_every_label_in_every_period():
    rows = [
        Row(n, "x", date=date) for n, date in enumerate(["2024-01-05", "2024-01-20", "5 March 2024", "soon", ""], 1)
    ]
    result = trend(rows, found("good", "bad", "good", "good", "good"), ["good", "bad"])
    assert result.unknown == (4, 5)
    assert set(result.table["label"]) == {"good", "bad"}
    assert result.table["rows"].sum() == 3
    assert trend(rows[3:], found("good", "good"), ["good", "bad"]).table.empty


def test_results_as_csv_keep_every_character():
    text = '你好, "x"\nfriend'
    data = as_csv([Row(7, text, "good", "2024")], found("good"), ["good", "bad"], [BadRow(8, "empty")])
    assert data.startswith(b"\xef\xbb\xbf")
    header, row, bad = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert dict(zip(header, row, strict=True)) == {
        "row": "7",
        "text": text,
        "label": "good",
        "confidence": "0.5000",
        "good": "0.5000",
        "bad": "0.5000",
        "true label": "good",
        "date": "2024",
        "left out because": "",
    }
    assert (bad[0], bad[-1]) == ("8", "empty")
    assert len(bad) == len(header)
