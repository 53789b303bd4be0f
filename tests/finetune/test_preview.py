"""What is shown before training: every row is accounted for, and the tokens are those of the text."""

import copy
import json
from typing import Any

from qwen_ui.finetune.data import Dataset, read_dataset
from qwen_ui.finetune.encode import encode
from qwen_ui.finetune.preview import pieces, preview
from qwen_ui.finetune.rendering import Example
from qwen_ui.finetune.runs import Request
from qwen_ui.finetune.settings import TrainSettings
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT


def dataset(*train: Example) -> Dataset:
    return Dataset("answers", (), "", (), "", "", train, (), (), (), 0)


def test_all_rows_are_accounted_for(tokenizer: Any):
    rows = [f"film {n} was {'very ' * n}good,{'yes' if n % 2 else 'no'}" for n in range(40)] + [",yes", "film,", "x,"]
    data = ("text,label\n" + "\n".join([*rows, rows[0]])).encode()
    settings = TrainSettings(max_length=32, validation=0.2, test=0.1)
    found = preview(
        tokenizer, read_dataset(Request("x", "a.csv", settings), data, PromptStore(PROJECT / "prompts")), settings
    )
    shown = json.loads(json.dumps(found.to_json()))
    assert shown["rows"] == {"train": 28, "validation": 8, "test": 4}
    assert shown["left_out"]["count"] == 3
    assert [(each["reason"]["text"], each["numbers"]) for each in shown["left_out"]["reasons"]] == [
        ("its answer is empty", [43, 44]),
        ("its input is empty", [42]),
    ]
    assert shown["duplicates"] == 1
    assert {part: sum(counts.values()) for part, counts in shown["label_counts"].items()} == shown["rows"]
    lengths = shown["lengths"]
    assert sum(lengths["counts"]) == lengths["measured"] == 28
    assert len(lengths["edges"]) == len(lengths["counts"]) + 1
    assert lengths["edges"][-1] >= lengths["longest"] > lengths["limit"] == 32
    assert 0 < lengths["cut"] < 28
    assert f"{lengths['cut']} of 28 rows are longer than 32 tokens" in shown["warnings"][0]["text"]
    assert [each["number"] for each in shown["first"]] == [example.number for example in found.dataset.train[:5]]


def test_tokens_are_shown_as_whole_characters_with_their_loss(tokenizer: Any):
    turns = (Message("user", "餮 and 🙂"), Message("assistant", "饕！"))
    shown = pieces(tokenizer, encode(tokenizer, Example(1, turns), TrainSettings()))
    assert not any("\ufffd" in text for text, _ in shown)
    assert "".join(text for text, bears in shown if bears) == "饕！<|im_end|>"
    assert "".join(text for text, _ in shown).endswith("餮 and 🙂<|im_end|>\n<|im_start|>assistant\n饕！<|im_end|>\n")


def test_an_end_of_turn_without_loss_is_warned_about(tokenizer: Any):
    chat = dataset(Example(1, (Message("user", "?"), Message("assistant", "!"))))
    assert preview(tokenizer, chat, TrainSettings()).warnings == ()
    endless = copy.deepcopy(tokenizer)
    endless.chat_template = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    (warning,) = preview(endless, chat, TrainSettings()).warnings
    assert "not learn where to stop" in str(warning)


def test_many_rows_are_measured_by_a_part_of_them(tokenizer: Any):
    found = preview(tokenizer, dataset(*(Example(n, answer=f"text {n}") for n in range(5_000))), TrainSettings())
    assert 1_000 < found.lengths.measured <= 2_000
