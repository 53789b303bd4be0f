"""Code: the syntax check of every language."""

import pytest

from qwen_ui.text.code.languages import LANGUAGES, find
from qwen_ui.text.code.syntax import check

PYTHON = find("python")
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


@pytest.mark.parametrize("code", ["-" * 150_000 + "1"])
def test_what_cannot_be_checked_is_not_called_fine(code: str):
    assert check(code, PYTHON).valid is None


def test_code_is_never_run(tmp_path):
    target = tmp_path / "ran"
    assert check(f"open({str(target)!r}, 'w')", PYTHON).valid is True
    assert not target.exists()


@pytest.mark.parametrize(
    ("language", "code"),
    [("swift", "/*" * 20_000), ("kotlin", "/*" * 20_000), ("bash", "<div>" * 12_000), ("html", "<a b=" * 12_000)],
)
def test_code_that_would_take_a_parser_minutes_is_not_checked(language, code):
    found = check(code, find(language))
    assert found.valid is None
    assert "too long" in str(found.message)


def test_prompts_of_a_terminal_within_one_line_are_no_sessions_in_sessions():
    assert check("$ " * 5_000, find("bash")).valid is not False
