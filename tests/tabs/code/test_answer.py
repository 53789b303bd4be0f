"""Code: taking it out of answers, also while they grow."""

import pytest

from qwen_ui.tabs.code.answer import main_block, split_answer
from qwen_ui.tabs.code.languages import find, known

PYTHON = find("python")
FENCED = "Here it is:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nIt adds."


def test_one_block():
    assert split_answer(FENCED) == ("def add(a, b):\n    return a + b", "Here it is:\n\nIt adds.")


def test_of_several_blocks_the_longest_in_the_language_is_the_code():
    answer = (
        "Install it:\n```bash\npip install a-rather-long-package-name another-one\n```\n"
        "The mistake:\n```python\nx = 1\n```\nAll of it:\n```py\nx = 2\nprint(x)\n```\nDone."
    )
    code, explanation = split_answer(answer, PYTHON)
    assert code == "x = 2\nprint(x)"
    assert "```python\nx = 1\n```" in explanation
    assert "pip install" in explanation
    assert explanation.endswith("Done.")


@pytest.mark.parametrize(
    ("tag", "id"), [("c++", "cpp"), ("C#", "csharp"), ("{.rust}", "rust"), ("js title=x", "javascript")]
)
def test_the_main_block_comes_with_its_own_language(tag: str, id: str):
    block = main_block(f"Get it:\n```bash\nmake\n```\nThen:\n```{tag}\nint main() {{ return 0; }}\n```\n")
    assert block is not None
    assert (known(block.tag), block.code) == (find(id), "int main() { return 0; }")


def test_text_has_no_main_block():
    assert main_block("Just `x = 1`, inline.") is None


@pytest.mark.parametrize(
    ("answer", "code", "explanation"),
    [
        ("", "", ""),
        ("Sure! I can do that for you.", "", "Sure! I can do that for you."),
        ("好的，代码如下：", "", "好的，代码如下："),
        ("```python\nx = 1\nprint(x", "x = 1\nprint(x", ""),
        ("Look:\n```python\nx = 1\n``", "x = 1", "Look:"),
        ("Look:\n```pyth", "", "Look:"),
        ("~~~js\nlet a = `x`;\n~~~", "let a = `x`;", ""),
        ("1. First:\n   ```python\n   if x:\n       y()\n   ```", "if x:\n    y()", "1. First:"),
        ("```python\n    def f():\n        return 1\n```", "def f():\n    return 1", ""),
        ("````\n```\nx\n```\n````", "```\nx\n```", ""),
        ("def f(x):\n    return x", "def f(x):\n    return x", ""),
        (
            "Here is the function you wanted:\n\ndef f(x):\n    # Twice.\n\n    return 2 * x\n\nIt doubles its input.",
            "def f(x):\n    # Twice.\n\n    return 2 * x",
            "Here is the function you wanted:\n\nIt doubles its input.",
        ),
        (
            "下面是查询：\nSELECT name\nFROM users\nWHERE id = 1;\n它返回一个名字。",
            "SELECT name\nFROM users\nWHERE id = 1;",
            "下面是查询：\n\n它返回一个名字。",
        ),
    ],
)
def test_no_fence_or_an_unclosed_one(answer: str, code: str, explanation: str):
    assert split_answer(answer, PYTHON) == (code, explanation)


def test_a_growing_answer_never_loses_code_or_shows_a_fence():
    before = ""
    for end in range(FENCED.index("def"), len(FENCED) + 1):
        code, _ = split_answer(FENCED[:end], PYTHON)
        assert code.startswith(before.rstrip("\n"))
        assert "`" not in code
        before = code
    assert before == "def add(a, b):\n    return a + b"
