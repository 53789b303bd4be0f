"""Code: taking it out of answers, also while they grow."""

import json
from pathlib import Path

import pytest

from qwen_ui.tabs.code.answer import CodeFile, files, named, safe, take_apart
from qwen_ui.text.code.languages import Language, find

PYTHON = find("python")
FENCED = "Here it is:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nIt adds."


def split(text: str, language: Language | None = None) -> tuple[str, str]:
    """The code and the explanation of an answer."""
    parts = take_apart(text, language)
    return parts.code, parts.explanation


def test_one_block():
    assert split(FENCED) == ("def add(a, b):\n    return a + b", "Here it is:\n\nIt adds.")


def test_of_several_blocks_the_longest_in_the_language_is_the_code():
    answer = (
        "Install it:\n```bash\npip install a-rather-long-package-name another-one\n```\n"
        "The mistake:\n```python\nx = 1\n```\nAll of it:\n```py\nx = 2\nprint(x)\n```\nDone."
    )
    code, explanation = split(answer, PYTHON)
    assert code == "x = 2\nprint(x)"
    assert "```python\nx = 1\n```" in explanation
    assert "pip install" in explanation
    assert explanation.endswith("Done.")


@pytest.mark.parametrize(
    ("tag", "id"), [("c++", "cpp"), ("C#", "csharp"), ("{.rust}", "rust"), ("js title=x", "javascript")]
)
def test_the_main_block_comes_with_its_own_language(tag: str, id: str):
    parts = take_apart(f"Get it:\n```bash\nmake\n```\nThen:\n```{tag}\nint main() {{ return 0; }}\n```\n")
    assert parts.main is not None
    assert (parts.main.language, parts.code) == (find(id), "int main() { return 0; }")


def test_text_has_no_main_block():
    assert take_apart("Just `x = 1`, inline.").main is None


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
    assert split(answer, PYTHON) == (code, explanation)


def test_a_growing_answer_never_loses_code_or_shows_a_fence():
    before = ""
    for end in range(FENCED.index("def"), len(FENCED) + 1):
        code, _ = split(FENCED[:end], PYTHON)
        assert code.startswith(before.rstrip("\n"))
        assert "`" not in code
        before = code
    assert before == "def add(a, b):\n    return a + b"


CASES = Path(__file__).parent / "cases"


def case(name: str) -> str:
    return (CASES / name).read_text("utf-8")


def test_a_fence_in_the_docstring_does_not_cut_the_function_off():
    code, explanation = split(case("K01-docstring-fence.md"), PYTHON)
    assert code.startswith("def add(a, b):")
    assert code.endswith("print(add(1, 2))")
    assert explanation == "Here:\n\nIt adds."


@pytest.mark.parametrize(
    ("answer", "code", "explanation"),
    [
        (case("K06-no-opening.md"), "def foo():\n    return 1", "This returns one."),
        (case("K08-midline.md"), "print(1)", "Here is the code:\n\nDone."),
        ("python\ndef f():\n    return 1\n```\nThat.", "def f():\n    return 1", "That."),
        ("```\npython\nx = 1\n```", "x = 1", ""),
        ("```python\nprint(1)```\nDone.", "print(1)", "Done."),
        ("```python\nprint(1)\n``` This prints the number one.", "print(1)", "This prints the number one."),
        ("Run:\n```python print(1)```", "print(1)", "Run:"),
        ("```python\r\nx = 1\r\n```\r\nDone.", "x = 1", "Done."),
        ("```python\nif x:\n    y()\n    ```\nDone.", "if x:\n    y()", "Done."),
        (
            '```python\n"""Doc.\n\n```\nf()\n```\n"""\nf = 1\n```\nDone.',
            '"""Doc.\n\n```\nf()\n```\n"""\nf = 1',
            "Done.",
        ),
        ("```js\n/*\n```\nf()\n```\n*/\nlet a;\n```", "/*\n```\nf()\n```\n*/\nlet a;", ""),
        ("```bash\nrm -rf build/ *\nls /* \n```\nDone.", "rm -rf build/ *\nls /* ", "Done."),
    ],
)
def test_fences_that_models_misplace(answer: str, code: str, explanation: str):
    assert split(answer, PYTHON) == (code, explanation)


def test_blocks_within_markdown_are_a_part_of_it():
    answer = "```markdown\n# T\n```bash\npip\n```\nmore\n```\nEnd"
    assert split(answer) == ("# T\n```bash\npip\n```\nmore", "End")


@pytest.mark.parametrize("tag", json.loads(case("K03-tags.json")))
@pytest.mark.parametrize("language", [None, PYTHON, find("javascript")])
def test_code_is_preferred_to_what_it_gives(tag: str, language):
    assert split(json.loads(case("K03-tags.json"))[tag], language)[0] == "WANTED = 1;"


@pytest.mark.parametrize("before", ["Output:", "**Expected output:**", "输出：", "### Result"])
def test_an_untagged_block_under_a_line_that_says_output_is_not_the_code(before: str):
    answer = f"```js\nlet a;\n```\n{before}\n\n```\nmuch longer than the code\n```"
    assert split(answer, PYTHON)[0] == "let a;"


SEVERAL = (
    "**app/models.py**\n```python\nclass A: pass\nx = 1\n```\n\n### `config.yaml`\n```yaml\na: 1\n```\n"
    '```python:main.py\nimport app\n```\n```js title="src/x.js"\nlet a\n```\n```dockerfile\nFROM x\n```\n'
    "```\n#!/bin/sh\n# run.sh\nls\n```\nWith Node.js:\n```bash\nnode x\n```\nOutput:\n```\nhi\n```\n"
)


def test_all_blocks_are_kept_with_their_names():
    parts = take_apart(SEVERAL, PYTHON)
    assert parts.main is not None
    assert [file.name for file in named(parts.main, parts.explanation)] == [
        "app/models.py", "config.yaml", "main.py", "src/x.js", "code.dockerfile", "run.sh", "code.sh",
    ]  # fmt: skip
    assert [file.language and file.language.id for file in files(SEVERAL)] == [
        "python", "yaml", "python", "javascript", "dockerfile", "bash", "bash",
    ]  # fmt: skip


def test_no_two_files_have_the_same_name():
    again = "```python:a.py\nx = 1\n```\n```python:A.py\nx = 2\n```"
    assert [file.name for file in named(CodeFile("a.py", PYTHON, "x = 0"), again)] == ["a.py", "a-2.py", "A-3.py"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\x\\con.txt", "C_/x/_con.txt"),
        ("/abs/a.py", "abs/a.py"),
        (".env", ".env"),
        ("a/./b.py", "a/b.py"),
        ("..", ""),
        ('"><img>.py', "___img_.py"),
    ],
)
def test_names_are_safe_on_any_system(name: str, kept: str):
    assert safe(name) == kept


def test_text_with_a_files_name_is_a_file():
    answer = "**requirements.txt**\n```text\nflask\n```\n```text\nIt ran.\n```"
    assert [(file.name, file.code) for file in files(answer)] == [("requirements.txt", "flask")]


def test_a_thousand_blocks_without_names_get_names_of_their_own():
    code = CodeFile("", PYTHON, "x")
    names = [file.name for file in named(code, "```py\nx\n```\n" * 1_000)]
    assert names[:3] == ["code.py", "code-2.py", "code-3.py"]
    assert len(set(names)) == 1_001
