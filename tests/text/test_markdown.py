"""Markdown: where code stands, and texts that show what they say and nothing more."""

import html
import re

import pytest

from qwen_ui.text.markdown import CodeBlock, as_typed, blocks, code_spans, harmless, plain


def test_blocks_with_their_tags_and_places():
    text = "Look:\n\n```c++\nint x;\n```\nand\n~~~ {.python}\n    y = 1\n    ```\n~~~~\n```\nz"
    found = blocks(text)
    assert found == [
        CodeBlock("c++", "int x;", 7, 25),
        CodeBlock("python", "y = 1\n```", 29, 66),
        CodeBlock("", "z", 66, 71),
    ]
    assert text[found[0].start : found[0].end] == "```c++\nint x;\n```\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no code", []),
        ("```", [""]),
        ("```py\nx\n``", ["x"]),
        ("```py\nx\n`", ["x"]),
        ("```py\nx\n~\n```", ["x\n~"]),
        ("```py\n```py\nx\n```", ["```py\nx"]),
        ("``` not `a` fence\nx", []),
        ("~~~ a `fence`\nx", ["x"]),
        ("a ``` b\nx", []),
        ("```\r\nx\r\n```\r\ny", ["x\r"]),
        ("- one:\n  ```sh\n  ls\n  ```\n- two", ["ls"]),
    ],
)
def test_blocks_of_odd_and_growing_texts(text: str, code: list[str]):
    assert [block.code for block in blocks(text)] == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a `b` ``c ` d`` e", ["`b`", "``c ` d``"]),
        ("``` a ``", []),
        ("``` a `` b ``", ["`` b ``"]),
        ("a \\`b` c`", ["` c`"]),
        ("\\\\`b`", ["`b`"]),
        ("`a\\` b`", ["`a\\`"]),
        ("`a\nb`", ["`a\nb`"]),
        ("`a\n \nb`", []),
        ("<https://a.b/`> `c`", ["`c`"]),
        ("`a`\n```\n`b`\n```  \n`c`", ["`a`", "```\n`b`\n```", "`c`"]),
        ("x\n  ~~~\n`b", ["~~~\n`b"]),
    ],
)
def test_code_is_where_markdown_says(text: str, code: list[str]):
    assert [text[start:end] for start, end in code_spans(text)] == code


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "# not a *heading*", "1. x\n\n\n    y\t|z|", "a & b &lt; &#0060;", "$$x$$ \\(y\\)"],
)
def test_what_was_typed_can_be_read_back_and_holds_no_markup(text: str):
    shown_text = as_typed(text)
    assert html.unescape(shown_text) == text
    assert not re.search(r"[<*`|$\\\n]|^#", shown_text)
    assert plain(shown_text) == text  # as the page's script does


def test_plain_prose_is_shown_unchanged():
    for text in ("Well-known facts: 3.5 is more than 3 (or so)!", "今天天气怎么样？"):
        assert as_typed(text) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<img src=x onerror=alert(1)>", "&#0060;img src=x onerror=alert(1)>"),
        ("![x](http://outside.example/x.png)", "&#0033;[x](http://outside.example/x.png)"),
        ("a `<b>` and <b>", "a `<b>` and &#0060;b>"),
        ("```html\n<b>![x](y)\n```\n<b>", "```html\n<b>![x](y)\n```\n&#0060;b>"),
        ("```html\n<b>", "```html\n<b>"),
        ("~~~\n<b>\n~~~\n</b>", "~~~\n<b>\n~~~\n&#0060;/b>"),
        ("a ` tick <b>\n\n ` <i>", "a ` tick &#0060;b>\n\n ` &#0060;i>"),
        ("> ```html\n> <b>\n> ```", "> ```html\n> <b>\n> ```"),
        ("1 < 2 <https://qwen.ai> [a](b)", "1 < 2 <https://qwen.ai> [a](b)"),
        # What only looks like code is none to the page either.
        ("``` ` <b>\n<i>", "``` ` &#0060;b>\n&#0060;i>"),
        ("``` <b> ``", "``` &#0060;b> ``"),
        ("\\` <b> `", "\\` &#0060;b> `"),
        ("<https://a.b/`> <b> `", "<https://a.b/`> &#0060;b> `"),
        ("```mermaid\ngraph TD\n```", "``` mermaid\ngraph TD\n```"),
        ("~~~~mermaid\ngraph TD\n~~~~", "~~~~ mermaid\ngraph TD\n~~~~"),
        ("- ```mermaid\n  a\n\n  b\n  ```", "- ``` mermaid\n  a\n\n  b\n  ```"),
        ("> ```mermaid\n> a\n> ```", "> ``` mermaid\n> a\n> ```"),
        ("````\n```mermaid\n```\n````", "````\n```mermaid\n```\n````"),
    ],
)
def test_html_and_images_of_a_model_are_text_outside_code(text: str, says: str):
    assert harmless(text) == says
    assert plain(says).replace("` mermaid", "`mermaid").replace("~ mermaid", "~mermaid") == text
