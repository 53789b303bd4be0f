"""Code: the syntax check on what models write, right and wrong, in every language.

Each file of snippets/ holds those of one language, each under a line that says whether it is valid or broken, and why.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_ui.text.code.languages import LANGUAGES, find, known
from qwen_ui.text.code.syntax import check

HERE = Path(__file__).parent
FILES = sorted((HERE / "snippets").glob("*.txt"))
VALID_ELSEWHERE = json.loads((HERE / "cases" / "K13-valid-code.json").read_text("utf-8"))


def snippets(file: Path, kind: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^==== ", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, code = part.partition("\n")
        if title.startswith(kind):
            yield title, code


def test_there_are_snippets_of_every_language():
    assert {file.stem for file in FILES} == {language.id for language in LANGUAGES}
    assert sum(len(list(snippets(file, "valid"))) for file in FILES) >= 120
    assert sum(len(list(snippets(file, "broken"))) for file in FILES) >= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_valid_code_is_not_called_wrong(file: Path):
    found = {title: check(code, find(file.stem)) for title, code in snippets(file, "valid")}
    assert {title: syntax for title, syntax in found.items() if syntax.valid is False} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_broken_code_is_called_wrong(file: Path):
    found = {title: (check(code, find(file.stem)), code) for title, code in snippets(file, "broken")}
    assert [title for title, (syntax, _) in found.items() if syntax.valid is not False] == []
    assert all(syntax.message and 1 <= syntax.line <= code.count("\n") + 2 for syntax, code in found.values())


@pytest.mark.parametrize("name", VALID_ELSEWHERE)
def test_what_a_grammar_does_not_know_may_be_valid(name: str):
    language, code = VALID_ELSEWHERE[name]
    assert check(code, find(language)).valid is True


def test_a_component_with_jsx_is_valid_typescript():
    code = (HERE / "cases" / "K05-app.tsx").read_text("utf-8")
    assert check(code, find("typescript")).valid is True
    assert str(check(code, find("javascript")).message) == "It reads as TypeScript."


@pytest.mark.parametrize(
    ("language", "code", "hint"),
    [
        ("python", 'print "hello"\n', "Python 2"),
        ("python", "%%html\n<p>Hi</p>", "cell for html"),
        ("c", "#include <vector>\nstd::vector<int> v{1};", "C++"),
        ("bash", "$ make\n$ if then\n", "session"),
    ],
)
def test_what_is_not_known_for_sure_comes_with_a_hint(language: str, code: str, hint: str):
    found = check(code, find(language))
    assert found.valid is None
    assert hint in str(found.message)


@pytest.mark.parametrize(
    ("language", "code", "valid"),
    [
        ("json", '{\n  // a comment\n  "a": [1, 2,],\n}', True),
        ("json", '{"a": }', False),
        ("yaml", "a: 1\n---\nb: [1, 2]\n", True),
        ("dockerfile", "FROM python:3.12\nRUN pip install x\n", True),
        ("haskell", "main = print 1", None),
    ],
)
def test_languages_that_come_beside_the_chosen_one(language: str, code: str, valid: bool | None):
    other = known(language)
    assert other is not None
    assert check(code, other).valid is valid
