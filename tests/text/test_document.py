"""Which parts of a document people read, and which are code, data or markup."""

import pytest

from qwen_ui.text.markdown.document import Prose, prose, read_value, write_value


def said(text: str, indented_is_code: bool = True) -> list[str]:
    """The pieces, each as its lines joined."""
    return ["\n".join(text[start:end] for start, end in piece.lines) for piece in prose(text, indented_is_code)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("---\ntitle: A: b # c\nslug: a-b\n---\nText.", ["A: b", "Text."]),
        ("---\r\ntitle: 'A'\r\n---\r\n\r\nText.\r\n", ["'A'", "Text."]),
        ('---\nseo:\n  description: "It\'s."\ntags:\n  - one\n...\n', ['"It\'s."']),
        ("---\nsummary: >-\n  Folded\n  text.\ndate: 2024-01-01\n---\n", ["Folded\ntext."]),
        ("---\ntitle: [a, b]\nimage: {caption: x}\nSubtitle: 12\n---\n", ["12"]),
        (
            "+++\ntitle = \"Post\"\ndraft = true\n[params]\n  description = 'D'\n+++\nText.\n",
            ['"Post"', "'D'", "Text."],
        ),
        ("---\n\nNo front matter.\n\n---\n\nBut rules.\n", ["No front matter.", "But rules."]),
        ("--- \nName\n---\nText.", ["Name", "Text."]),
    ],
)
def test_of_front_matter_only_what_a_reader_sees(text: str, pieces: list[str]):
    assert said(text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("A\n===\n\nB\nC\n---\n\n# D #\n\n## E {#e}\n", ["A", "B\nC", "D", "E"]),
        ("a\n\n    code\n\n\tcode\n\n~~~ x\ncode\n~~~\n\n````\n```\ncode\n````\nb\n\n```\nopen", ["a", "b"]),
        ("> One\n> two.\n>\n> - three\n>   four\n>\n>       code\n", ["One\ntwo.", "three\nfour"]),
        ("> one\nlazy\n", ["one\nlazy"]),
        (
            "- one\n  two\n\n      code\n  ```\n  code\n  ```\n1. three\n   - four\n\n   five\n",
            ["one\ntwo", "three", "four", "five"],
        ),
        ("- [ ] open\n- [x] done\n+ [a] not a task\n", ["open", "done", "[a] not a task"]),
        ("• one\n• two\n", ["one", "two"]),
        ("Term\n: One meaning\n", ["Term", "One meaning"]),
        ("a  \nb\\\nc\nd", ["a", "b", "c\nd"]),
        ("a\\\\\nb", ["a\\\\\nb"]),
        ("[^1]: A note\n    goes on.\n\n    More.\n\n        code\n", ["A note\ngoes on.", "More."]),
        ("Text\n[a]: /b\n[c]: <d e> 'Title'\n[f]: https://g.h\nmore\n", ["Text", "more"]),
        ("[Anna]: Hello!\n[Bob]: Fine. And you?\n", ["[Anna]: Hello!\n[Bob]: Fine. And you?"]),
        ("$$\na = b\n$$\n\n\\[\nc\n\\]\n\n\\begin{align}\nd\n\\end{align}\n\nIt costs $5.", ["It costs $5."]),
        (':::tip Title\nText.\n:::\n\n{{< fig a="b" >}}\n\n{% raw %}\nmore\n{% endraw %}\n', ["Text.", "more"]),
        ("> [!NOTE]\n> Text.\n\n> [!tip]- Title\n", ["Text.", "Title"]),
        (
            "import A from 'a'\nexport const b = 1\n\n<Tabs a={['x']}>\n\nText.\n\n</Tabs>",
            ["<Tabs a={['x']}>", "Text."],
        ),
        ("import taxes rise\n", ["import taxes rise"]),
        ("# عنوان\n\n- عنصر\n\n标题\n---\n　　正文。\n", ["عنوان", "عنصر", "标题", "正文。"]),
    ],
)
def test_of_the_body_what_is_prose(text: str, pieces: list[str]):
    assert said(text) == pieces
    assert said(text.replace("\n", "\r\n")) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("| A | B |\n|:--|--:|\n| a\\|b | |\n", [" A ", " B ", " a\\|b "]),
        ("A | B\n-|-\nc|d\n\ne", ["A ", " B", "c", "d", "e"]),
        ("- | A |\n  |---|\n  | b |\n\n> |C|\n> |-|\n> |d|\n", [" A ", " b ", "C", "d"]),
        ("a | b\nis no table", ["a | b\nis no table"]),
    ],
)
def test_of_tables_the_cells(text: str, pieces: list[str]):
    assert [piece for piece in said(text) if piece.strip()] == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<details>\n<summary>More</summary>\n\nText.\n\n</details>\n", ["More", "Text."]),
        (
            "<div>\n  <p title=\"a > b\">Some <b>bold</b> text.</p>\n  <script>\nlet x = 'y';</script>\n</div>",
            ["Some <b>bold</b> text."],
        ),
        ("<!-- a\n\ncomment -->\n\n<style>\nb\n\nc</style>\n\nText.", ["Text."]),
        ("<pre>\nas\n\nit is</pre>\n\n<?php x ?>\n", []),
        ("> <p>\n> one\n> two\n> </p>\n", ["one\ntwo"]),
    ],
)
def test_of_html_what_is_between_the_tags_of_blocks(text: str, pieces: list[str]):
    assert said(text) == pieces


def test_an_indented_paragraph_of_a_plain_text_is_prose_and_code_is_not():
    text = "    Once there was a king.\n    He had a son.\n\n    他说：“你好。”\n\n    run(x)\n\n    npm install it\n"
    assert said(text) == []
    assert said(text, indented_is_code=False) == ["Once there was a king.\nHe had a son.", "他说：“你好。”"]


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("A", "B", "B"),
        ("A", "B: c", '"B: c"'),
        ("A", "12", '"12"'),
        ("A", "# B", '"# B"'),
        ('"A"', 'Say "b"\\\nnow', '"Say \\"b\\"\\\\ now"'),
        ("'It''s'", "它", "'它'"),
        ("'A'", "It's", '"It\'s"'),
    ],
)
def test_a_value_is_written_so_that_it_says_the_text(before: str, text: str, after: str):
    assert write_value(text, before) == after
    assert read_value(after) == " ".join(text.split())


def test_values_know_that_they_are():
    assert prose("---\ntitle: A\n---\nB") == [Prose(((11, 12),), is_value=True), Prose(((17, 18),))]
