"""Passages: short enough, whole sentences, and with their place."""

import pytest

from qwen_ui.knowledge.passages import LIMIT, Part, cut
from qwen_ui.knowledge.terms import size


def texts(markdown: str) -> list[str]:
    return [passage.text for passage in cut([Part(markdown)])]


def test_short_text_is_one_passage():
    assert texts("One.\n\nTwo.") == ["One.\n\nTwo."]


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("这是第一百二十三句话，它说明了一件事情。", "。"),
        ("“你来了吗？”", "？”"),
        ("It was a fine day, by all accounts. ", "."),
    ],
)
def test_a_long_paragraph_is_cut_after_sentences(sentence, end):
    passages = texts(sentence * 120)
    assert len(passages) > 1
    assert all(passage.endswith(end) and size(passage) <= LIMIT for passage in passages)
    assert "".join(passages).replace(" ", "") == (sentence * 120).replace(" ", "")


@pytest.mark.parametrize("text", ["字" * 2_000, "x" * 20_000, "word " * 2_000, "…" * 20_000 + "end", "a,b;" * 5_000])
def test_text_without_sentences_is_cut_all_the_same(text):
    assert all(size(passage) <= LIMIT and len(passage) <= 8 * LIMIT for passage in texts(text))


def test_headings_are_paths():
    passages = cut([Part("Before.\n# 手册 #\n## 假期\n年假十天。\n### Notes\nAsk.\n## 报销\n交发票。\n# End")])
    assert [(passage.heading, passage.text) for passage in passages] == [
        ("", "Before."),
        ("手册 › 假期", "年假十天。"),
        ("手册 › 假期 › Notes", "Ask."),
        ("手册 › 报销", "交发票。"),
        ("End", "End"),
    ]


def test_a_comment_in_code_is_no_heading():
    code = "```python\n# not a heading\n\nx = 1\n```"
    assert [(passage.heading, passage.text) for passage in cut([Part(f"# Code\n{code}\nafter")])] == [
        ("Code", f"{code}\nafter")
    ]


def test_pieces_of_a_long_table_have_its_header():
    rows = [f"| 产品{i} | {i} 元 | 一段说明文字，说明这个产品的用途。 |" for i in range(100)]
    passages = texts("\n".join(["## 价目", "| 名称 | 价格 | 说明 |", "|---|---|:-:|", *rows]))
    assert len(passages) > 1
    assert all(passage.startswith("| 名称 | 价格 | 说明 |\n|---|---|:-:|\n| 产品") for passage in passages)
    assert [line for passage in passages for line in passage.splitlines()[2:]] == rows


def test_pages_are_kept_apart_and_positions_count():
    passages = cut([Part("One.", 1), Part("# Two\nText.", 2), Part("--- | ---", 3)], "a.pdf")
    assert [(p.document, p.page, p.heading, p.position) for p in passages] == [
        ("a.pdf", 1, "", 0),
        ("a.pdf", 2, "Two", 1),
    ]


@pytest.mark.parametrize(
    "text",
    ["# " + " " * 200_000 + "x", "|" * 200_000, "#\n" * 100_000, "`" * 200_000, "." * 200_000, "a" + " ." * 100_000],
)
def test_hostile_text_is_cut_in_time_that_grows_with_its_length(text):
    # A step that takes the square of it would run into the tests' time limit.
    assert all(len(passage.text) <= 8 * LIMIT for passage in cut([Part(text)]))
