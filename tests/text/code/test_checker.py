"""Code: its check in processes of their own, which no code can hold for long."""

import asyncio

import pytest

from qwen_ui.sentences import Sentence
from qwen_ui.text.code import syntax
from qwen_ui.text.code.checker import MAX_CHARACTERS, Checker
from qwen_ui.text.code.found import Syntax
from qwen_ui.text.code.languages import BY_ID, LANGUAGES, OTHERS, find

PYTHON = find("python")


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "x = 1"),
        ("python", "y = (1,"),
        ("python", "print 'a'"),  # a sentence in a sentence
        ("java", "class A {\n  int f( { }\n}"),
        ("sql", "SELEC name FROM users;"),
        ("json", "[1, 2"),
        ("swift", 'let a = "\ud800"'),
    ],
)
async def test_a_check_says_what_it_would_say_here(checker: Checker, language: str, code: str):
    assert await checker.check(code, BY_ID[language]) == syntax.check(code, BY_ID[language])


def test_every_language_is_known_by_its_id():
    assert list(BY_ID.values()) == [*LANGUAGES, *OTHERS]


@pytest.mark.parametrize("code", ["", " \n", "x" * (MAX_CHARACTERS + 1)])
async def test_what_needs_no_check_or_is_too_long_starts_no_process(code: str):
    checker = Checker()
    assert (await checker.check(code, PYTHON)).valid is None
    assert not checker._processes._idle


async def test_many_checks_at_once_are_done_by_few_processes():
    checker = Checker()
    found = await asyncio.gather(*(checker.check(f"x = {number}", PYTHON) for number in range(10)))
    assert found == [Syntax(True)] * 10
    assert 1 <= len(checker._processes._idle) <= 2


async def test_beyond_some_that_wait_code_is_not_checked_rather_than_later():
    checker = Checker()
    found = await asyncio.gather(*(checker.check(f"x = {number}", PYTHON) for number in range(40)))
    crowded = Syntax(None, message=Sentence("It is not checked: too much code is being checked now."))
    assert set(found) == {Syntax(True), crowded}
    assert await checker.check("x = 1", PYTHON) == Syntax(True)
