"""The Code tab's handlers: what its fields mean, what is shown of a result, and its versions."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from qwen_ui.errors import Busy, EngineFailed, InvalidInput
from qwen_ui.messages import Message
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.page.templates import TemplatePicker
from qwen_ui.page.words import Say
from qwen_ui.prompts import Listing, PromptStore
from qwen_ui.sentences import Sentence
from qwen_ui.settings import PROJECT
from qwen_ui.tabs.code.fields import template_for
from qwen_ui.tabs.code.keeping import from_browser, to_browser
from qwen_ui.tabs.code.result import Version
from qwen_ui.tabs.code.tab import CodeTab, asked
from qwen_ui.tabs.code.task import Job
from qwen_ui.text.code.found import Syntax
from qwen_ui.text.code.languages import LANGUAGES, Language, find
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of, words

PYTHON, JAVA, RUST, HTML = find("python"), find("java"), find("rust"), find("html")
JOB = Job("generate", "generate", PYTHON, RUST, "a pair")
WORDS = ["Here:\n\n", "```python\n", "x = (1,\n", "     2)\n", "```\n", "\nA pair."]
SAY = words().speaker(gr.Request(headers={"accept-language": "en"}, client=None))
SAY_ZH = words().speaker(gr.Request(headers={"accept-language": "zh-CN"}, client=None))


class Laid:
    """The tab, laid out on a page of its own."""

    def __init__(self, engine: FakeEngine | None = None) -> None:
        self.app = app_of(engine or FakeEngine(WORDS))
        with gr.Blocks() as page:
            self.tab = CodeTab(self.app, page)
        self.fields, self.result = self.tab._fields, self.tab._result

    def event(
        self,
        shown: Version | None = None,
        before: Version | None = None,
        *,
        restarted: bool = False,
        language: str = "en-US",
        **given: Any,
    ) -> Event:
        """What the widgets hold: the fields as they are at first but for what is ``given``, and a result.

        ``restarted``: the server has forgotten what it kept of the page.
        """
        fields, result = self.fields, self.result
        held = {
            fields.action: "generate",
            fields.language: "python",
            fields.target: "rust",
            fields.template.dropdown: "generate",
            fields.instruction: "a pair",
            fields.code: "left over",
            fields.temperature: 0.2,
            fields.max_new_tokens: 64,
            result.job: shown.job if shown and not restarted else None,
            result.answer: shown.answer if shown and not restarted else None,
            result.cut: bool(shown and shown.cut and not restarted),
            result.before: None if restarted else before,
            result.file: shown and f"code{shown.language.extension}",
            result.code: shown and shown.code,
            result.explanation: shown and shown.explanation,
        }
        named = {self.field(name): value for name, value in given.items()}
        return event_of(self.app, held | named, language)

    def field(self, name: str) -> Any:
        widget = getattr(self.fields, name)
        return widget.dropdown if isinstance(widget, TemplatePicker) else widget

    async def run(self, begin: Callable[[Event], Run[Any]], event: Event) -> list[Values]:
        return [values async for values in self.tab._events.updates(event, begin)]


def job_in(laid: Laid, **given: Any) -> Job:
    return laid.fields.job(laid.event(**given))


def found(code: str, language: Language, syntax: Syntax, say: Say = SAY) -> str:
    laid = Laid()
    values = laid.result.found(code, language, syntax, say)
    assert values[laid.result.fix].visible == (syntax.valid is False)
    return str(values[laid.result.check])


def test_an_error_is_shown_with_line_and_column_and_can_be_mended():
    text = found("<p", HTML, Syntax(False, 3, 9, Sentence("unexpected {token!r}", token="<b>")))
    assert "HTML/CSS: syntax error in line 3, column 9: unexpected &#x27;&lt;b&gt;&#x27;" in text
    told = found("<p", HTML, Syntax(False, 3, 9, Sentence("{token!r} is missing", token=";")), SAY_ZH)
    assert "第 3 行第 9 列有语法错误：缺少 &#x27;;&#x27;" in told


def test_unchecked_is_not_fine():
    unchecked = found("x", PYTHON, Syntax(None, message="It is too long."))
    fine = found("x", PYTHON, Syntax(True))
    assert "was not checked. It is too long." in unchecked
    assert "no syntax errors. It has not been run." in fine
    assert 'class="status valid"' in fine
    assert "valid" not in unchecked
    assert "no code" in found(" \n", PYTHON, Syntax(None))


def test_code_that_is_not_shown_is_not_sent():
    laid = Laid()
    assert job_in(laid).code == ""
    assert job_in(laid, action="improve").code == "left over"


def test_a_template_for_another_action_which_the_picker_still_shows_is_not_used():
    laid = Laid()
    assert job_in(laid, action="fix", template="generate").template == "fix"
    assert job_in(laid, action="fix", template="generate-zh").template == "fix-zh"
    assert job_in(laid, action="fix", template=None).template == "fix"


def test_an_action_without_a_prompt_file_says_what_to_restore():
    with pytest.raises(InvalidInput, match=r"prompts/code/generate\.prompty"):
        template_for("generate", Listing((), ()), chinese=False)


async def test_a_template_that_is_gone_is_not_replaced_in_silence():
    laid = Laid()
    *_, last = await laid.run(laid.tab._running, laid.event(template="gone"))
    assert "no template" in last[laid.result.status]


async def test_a_result_grows_and_is_checked_when_it_is_whole():
    laid = Laid(FakeEngine(WORDS))
    first, *growing, last = await laid.run(laid.tab._running, laid.event())
    result = laid.result
    assert result.code not in first  # what was there stays until there is something new
    unfinished = [values for values in growing if values.get(result.code) and "(1," in values[result.code].value]
    assert unfinished
    assert all(values[result.check] == "" and values[result.fix].visible is False for values in unfinished)
    assert last[result.code].value == "x = (1,\n     2)"
    assert last[result.explanation] == "Here:\n\nA pair."
    assert "no syntax errors" in last[result.check]
    assert "6 tokens" in last[result.status]
    assert (last[result.retry].visible, last[result.back].visible) == (True, False)


async def test_what_is_stopped_stays_and_is_checked():
    laid = Laid(FakeEngine(WORDS, steps=3))
    async for values in laid.tab._events.updates(laid.event(), laid.tab._running):
        shown = values.get(laid.result.code)
        if shown and "(1," in shown.value:
            laid.app.running.stop("me", "code")
    assert values[laid.result.code].value == "x = (1,"
    assert "'(' was never closed" in values[laid.result.check].replace("&#x27;", "'")
    assert values[laid.result.fix].visible is True
    assert "stopped" in values[laid.result.status]


async def test_what_was_there_stays_when_nothing_new_comes():
    for engine, says in (
        (FakeEngine([], error=Busy("The queue is full.")), "Not sent: The queue is full."),
        (FakeEngine([]), "empty answer"),
    ):
        laid = Laid(engine)
        *_, last = await laid.run(laid.tab._running, laid.event())
        assert says in last[laid.result.status]
        assert laid.result.code not in last
        assert laid.result.job not in last


@pytest.mark.parametrize(
    ("error", "says"), [(EngineFailed("It died."), "It died."), (RuntimeError("secret"), "server")]
)
async def test_what_was_written_before_an_error_stays(error: Exception, says: str):
    laid = Laid(FakeEngine(WORDS[:3], error=error))
    *_, last = await laid.run(laid.tab._running, laid.event())
    assert last[laid.result.code].value == "x = (1,"
    assert last[laid.result.check] == ""
    assert says in last[laid.result.status]
    assert "secret" not in last[laid.result.status]


@pytest.mark.parametrize(
    ("given", "says"),
    [({"instruction": " \n"}, "请说明代码要做什么"), ({"action": "explain", "code": "\n"}, "请粘贴要处理的代码")],
)
async def test_what_is_missing_is_said_in_the_visitors_language(given: dict[str, Any], says: str):
    laid = Laid()
    *_, last = await laid.run(laid.tab._running, laid.event(language="zh-CN", **given))
    assert says in last[laid.result.status]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_the_name_of_a_download_tells_the_language(language: Language):
    laid = Laid()
    version = Version(JOB, language, "x", "")
    values = laid.result.show(version, None, Syntax(True), SAY)
    assert values[laid.result.file] == f"code{language.extension}"
    assert values[laid.result.code].language == language.editor
    assert laid.result.language(laid.event(version)) is language


async def test_an_explanation_needs_no_editor():
    laid = Laid(FakeEngine(["It prints."]))
    event = laid.event(action="explain", template="explain", code="print(1)")
    *_, last = await laid.run(laid.tab._running, event)
    assert (last[laid.result.code].visible, last[laid.result.tools].visible) == (False, False)
    assert (last[laid.result.check], last[laid.result.fix].visible) == ("", False)
    assert last[laid.result.explanation] == "It prints."


async def test_html_and_images_of_the_model_are_shown_as_text_and_sent_on_as_written():
    said = "<img src=x> ![y](http://outside.example)"
    laid = Laid(FakeEngine([said]))
    event = laid.event(action="explain", template="explain", code="print(1)")
    *_, last = await laid.run(laid.tab._running, event)
    text = last[laid.result.explanation]
    assert "<img" not in text
    assert "![" not in text
    assert laid.result.text(laid.event(Version(JOB, PYTHON, "", text))) == said


def test_code_is_sent_on_in_a_fence_that_it_cannot_close():
    laid = Laid()
    assert laid.result.text(laid.event(Version(JOB, RUST, "fn f() {}", "Why."))) == "```rust\nfn f() {}\n```"
    assert laid.result.text(laid.event(Version(JOB, PYTHON, "a = '''\n```\n'''", ""))).startswith("````python\n")
    assert laid.result.text(laid.event()) == ""


async def test_back_and_forth_between_two_versions():
    laid = Laid()
    earlier, now = Version(JOB, PYTHON, "x = (", "First."), Version(JOB, RUST, "fn f() {}", "Second.")
    values = await laid.tab._back(laid.event(now, earlier))
    assert (values[laid.result.code].value, values[laid.result.explanation]) == ("x = (", "First.")
    assert "syntax error in line 1" in values[laid.result.check]
    again = await laid.tab._back(laid.event(earlier, values[laid.result.before]))
    assert (again[laid.result.code].value, again[laid.result.explanation]) == ("fn f() {}", "Second.")
    assert "Rust: no syntax errors" in again[laid.result.check]


async def test_an_edit_is_checked_at_once_but_not_while_code_is_written():
    laid = Laid(FakeEngine(["never"], steps=0))
    wrong, right = Version(JOB, PYTHON, "def f(:", ""), Version(JOB, PYTHON, "def f(): pass", "")
    values = await laid.tab._recheck(laid.event(wrong))
    assert "line 1" in values[laid.result.check]
    assert values[laid.result.fix].visible is True
    values = await laid.tab._recheck(laid.event(right))
    assert "no syntax errors" in values[laid.result.check]
    assert values[laid.result.fix].visible is False
    with laid.app.request(laid.event().request, "code"):
        assert await laid.tab._recheck(laid.event(wrong)) == {}


async def test_fix_it_sends_the_edited_code_with_its_error_in_the_templates_language():
    laid = Laid(engine := FakeEngine(["```python\nx = 1\n```"]))
    job = Job("translate", "translate-zh", JAVA, PYTHON, "短一些", "int x;")
    edited = Version(job, PYTHON, "x = (", "说明")
    *_, last = await laid.run(laid.tab._fixing, laid.event(edited))
    prompt = engine.asked[0][0][-1].content
    assert "x = (" in prompt
    assert "line 1, column 5" in prompt
    assert "请" in engine.asked[0][0][0].content
    assert last[laid.result.code].value == "x = 1"
    assert last[laid.result.before] == edited
    assert last[laid.result.back].visible is True


async def test_try_again_asks_the_same_whatever_the_fields_say_by_now():
    laid = Laid(engine := FakeEngine(["x"]))
    await laid.run(laid.tab._running_again, laid.event(Version(JOB, PYTHON, "x = 1", ""), instruction="Something else"))
    assert "a pair" in engine.asked[0][0][-1].content


async def test_after_a_restart_try_again_asks_what_the_fields_say():
    laid = Laid(engine := FakeEngine(["```python\nx = 3\n```"]))
    shown = Version(JOB, PYTHON, "x = 1", "Why.")
    *_, last = await laid.run(laid.tab._running_again, laid.event(shown, restarted=True, instruction="three"))
    assert "three" in engine.asked[0][0][-1].content
    assert (last[laid.result.before].code, last[laid.result.before].explanation) == ("x = 1", "Why.")
    assert last[laid.result.back].visible is True


async def test_after_a_restart_code_is_still_checked_mended_sent_on_and_worked_on_in_its_language():
    laid = Laid(engine := FakeEngine(["```java\nint x;\n```"]))
    shown = Version(JOB, JAVA, "class A {", "Why.")  # the fields say Python by now
    event = laid.event(shown, restarted=True)
    assert "Java: syntax error" in (await laid.tab._recheck(event))[laid.result.check]
    assert laid.result.text(event).startswith("```java\n")
    assert laid.tab._adopt(event)[laid.fields.language] == "java"
    *_, last = await laid.run(laid.tab._fixing, event)
    assert "```java\nclass A {\n```" in engine.asked[0][0][-1].content
    assert last[laid.result.file] == "code.java"


async def test_after_a_restart_the_previous_version_is_said_to_be_gone():
    laid = Laid()
    with pytest.raises(InvalidInput, match="previous version is gone"):
        await laid.tab._back(laid.event(Version(JOB, PYTHON, "x = 1", ""), restarted=True))


def test_a_result_becomes_the_code_to_work_on():
    laid = Laid()
    values = laid.tab._adopt(laid.event(Version(JOB, PYTHON, "x = 1", "")))
    fields = laid.fields
    assert (values[fields.action], values[fields.language]) == ("improve", "python")
    assert values[fields.instruction].value == ""
    assert (values[fields.code].value, values[fields.code].visible) == ("x = 1", True)
    assert values[fields.template.dropdown].value == "improve"


def test_an_action_offers_its_own_templates_in_the_language_of_the_one_before():
    laid = Laid()
    picker = laid.fields.template.dropdown
    values = laid.fields.fill(laid.event(template="generate-zh"), "fix")
    assert values[picker].value == "fix-zh"
    assert values[picker].choices[0] == ("Fix · Find and mend mistakes", "fix")
    assert {id for _, id in values[picker].choices} == {"fix", "fix-zh"}
    assert values[laid.fields.run].value == "Fix"
    assert laid.fields.fill(laid.event(template="gone"), "fix")[picker].value == "fix"
    assert laid.fields.fill(laid.event(language="zh-CN", template="gone"), "fix")[picker].value == "fix-zh"


def received(text: str, typed: str = "") -> tuple[Laid, Values]:
    laid = Laid()
    return laid, laid.fields.receive(laid.event(instruction=typed), text)


def test_text_from_another_tab_goes_below_what_the_code_should_do():
    laid, values = received("Sort a list.", "A function")
    assert values == {laid.fields.instruction: "A function\n\nSort a list."}


@pytest.mark.parametrize(("tag", "language"), [("c++", "cpp"), ("c#", "csharp"), ("rust", "rust")])
def test_code_from_another_tab_comes_in_the_language_of_its_own_block(tag: str, language: str):
    laid, values = received(f"Get it:\n```bash\nmake\n```\nThen:\n```{tag}\nint main() {{ return 0; }}\n```\n")
    assert (values[laid.fields.action], values[laid.fields.language]) == ("explain", language)
    assert values[laid.fields.code].value == "int main() { return 0; }"
    assert values[laid.fields.code].language == find(language).editor


@pytest.mark.parametrize("tag", ["", "cobol"])
def test_code_in_a_language_that_is_not_known_leaves_the_language_as_it_is(tag: str):
    laid, values = received(f"```{tag}\nDISPLAY 1.\n```")
    assert laid.fields.language not in values
    assert values[laid.fields.code].value == "DISPLAY 1."


STORE = PromptStore(PROJECT / "prompts")


def test_scripts_get_the_template_in_the_language_of_their_instruction():
    job, template = asked(STORE, "a pair", "py", "generate", "")
    assert (job.template, template.id) == ("generate", "generate")
    job, template = asked(STORE, "写一个函数", "C++", "generate", "")
    cpp = find("cpp")
    assert job == Job("generate", "generate-zh", cpp, cpp, "写一个函数")


async def test_an_answer_is_looked_at_as_it_was_and_branched_from_with_the_old_one_kept():
    engine = FakeEngine(WORDS)
    laid = Laid(engine)
    *_, last = await laid.run(laid.tab._running, laid.event())
    answer = last[laid.result.answer]
    assert answer.content == "".join(WORDS)
    shown = Version(JOB, PYTHON, "edited", "", answer=answer)
    panel = laid.tab._panel
    *_, looked = [values async for values in panel.events.updates(laid.event(shown), laid.tab._looking)]
    assert "6 tokens" in looked[panel.view]

    begun = [*answer.tokens[:2], engine.id_of("y = 1\n"), engine.id_of("")]
    event = laid.event(shown)
    event = event_of(laid.app, event.given, data=SimpleNamespace(_data={"subject": "", "begun": begun}))
    *_, last = await laid.run(laid.tab._branching, event)
    assert last[laid.result.code].value == "y = 1"
    assert (last[laid.result.before].code, last[laid.result.before].answer) == ("edited", answer)


async def test_an_answer_that_the_server_has_forgotten_can_not_be_looked_at():
    laid = Laid()
    panel = laid.tab._panel
    event = laid.event(Version(JOB, PYTHON, "x", ""), restarted=True)
    (refused,) = [values async for values in panel.events.updates(event, laid.tab._looking)]
    assert "The answer itself is gone" in refused[panel._status]


async def test_an_answer_that_reached_its_limit_goes_on_and_the_shorter_one_stays():
    engine = FakeEngine(["     2)\n", "```\n"])
    laid = Laid(engine)
    said = Message("assistant", "Here:\n\n```python\nx = (1,\n", (7, 8))
    shown = Version(JOB, PYTHON, "x = (1,", "Here:", answer=said, cut=True)
    *_, last = await laid.run(laid.tab._going_on, laid.event(shown))
    assert last[laid.result.code].value == "x = (1,\n     2)"
    assert last[laid.result.before].code == "x = (1,"
    assert last[laid.result.answer].tokens == (7, 8, 0, 1)
    assert engine.asked[0][0][-1] == said
    assert last[laid.result.go_on].visible is False


def test_continue_is_offered_at_the_limit_alone():
    laid = Laid()
    for cut in (True, False):
        version = Version(JOB, PYTHON, "x", "", answer=Message("assistant", "x"), cut=cut)
        assert laid.result.show(version, None, Syntax(True), SAY)[laid.result.go_on].visible is cut


def kept_of(*, before: bool = True) -> Any:
    job = replace(JOB, action="fix", code="x = (", temperature=0.2, max_new_tokens=64, problem="line 1")
    now = Version(job, find("go"), "a <b>", "**bold** <i>", "main.go", Message("assistant", "said", (1, 2)), cut=True)
    return to_browser(now, Version(JOB, PYTHON, "", "why") if before else None)


def test_what_the_browser_keeps_comes_back():
    laid, kept = Laid(), json.loads(json.dumps(kept_of()))
    now, before = from_browser(kept)
    assert to_browser(now, before) == kept
    assert now.answer and now.answer.tokens == (1, 2)
    assert "<i>" not in now.explanation  # it is made harmless anew
    values = laid.tab._restore(laid.event(), kept)
    assert (values[laid.result.code].value, values[laid.result.file]) == ("a <b>", "main.go")
    assert values[laid.result.back].visible is True
    assert from_browser(kept_of(before=False))[1] is None
    assert to_browser(None, None) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.clear(),
        lambda kept: kept["now"].update(code=1),
        lambda kept: kept["now"].update(cut="yes"),
        lambda kept: kept["now"].update(name="a" * 999),
        lambda kept: kept["now"].update(language="klingon"),
        lambda kept: kept["now"].update(answer={"text": "x", "tokens": ["a"]}),
        lambda kept: kept["now"].update(more=1),
        lambda kept: kept["now"]["job"].update(action="run"),
        lambda kept: kept["now"]["job"].update(temperature="hot"),
        lambda kept: kept["before"]["job"].pop("code"),
    ],
)
def test_what_comes_back_changed_is_refused(change: Callable[[dict[str, Any]], object]):
    kept = kept_of()
    change(kept)
    with pytest.raises(InvalidInput):
        from_browser(kept)
    with pytest.raises(InvalidInput):
        from_browser([kept])
