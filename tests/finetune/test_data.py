"""From a file to examples: what is used, what is left out and why, and the same parts for the same seed."""

import json
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook

from qwen_ui.decisions.prompt import build, calibration_texts
from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.finetune.data import Dataset, candidates, read_dataset
from qwen_ui.finetune.runs import Request
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.messages import Message, conversation
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.sentiment.prompt import default_labels
from qwen_ui.tabs.translate import task as translate
from qwen_ui.tabs.translate.glossary import Glossary
from qwen_ui.tabs.translate.translation import Order
from qwen_ui.text.languages import find

Read = Callable[..., Dataset]
PROMPTS = PromptStore(PROJECT / "prompts")
FILMS = "text,label\n" + "".join(
    f"film {n} is a {'good' if n % 4 else 'bad'} one,{'good' if n % 4 else 'bad'}\n" for n in range(40)
)


def read(data: str | bytes, file: str = "rows.csv", **settings: Any) -> Dataset:
    data = data.encode() if isinstance(data, str) else data
    return read_dataset(Request("test", file, TrainSettings(**settings)), data, PROMPTS)


def lines(*items: Any) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


def everything(dataset: Dataset) -> list[Any]:
    return [*dataset.train, *dataset.validation, *dataset.test]


def said(dataset: Dataset) -> list[str]:
    return [str(warning) for warning in dataset.warnings]


def reasons(dataset: Dataset) -> dict[int, str]:
    return {row.number: str(row.reason) for row in dataset.left_out}


def test_labels_become_what_the_sentiment_tab_scores():
    dataset = read(FILMS)
    template = PROMPTS.load("sentiment", "trained")
    example = min(dataset.train, key=lambda example: example.number)
    text = FILMS.splitlines()[example.number - 1].partition(",")[0]
    (scoring,) = build(template, [text], dataset.labels)
    assert (example.prompt,) == scoring.prompts
    assert candidates(dataset) == scoring.candidates == (" bad", " good")
    assert example.answer == f" {example.label}"
    assert dataset.template == "sentiment/trained"


def test_chinese_texts_get_a_chinese_prompt_and_no_space_before_the_label():
    dataset = read("评论,标签\n" + "".join(f"第{n}家店味道不错,{'好评' if n % 2 else '差评'}\n" for n in range(20)))
    assert (dataset.input, dataset.target, dataset.template) == ("评论", "标签", "sentiment/trained-zh")
    assert dataset.train[0].answer == dataset.train[0].label
    (scoring,) = build(PROMPTS.load("sentiment", "trained-zh"), ["第1家店味道不错"], dataset.labels)
    assert scoring.prompts[0] in {example.prompt for example in everything(dataset)}


@pytest.mark.parametrize("id", ["trained", "trained-zh"])
def test_the_prompts_for_trained_labels_can_be_used_in_the_sentiment_tab(id: str):
    template = PROMPTS.load("sentiment", id)
    assert not template.warnings
    assert len(default_labels(template)) == 2
    assert len(set(calibration_texts(template))) >= 10
    assert build(template, ["x"], ["a", "b"])[0].prompts[0].endswith((":", "："))


@pytest.mark.parametrize(
    ("header", "input", "target"),
    [
        ("Sentence,Sentiment", "Sentence", "Sentiment"),
        ("评论,标签", "评论", "标签"),
        ("stars,review", "review", "stars"),
        ("what was said,verdict", "what was said", "verdict"),
        ("verdict,what was said", "what was said", "verdict"),
    ],
)
def test_columns_are_found_by_their_names_or_their_values(header: str, input: str, target: str):
    swapped = header.startswith(("stars", "verdict"))
    rows = [(f"a long text about film number {n}", "yes" if n % 2 else "no") for n in range(12)]
    body = "\n".join(",".join(reversed(row) if swapped else row) for row in rows)
    dataset = read(f"{header}\n{body}")
    assert (dataset.input, dataset.target, dataset.labels) == (input, target, ("no", "yes"))


@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_without_a_header_loses_no_row(swapped: bool):
    rows = [(f"a film about {n} wonderful things", str(n % 2)) for n in range(10)]
    text = "\n".join("\t".join(reversed(row) if swapped else row) for row in rows)
    dataset = read(text, "train.tsv", input="text", target="label")
    assert (dataset.input, dataset.target, dataset.labels) == ("text", "label", ("0", "1"))
    assert sorted(example.number for example in everything(dataset)) == list(range(1, 11))
    assert read(text, "train.tsv") == dataset


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.jsonl", "rows.json", "rows.tsv"])
def test_every_kind_of_file_gives_the_same_examples(name: str):
    rows = [line.split(",") for line in FILMS.splitlines()]
    objects = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    book, data = Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(data)
    files: dict[str, str | bytes] = {
        "rows.xlsx": data.getvalue(),
        "rows.jsonl": lines(*objects),
        "rows.json": json.dumps(objects),
        "rows.tsv": FILMS.replace(",", "\t"),
    }
    assert [e.prompt for e in read(files[name], name).train] == [e.prompt for e in read(FILMS).train]


def test_the_same_seed_gives_the_same_parts_with_the_same_shares_of_labels():
    dataset = read(FILMS, validation=0.2, test=0.3)
    assert read(FILMS, validation=0.2, test=0.3) == dataset
    assert read(FILMS, validation=0.2, test=0.3, seed=8).train != dataset.train
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [20, 8, 12]
    for part, bad in ((dataset.train, 5), (dataset.validation, 2), (dataset.test, 3)):
        assert Counter(example.label for example in part)["bad"] == bad
    assert len({example.number for example in everything(dataset)}) == 40


def test_so_many_rows_are_taken_by_chance():
    dataset = read(FILMS, rows=20, validation=0.1, test=0.0)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (18, 2, 0)
    assert Counter(example.label for example in everything(dataset)) == {"good": 15, "bad": 5}


def test_a_column_can_say_the_parts_and_no_text_is_in_two_of_them():
    rows = [
        f"film {n},{'ab'[n % 2]},{part}"
        for part, first in (("train", 0), ("DEV", 10), ("test", 20))
        for n in range(first, first + 6)
    ]
    rows += ["Film  0,a,test", "film 20,a,dev", "film 1,b,train", "film 99,a,some"]
    dataset = read("text,label,part\n" + "\n".join(rows), split="part")
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [6, 6, 6]
    assert dataset.duplicates == 3
    assert reasons(dataset) == {23: "its part is 'some'"}
    with pytest.raises(InvalidInput, match="no training rows"):
        read("text,label,part\n" + "\n".join(f"film {n},{'ab'[n % 2]},test" for n in range(8)), split="part")


def test_what_is_wrong_with_rows_and_labels_is_said():
    rows = [
        "first,good",
        "second,Good",
        "third,bad",
        " ,bad",
        "fifth,",
        "first,bad",
        "second,Good",
        "eighth,bad",
        "ninth, good ",
    ]
    dataset = read("text,label\n" + "\n".join(rows), validation=0, test=0)
    assert dataset.labels == ("bad", "good")
    assert reasons(dataset) == {5: "its input is empty", 6: "its answer is empty"}
    assert dataset.duplicates == 1
    told = " ".join(said(dataset))
    assert "'good' = 'Good'" in told
    assert "row 2 and row 7 have the same text, once as 'good' and once as 'bad'" in told


@pytest.mark.parametrize(
    ("data", "settings", "says"),
    [
        ("text,label\none,a\ntwo,b", {}, "only 2 rows; at least 4"),
        ("text,label\n" + "".join(f"film {n},good\n" for n in range(9)), {}, "same label, 'good'"),
        ("text,label\n" + "".join(f"film {n},{'Good' if n % 2 else 'good '}\n" for n in range(9)), {}, "same label"),
        (
            "text,label\n" + "".join(f"film {n},\n" for n in range(9)),
            {},
            "most are left out because of this: its answer is empty",
        ),
        ("text,label\n" + "".join(f"same,{n % 2}\n" for n in range(9)), {}, "'text' says the same in all rows: 'same'"),
        (
            "text,label\n" + "".join(f"film {n},kind {n}\n" for n in range(60)),
            {},
            "60 different values.*probably no labels",
        ),
        (
            "text,label\n" + "".join(f"film {n},{n % 2 and 'x' * 60}\n" for n in range(9)),
            {},
            "longest of 60 characters",
        ),
        ("text,stars\n" + "".join(f"film {n},{n / 7}\n" for n in range(60)), {}, "60 different numbers.*Round them"),
        (FILMS, {"target": "stars"}, "no column 'stars'. There are: text, label"),
        (FILMS, {"target": "text", "input": "text"}, "both the column 'text'"),
        (FILMS, {"split": "part"}, "no column 'part'"),
        (FILMS, {"template": "trained"}, "named as task/name"),
        (FILMS, {"template": "sentiment/none"}, "no template 'none'"),
        (FILMS, {"template": "ask/answer"}, "prompty:.* is undefined"),
        (FILMS, {"loss": "mean-squared-error"}, "must hold numbers, but 40 rows do not: row 2 says 'bad'"),
        (FILMS, {"loss": "mean-squared-error", "shape": "text"}, "needs a column of numbers"),
        (
            "one,two\n"
            + "".join(
                f"There are {n} cats on the table.,This morning they were asleep in the garden behind our house {n}.\n"
                for n in range(9)
            ),
            {"shape": "translation"},
            "both seem to be in the same language, English",
        ),
        (
            FILMS.replace("good", "1").replace("bad", "0"),
            {"shape": "translation"},
            "language the column 'label' is can't be told",
        ),
        ("text\none\ntwo\nthree\nfour", {"shape": "text", "validation": 0.5, "test": 0.5}, "leave only 0 rows"),
        (FILMS, {"shape": "conversations"}, "holds no conversations; its columns are text, label"),
        (FILMS, {"shape": "text", "template": "chat/assistant"}, "Leave the prompt template empty"),
        (
            "question,answer\n" + "".join(f"what is {n}?,a number\n" for n in range(9)),
            {"shape": "answers"},
            "'answer' says the same",
        ),
        ("text,label\n" + "same,a\nSame,a\nsame ,b\n" * 3, {}, "'text' says the same"),
    ],
)
def test_bad_input_says_what_to_change(data: str, settings: dict[str, Any], says: str):
    with pytest.raises(QwenUIError, match=says):
        read(data, **settings)


def test_a_rare_label_is_learnt_and_warned_about():
    dataset = read(FILMS + "a very odd film,odd\n")
    assert "odd" in {example.label for example in dataset.train}
    assert any("one row only" in warning and "odd" in warning for warning in said(dataset))


def test_numbers_are_labels_in_their_order():
    data = "text,stars\n" + "".join(f"film {n},{n % 11}\n" for n in range(44))
    dataset = read(data, loss="mean-squared-error")
    assert dataset.labels == tuple(map(str, range(11)))


def test_answers_are_chats():
    dataset = read(
        lines(
            {"instruction": "Name a colour.", "input": "", "output": "Red."},
            {"instruction": "Add.", "input": "1 + 1", "output": "2"},
            {"instruction": "Say no.", "input": "", "output": "No."},
            {"instruction": "Say.", "input": "", "output": ""},
            {"instruction": "Say yes.", "input": "", "output": "Yes."},
        ),
        "alpaca.jsonl",
        shape="answers",
        validation=0,
        test=0,
    )
    assert dataset.train[1].turns == (Message("user", "Add.\n\n1 + 1"), Message("assistant", "2"))
    assert dataset.train[0].turns[0].content == "Name a colour."
    assert reasons(dataset) == {4: "its answer is empty"}


def test_a_prompt_file_renders_rows_with_their_columns(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.prompty").write_text("---\nname: m\n---\nsystem:\nBe {{ mood }}.\n\nuser:\n{{ text }}")
    data = "question,mood,answer\n" + "".join(f"{n}?,{'glad' if n % 2 else 'sad'},{n}!\n" for n in range(6))
    request = Request("x", "a.csv", TrainSettings(shape="answers", template="own/mine", validation=0, test=0))
    dataset = read_dataset(request, data.encode(), PromptStore(tmp_path))
    assert dataset.train[1].turns == (Message("system", "Be glad."), Message("user", "1?"), Message("assistant", "1!"))
    assert dataset.template == "own/mine"


@pytest.mark.parametrize("header", ["English,French", "translation.en,translation.fr", "source,target"])
def test_translations_are_asked_for_as_the_translate_tab_does(header: str):
    pairs = [
        (f"The cat number {n} is asleep on the table.", f"Le chat numéro {n} dort sur la table.") for n in range(6)
    ]
    dataset = read(f"{header}\n" + "\n".join(map(",".join, pairs)), shape="translation", validation=0, test=0)
    order = Order(PROMPTS.load("translate", "standard"), find("fr"), find("en"), "plain", Glossary(()))
    messages, _ = translate.build(order, pairs[0][0])
    assert dataset.train[0].turns == (*messages, Message("assistant", pairs[0][1]))


OPENAI = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
    ]
}
SHAREGPT = {
    "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}],
    "system": "Be brief.",
}
BARE = OPENAI["messages"]
PARTS = {"messages": [*BARE[:1], {"role": "user", "content": [{"type": "text", "text": "Hi"}]}, BARE[2]]}


@pytest.mark.parametrize("row", [OPENAI, SHAREGPT, BARE, PARTS], ids=["openai", "sharegpt", "bare", "parts"])
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_conversations_in_their_shapes(row: Any, kind: str):
    others = [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": f"{n}!"}]}
        for n in range(3)
    ]
    data = json.dumps([row, *others]) if kind == "json" else lines(row, *others)
    if kind == "csv":
        if row is SHAREGPT:
            pytest.skip("a column has no system prompt beside it")
        cells = (json.dumps(item["messages"] if isinstance(item, dict) else item) for item in (row, *others))
        data = "messages,id\n" + "".join('"' + cell.replace('"', '""') + '",1\n' for cell in cells)
    dataset = read(data, f"chats.{kind}", shape="conversations", validation=0, test=0)
    assert dataset.train[0].turns == tuple(conversation(BARE))
    assert len(dataset.train) == 4


def test_conversations_that_can_not_be_learnt_are_named():
    ask, answer = {"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}
    good = [{"messages": [{**ask, "content": str(n)}, answer, ask]} for n in range(4)]
    dataset = read(
        lines(*good, {"messages": [ask]}, {"messages": [answer]}, {"messages": [ask, {**answer, "content": " "}]})
        + lines(
            {"messages": [ask, {"role": "tool", "content": "1"}, answer]},
            {"messages": [{"role": "user", "content": None}]},
            {"x": 1},
            {"messages": ["?"]},
        )
        + "{\n"
        + "[" * 100_000
        + "\n",
        "chats.jsonl",
        shape="conversations",
        validation=0,
        test=0,
    )
    assert [len(example.turns) for example in dataset.train] == [2] * 4  # what nobody answered is left out
    assert list(reasons(dataset).values()) == [
        "there is no answer in it",
        "nothing is asked in it",
        "an answer in it is empty",
        "a message in it has the role 'tool'",
        "a message in it is more than text",
        "it holds no list of messages",
        'a message in it is no object with "role" and "content", or "from" and "value"',
        "not valid JSON",
        "not valid JSON",
    ]


def test_a_table_with_conversations_in_it_says_what_to_choose():
    with pytest.raises(InvalidInput, match="Choose conversations"):
        read(lines(*[{**OPENAI, "id": n} for n in range(5)]), "chats.jsonl")


def test_plain_text_is_lines_or_paragraphs():
    plain = read("".join(f"line {n}\n" for n in range(5)), "a.txt", shape="text", validation=0, test=0)
    assert [example.answer for example in plain.train] == [f"line {n}" for n in range(5)]
    prose = read("one\ntwo\n\n\nthree\n\nfour\n\nfive", "a.txt", shape="text", validation=0, test=0)
    assert [(e.number, e.prompt, e.answer) for e in prose.train][:2] == [(1, "", "one\ntwo"), (5, "", "three")]


def test_rows_without_labels_are_split_as_well():
    data = "".join(f"line {n}\n" for n in range(50))
    dataset = read(data, "a.txt", shape="text", rows=30, validation=0.2, test=0.1)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [21, 6, 3]
    numbers = [example.number for example in dataset.train]
    assert numbers == sorted(numbers) != list(range(1, 22))


def test_a_prompt_with_examples_is_warned_about():
    assert any("shows examples" in warning for warning in said(read(FILMS, template="sentiment/reviews")))
    assert not said(read(FILMS, template="sentiment/trained"))


def test_many_rows_are_fast_enough():
    data = "text,label\n" + "".join(f"film {n},{n % 2}\n" for n in range(20_000))
    dataset = read(data, rows=1000)
    assert len(everything(dataset)) == 1000
    with pytest.raises(InvalidInput, match="200,000 rows"):
        read("text,label\n" + "a,b\n" * 200_300)
