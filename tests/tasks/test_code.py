"""Code: prompts, taking code out of answers, and the syntax check of every language."""

import gradio as gr
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.code import ACTIONS, LANGUAGES, build, check, find, parse, split_answer

PYTHON = find("python")
FENCED = "Here it is:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nIt adds."


def test_a_language_is_found_by_every_name_it_has():
    assert find("C#") is find("cs") is find("csharp")
    assert find(" JS ").id == "javascript"
    assert len(LANGUAGES) == 17
    with pytest.raises(InvalidInput, match="no language 'cobol' here"):
        find("cobol")


def test_editor_modes_are_gradios():
    for language in LANGUAGES:
        if language.editor is not None:
            gr.Code(language=language.editor, render=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["", "-zh"])
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_puts_its_input_into_the_prompt(store: PromptStore, action: str, suffix: str):
    code = 'print("```")'
    template = store.load("code", action + suffix)
    messages = build(template, action, find("kotlin"), instruction="Handle zero.", code=code, problem="line 3")
    assert [message.role for message in messages] == ["system", "user"]
    assert "Kotlin" in messages[0].content + messages[1].content
    assert f"\n{code}\n````" in messages[1].content  # the fence is longer than any in the code
    assert "Handle zero." in messages[1].content
    assert ("line 3" in messages[1].content) == (action == "fix")


@pytest.mark.parametrize(("action", "says"), [("generate", "what the code should do"), ("fix", "Paste the code")])
def test_an_action_without_its_input_is_refused(store: PromptStore, action: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        build(store.load("code", action), action, PYTHON, instruction=" ", code="\n")
    with pytest.raises(InvalidInput, match="no action 'run'"):
        build(store.load("code", action), "run", PYTHON, instruction="x")


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


GOOD = {
    "python": "def f(x: int) -> str:\n    return f'{x}\\d'",
    "java": "class A { record P(int x) {} public static void main(String[] a) { var l = new int[]{1}; } }",
    "javascript": "const f = async (x) => { await x?.y ?? 1; };\nexport default f;",
    "typescript": "interface A<T> { x?: T }\nconst f = (a: A<string>): number => 1;",
    "c": '#include <stdio.h>\nint main(void) { printf("%d\\n", 1); return 0; }',
    "cpp": "#include <vector>\ntemplate <typename T> T f(std::vector<T>& v) { for (auto& x : v) x++; return v[0]; }",
    "csharp": "using System;\nclass A { public int X { get; set; } = 1; static void Main() => Console.WriteLine(1); }",
    "go": "package main\n\nfunc Map[T any](x []T) int {\n\treturn len(x)\n}\n",
    "rust": "fn f<'a>(x: &'a str) -> Option<usize> { match x { \"\" => None, _ => Some(x.len()) } }",
    "php": "function f(int $x): ?int { return $x ?? null; }\necho f(1);",
    "ruby": "def f(x)\n  x.map { |y| y * 2 }\nend\n",
    "kotlin": "data class P(val x: Int)\nfun f(p: P?): Int = p?.x ?: 0\n",
    "swift": "func f(_ x: Int?) -> Int {\n    guard let x else { return 0 }\n    return x\n}\n",
    "sql": "SELECT u.name, COUNT(*) AS n FROM users u LEFT JOIN orders o ON o.u = u.id GROUP BY u.name ORDER BY n;",
    "bash": 'set -e\nfor f in *.txt; do\n  if [[ -f "$f" ]]; then echo "${f%.txt}"; fi\ndone\n',
    "html": "<!DOCTYPE html>\n<html><head><style>p { color: red }</style></head><body><p>Hi<br></p></body></html>",
    "r": "f <- function(x, ...) {\n  x |> sum(na.rm = TRUE)\n}\n",
}
BAD = {
    "python": ("x = 1\ny = (1,\n", 2, 5),
    "java": ("class A {\n  int f( { }\n}", 2, 9),
    "javascript": ("let a = 1;\nlet b = ;", 2, 7),
    "typescript": ("let a: number = 1;\nlet b: = 2;", 2, None),
    "c": ("int main(void) {\n  return 0\n}", 2, 11),
    "cpp": ("int main() {\n  return 0\n}", 2, 11),
    "csharp": ("class A {\n  int X = ;\n}", 2, None),
    "go": ("package main\nfunc f( {\n}", 2, None),
    "rust": ("fn f() {\n  let x = ;\n}", 2, None),
    "php": ("$a = 1;\n$b = ;", 2, None),
    "ruby": ("def f(x\n  x\n", None, None),
    "kotlin": ("fun f(): Int {\n  val x = \n", None, None),
    "swift": ("func f( -> Int { 1 }", 1, None),
    "sql": ("SELEC name FROM users;", 1, 1),
    "bash": ("echo 1\nif true; then echo 2", None, None),
    "html": ("<p>\n<style>p { color: }}</style></p>", 2, None),
    "r": ("f <- function(x) {\n  x +\n}", None, None),
}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_good_code_is_valid_and_bad_code_is_not(language):
    good = check(GOOD[language.id], language)
    assert good.valid is True, good
    code, line, column = BAD[language.id]
    bad = check(code, language)
    assert bad.valid is False
    assert bad.message
    assert 1 <= bad.line <= code.count("\n") + 2
    assert line is None or bad.line == line, bad
    assert column is None or bad.column == column, bad


def test_the_column_counts_characters():
    assert check('String s = "你好" +;', find("java")).column == check('String s = "ab" +;', find("java")).column


def test_css_alone_and_php_with_its_tag():
    assert check("p { color: red }", find("html")).valid is True
    assert check("<?php\n$a = ;\n", find("php")).line == 2
    assert check("$a = ;\n", find("php")).line == 1


@pytest.mark.parametrize("code", ["", " \n", "x" * 200_001, "-" * 150_000 + "1"])
def test_what_cannot_be_checked_is_not_called_fine(code: str):
    assert check(code, PYTHON).valid is None


def test_code_is_never_run(tmp_path):
    target = tmp_path / "ran"
    assert check(f"open({str(target)!r}, 'w')", PYTHON).valid is True
    assert not target.exists()


def test_the_result_has_the_shape_of_the_api():
    assert parse(FENCED, "generate", PYTHON).as_dict() == {
        "code": "def add(a, b):\n    return a + b",
        "language": "python",
        "explanation": "Here it is:\n\nIt adds.",
        "valid": True,
    }
    explained = parse("It adds:\n```python\na + b\n```", "explain", PYTHON, code="def f(:")
    assert (explained.code, explained.syntax.valid) == ("def f(:", False)
    assert "```python" in explained.explanation
