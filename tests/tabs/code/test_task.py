"""Code: what the model is asked, what comes of its answer, and which prompt file serves which action."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.code.task import ACTIONS, CodeResult, Job, build, code, serving
from qwen_ui.text.code.languages import find
from tests.fakes import FakeEngine
from tests.pages import checker

STORE = PromptStore(PROJECT / "prompts")
PYTHON = find("python")
WORDS = ["Here:\n\n", "```python\n", "x = (1,\n", "     2)\n", "```\n", "\nA pair."]
FILE = "---\nname: Mine\n{more}---\nuser:\n{{{{ code }}}}\n"


def job(action: str = "generate", instruction: str = "a pair", code: str = "", target: str = "rust") -> Job:
    return Job(action, action, PYTHON, find(target), instruction, code)


def messages(job: Job) -> list[Message]:
    return build(STORE.load("code", job.template), job)


async def results(engine: FakeEngine, job: Job) -> list[CodeResult]:
    return [result async for result in code(engine, STORE.load("code", job.template), job, checker())]


def split(result: CodeResult) -> tuple[str, str]:
    """The code and the explanation."""
    parts = result.parts()
    return parts.code, parts.explanation


@pytest.mark.parametrize("suffix", ["", "-zh"])
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_puts_its_input_into_the_prompt(action: str, suffix: str):
    kotlin, broken = find("kotlin"), 'print("```"'
    asked = messages(Job(action, action + suffix, kotlin, kotlin, "Handle zero.", broken, problem="line 1, column 6"))
    assert [message.role for message in asked] == ["system", "user"]
    assert "Kotlin" in asked[0].content + asked[1].content
    assert f"\n{broken}\n````" in asked[1].content  # the fence is longer than any in the code
    assert "Handle zero." in asked[1].content
    assert ("line 1, column" in asked[1].content) == (action == "fix")


@pytest.mark.parametrize(("action", "says"), [("generate", "what the code should do"), ("fix", "Paste the code")])
async def test_an_action_without_its_input_is_refused_before_any_work(action: str, says: str):
    engine = FakeEngine()
    with pytest.raises(InvalidInput, match=says):
        await results(engine, job(action, " ", "\n"))
    assert not engine.asked


async def test_to_fix_code_the_model_is_told_its_first_syntax_error():
    engine = FakeEngine(WORDS)
    await results(engine, job("fix", "", "x = 1\ny = (1,\n"))
    assert "The error is: line 2, column 5: '(' was never closed" in engine.asked[0][0][-1].content
    await results(engine, job("fix", "", "x = 1"))
    assert "The error is" not in engine.asked[1][0][-1].content


async def test_code_and_explanation_are_told_apart_and_checked_when_whole():
    engine = FakeEngine(WORDS)
    *growing, last = await results(engine, job())
    assert split(last) == ("x = (1,\n     2)", "Here:\n\nA pair.")
    assert last.syntax.valid is True
    assert last.answer.usage is not None
    assert ("x = (1,", "Here:") in [split(result) for result in growing]
    assert all(result.syntax.valid is None for result in growing)
    assert engine.asked[0][1] == STORE.load("code", "generate").sampling()


async def test_an_answer_that_ends_early_is_checked_as_far_as_it_goes():
    *_, last = await results(FakeEngine(WORDS[:3]), job())
    assert (split(last)[0], last.syntax.valid) == ("x = (1,", False)


async def test_a_translation_is_written_and_checked_in_the_other_language():
    engine = FakeEngine(["```rust\nfn main() {}\n```"])
    *_, last = await results(engine, job("translate", "", "print(1)"))
    assert "Rust" in engine.asked[0][0][-1].content
    assert (last.job.written.id, last.syntax.valid) == ("rust", True)


async def test_an_explanation_is_all_text_and_keeps_the_code_that_it_is_about():
    *_, last = await results(FakeEngine(["It prints:\n", "```\n1\n```"]), job("explain", "", "def f(:"))
    assert split(last) == ("def f(:", "It prints:\n```\n1\n```")
    assert last.syntax.valid is False


async def test_an_error_comes_after_what_was_written():
    engine, seen = FakeEngine(WORDS[:3], error=EngineFailed("It died.")), list[CodeResult]()
    with pytest.raises(EngineFailed):
        async for result in code(engine, STORE.load("code", "generate"), job(), checker()):
            seen.append(result)
    assert split(seen[-1])[0] == "x = (1,"


async def test_whoever_leaves_ends_the_stream():
    engine = FakeEngine(WORDS, steps=1)
    async with aclosing(code(engine, STORE.load("code", "generate"), job(), checker())) as growing:
        async for result in growing:
            if result.answer.text:
                break
        assert engine.active == 1
    await asyncio.sleep(0)
    assert engine.active == 0


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    (tmp_path / "code").mkdir()
    return PromptStore(tmp_path)


def write(store: PromptStore, id: str, more: str = "") -> None:
    store.path("code", id).write_text(FILE.format(more=more), "utf-8")


def ids(store: PromptStore, action: str) -> list[str]:
    return [template.id for template in serving(action, store.list("code")).templates]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_its_own_files_in_both_languages(action: str):
    assert ids(STORE, action) == [action, f"{action}-zh"]
    assert not serving(action, STORE.list("code")).errors


def test_a_new_file_serves_the_action_that_its_name_begins_with(store: PromptStore):
    write(store, "improve")
    assert ids(store, "improve") == ["improve"]
    write(store, "improve-speed")
    assert ids(store, "improve") == ["improve", "improve-speed"]


def test_the_front_matter_may_name_the_action(store: PromptStore):
    write(store, "review", "action: explain\n")
    assert ids(store, "explain") == ["review"]


@pytest.mark.parametrize(("more", "line"), [("", 1), ("action: dance\n", 3), ("action: [fix]\n", 3)])
def test_a_file_for_no_action_is_reported_with_its_place(store: PromptStore, more: str, line: int):
    write(store, "fix")
    write(store, "review", more)
    listing = serving("fix", store.list("code"))
    assert [template.id for template in listing.templates] == ["fix"]
    (error,) = listing.errors
    assert str(error).startswith(f"code/review.prompty:{line}: say which action")
