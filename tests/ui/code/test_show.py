"""What the page says about code, and its versions."""

import gradio as gr
import pytest

from qwen_ui.config import PROJECT
from qwen_ui.prompts import PromptStore
from qwen_ui.tasks.code import LANGUAGES, CodeResult, Syntax, find
from qwen_ui.ui.code.fields import Fields, read
from qwen_ui.ui.code.handlers import Handlers
from qwen_ui.ui.code.show import Page, Version, checked_line, page
from qwen_ui.ui.code.work import TAB, Job, Moment
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import EN, ZH, saying
from tests.fakes import FakeEngine
from tests.pages import host_of

SAY, SAY_ZH = saying(EN), saying(ZH)
PYTHON, HTML = find("python"), find("html")
REQUEST = gr.Request(headers={"accept-language": "en"}, session_hash="me", client=None)
JOB = Job("generate", "generate", PYTHON, PYTHON, "a pair")
JOB_FIELD, BEFORE, EMPTY, FULL, EDITOR, TOOLS, FILE, CHECK, FIX, TEXT, STATUS, RUN, STOP, RETRY, BACK = range(15)


def handlers(engine: FakeEngine, running: Running | None = None) -> Handlers:
    return Handlers(host_of(engine), PromptStore(PROJECT / "prompts"), running or Running())


def whole(code: str, valid: bool | None, job: Job = JOB, before: Version | None = None) -> Page:
    return page(Moment(job, CodeResult(code, job.written, "Why.", Syntax(valid, 2, 7, "odd"))), before, SAY)


def test_an_error_is_shown_with_line_and_column():
    text = checked_line("<p", HTML, Syntax(False, 3, 9, "unexpected '<b>'"), SAY)
    assert "HTML/CSS: syntax error in line 3, column 9: unexpected &#x27;&lt;b&gt;&#x27;" in text
    assert "第 3 行第 9 列" in checked_line("<p", HTML, Syntax(False, 3, 9, "x"), SAY_ZH)


def test_unchecked_is_not_fine():
    unchecked = checked_line("x", PYTHON, Syntax(None, message="It is too long."), SAY)
    fine = checked_line("x", PYTHON, Syntax(True), SAY)
    assert "was not checked. It is too long." in unchecked
    assert "no syntax errors. It has not been run." in fine
    assert 'class="status valid"' in fine
    assert "valid" not in unchecked
    assert "no code" in checked_line(" \n", PYTHON, Syntax(None), SAY)


def test_fix_it_is_offered_for_errors_only():
    assert whole("x = (", False)[FIX].visible is True
    assert whole("x = 1", True)[FIX].visible is False
    assert whole("x = 1", None)[FIX].visible is False


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_a_download_has_the_languages_ending(language):
    values = whole("x", True, Job("generate", "generate", language, PYTHON, "x"))
    assert values[FILE] == f"code{language.ending}"
    assert values[EDITOR].language == language.editor


def test_an_explanation_needs_no_editor():
    values = whole("print(1)", True, Job("explain", "explain", PYTHON, PYTHON, code="print(1)"))
    assert (values[EDITOR].visible, values[TOOLS].visible, values[CHECK]) == (False, False, "")
    assert values[TEXT] == "Why."


def test_html_and_images_of_the_model_are_shown_as_text():
    result = CodeResult("", PYTHON, "<img src=x> ![y](http://outside.example)", Syntax(None))
    text = page(Moment(JOB, result), None, SAY)[TEXT]
    assert "<img" not in text
    assert "![" not in text


def test_code_that_is_not_shown_is_not_sent():
    fields = ("python", "rust", "generate", "a pair", "left over", 0.2, 64)
    assert read("generate", *fields).code == ""
    assert read("improve", *fields).code == "left over"


async def test_a_second_request_waits_for_the_first():
    engine, running = FakeEngine(["never"], steps=0), Running()
    with running.track("me", TAB, engine.stream([], JOB)):  # type: ignore[arg-type]
        (values,) = [v async for v in handlers(engine, running).retry(REQUEST, JOB, "x = 1", "")]
    assert "is being written" in values[STATUS]


async def test_back_and_forth_between_two_versions():
    earlier = Version(JOB, "x = (", "First.")
    values = await handlers(FakeEngine()).back(REQUEST, JOB, "x = 2", "Second.", earlier)
    assert (values[EDITOR].value, values[TEXT]) == ("x = (", "First.")
    assert "syntax error in line 1" in values[CHECK]
    again = await handlers(FakeEngine()).back(REQUEST, values[JOB_FIELD], "x = (", "First.", values[BEFORE])
    assert (again[EDITOR].value, again[TEXT]) == ("x = 2", "Second.")


async def test_an_edit_is_checked_at_once():
    line, fix = await handlers(FakeEngine()).recheck(REQUEST, JOB, "def f(:")
    assert "line 1" in line
    assert fix.visible is True
    line, fix = await handlers(FakeEngine()).recheck(REQUEST, JOB, "def f(): pass")
    assert "no syntax errors" in line
    assert fix.visible is False


async def test_fix_it_sends_the_edited_code_with_its_error_in_the_templates_language():
    engine = FakeEngine(["```python\nx = 1\n```"])
    job = Job("translate", "translate-zh", find("java"), PYTHON, "短一些", "int x;")
    *_, values = [v async for v in handlers(engine).fix(REQUEST, job, "x = (", "说明")]
    prompt = engine.asked[0][0][-1].content
    assert "x = (" in prompt
    assert "line 1, column 5" in prompt
    assert "请" in engine.asked[0][0][0].content
    assert values[EDITOR].value == "x = 1"
    assert values[BEFORE] == Version(job, "x = (", "说明")
    assert values[BACK].visible is True


def test_a_result_becomes_the_code_to_work_on():
    with gr.Blocks():
        fields = Fields(PromptStore(PROJECT / "prompts"))
    action, language, instruction, code, *_ = fields.adopt(REQUEST, JOB, "x = 1", "generate", "generate")
    assert (action, language) == ("improve", "python")
    assert instruction["value"] == ""
    assert (code["value"], code["visible"]) == ("x = 1", True)
