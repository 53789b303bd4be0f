"""From a job to its result: what the page goes through, and that nothing typed is lost."""

import pytest

from qwen_ui.config import PROJECT, Settings
from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.prompts import PromptStore
from qwen_ui.server.host import EngineHost
from qwen_ui.tasks.code import find
from qwen_ui.ui.code.api import job_of
from qwen_ui.ui.code.show import page
from qwen_ui.ui.code.work import TAB, Job, Moment, checked, work
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import EN, ZH, saying
from tests.fakes import FakeEngine
from tests.pages import host_of
from tests.ui.code.test_show import CHECK, FIX

STORE = PromptStore(PROJECT / "prompts")
SAY = saying(EN)
PYTHON = find("python")
WORDS = ["Here:\n\n", "```python\n", "x = (1,\n", "     2)\n", "```\n", "\nA pair."]


def job(action: str = "generate", instruction: str = "a pair", code: str = "", target: str = "rust") -> Job:
    return Job(action, action, PYTHON, find(target), instruction, code)


async def moments(engine: FakeEngine, job: Job) -> list[Moment]:
    return [moment async for moment in work(host_of(engine), STORE, Running(), "me", job, SAY)]


async def test_code_and_explanation_are_told_apart_and_checked_when_whole():
    *growing, last = await moments(FakeEngine(WORDS), job())
    assert last.result is not None
    assert (last.result.code, last.result.explanation) == ("x = (1,\n     2)", "Here:\n\nA pair.")
    assert last.result.syntax.valid is True
    assert "6 tokens" in last.status
    assert not last.running
    assert all(moment.running for moment in growing)


async def test_a_growing_answer_is_not_called_wrong():
    engine, seen = FakeEngine(WORDS, steps=3), list[Moment]()
    running = Running()
    async for moment in work(host_of(engine), STORE, running, "me", job(), SAY):
        seen.append(moment)
        if moment.result and "(1," in moment.result.code:
            running.stop("me", TAB)
    partial = [page(moment, None, SAY) for moment in seen if moment.running and moment.result]
    assert partial
    assert all(values[CHECK] == "" and values[FIX].visible is False for values in partial)
    assert seen[-1].result
    assert (seen[-1].result.code, seen[-1].result.syntax.valid) == ("x = (1,", False)
    assert "stopped" in seen[-1].status


async def test_what_was_there_stays_until_there_is_something_new():
    first, *_ = await moments(FakeEngine(WORDS), job())
    assert first.result is None
    *_, last = await moments(FakeEngine([], error=Busy("The line is full.")), job())
    assert (last.job, last.result) == (None, None)
    assert "Not sent: The line is full." in last.status


@pytest.mark.parametrize(
    ("error", "says"), [(EngineFailed("It died."), "It died."), (RuntimeError("secret"), "server")]
)
async def test_what_was_written_before_an_error_stays(error: Exception, says: str):
    *_, last = await moments(FakeEngine(WORDS[:3], error=error), job())
    assert last.result
    assert last.result.code == "x = (1,"
    assert last.result.syntax.valid is None
    assert says in last.status
    assert "secret" not in last.status


async def test_an_empty_answer_says_so_and_leaves_what_is_there():
    *_, last = await moments(FakeEngine([]), job())
    assert last.result is None
    assert "without a word" in last.status


async def test_to_fix_code_the_model_is_told_its_first_syntax_error():
    engine = FakeEngine(WORDS)
    await moments(engine, job("fix", "", "x = 1\ny = (1,\n"))
    prompt = engine.asked[0][0][-1].content
    assert "The error is: line 2, column 5: '(' was never closed" in prompt
    await moments(engine, job("fix", "", "x = 1"))
    assert "The error is" not in engine.asked[1][0][-1].content


async def test_a_translation_is_written_and_checked_in_the_other_language():
    engine = FakeEngine(["```rust\nfn main() {}\n```"])
    *_, last = await moments(engine, job("translate", "", "print(1)"))
    assert "Rust" in engine.asked[0][0][-1].content
    assert last.result
    assert (last.result.language.id, last.result.syntax.valid) == ("rust", True)


async def test_an_explanation_is_all_text():
    *_, last = await moments(FakeEngine(["It prints:\n", "```\n1\n```"]), job("explain", "", "print(1)"))
    assert last.result
    assert (last.result.code, last.result.explanation) == ("print(1)", "It prints:\n```\n1\n```")


async def test_a_visitor_who_leaves_ends_the_stream():
    engine = FakeEngine(WORDS, steps=1)
    states = work(host_of(engine), STORE, Running(), "me", job(), SAY)
    async for moment in states:
        if moment.result:
            break
    assert engine.active == 1
    await states.aclose()
    assert engine.active == 0


async def test_a_model_that_is_not_ready_refuses():
    host = EngineHost(Settings())
    (moment,) = [m async for m in work(host, STORE, Running(), "me", job(), SAY)]
    assert "still being prepared" in moment.status


@pytest.mark.parametrize(
    ("wanted", "says"),
    [(job(instruction=" \n"), "请说明代码要做什么"), (job("explain", "why?", "\n"), "请在“您的代码”中粘贴")],
)
def test_what_is_missing_is_said_in_the_visitors_language(wanted: Job, says: str):
    with pytest.raises(InvalidInput, match=says):
        checked(wanted, saying(ZH))


def test_scripts_get_the_template_in_the_language_of_their_instruction():
    assert job_of(STORE, "a pair", "py", "generate", "").template == "generate"
    assert job_of(STORE, "写一个函数", "C++", "generate", "") == Job(
        "generate", "generate-zh", find("cpp"), find("cpp"), "写一个函数"
    )
